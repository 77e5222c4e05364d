//! How far reading is behind: when which bytes of a file were first seen.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Sizes seen within this time count as one.
const APART: Duration = Duration::from_millis(100);
/// How many sizes are remembered of a file; of more, neighbours are made one.
const REMEMBERED_MAX: usize = 32;

/// The sizes that a file was seen with, of those that are not acknowledged yet, each with the time when it was first seen.
#[derive(Debug, Default)]
pub(crate) struct Growth(VecDeque<(u64, Instant)>);

impl Growth {
    /// A size was seen.
    pub(crate) fn note(&mut self, size: u64, now: Instant) {
        match self.0.back_mut() {
            Some((known, _)) if *known >= size => return,
            // Growth within a moment: the earlier time holds for all of it.
            Some((known, at)) if now.saturating_duration_since(*at) < APART => *known = size,
            _ => self.0.push_back((size, now)),
        }
        if self.0.len() > REMEMBERED_MAX {
            self.thin();
        }
    }

    /// Makes one of every two neighbours: the later size, with the earlier time.
    fn thin(&mut self) {
        let pairs: Vec<_> = self.0.drain(..).collect();
        self.0 = pairs.chunks(2).map(|pair| (pair[pair.len() - 1].0, pair[0].1)).collect();
    }

    /// Since when there are bytes beyond `acknowledged`; none when there are none.
    pub(crate) fn behind_since(&mut self, acknowledged: u64) -> Option<Instant> {
        while self.0.front().is_some_and(|(size, _)| *size <= acknowledged) {
            self.0.pop_front();
        }
        self.0.front().map(|(_, at)| *at)
    }

    /// The file begins anew.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: u64, start: Instant) -> Instant {
        start + Duration::from_secs(n)
    }

    #[test]
    fn the_lag_is_that_of_the_oldest_byte_that_is_not_acknowledged() {
        let (mut growth, start) = (Growth::default(), Instant::now());
        (1..=5).for_each(|n| growth.note(n * 10, second(n, start)));
        assert_eq!(growth.behind_since(0), Some(second(1, start)));
        assert_eq!(growth.behind_since(10), Some(second(2, start)));
        assert_eq!(growth.behind_since(35), Some(second(4, start)));
        assert_eq!(growth.behind_since(50), None);
        growth.note(60, second(9, start));
        assert_eq!(growth.behind_since(50), Some(second(9, start)));
    }

    #[test]
    fn little_is_remembered_and_the_lag_never_looks_shorter_for_it() {
        let (mut growth, start) = (Growth::default(), Instant::now());
        (1..=1000).for_each(|n| growth.note(n, second(n, start)));
        assert!(growth.0.len() <= REMEMBERED_MAX);
        assert!(growth.behind_since(500).unwrap() <= second(501, start));
    }
}
