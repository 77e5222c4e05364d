//! One partition's way from its queue to its worker.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError},
    },
    time::{Duration, Instant},
};

use collector_model::{
    Batch, Budget, Metrics,
    envelope::{Envelope, many::Many},
    id::ForeignPartition,
    metrics::of,
};
use prometheus_client::metrics::counter::Counter;
use rdkafka::{
    Message, Offset,
    consumer::{BaseConsumer, Consumer as _, base_consumer::PartitionQueue},
    message::{BorrowedMessage, Headers as _},
};

use super::{
    cell::Cell,
    gather::{Fetched, Gather, Gathered},
    members::Members,
};
use crate::{ConsumerLimits, ENVELOPE_HEADER};

/// How long a seek or a question to the broker may take.
const ASK_MAX: Duration = Duration::from_secs(10);
/// How often a gap in a partition's offsets is looked into where the last one was nobody's fault: compaction and transactions leave
/// as many as there are records, and each look is a question to the broker.
const GAP_EVERY: Duration = Duration::from_secs(10);

/// What all lanes have in common.
pub(crate) struct Outlet {
    pub(crate) consumer: Arc<BaseConsumer<Members>>,
    pub(crate) limits: ConsumerLimits,
    pub(crate) budget: Budget,
    pub(crate) workers: Vec<SyncSender<Batch>>,
    pub(crate) metrics: Metrics,
    pub(crate) cluster_id: String,
}

/// A worker's end of its channel is gone: the process is ending, or that worker failed.
#[derive(Debug)]
pub(crate) struct WorkerGone;

/// One partition. Its records wait in a queue of their own, so that one that is blocked (no permit, worker behind) is
/// simply not read: librdkafka stops fetching for it when that queue is full, and keeps what it fetched, which a pause
/// would throw away.
pub(crate) struct Lane {
    queue: PartitionQueue<Members>,
    intake: Intake,
}

/// The lane behind its queue.
struct Intake {
    cell: Arc<Cell>,
    gather: Gather,
    waiting: Waiting,
    worker: usize,
    /// The offset after the last one seen.
    expected: Option<u64>,
    gaps: Gaps,
    envelope_told: Option<Instant>,
    lines_read: Counter,
    bytes_read: Counter,
    lost_to_retention: Counter,
}

/// Whether gaps in a partition's offsets are looked into.
#[derive(Default)]
struct Gaps {
    /// When one was looked into that was no loss.
    excused: Option<Instant>,
}

impl Gaps {
    fn are_looked_into(&self, now: Instant) -> bool {
        self.excused.is_none_or(|at| now.duration_since(at) >= GAP_EVERY)
    }

    /// So many records of one were lost. Where there were any, the next is looked into at once: retention goes on deleting before a
    /// reader that is too slow.
    fn explained(&mut self, lost: u64, now: Instant) {
        self.excused = (lost == 0).then_some(now);
    }
}

/// At most one batch of a partition waits.
enum Waiting {
    Nothing,
    /// For memory.
    Permit(Gathered),
    /// For room in its worker's channel.
    Worker(Batch),
}

impl Lane {
    pub(crate) fn new(
        cell: Arc<Cell>,
        committed: Option<u64>,
        queue: PartitionQueue<Members>,
        outlet: &Outlet,
    ) -> Self {
        let label = of(&cell.topic);
        let foreign = ForeignPartition::new(&outlet.cluster_id, cell.topic.as_str(), cell.partition);
        let intake = Intake {
            worker: worker_of(cell.topic.as_str(), cell.partition, outlet.workers.len()),
            cell,
            gather: Gather::new(foreign, Instant::now()),
            waiting: Waiting::Nothing,
            expected: committed,
            gaps: Gaps::default(),
            envelope_told: None,
            lines_read: outlet.metrics.lines_read.get_or_create(&label).clone(),
            bytes_read: outlet.metrics.bytes_read.get_or_create(&label).clone(),
            lost_to_retention: outlet.metrics.records_lost_to_retention.get_or_create(&label).clone(),
        };
        Lane { queue, intake }
    }

    pub(crate) fn cell(&self) -> &Arc<Cell> {
        &self.intake.cell
    }

    /// Takes a record that came before the partition had its own queue.
    pub(crate) fn take(&mut self, message: &BorrowedMessage<'_>, outlet: &Outlet) {
        if !self.intake.cell.with(|progress| progress.is_rewinding()) {
            self.intake.take(message, outlet);
        }
    }

