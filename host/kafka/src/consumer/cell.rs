//! One assigned partition, as the polling thread, the rebalance callback and the tickets share it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use collector_model::{Acknowledge, Permit, Position, Source, Ticket, Topic};
use parking_lot::{Condvar, Mutex};

use super::{chain_record::ChainRecord, progress::Progress};

/// One partition over one assignment. When it is assigned again later, that is another cell, so that late answers to the
/// lines of the first one cannot be taken for the second one's.
pub(crate) struct Cell {
    pub(crate) topic: Topic,
    pub(crate) partition: i32,
    progress: Mutex<Progress>,
    chain: Mutex<ChainRecord>,
    settled: Condvar,
    /// Batches that have a ticket and are not handed to a worker yet.
    unsent: AtomicUsize,
}

/// What a ticket of a partition tells: the answer to a range, with the epoch in which it was read.
struct Answer {
    cell: Arc<Cell>,
    epoch: u64,
}

impl Acknowledge for Answer {
    fn acknowledged(&self, position: &Position) {
        self.cell.progress.lock().acknowledged(self.epoch, position.from, position.to);
        self.cell.settled.notify_all();
    }

    fn lost(&self, _: &Position) {
        self.cell.progress.lock().lost(self.epoch, Instant::now());
        self.cell.settled.notify_all();
    }

    fn chain_before(&self, position: &Position) -> Option<Arc<str>> {
        self.cell.chain.lock().before(position.from)
    }

    fn record_chain(&self, position: &Position, chain: &str, goes_on: bool) -> bool {
        self.cell.chain.lock().ask(position.to, chain, goes_on)
    }
}

impl Cell {
    /// A partition of which the group has committed that metadata.
    pub(crate) fn new(topic: Topic, partition: i32, metadata: &str) -> Self {
        Cell {
            topic,
            partition,
            progress: Mutex::new(Progress::new()),
            chain: Mutex::new(ChainRecord::read(metadata)),
            settled: Condvar::new(),
            unsent: AtomicUsize::new(0),
        }
    }

    /// Whether this is that partition.
    pub(crate) fn is(&self, topic: &str, partition: i32) -> bool {
        self.partition == partition && self.topic.as_str() == topic
    }

    /// The ticket of a range; `None` where nothing may be issued now (revoked, or to be read again).
    pub(crate) fn issue(self: &Arc<Self>, from: u64, to: u64, permit: Permit) -> Option<Ticket> {
        let epoch = self.progress.lock().issue(from, to, Instant::now())?;
        let position = Position { source: Source::Partition(self.topic.clone(), self.partition), from, to };
        Some(Ticket::new(position, permit, Arc::new(Answer { cell: Arc::clone(self), epoch })))
    }

    /// Looks at the progress, or changes it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Progress) -> T) -> T {
        look(&mut self.progress.lock())
    }

    /// Looks at which chain is recorded, or changes it.
    pub(crate) fn with_chain<T>(&self, look: impl FnOnce(&mut ChainRecord) -> T) -> T {
        look(&mut self.chain.lock())
    }

    /// Says whether a batch of this partition waits for its worker.
    pub(crate) fn set_unsent(&self, is_unsent: bool) {
        self.unsent.store(usize::from(is_unsent), Ordering::Release);
    }

    /// Whether no answer that was asked for is missing.
    pub(crate) fn is_settled(&self) -> bool {
        self.progress.lock().is_settled(self.unsent.load(Ordering::Acquire))
    }

    /// Waits for the answers to what workers were handed; says whether they came in time.
    pub(crate) fn wait_settled(&self, deadline: Instant) -> bool {
        let unsent = self.unsent.load(Ordering::Acquire);
        let mut progress = self.progress.lock();
        while !progress.is_settled(unsent) {
            if self.settled.wait_until(&mut progress, deadline).timed_out() {
                return progress.is_settled(unsent);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn cell() -> Arc<Cell> {
        Arc::new(Cell::new(Topic::new("web").unwrap(), 3, ""))
    }

    #[test]
    fn a_completed_ticket_moves_the_watermark_and_a_dropped_one_asks_for_a_rewind() {
        let cell = cell();
        let first = cell.issue(0, 5, Permit::none()).unwrap();
        let second = cell.issue(5, 9, Permit::none()).unwrap();
        first.complete();
        assert_eq!(cell.with(Progress::take_moved), Some(5));
        drop(second);
        assert!(cell.with(|progress| progress.is_rewinding()) && cell.is_settled());
    }

    #[test]
    fn answers_of_an_earlier_assignment_do_not_touch_the_later_one() {
        let (earlier, later) = (cell(), cell());
        let old = earlier.issue(0, 5, Permit::none()).unwrap();
        let _new = later.issue(0, 5, Permit::none()).unwrap();
        old.complete();
        assert_eq!(later.with(|progress| progress.watermark()), Some(0));
    }

    #[test]
    fn waiting_ends_with_the_last_answer_or_at_the_deadline() {
        let cell = cell();
        let ticket = cell.issue(0, 5, Permit::none()).unwrap();
        assert!(!cell.wait_settled(Instant::now()));
        let elsewhere = std::thread::spawn(move || ticket.complete());
        assert!(cell.wait_settled(Instant::now() + Duration::from_secs(30)));
        elsewhere.join().unwrap();
    }

    #[test]
    fn a_batch_that_no_worker_has_is_not_waited_for() {
        let cell = cell();
        let _held = cell.issue(0, 5, Permit::none()).unwrap();
        cell.set_unsent(true);
        assert!(cell.is_settled());
    }
}
