//! Patience in outages: how long to wait, and how often to speak.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Failures in a row.
#[derive(Default)]
pub(crate) struct Patience {
    failures: u32,
    said: Option<Instant>,
}

impl Patience {
    /// It works again.
    pub(crate) fn reset(&mut self) {
        *self = Patience::default();
    }

    /// Counts a failure; tells how long to wait, between half and all of 100 ms · 2ⁿ, at most 5 s: etcd comes back with thousands
    /// of agents waiting.
    pub(crate) fn failed(&mut self) -> Duration {
        let ceiling = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures += 1;
        ceiling.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// Whether to say so: at the first failure, then once a minute.
    pub(crate) fn may_speak(&mut self) -> bool {
        let due = self.said.is_none_or(|at| at.elapsed() >= Duration::from_secs(60));
        if due {
            self.said = Some(Instant::now());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_five_seconds_and_one_word_is_said() {
        let mut patience = Patience::default();
        let waits: Vec<_> = (0..20).map(|_| patience.failed()).collect();
        assert!(waits[0] <= FIRST && waits[19] >= LONGEST / 2 && waits.iter().all(|wait| *wait <= LONGEST));
        assert!(patience.may_speak() && !patience.may_speak());
        patience.reset();
        assert!(patience.may_speak());
    }
}