    /// One turn: what waits goes on, then up to one batch is read. Says whether there was anything to do.
    pub(crate) fn turn(&mut self, outlet: &Outlet) -> Result<bool, WorkerGone> {
        let now = Instant::now();
        if self.intake.rewind(outlet, now) || !self.intake.hand_over(outlet)? {
            return Ok(false);
        }
        let mut is_busy = false;
        while !self.intake.gather.is_full(&outlet.limits) {
            match self.queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => {
                    is_busy = true;
                    self.intake.take(&message, outlet);
                }
                Some(Err(error)) => {
                    tracing::warn!(topic = %self.intake.cell.topic, partition = self.intake.cell.partition, %error, "fetching failed; it is tried again");
                    break;
                }
            }
            if self.intake.cell.with(|progress| progress.is_rewinding()) {
                return Ok(false);
            }
        }
        let gather = &mut self.intake.gather;
        if gather.is_full(&outlet.limits) || gather.is_ripe(&outlet.limits, now) {
            self.intake.waiting = gather.take(now).map_or(Waiting::Nothing, Waiting::Permit);
            self.intake.hand_over(outlet)?;
        }
        Ok(is_busy)
    }
}

/// A partition always goes to the same worker; the partitions of a topic are spread.
fn worker_of(topic: &str, partition: i32, workers: usize) -> usize {
    let topic = topic.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    topic.wrapping_add(partition as usize) % workers.max(1)
}

impl Intake {
    /// Takes one record into the batch that is being gathered.
    fn take(&mut self, message: &BorrowedMessage<'_>, outlet: &Outlet) {
        let now = Instant::now();
        let offset = message.offset() as u64;
        match self.expected {
            Some(expected) if offset < expected => {
                tracing::warn!(topic = %self.cell.topic, partition = self.cell.partition, offset, expected, "the partition begins anew (was its topic recreated?); it is read from there");
                self.cell.with(|progress| progress.ask_rewind(offset, now));
                return;
            }
            Some(expected) if offset > expected => self.gap(expected, offset, outlet, now),
            _ => {}
        }
        self.expected = Some(offset + 1);
        let record = Fetched {
            offset,
            timestamp_ms: message.timestamp().to_millis().unwrap_or(0),
            envelope: envelope_of(message),
            value: message.payload(),
        };
        if let Err(error) = self.gather.push(record, now)
            && self.envelope_told.is_none_or(|at| now.duration_since(at) > Duration::from_secs(60))
        {
            self.envelope_told = Some(now);
            tracing::error!(topic = %self.cell.topic, partition = self.cell.partition, offset, %error, "a record is taken as another producer's");
        }
    }

    /// Offsets are missing: compaction and transactions leave gaps; retention that deleted unread records does too.
    fn gap(&mut self, expected: u64, found: u64, outlet: &Outlet, now: Instant) {
        if !self.gaps.are_looked_into(now) {
            return;
        }
        let (topic, partition) = (self.cell.topic.as_str(), self.cell.partition);
        match outlet.consumer.fetch_watermarks(topic, partition, ASK_MAX) {
            Ok((low, _)) => {
                let lost = lost_to_retention(expected, found, low);
                self.lost_to_retention.inc_by(lost);
                self.gaps.explained(lost, now);
                if lost > 0 {
                    tracing::error!(
                        topic,
                        partition,
                        committed = expected,
                        low_watermark = low,
                        lost,
                        "Kafka's retention deleted records before they were read: they are lost; raise the topic's \
                         retention.ms or retention.bytes, or add transfers"
                    );
                }
            }
            Err(error) => {
                self.gaps.explained(0, now);
                tracing::warn!(topic, partition, expected, found, %error, "a gap cannot be explained");
            }
        }
    }

    /// Follows a wish to read again; says whether there is one, so that nothing else is to be done.
    fn rewind(&mut self, outlet: &Outlet, now: Instant) -> bool {
        if !self.cell.with(|progress| progress.is_rewinding()) {
            return false;
        }
        let Some(to) = self.cell.with(|progress| progress.rewind_due(now)) else { return true };
        // What waits is part of what is read again.
        self.waiting = Waiting::Nothing;
        self.cell.set_unsent(false);
        let _ = self.gather.take(now);
        let (topic, partition) = (self.cell.topic.as_str(), self.cell.partition);
        match outlet.consumer.seek(topic, partition, Offset::Offset(to as i64), ASK_MAX) {
            Ok(()) => {
                tracing::info!(topic, partition, offset = to, "reading again from the last acknowledged offset");
                self.cell.with(|progress| progress.rewound(to));
                self.expected = Some(to);
            }
            Err(error) => {
                tracing::warn!(topic, partition, offset = to, %error, "seeking failed; it is tried again");
                self.cell.with(|progress| progress.rewind_failed(now));
            }
        }
        true
    }

