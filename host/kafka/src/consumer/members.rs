//! What the group tells this member: partitions come and go. Called by librdkafka while the polling thread polls.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use collector_failpoints::reached;
use collector_model::{Metrics, Topic, metrics::of};
use parking_lot::Mutex;
use rdkafka::{
    ClientContext, Offset, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance},
    error::{KafkaError as ClientError, KafkaResult},
    statistics::{Broker, Partition},
};

use super::cell::Cell;
use crate::connection::{self, LastError, Silence};

/// How long the committed offsets of new partitions are waited for.
const COMMITTED_WAIT: Duration = Duration::from_secs(5);

/// A change of the assignment that the polling thread has yet to follow.
pub(crate) enum Change {
    /// A partition came, with the offset that the group has committed for it.
    Assigned { cell: Arc<Cell>, committed: Option<u64> },
    /// A partition went.
    Revoked(Arc<Cell>),
}

/// The context of the consumer.
pub(crate) struct Members {
    metrics: Metrics,
    cells: Mutex<Vec<Arc<Cell>>>,
    changes: Mutex<Vec<Change>>,
    /// How long a revoked partition's outstanding lines are waited for.
    drain_max: Duration,
    /// Set when the consumer ends, which waits by itself: partitions that go meanwhile are not waited for.
    pub(crate) is_stopping: AtomicBool,
    silence: Silence,
    is_forlorn: AtomicBool,
    last_error: LastError,
}

impl Members {
    pub(crate) fn new(metrics: Metrics, drain_max: Duration) -> Self {
        Members {
            metrics,
            cells: Mutex::default(),
            changes: Mutex::default(),
            drain_max,
            is_stopping: AtomicBool::new(false),
            silence: Silence::default(),
            is_forlorn: AtomicBool::new(false),
            last_error: LastError::default(),
        }
    }

    /// Whether it is time to doubt, since this was last asked, that the client knows any broker.
    pub(crate) fn take_forlorn(&self) -> bool {
        self.is_forlorn.swap(false, Ordering::AcqRel)
    }

    /// The changes since this was last asked.
    pub(crate) fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.changes.lock())
    }

    /// Commits what is acknowledged of the partitions that are this member's now (those of others have moved on).
    pub(crate) fn commit_assigned(&self, consumer: &BaseConsumer<Self>) {
        let cells = self.cells.lock().clone();
        commit(consumer, &cells);
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let committed = match consumer.committed_offsets(list.clone(), COMMITTED_WAIT) {
            Ok(committed) => committed,
            Err(error) => {
                tracing::warn!(%error, "the committed offsets are not known; lines lost to retention may go unnoticed");
                TopicPartitionList::new()
            }
        };
        for element in list.elements() {
            let (name, partition) = (element.topic(), element.partition());
            // Only topics that we named, whose names are legal, are assigned.
            let Ok(topic) = Topic::new(name) else { continue };
            let known = committed.find_partition(name, partition);
            let metadata = known.as_ref().map_or("", |known| known.metadata());
            let committed = match known.as_ref().map(|known| known.offset()) {
                Some(Offset::Offset(offset)) => u64::try_from(offset).ok(),
                _ => None,
            };
            tracing::info!(topic = name, partition, committed, metadata, "partition assigned");
            let cell = Arc::new(Cell::new(topic, partition, metadata));
            self.cells.lock().push(Arc::clone(&cell));
            self.changes.lock().push(Change::Assigned { cell, committed });
        }
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let revoked: Vec<Arc<Cell>> = {
            let is_revoked = |cell: &Arc<Cell>| list.find_partition(cell.topic.as_str(), cell.partition).is_some();
            self.cells.lock().extract_if(.., |cell| is_revoked(cell)).collect()
        };
        for cell in &revoked {
            cell.with(super::progress::Progress::revoke);
            self.metrics.lag_records.get_or_create(&of(&cell.topic)).set(0);
            self.changes.lock().push(Change::Revoked(Arc::clone(cell)));
            tracing::info!(topic = %cell.topic, partition = cell.partition, "partition revoked");
        }
        if consumer.assignment_lost() {
            tracing::warn!(
                "the group gave this member's partitions away; their outstanding lines are read again by others"
            );
            return;
        }
        let wait = if self.is_stopping.load(Ordering::Acquire) { Duration::ZERO } else { self.drain_max };
        let deadline = Instant::now() + wait;
        for cell in revoked.iter().filter(|cell| !cell.wait_settled(deadline)) {
            tracing::warn!(
                topic = %cell.topic, partition = cell.partition,
                "lines of a revoked partition are outstanding; its next reader sends them again"
            );
        }
        reached("revoking");
        commit(consumer, &revoked);
    }
}

