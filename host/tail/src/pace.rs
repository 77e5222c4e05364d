//! How fast a task is read: what was read is paid for by waiting, so that nothing is ever dropped.

use std::time::{Duration, Instant};

use collector_tasks::RateLimit;

/// A batch holds the lines and bytes of this fraction of a second at most, so that a low rate is an even one.
const BATCHES_PER_S: u64 = 4;
/// What a batch may hold in any case, in bytes.
const BATCH_BYTES_MIN: u64 = 4 << 10;

/// The rate of a task, and what is still to be paid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    limit: RateLimit,
    free_at: Option<Instant>,
}

impl Pace {
    /// Nothing was read yet.
    pub(crate) fn of(limit: RateLimit) -> Self {
        Pace { limit, free_at: None }
    }

    /// When more may be read; none when it may now.
    pub(crate) fn waits_until(&self, now: Instant) -> Option<Instant> {
        self.free_at.filter(|at| *at > now)
    }

    /// That much was read.
    pub(crate) fn spend(&mut self, lines: u64, bytes: u64, now: Instant) {
        let costs = |amount: u64, per_s: Option<u64>| per_s.map_or(0.0, |per_s| amount as f64 / per_s as f64);
        let seconds = costs(lines, self.limit.lines_per_s).max(costs(bytes, self.limit.bytes_per_s));
        let begin = self.free_at.map_or(now, |at| at.max(now));
        self.free_at = Some(begin + Duration::from_secs_f64(seconds.min(3600.0)));
    }

    /// How many lines a batch may hold.
    pub(crate) fn batch_lines_max(&self) -> usize {
        self.limit.lines_per_s.map_or(usize::MAX, |lines| (lines / BATCHES_PER_S).max(1) as usize)
    }

    /// How many bytes a batch may hold; a longer line is a batch alone.
    pub(crate) fn batch_bytes_max(&self) -> usize {
        self.limit.bytes_per_s.map_or(usize::MAX, |bytes| (bytes / BATCHES_PER_S).max(BATCH_BYTES_MIN) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_waited_for_by_the_stricter_limit() {
        let now = Instant::now();
        let mut pace = Pace::of(RateLimit { lines_per_s: Some(10), bytes_per_s: Some(1000) });
        assert_eq!(pace.waits_until(now), None);
        pace.spend(5, 100, now);
        assert_eq!(pace.waits_until(now), Some(now + Duration::from_millis(500)));
        pace.spend(1, 2000, now);
        assert_eq!(pace.waits_until(now), Some(now + Duration::from_millis(2500)));
        assert_eq!(pace.waits_until(now + Duration::from_millis(2500)), None);
        assert_eq!((pace.batch_lines_max(), pace.batch_bytes_max()), (2, 4 << 10));
    }

    #[test]
    fn a_pause_gives_no_credit() {
        let (mut pace, now) = (Pace::of(RateLimit { lines_per_s: Some(10), bytes_per_s: None }), Instant::now());
        pace.spend(10, 0, now);
        let later = now + Duration::from_secs(100);
        pace.spend(10, 0, later);
        assert_eq!(pace.waits_until(later), Some(later + Duration::from_secs(1)));
    }
}
