//! How far one partition is: what may be committed, and when it has to be read again. Takes events, does no I/O.

use std::time::{Duration, Instant};

use collector_failpoints::planted;
use collector_model::Ledger;

/// How long a partition waits after a loss before it is read again, at first and at most.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// The state of one partition over one assignment.
///
/// Each rewind begins a new epoch; an answer to a range of an earlier one changes nothing, because the range is read again.
#[derive(Debug)]
pub struct Progress {
    /// None until the first record tells where the partition begins.
    ledger: Option<Ledger>,
    epoch: u64,
    /// Ranges of this epoch that are not settled.
    outstanding: usize,
    /// The end of every range of every epoch.
    end: u64,
    rewind: Option<Rewind>,
    backoff: Duration,
    /// The watermark that needs no storing: where the partition began, or what was last taken.
    stored: Option<u64>,
    is_revoked: bool,
}

/// The partition has to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rewind {
    to: u64,
    due: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Progress::new()
    }
}

impl Progress {
    /// Nothing was read yet.
    pub fn new() -> Self {
        Progress {
            ledger: None,
            epoch: 0,
            outstanding: 0,
            end: 0,
            rewind: None,
            backoff: BACKOFF_MIN,
            stored: None,
            is_revoked: false,
        }
    }

    /// Enters the range of a batch; its answers have to name the epoch that is returned. `None` where the partition may
    /// issue nothing: it was revoked, or has to be read again first.
    pub fn issue(&mut self, from: u64, to: u64, now: Instant) -> Option<u64> {
        if self.is_revoked || self.rewind.is_some() {
            return None;
        }
        let ledger = self.ledger.get_or_insert_with(|| {
            self.stored = Some(from);
            Ledger::starting_at(from)
        });
        if let Err(error) = ledger.issue(from, to) {
            tracing::error!(%error, "a partition's records came out of order; it is read again");
            self.ask_rewind(from, now);
            return None;
        }
        self.outstanding += 1;
        self.end = self.end.max(to);
        Some(self.epoch)
    }

    /// A range is safe.
    pub fn acknowledged(&mut self, epoch: u64, from: u64, to: u64) {
        if epoch != self.epoch {
            return;
        }
        self.outstanding -= 1;
        if let Some(ledger) = &mut self.ledger
            && ledger.acknowledge(from, to).is_some()
        {
            self.backoff = BACKOFF_MIN;
        }
    }

    /// A range was given up: everything from the watermark on is read again.
    pub fn lost(&mut self, epoch: u64, now: Instant) {
        if epoch != self.epoch {
            return;
        }
        self.outstanding -= 1;
        if let Some(watermark) = self.watermark() {
            self.ask_rewind(watermark, now);
        }
    }

    /// The partition has to be read again from `to`, after a pause that grows while nothing is acknowledged.
    pub fn ask_rewind(&mut self, to: u64, now: Instant) {
        if self.rewind.is_none_or(|rewind| to < rewind.to) {
            self.rewind = Some(Rewind { to, due: now + self.backoff });
        }
    }

    /// Whether a rewind is waited for, so that nothing more is read now.
    pub fn is_rewinding(&self) -> bool {
        self.rewind.is_some()
    }

    /// Where to read again from, once that is due.
    pub fn rewind_due(&self, now: Instant) -> Option<u64> {
        self.rewind.filter(|rewind| now >= rewind.due).map(|rewind| rewind.to)
    }

    /// The partition is read again from there now.
    pub fn rewound(&mut self, to: u64) {
        self.epoch += 1;
        self.outstanding = 0;
        self.rewind = None;
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
        self.ledger = Some(Ledger::starting_at(to));
        self.stored = Some(to);
    }

    /// Seeking failed: later again.
    pub fn rewind_failed(&mut self, now: Instant) {
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
        if let Some(rewind) = &mut self.rewind {
            rewind.due = now + self.backoff;
        }
    }

    /// The partition belongs to another member soon: nothing more is issued.
    pub fn revoke(&mut self) {
        self.is_revoked = true;
    }

    /// The first offset that is not acknowledged; `None` where nothing was read.
    pub fn watermark(&self) -> Option<u64> {
        self.ledger.as_ref().map(Ledger::watermark)
    }

    /// The first offset that was never handed out.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The watermark, where it moved since it was last taken.
    pub fn take_moved(&mut self) -> Option<u64> {
        let watermark = if planted("commit-early") { self.end } else { self.watermark()? };
        (self.stored.replace(watermark) != Some(watermark)).then_some(watermark)
    }

