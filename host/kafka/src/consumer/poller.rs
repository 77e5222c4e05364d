//! The thread that polls: group events first, then each partition in turn, then the offsets.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, SyncSender, TryRecvError},
    },
    time::{Duration, Instant},
};

use collector_failpoints::reached;
use collector_model::{Batch, Budget, Metrics, Topic};
use parking_lot::Mutex;
use rdkafka::{
    Message, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    error::{KafkaError as ClientError, RDKafkaErrorCode},
};

use super::{
    cell::Cell,
    census::Census,
    lane::{Lane, Outlet},
    members::{self, Change, Members},
    progress::Progress,
};
use crate::{KafkaSettings, connection::remind_of_brokers};

/// How long a poll waits when nothing was there, at most.
const IDLE_WAIT_MAX: Duration = Duration::from_millis(10);
/// How long one try to reach the cluster takes.
const CONNECT_WAIT: Duration = Duration::from_millis(500);
/// How often the same trouble is said again in the log.
const REMIND: Duration = Duration::from_secs(60);

/// What the handle asks of the thread.
pub(crate) enum Command {
    /// Read these topics from now on.
    Topics(Vec<Topic>),
    /// End, and wait at most that long for outstanding lines.
    Stop(Duration),
}

pub(crate) struct Poller {
    settings: KafkaSettings,
    consumer: Arc<BaseConsumer<Members>>,
    topics: Vec<Topic>,
    /// For a static member.
    census: Option<Census>,
    inbox: Receiver<Command>,
    failure: Arc<Mutex<Option<String>>>,
    lanes: Vec<Lane>,
    said: HashMap<String, Instant>,
}

impl Poller {
    pub(crate) fn new(
        settings: KafkaSettings,
        consumer: BaseConsumer<Members>,
        topics: Vec<Topic>,
        census: Option<Census>,
        inbox: Receiver<Command>,
        failure: Arc<Mutex<Option<String>>>,
    ) -> Self {
        let consumer = Arc::new(consumer);
        Poller { settings, consumer, topics, census, inbox, failure, lanes: vec![], said: HashMap::new() }
    }

    /// Polls until it is told to stop, or cannot go on.
    pub(crate) fn run(mut self, budget: Budget, metrics: Metrics, workers: Vec<SyncSender<Batch>>) {
        let wait = match self.connect() {
            Err(wait) => wait,
            Ok(cluster_id) => {
                let consumer = Arc::clone(&self.consumer);
                let limits = self.settings.consumer;
                self.serve(&Outlet { consumer, limits, budget, workers, metrics, cluster_id })
            }
        };
        self.finish(wait);
    }

    /// Waits for the cluster, whose id is part of the ids of other producers' records. The error is a wish to stop.
    fn connect(&mut self) -> Result<String, Duration> {
        let began = Instant::now();
        loop {
            if let Some(wait) = self.obey() {
                return Err(wait);
            }
            // Lets the client tell of its errors.
            self.consumer.poll(Duration::ZERO);
            if let Some(id) = self.consumer.client().fetch_cluster_id(CONNECT_WAIT) {
                self.subscribe();
                return Ok(id);
            }
            // The first connection takes its time; only what lasts is worth a word.
            if began.elapsed() < self.settings.request_timeout {
                continue;
            }
            let brokers = self.settings.address();
            self.say(&format!("Kafka at {brokers} does not answer; check [kafka] brokers; trying again"));
        }
    }

    /// The loop. Returns how long the end may wait.
    fn serve(&mut self, outlet: &Outlet) -> Duration {
        let mut wait = Duration::ZERO;
        loop {
            if let Some(wait) = self.obey() {
                return wait;
            }
            self.poll_group(wait, outlet);
            if self.consumer.context().take_forlorn() {
                remind_of_brokers(self.consumer.client(), &self.settings);
            }
            self.look_for_unread();
            self.follow_changes(outlet);
            let mut is_busy = false;
            for lane in &mut self.lanes {
                match lane.turn(outlet) {
                    Ok(busy) => is_busy |= busy,
                    Err(_) => {
                        let reason = "a worker has ended while the consumer still had lines for it";
                        tracing::error!(reason, "the Kafka consumer ends");
                        *self.failure.lock() = Some(reason.into());
                        return Duration::ZERO;
                    }
                }
            }
            self.record_chains();
            self.store();
            wait = if is_busy { Duration::ZERO } else { (wait + Duration::from_millis(1)).min(IDLE_WAIT_MAX) };
        }
    }

    /// Does what the handle asked; says how long the end may wait, where it asked for the end.
    fn obey(&mut self) -> Option<Duration> {
        loop {
            match self.inbox.try_recv() {
                Ok(Command::Stop(wait)) => return Some(wait),
                Ok(Command::Topics(topics)) => {
                    let is_subscribed = self.consumer.subscription().is_ok_and(|list| list.count() > 0);
                    self.topics = topics;
                    if is_subscribed || !self.topics.is_empty() {
                        self.subscribe();
                    }
                }
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => return Some(Duration::ZERO),
            }
        }
    }

    fn subscribe(&mut self) {
        if self.topics.is_empty() {
            self.consumer.unsubscribe();
            return;
        }
        let names: Vec<&str> = self.topics.iter().map(Topic::as_str).collect();
        tracing::info!(topics = names.join(","), "reading from Kafka");
        if let Err(error) = self.consumer.subscribe(&names) {
            self.say(&format!("subscribing failed: {error}"));
        }
    }

