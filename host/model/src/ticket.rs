//! The ticket that rides with a batch: completing it is the only way to acknowledge a position.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crate::{FileUid, Permit, Topic};

/// Where lines come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A file, by the identity of its content.
    File(FileUid),
    /// A partition of a Kafka topic.
    Partition(Topic, i32),
}

/// A range of a source: bytes of a file, or offsets of a partition; `to` is the first one after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file or partition.
    pub source: Source,
    /// The first byte or offset of the range.
    pub from: u64,
    /// The first byte or offset after the range.
    pub to: u64,
}

/// What a source does when a position is settled. Called from whichever thread completes the last share: be quick.
pub trait Acknowledge: Send + Sync {
    /// Everything made of that range is safe where it belongs.
    fn acknowledged(&self, position: &Position);
    /// A share of that range was given up without being completed: the range must be read again before anything after it counts.
    fn lost(&self, position: &Position);

    /// The forking chain by which lines from that position on may have been treated before a crash, as the source has recorded it.
    fn chain_before(&self, position: &Position) -> Option<Arc<str>> {
        let _ = position;
        None
    }

    /// Records that a forking chain (empty: one that does not fork) treats the lines from that position on; `goes_on` where it will
    /// treat what follows too. Everything before the position is acknowledged, or treated by the same chain. True once that would
    /// outlive a crash; until then the lines must wait, and this is to be asked again.
    fn record_chain(&self, position: &Position, chain: &str, goes_on: bool) -> bool {
        let _ = (position, chain, goes_on);
        true
    }
}

struct Inner {
    position: Position,
    shares: AtomicUsize,
    lost: AtomicBool,
    source: Arc<dyn Acknowledge>,
    _permit: Permit,
}

/// A share of the duty to bring one range of a source to safety.
///
/// Cloning makes another share. The position is acknowledged when *every* share was completed; a share that is dropped
/// otherwise makes the whole range count as lost. The memory permit is given back with the last share.
pub struct Ticket(Option<Arc<Inner>>);

impl Ticket {
    /// The first share.
    pub fn new(position: Position, permit: Permit, source: Arc<dyn Acknowledge>) -> Self {
        let inner =
            Inner { position, shares: AtomicUsize::new(1), lost: AtomicBool::new(false), source, _permit: permit };
        Ticket(Some(Arc::new(inner)))
    }

    /// A ticket that nobody waits for, for tools that only print documents.
    pub fn untracked() -> Self {
        Ticket(None)
    }

    /// The range; none for an untracked ticket.
    pub fn position(&self) -> Option<&Position> {
        self.0.as_deref().map(|inner| &inner.position)
    }

    /// See [`Acknowledge::chain_before`].
    pub fn chain_before(&self) -> Option<Arc<str>> {
        self.0.as_deref().and_then(|inner| inner.source.chain_before(&inner.position))
    }

    /// See [`Acknowledge::record_chain`].
    pub fn record_chain(&self, chain: &str, goes_on: bool) -> bool {
        self.0.as_deref().is_none_or(|inner| inner.source.record_chain(&inner.position, chain, goes_on))
    }

    /// This share's part is safe.
    pub fn complete(mut self) {
        if let Some(inner) = self.0.take() {
            inner.settle();
        }
    }
}

impl Inner {
    fn settle(&self) {
        if self.shares.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        if self.lost.load(Ordering::Acquire) {
            self.source.lost(&self.position);
        } else {
            self.source.acknowledged(&self.position);
        }
    }
}

impl Clone for Ticket {
    fn clone(&self) -> Self {
        if let Some(inner) = &self.0 {
            inner.shares.fetch_add(1, Ordering::AcqRel);
        }
        Ticket(self.0.clone())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(inner) = self.0.take() {
            inner.lost.store(true, Ordering::Release);
            inner.settle();
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.position()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[derive(Default)]
    struct Seen(Mutex<Vec<(&'static str, u64)>>);
    impl Acknowledge for Seen {
        fn acknowledged(&self, position: &Position) {
            self.0.lock().push(("acknowledged", position.to));
        }
        fn lost(&self, position: &Position) {
            self.0.lock().push(("lost", position.to));
        }
    }

    fn ticket(seen: &Arc<Seen>, to: u64) -> Ticket {
        let position = Position { source: Source::File(FileUid(1)), from: 0, to };
        Ticket::new(position, Permit::none(), Arc::clone(seen) as Arc<dyn Acknowledge>)
    }

    #[test]
    fn a_position_counts_when_every_share_was_completed() {
        let seen = Arc::new(Seen::default());
        let first = ticket(&seen, 5);
        let second = first.clone();
        first.complete();
        assert!(seen.0.lock().is_empty());
        second.complete();
        assert_eq!(*seen.0.lock(), [("acknowledged", 5)]);
    }

    #[test]
    fn a_dropped_share_makes_the_range_lost_once_all_are_gone() {
        let seen = Arc::new(Seen::default());
        let first = ticket(&seen, 6);
        drop(first.clone());
        assert!(seen.0.lock().is_empty());
        first.complete();
        assert_eq!(*seen.0.lock(), [("lost", 6)]);
    }
}
