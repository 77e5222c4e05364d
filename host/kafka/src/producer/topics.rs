//! What the producer knows of each topic: its partitions, or why there are none.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use collector_model::{Metrics, Topic, metrics::of};
use parking_lot::{Condvar, Mutex};
use prometheus_client::metrics::counter::Counter;

use crate::{KafkaError, KafkaSettings, TopicCreation, cluster::Inquirer};

/// How long the number of partitions of a topic is believed.
const REFRESH: Duration = Duration::from_secs(30);
/// How often a topic that is not there is looked up again.
const RETRY: Duration = Duration::from_secs(1);
/// How often the same problem is said again in the log.
const REMIND: Duration = Duration::from_secs(60);

/// Whether records of a topic can be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicState {
    /// Yes.
    Ready,
    /// It has filled its share of the queue: sending more would make other topics wait for it.
    Congested,
    /// It was not looked up yet.
    Unknown,
    /// It is missing, not permitted, or has not the partition that the task names. It is looked up again every second.
    Unavailable(KafkaError),
}

/// One topic. Shared by everybody who sends to it.
pub(crate) struct TopicEntry {
    pub(crate) topic: Topic,
    /// Number of partitions, 0 while unknown.
    partitions: AtomicI32,
    problem: Mutex<Option<Problem>>,
    looked_up: Mutex<Option<Instant>>,
    pub(crate) in_flight_bytes: AtomicUsize,
    pub(crate) records_delivered: Counter,
    pub(crate) bytes_delivered: Counter,
}

struct Problem {
    error: KafkaError,
    said: Instant,
}

impl TopicEntry {
    fn new(topic: &Topic, metrics: &Metrics) -> Self {
        let label = of(topic);
        TopicEntry {
            topic: topic.clone(),
            partitions: AtomicI32::new(0),
            problem: Mutex::new(None),
            looked_up: Mutex::new(None),
            in_flight_bytes: AtomicUsize::new(0),
            records_delivered: metrics.records_delivered.get_or_create(&label).clone(),
            bytes_delivered: metrics.bytes_delivered.get_or_create(&label).clone(),
        }
    }

    /// Number of partitions; `None` while unknown.
    pub(crate) fn partitions(&self) -> Option<i32> {
        Some(self.partitions.load(Ordering::Acquire)).filter(|partitions| *partitions > 0)
    }

    /// Why there are no partitions, where that is known.
    pub(crate) fn problem(&self) -> Option<KafkaError> {
        self.problem.lock().as_ref().map(|problem| problem.error.clone())
    }

    /// The cluster says that what we know is wrong: look it up again.
    pub(crate) fn forget(&self) {
        self.partitions.store(0, Ordering::Release);
        *self.looked_up.lock() = None;
    }

    fn is_due(&self, now: Instant) -> bool {
        let every = if self.partitions().is_some() { REFRESH } else { RETRY };
        self.looked_up.lock().is_none_or(|at| now.duration_since(at) >= every)
    }

    fn found(&self, partitions: i32) {
        *self.looked_up.lock() = Some(Instant::now());
        if self.problem.lock().take().is_some() {
            tracing::info!(topic = %self.topic, partitions, "the topic is there now");
        }
        self.partitions.store(partitions, Ordering::Release);
    }

    fn failed(&self, error: KafkaError) {
        let now = Instant::now();
        *self.looked_up.lock() = Some(now);
        if matches!(error, KafkaError::TopicMissing { .. }) {
            self.partitions.store(0, Ordering::Release);
        }
        self.tell(error, now);
    }

    /// Says in the log why nothing can be sent, and says it again only after a while.
    pub(crate) fn tell(&self, error: KafkaError, now: Instant) {
        let mut problem = self.problem.lock();
        let known = problem.as_ref().filter(|known| known.error == error && now.duration_since(known.said) < REMIND);
        if known.is_none() {
            tracing::error!(topic = %self.topic, %error, "cannot send to the topic; its lines wait, others go on");
            *problem = Some(Problem { error, said: now });
        }
    }
}

/// All topics that were asked for.
pub(crate) struct TopicTable {
    metrics: Metrics,
    entries: Mutex<HashMap<Topic, Arc<TopicEntry>>>,
    changed: Condvar,
}

impl TopicTable {
    pub(crate) fn new(metrics: Metrics) -> Self {
        TopicTable { metrics, entries: Mutex::default(), changed: Condvar::new() }
    }

    /// The entry of a topic. A new one is looked up at once, by the watcher.
    pub(crate) fn entry(&self, topic: &Topic) -> Arc<TopicEntry> {
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(topic) {
            return Arc::clone(entry);
        }
        let entry = Arc::new(TopicEntry::new(topic, &self.metrics));
        entries.insert(topic.clone(), Arc::clone(&entry));
        self.changed.notify_all();
        entry
    }

    /// Waits until something may be due: a new topic, a change of one, or some time.
    pub(crate) fn wait(&self, at_most: Duration) {
        let mut entries = self.entries.lock();
        let now = Instant::now();
        if !entries.values().any(|entry| entry.is_due(now)) {
            self.changed.wait_for(&mut entries, at_most);
        }
    }

    /// Wakes whoever waits.
    pub(crate) fn wake(&self) {
        let _entries = self.entries.lock();
        self.changed.notify_all();
    }

    /// Waits until some topic was looked up.
    pub(crate) fn wait_for_answer(&self, at_most: Duration) {
        self.changed.wait_for(&mut self.entries.lock(), at_most);
    }

    fn due(&self) -> Vec<Arc<TopicEntry>> {
        let now = Instant::now();
        self.entries.lock().values().filter(|entry| entry.is_due(now)).cloned().collect()
    }

    /// Looks up every topic that is due, and creates what is missing where the settings say so.
    pub(crate) fn look_up(&self, inquirer: &Inquirer, settings: &KafkaSettings) {
        for entry in self.due() {
            let found = inquirer.partitions(&entry.topic);
            match (found, settings.create_topics) {
                (Ok(partitions), _) => entry.found(partitions),
                (Err(KafkaError::TopicMissing { .. }), Some(how)) => create(inquirer, &entry, how),
                (Err(error), _) => entry.failed(error),
            }
            self.wake();
        }
    }
}

fn create(inquirer: &Inquirer, entry: &TopicEntry, how: TopicCreation) {
    let created = inquirer.create(&entry.topic, how).and_then(|()| {
        tracing::info!(topic = %entry.topic, partitions = how.partitions, "created the topic");
        inquirer.partitions(&entry.topic)
    });
    match created {
        Ok(partitions) => entry.found(partitions),
        Err(error) => entry.failed(error),
    }
}