    /// Brings what waits a step further; says whether nothing waits any more.
    fn hand_over(&mut self, outlet: &Outlet) -> Result<bool, WorkerGone> {
        loop {
            match std::mem::replace(&mut self.waiting, Waiting::Nothing) {
                Waiting::Nothing => return Ok(true),
                Waiting::Permit(gathered) => match outlet.budget.try_acquire(&self.cell.topic, gathered.raw.len()) {
                    None => {
                        self.waiting = Waiting::Permit(gathered);
                        return Ok(false);
                    }
                    Some(permit) => self.waiting = self.ticket(gathered, permit),
                },
                Waiting::Worker(batch) => {
                    let (lines, bytes) = (batch.lines.len() as u64, (batch.raw.len() - batch.lines.len()) as u64);
                    self.cell.set_unsent(false);
                    match outlet.workers[self.worker].try_send(batch) {
                        Ok(()) => {
                            self.lines_read.inc_by(lines);
                            self.bytes_read.inc_by(bytes);
                        }
                        Err(TrySendError::Full(batch)) => {
                            self.cell.set_unsent(true);
                            self.waiting = Waiting::Worker(batch);
                            return Ok(false);
                        }
                        Err(TrySendError::Disconnected(_)) => return Err(WorkerGone),
                    }
                }
            }
        }
    }

    fn ticket(&self, gathered: Gathered, permit: collector_model::Permit) -> Waiting {
        match self.cell.issue(gathered.from, gathered.to, permit) {
            // Revoked, or to be read again: the next reader gets these lines.
            None => Waiting::Nothing,
            // Nothing but tombstones.
            Some(ticket) if gathered.lines.is_empty() => {
                ticket.complete();
                Waiting::Nothing
            }
            Some(ticket) => Waiting::Worker(gathered.into_batch(&self.cell.topic, ticket)),
        }
    }
}

/// The key where it is ours, else the header `lc`, where a task wants a field as the key.
fn envelope_of<'a>(message: &'a BorrowedMessage<'_>) -> Option<&'a [u8]> {
    let key = message.key().filter(|key| Envelope::is_ours(key) || Many::is_many(key));
    key.or_else(|| message.headers()?.iter().find(|header| header.key == ENVELOPE_HEADER)?.value)
}

/// How many records of `expected..found` retention has deleted, where the partition begins at `low` now.
fn lost_to_retention(expected: u64, found: u64, low: i64) -> u64 {
    u64::try_from(low).unwrap_or(0).min(found).saturating_sub(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_low_watermark_counts_as_lost() {
        assert_eq!(lost_to_retention(10, 50, 50), 40);
        assert_eq!(lost_to_retention(10, 50, 80), 40);
        assert_eq!(lost_to_retention(10, 50, 30), 20);
        assert_eq!(lost_to_retention(10, 50, 3), 0, "a gap of compaction");
        assert_eq!(lost_to_retention(10, 50, -1), 0);
    }

    #[test]
    fn every_gap_after_a_loss_is_looked_into_and_few_of_those_that_are_none() {
        let (mut gaps, began) = (Gaps::default(), Instant::now());
        let after = |seconds| began + Duration::from_secs(seconds);
        assert!(gaps.are_looked_into(began));
        gaps.explained(40, began);
        assert!(gaps.are_looked_into(after(1)), "retention may have deleted more");
        gaps.explained(0, after(1));
        assert!(!gaps.are_looked_into(after(10)), "a compacted topic has a gap at every record");
        assert!(gaps.are_looked_into(after(11)));
    }

    #[test]
    fn a_partition_has_one_worker_and_the_partitions_are_spread() {
        let workers: Vec<usize> = (0..4).map(|partition| worker_of("web", partition, 2)).collect();
        assert_eq!(workers, (0..4).map(|partition| worker_of("web", partition, 2)).collect::<Vec<_>>());
        assert_eq!(workers.iter().filter(|worker| **worker == 0).count(), 2);
        assert_eq!(worker_of("web", 3, 1), 0);
    }
}