    /// Whether every answer is there: `unsent` ranges were issued and not handed to anybody.
    pub fn is_settled(&self, unsent: usize) -> bool {
        self.outstanding <= unsent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn begun() -> (Progress, Instant) {
        let (mut progress, now) = (Progress::new(), Instant::now());
        assert_eq!(progress.issue(10, 20, now), Some(0));
        assert_eq!(progress.issue(20, 30, now), Some(0));
        assert_eq!(progress.take_moved(), None);
        (progress, now)
    }

    #[test]
    fn only_what_is_acknowledged_without_a_gap_is_stored() {
        let (mut progress, _) = begun();
        progress.acknowledged(0, 20, 30);
        assert_eq!(progress.take_moved(), None);
        progress.acknowledged(0, 10, 20);
        assert_eq!(progress.take_moved(), Some(30));
        assert_eq!(progress.take_moved(), None);
        assert!(progress.is_settled(0));
    }

    #[test]
    fn a_loss_has_the_partition_read_again_from_the_watermark_after_a_pause() {
        let (mut progress, now) = begun();
        progress.acknowledged(0, 10, 20);
        progress.lost(0, now);
        assert_eq!(progress.issue(30, 40, now), None, "nothing is issued until the rewind");
        assert_eq!(progress.rewind_due(now), None);
        assert_eq!(progress.rewind_due(now + BACKOFF_MIN), Some(20));
        progress.rewound(20);
        assert_eq!(progress.issue(20, 30, now), Some(1));
    }

    #[test]
    fn late_answers_from_before_a_rewind_change_nothing() {
        let (mut progress, now) = begun();
        progress.lost(0, now);
        progress.rewound(10);
        assert_eq!(progress.issue(10, 20, now), Some(1));
        progress.acknowledged(0, 20, 30);
        progress.lost(0, now);
        assert!(!progress.is_rewinding() && progress.watermark() == Some(10));
    }

    #[test]
    fn pauses_grow_while_nothing_is_acknowledged() {
        let (mut progress, now) = begun();
        progress.lost(0, now);
        for _ in 0..20 {
            progress.rewound(10);
            progress.issue(10, 20, now).unwrap();
            progress.lost(progress.epoch, now);
        }
        assert_eq!(progress.rewind_due(now + BACKOFF_MAX - Duration::from_millis(1)), None);
        assert_eq!(progress.rewind_due(now + BACKOFF_MAX), Some(10));
    }

    #[test]
    fn a_revoked_partition_issues_nothing_and_waits_for_what_was_handed_out() {
        let (mut progress, now) = begun();
        progress.revoke();
        assert_eq!(progress.issue(30, 40, now), None);
        assert!(!progress.is_settled(1));
        progress.acknowledged(0, 10, 20);
        assert!(progress.is_settled(1), "what nobody was handed is not waited for");
        assert_eq!(progress.take_moved(), Some(20));
    }

    #[test]
    fn records_that_come_backwards_are_read_again_from_there() {
        let (mut progress, now) = begun();
        assert_eq!(progress.issue(5, 8, now), None);
        assert_eq!(progress.rewind_due(now + BACKOFF_MIN), Some(5));
        progress.rewound(5);
        assert_eq!(progress.issue(5, 8, now), Some(1));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Issue(u64),
        Acknowledge(prop::sample::Index),
        Lose(prop::sample::Index),
        Rewind,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1u64..20).prop_map(Step::Issue),
            6 => any::<prop::sample::Index>().prop_map(Step::Acknowledge),
            1 => any::<prop::sample::Index>().prop_map(Step::Lose),
            1 => Just(Step::Rewind),
        ]
    }

    proptest! {
        /// Whatever the order of answers, losses and rewinds: every offset below the watermark was acknowledged at some time.
        #[test]
        fn nothing_below_the_watermark_was_not_acknowledged(steps in prop::collection::vec(step(), 1..200)) {
            let (mut progress, now) = (Progress::new(), Instant::now());
            let mut open: Vec<(u64, u64, u64)> = vec![];
            let mut safe = std::collections::BTreeSet::new();
            let mut next = 0;
            for step in steps {
                match step {
                    Step::Issue(length) => {
                        if let Some(epoch) = progress.issue(next, next + length, now) {
                            open.push((epoch, next, next + length));
                            next += length;
                        }
                    }
                    Step::Acknowledge(index) if !open.is_empty() => {
                        let (epoch, from, to) = open.swap_remove(index.index(open.len()));
                        safe.extend(from..to);
                        progress.acknowledged(epoch, from, to);
                    }
                    Step::Lose(index) if !open.is_empty() => {
                        let (epoch, _, _) = open.swap_remove(index.index(open.len()));
                        progress.lost(epoch, now);
                    }
                    Step::Rewind => {
                        if let Some(to) = progress.rewind_due(now + BACKOFF_MAX) {
                            progress.rewound(to);
                            next = to;
                        }
                    }
                    _ => {}
                }
                let watermark = progress.watermark().unwrap_or(0);
                prop_assert!((0..watermark).all(|offset| safe.contains(&offset)));
                prop_assert!(progress.outstanding <= open.len());
            }
        }
    }
}
