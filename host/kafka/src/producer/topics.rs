//! What the producer knows of each topic: its partitions, or why there are none.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering},
    },
    thread::ThreadId,
    time::{Duration, Instant},
};

use collector_model::{Metrics, Topic, metrics::of};
use parking_lot::{Condvar, Mutex};
use prometheus_client::metrics::counter::Counter;

use super::{loads::Loads, stint::Stint};
use crate::{KafkaError, KafkaSettings, TopicCreation, cluster::Inquirer};

/// How long the number of partitions of a topic is believed.
const REFRESH: Duration = Duration::from_secs(30);
/// How often a topic that is not there is looked up again.
const RETRY: Duration = Duration::from_secs(1);
/// How long the limit of a topic is believed.
const LIMIT_REFRESH: Duration = Duration::from_secs(600);
/// The smallest limit that is tried, in bytes.
const LIMIT_BYTES_MIN: usize = 1_024;
/// How many missing topics are created by one request.
const TOPICS_PER_CREATION: usize = 100;
/// The part of a request that may be left of the one before: the client counts more bytes for each record than its own, and the last
/// large one was too much.
const LEFT_OVER: usize = 4;
/// Below so many partitions, the time until a request is answered would leave nothing to be sent to any of them.
const PARTITIONS_FEW: i32 = 3;
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
    /// What the topic takes at most in one batch of records, in bytes; [`usize::MAX`] while unknown.
    bytes_max: AtomicUsize,
    /// The cluster refused something that is within `bytes_max`.
    is_narrower: AtomicBool,
    limit_looked_up: Mutex<Option<Instant>>,
    pub(crate) in_flight: Loads,
    /// What each thread that sends is filling.
    stints: Mutex<HashMap<ThreadId, Arc<Mutex<Stint>>>>,
    /// Some send to partitions of their choice, whatever is under way there.
    is_chosen: AtomicBool,
    pub(crate) records_delivered: Counter,
    pub(crate) lines_delivered: Counter,
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
            bytes_max: AtomicUsize::new(usize::MAX),
            is_narrower: AtomicBool::new(false),
            limit_looked_up: Mutex::new(None),
            in_flight: Loads::default(),
            stints: Mutex::default(),
            is_chosen: AtomicBool::new(false),
            records_delivered: metrics.records_delivered.get_or_create(&label).clone(),
            lines_delivered: metrics.lines_delivered.get_or_create(&label).clone(),
            bytes_delivered: metrics.bytes_delivered.get_or_create(&label).clone(),
        }
    }

    /// Number of partitions; `None` while unknown.
    pub(crate) fn partitions(&self) -> Option<i32> {
        Some(self.partitions.load(Ordering::Acquire)).filter(|partitions| *partitions > 0)
    }

    /// What the calling thread is filling, for all of its tasks.
    pub(crate) fn stint(&self) -> Arc<Mutex<Stint>> {
        let begin = || {
            let somewhere = RandomState::new().hash_one(0) % (1 << 16);
            Arc::new(Mutex::new(Stint::over(somewhere as i32)))
        };
        Arc::clone(self.stints.lock().entry(std::thread::current().id()).or_insert_with(begin))
    }

    /// A task sends to partitions of its choice.
    pub(crate) fn choose(&self) {
        self.is_chosen.store(true, Ordering::Relaxed);
    }

    /// How much goes into one request to one partition, where the settings say so much.
    pub(crate) fn request_bytes(&self, bytes_max: usize) -> usize {
        bytes_max.min(self.bytes_max())
    }

    /// The partition to be filled after `last`, and whether it is free for a request of `request_bytes`: nothing is under way but
    /// what did not fit into the one before. Where there are few partitions, or others send to them anyway, one request may wait.
    pub(crate) fn next_to_fill(&self, last: i32, partitions: i32, request_bytes: usize) -> (i32, bool) {
        let (partition, load) = self.in_flight.least(partitions, last.saturating_add(1));
        let left_over = request_bytes / LEFT_OVER;
        let is_free = match partitions {
            _ if self.is_chosen.load(Ordering::Relaxed) => true,
            ..PARTITIONS_FEW => load.bytes <= request_bytes + left_over,
            _ => load.bytes <= left_over,
        };
        (partition, is_free)
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

    /// What the topic takes at most in one batch of records, in bytes; [`usize::MAX`] while unknown.
    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes_max.load(Ordering::Acquire)
    }

    /// The cluster refused a batch as too large that was made for a limit of `bytes_max`: nothing more is sent before the limit is
    /// known better. What was made for an earlier limit tells nothing new.
    pub(crate) fn refused(&self, bytes_max: usize) {
        if bytes_max <= self.bytes_max() {
            self.is_narrower.store(true, Ordering::Release);
            self.forget();
        }
    }

    /// What the cluster says of the limit; where it says nothing, or refuses what is within it, half of what was refused.
    fn set_limit(&self, told: Option<usize>, sent_bytes_max: usize) {
        *self.limit_looked_up.lock() = Some(Instant::now());
        let before = self.bytes_max();
        let was_refused = self.is_narrower.swap(false, Ordering::AcqRel);
        let limit = match told {
            Some(told) if !was_refused || told < before => told,
            _ if was_refused => (before.min(sent_bytes_max) / 2).max(LIMIT_BYTES_MIN),
            _ => before,
        };
        self.bytes_max.store(limit, Ordering::Release);
        if limit != before && limit < sent_bytes_max {
            tracing::warn!(topic = %self.topic, bytes_max = limit, "the topic takes less at once than is usual; batches are made smaller");
        }
    }

    fn limit_is_due(&self, now: Instant) -> bool {
        self.partitions().is_some()
            && self.limit_looked_up.lock().is_none_or(|at| now.duration_since(at) >= LIMIT_REFRESH)
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
        let mut missing = vec![];
        for entry in self.due() {
            if entry.is_narrower.load(Ordering::Acquire) {
                ask_limits(inquirer, &[&entry], settings);
            }
            let found = inquirer.partitions(&entry.topic);
            match (found, settings.create_topics) {
                (Ok(partitions), _) => entry.found(partitions),
                (Err(KafkaError::TopicMissing { .. }), Some(_)) => missing.push(entry),
                (Err(error), _) => entry.failed(error),
            }
            self.wake();
        }
        if let Some(how) = settings.create_topics {
            for together in missing.chunks(TOPICS_PER_CREATION) {
                create(inquirer, together, how);
                self.wake();
            }
        }
        let now = Instant::now();
        let entries: Vec<_> = self.entries.lock().values().filter(|entry| entry.limit_is_due(now)).cloned().collect();
        if !entries.is_empty() {
            ask_limits(inquirer, &entries.iter().collect::<Vec<_>>(), settings);
        }
    }
}