    /// Where partitions have no reader the group has to assign anew, which it does when a member leaves and joins.
    fn look_for_unread(&mut self) {
        let unread = self.census.as_mut().map(|census| census.unread(&self.consumer, &self.topics)).unwrap_or_default();
        if unread.is_empty() {
            return;
        }
        let names: Vec<String> = unread.iter().map(|(topic, partition)| format!("{topic}/{partition}")).collect();
        tracing::warn!(partitions = names.join(","), "no member of the group reads these partitions; joining it anew");
        self.consumer.unsubscribe();
        self.subscribe();
    }

    /// Serves the group: rebalances, errors, statistics, and records that came before their partition had its own queue.
    fn poll_group(&mut self, wait: Duration, outlet: &Outlet) {
        let consumer = Arc::clone(&self.consumer);
        let mut wait = wait;
        while let Some(polled) = consumer.poll(wait) {
            wait = Duration::ZERO;
            self.follow_changes(outlet);
            match polled {
                Ok(message) => {
                    let (topic, partition) = (message.topic(), message.partition());
                    if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.cell().is(topic, partition)) {
                        lane.take(&message, outlet);
                    }
                }
                Err(error) => self.trouble(&error),
            }
        }
    }

    fn trouble(&mut self, error: &ClientError) {
        use RDKafkaErrorCode as C;
        let brokers = self.settings.address();
        match error.rdkafka_error_code() {
            Some(C::UnknownTopicOrPartition | C::UnknownTopic) => {
                let topics = self.topics.iter().map(Topic::as_str).collect::<Vec<_>>().join(", ");
                self.say(&format!(
                    "reading from Kafka at {brokers}: a topic of these does not exist yet: {topics}; it is read as soon \
                     as it does; create it with kafka-topics.sh --bootstrap-server {brokers} --create --topic NAME"
                ));
            }
            Some(C::AllBrokersDown | C::BrokerTransportFailure | C::Resolve) => {
                self.say(&format!("Kafka at {brokers} cannot be reached ({error}); trying again"));
            }
            Some(C::Fatal) => {
                *self.failure.lock() = Some(format!("the Kafka consumer met a fatal error: {error}"));
                self.say(&format!("the Kafka consumer met a fatal error: {error}; restart the process"));
            }
            _ => self.say(&format!("reading from Kafka at {brokers}: {error}; trying again")),
        }
    }

    /// Says something in the log, and says it again only after a while.
    fn say(&mut self, what: &str) {
        let now = Instant::now();
        if self.said.get(what).is_none_or(|at| now.duration_since(*at) > REMIND) {
            self.said.retain(|_, at| now.duration_since(*at) < REMIND);
            self.said.insert(what.to_owned(), now);
            tracing::error!("{what}");
        }
    }

    /// Opens and closes lanes as the group decided.
    fn follow_changes(&mut self, outlet: &Outlet) {
        for change in self.consumer.context().take_changes() {
            match change {
                Change::Revoked(cell) => self.lanes.retain(|lane| !Arc::ptr_eq(lane.cell(), &cell)),
                Change::Assigned { cell, committed } => {
                    match self.consumer.split_partition_queue(cell.topic.as_str(), cell.partition) {
                        Some(queue) => self.lanes.push(Lane::new(cell, committed, queue, outlet)),
                        None => {
                            let reason = format!("partition {} of {} has no queue", cell.partition, cell.topic);
                            tracing::error!(reason, "the Kafka client gives no queue for a partition");
                            *self.failure.lock() = Some(reason);
                        }
                    }
                }
            }
        }
    }

    /// Commits which chains take over, and waits for the broker's answer: their lines wait for it.
    fn record_chains(&mut self) {
        let (mut list, mut recorded) = (TopicPartitionList::new(), vec![]);
        for cell in self.lanes.iter().map(Lane::cell) {
            let wanted = cell.with_chain(|chain| chain.wanted().cloned());
            let watermark = cell.with(|progress| progress.watermark());
            if let (Some(wanted), Some(watermark)) = (wanted, watermark) {
                members::add(&mut list, cell, watermark, &wanted.metadata());
                recorded.push((Arc::clone(cell), wanted));
            }
        }
        if recorded.is_empty() {
            return;
        }
        match self.consumer.commit(&list, CommitMode::Sync) {
            Ok(()) => recorded.into_iter().for_each(|(cell, wanted)| cell.with_chain(|chain| chain.committed(wanted))),
            Err(error) => {
                self.say(&format!(
                    "committing which chain treats the lines of a partition: {error}; they wait, trying again"
                ));
            }
        }
    }

    /// Stores what was acknowledged; the client commits it within a second.
    fn store(&mut self) {
        let mut list = TopicPartitionList::new();
        for cell in self.lanes.iter().map(Lane::cell) {
            if let Some(watermark) = cell.with(Progress::take_moved) {
                members::add(&mut list, cell, watermark, &cell.with_chain(|chain| chain.metadata()));
            }
        }
        if list.count() == 0 {
            return;
        }
        reached("committing");
        if let Err(error) = self.consumer.store_offsets(&list) {
            tracing::debug!(%error, "offsets of partitions that are being revoked were not stored; the revocation commits them");
        }
    }

    /// Waits for outstanding lines while polling goes on, commits, and leaves the group.
    fn finish(mut self, wait: Duration) {
        let cells: Vec<Arc<Cell>> = self.lanes.drain(..).map(|lane| Arc::clone(lane.cell())).collect();
        for cell in &cells {
            cell.with(Progress::revoke);
            cell.set_unsent(false);
        }
        self.consumer.context().is_stopping.store(true, Ordering::Release);
        let deadline = Instant::now() + wait;
        while cells.iter().any(|cell| !cell.is_settled()) && Instant::now() < deadline {
            // Nothing is taken from the queue: what it has is not acknowledged and read again by the next reader.
            self.consumer.poll(Duration::from_millis(10));
        }
        self.consumer.context().commit_assigned(&self.consumer);
        self.consumer.unsubscribe();
    }
}