/// Commits what is acknowledged of those partitions, which are given up, and waits for the broker's answer.
fn commit(consumer: &BaseConsumer<Members>, cells: &[Arc<Cell>]) {
    let mut list = TopicPartitionList::new();
    for cell in cells {
        let Some(watermark) = cell.with(|progress| progress.watermark()) else { continue };
        let end = cell.with(|progress| progress.end());
        add(&mut list, cell, watermark, &cell.with_chain(|chain| chain.last_metadata(end)));
    }
    if list.count() == 0 {
        return;
    }
    match consumer.commit(&list, CommitMode::Sync) {
        Ok(()) => reached("committed"),
        Err(error) => {
            tracing::warn!(%error, "committing offsets failed; the lines after the last commit are read and sent again");
        }
    }
}

/// Adds an offset that is to be committed.
pub(crate) fn add(list: &mut TopicPartitionList, cell: &Cell, offset: u64, metadata: &str) {
    let mut element = list.add_partition(cell.topic.as_str(), cell.partition);
    if !metadata.is_empty() {
        element.set_metadata(metadata);
    }
    if let Err(error) = element.set_offset(Offset::Offset(offset as i64)) {
        tracing::error!(topic = %cell.topic, partition = cell.partition, %error, "an offset cannot be committed");
    }
}

impl ClientContext for Members {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        connection::log(level, facility, message);
    }

    fn error(&self, error: ClientError, reason: &str) {
        self.last_error.keep(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        if self.silence.hear(statistics.brokers.values().any(is_connected)) {
            self.is_forlorn.store(true, Ordering::Release);
        }
        let mut lags: HashMap<Topic, i64> = HashMap::new();
        for cell in self.cells.lock().iter() {
            let partition = statistics.topics.get(cell.topic.as_str()).and_then(|t| t.partitions.get(&cell.partition));
            let acknowledged = cell.with(|progress| progress.watermark());
            let lag = partition.map_or(0, |partition| lag(partition, acknowledged));
            *lags.entry(cell.topic.clone()).or_default() += lag;
        }
        for (topic, lag) in lags {
            self.metrics.lag_records.get_or_create(&of(&topic)).set(lag);
        }
    }
}

/// The client counts itself, and the role of a coordinator, among the brokers.
fn is_connected(broker: &Broker) -> bool {
    broker.nodeid >= 0 && broker.state == "UP" && matches!(&*broker.source, "learned" | "configured")
}

/// How many records of a partition are not acknowledged yet, as far as the last answer of the broker tells. Before anything was read,
/// what is committed counts as acknowledged, or else everything before the first record that is still there.
fn lag(partition: &Partition, acknowledged: Option<u64>) -> i64 {
    let before = partition.committed_offset.max(partition.lo_offset).max(0);
    let acknowledged = acknowledged.map_or(before, |offset| offset as i64);
    (partition.hi_offset - acknowledged).max(0)
}

impl ConsumerContext for Members {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.assign(consumer, list),
            Rebalance::Revoke(list) => self.revoke(consumer, list),
            Rebalance::Error(error) => tracing::warn!(%error, "rebalancing failed; the group tries again"),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        match result {
            Ok(()) => reached("committed"),
            Err(error) => tracing::warn!(%error, "committing offsets failed; it is tried again with the next ones"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the client tells each second: of one broker, and of a role that it counts among them.
    fn second(source: &str, state: &str) -> Statistics {
        let broker = |nodeid, source: &str, state: &str| Broker {
            nodeid,
            source: source.into(),
            state: state.into(),
            ..Broker::default()
        };
        let brokers = [broker(1, source, state), broker(-1, "logical", "UP")];
        let brokers = brokers.into_iter().enumerate().map(|(number, broker)| (number.to_string(), broker)).collect();
        Statistics { brokers, ..Statistics::default() }
    }

    #[test]
    fn a_client_that_is_connected_to_nobody_for_some_seconds_is_forlorn_once() {
        let members = Members::new(Metrics::default(), Duration::ZERO);
        let forlorn_after = |seconds: u32, source: &str, state: &str| {
            (0..seconds).for_each(|_| members.stats(second(source, state)));
            members.take_forlorn()
        };
        assert!(!forlorn_after(3, "learned", "DOWN"));
        assert!(forlorn_after(1, "learned", "DOWN"));
        assert!(!forlorn_after(0, "learned", "DOWN"), "it was asked already");
        assert!(!forlorn_after(9, "learned", "UP"));
        assert!(!forlorn_after(3, "learned", "DOWN"), "somebody has answered in between");
    }
}