fn ask_limits(inquirer: &Inquirer, entries: &[&Arc<TopicEntry>], settings: &KafkaSettings) {
    let topics: Vec<&Topic> = entries.iter().map(|entry| &entry.topic).collect();
    let limits = inquirer.batch_limits(&topics).unwrap_or_else(|error| {
        tracing::debug!(%error, "the limits of topics are not known");
        vec![]
    });
    for (index, entry) in entries.iter().enumerate() {
        entry.set_limit(limits.get(index).copied().flatten(), settings.batch_bytes_max);
    }
}

fn create(inquirer: &Inquirer, missing: &[Arc<TopicEntry>], how: TopicCreation) {
    let topics: Vec<&Topic> = missing.iter().map(|entry| &entry.topic).collect();
    let created = inquirer.create(&topics, how).unwrap_or_else(|error| vec![Err(error); topics.len()]);
    for (entry, created) in missing.iter().zip(created) {
        let partitions = created.and_then(|()| {
            tracing::info!(topic = %entry.topic, partitions = how.partitions, "created the topic");
            inquirer.partitions(&entry.topic)
        });
        match partitions {
            Ok(partitions) => entry.found(partitions),
            Err(error) => entry.failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: usize = 1_000_000;

    fn entry() -> TopicEntry {
        TopicEntry::new(&Topic::new("web").unwrap(), &Metrics::default())
    }

    #[test]
    fn a_partition_is_filled_when_nothing_but_what_was_left_over_is_under_way_to_it() {
        let entry = entry();
        assert_eq!(entry.next_to_fill(2, 4, SENT), (3, true));
        (0..4).for_each(|partition| entry.in_flight.of(partition).add(900_000));
        assert_eq!(entry.next_to_fill(2, 4, SENT), (3, false));
        entry.in_flight.of(1).subtract(900_000);
        entry.in_flight.of(1).add(60_000);
        assert_eq!(entry.next_to_fill(2, 4, SENT), (1, true));
    }

    #[test]
    fn where_there_are_few_partitions_one_request_waits_behind_another() {
        let entry = entry();
        entry.in_flight.of(0).add(900_000);
        assert_eq!(entry.next_to_fill(0, 1, SENT), (0, true));
        entry.in_flight.of(0).add(900_000);
        assert_eq!(entry.next_to_fill(0, 1, SENT), (0, false));
    }

    #[test]
    fn who_shares_a_topic_with_tasks_that_choose_their_partitions_does_not_wait_for_them() {
        let entry = entry();
        (0..4).for_each(|partition| entry.in_flight.of(partition).add(900_000));
        entry.choose();
        assert_eq!(entry.next_to_fill(2, 4, SENT), (3, true));
    }

    #[test]
    fn a_limit_that_the_cluster_tells_is_taken() {
        let entry = entry();
        entry.set_limit(Some(10_000), SENT);
        assert_eq!(entry.bytes_max(), 10_000);
        entry.set_limit(None, SENT);
        assert_eq!(entry.bytes_max(), 10_000, "silence changes nothing");
        entry.set_limit(Some(2_000_000), SENT);
        assert_eq!(entry.bytes_max(), 2_000_000, "somebody raised it");
    }

    #[test]
    fn where_the_cluster_tells_nothing_refusals_halve_the_limit() {
        let entry = entry();
        let mut tried = vec![];
        for _ in 0..12 {
            entry.refused(entry.bytes_max());
            entry.set_limit(None, SENT);
            tried.push(entry.bytes_max());
        }
        assert_eq!((tried[0], tried[1], tried[11]), (500_000, 250_000, LIMIT_BYTES_MIN));
    }

    #[test]
    fn a_refusal_of_what_was_sent_for_an_earlier_limit_tells_nothing_new() {
        let entry = entry();
        entry.found(3);
        entry.refused(usize::MAX);
        assert_eq!(entry.partitions(), None, "nothing is sent until the limit is known");
        entry.set_limit(Some(10_000), SENT);
        entry.found(3);
        entry.refused(usize::MAX);
        assert_eq!(entry.partitions(), Some(3));
        entry.set_limit(Some(10_000), SENT);
        assert_eq!(entry.bytes_max(), 10_000);
    }
}
