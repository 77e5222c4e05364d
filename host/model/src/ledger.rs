//! How far a source is acknowledged without a gap.

use std::collections::VecDeque;

/// The ranges of one source that are under way, in the order in which they were read.
///
/// The watermark is the end of the longest prefix of completed ranges: what may be written to a checkpoint or committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    watermark: u64,
    under_way: VecDeque<Range>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    from: u64,
    to: u64,
    acknowledged: bool,
}

impl Ledger {
    /// A source that is acknowledged up to `watermark` (excluded).
    pub fn starting_at(watermark: u64) -> Self {
        Ledger { watermark, under_way: VecDeque::new() }
    }

    /// Enters a range that is about to be sent. Ranges come in reading order and do not overlap; a gap between them
    /// (as compaction leaves in a Kafka partition) counts as acknowledged.
    pub fn issue(&mut self, from: u64, to: u64) -> Result<(), LedgerError> {
        let end = self.end();
        if from < end || to < from {
            return Err(LedgerError { from, to, end });
        }
        self.under_way.push_back(Range { from, to, acknowledged: false });
        Ok(())
    }

    /// Marks a range as safe. Returns the new watermark when it moved. A range that is not under way (a late answer from
    /// before a rewind) changes nothing.
    pub fn acknowledge(&mut self, from: u64, to: u64) -> Option<u64> {
        let at = self.under_way.partition_point(|range| range.from < from);
        // Empty ranges may share their start with the one after them.
        let range = self
            .under_way
            .iter_mut()
            .skip(at)
            .take_while(|r| r.from == from)
            .find(|r| r.to == to && !r.acknowledged)?;
        range.acknowledged = true;
        let before = self.watermark;
        while let Some(first) = self.under_way.pop_front_if(|range| range.acknowledged) {
            self.watermark = first.to;
        }
        (self.watermark != before).then_some(self.watermark)
    }

    /// Forgets what is under way: it will be read again from the watermark, which is returned.
    pub fn rewind(&mut self) -> u64 {
        self.under_way.clear();
        self.watermark
    }

    /// The first byte or offset that is not acknowledged.
    pub fn watermark(&self) -> u64 {
        self.watermark
    }

    /// The end of what was issued so far.
    pub fn end(&self) -> u64 {
        self.under_way.back().map_or(self.watermark, |range| range.to)
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }
}

/// A range was issued out of order: a fault of the program that would lose lines if it were let pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "entering the range {from}..{to} into the ledger: it does not begin at or after {end}, the end of what was entered before"
)]
pub struct LedgerError {
    from: u64,
    to: u64,
    end: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_contiguous_prefix_counts() {
        let mut ledger = Ledger::starting_at(10);
        ledger.issue(10, 20).unwrap();
        ledger.issue(20, 30).unwrap();
        assert_eq!(ledger.acknowledge(20, 30), None);
        assert_eq!(ledger.acknowledge(10, 20), Some(30));
    }

    #[test]
    fn overlap_is_refused() {
        let mut ledger = Ledger::starting_at(0);
        ledger.issue(0, 10).unwrap();
        assert!(ledger.issue(5, 12).is_err());
    }

    #[test]
    fn late_answers_after_a_rewind_change_nothing() {
        let mut ledger = Ledger::starting_at(0);
        ledger.issue(0, 10).unwrap();
        assert_eq!(ledger.rewind(), 0);
        assert_eq!(ledger.acknowledge(0, 10), None);
        assert_eq!(ledger.watermark(), 0);
    }

    proptest! {
        /// Against the plain definition: the watermark is the end of the acknowledged prefix, in whatever order answers come.
        #[test]
        fn the_watermark_is_the_end_of_the_acknowledged_prefix(lengths in prop::collection::vec(0u64..50, 1..40), order: prop::sample::Index, seed: u64) {
            let mut ledger = Ledger::starting_at(100);
            let mut ranges = vec![];
            let mut at = 100;
            for length in lengths {
                ledger.issue(at, at + length).unwrap();
                ranges.push((at, at + length));
                at += length;
            }
            let mut answers: Vec<usize> = (0..ranges.len()).collect();
            let mut state = seed | 1;
            for i in (1..answers.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                answers.swap(i, (state >> 33) as usize % (i + 1));
            }
            answers.truncate(order.index(answers.len()) + 1);
            for &answer in &answers {
                ledger.acknowledge(ranges[answer].0, ranges[answer].1);
            }
            let prefix = (0..ranges.len()).take_while(|i| answers.contains(i)).last();
            // Equal ranges (empty ones at one place) stand for each other, so the ends are compared.
            prop_assert!(ledger.watermark() >= prefix.map_or(100, |i| ranges[i].1));
            let acknowledged: Vec<_> = answers.iter().map(|&i| ranges[i]).collect();
            for range in ranges.iter().filter(|range| range.1 <= ledger.watermark() && range.0 < range.1) {
                prop_assert!(acknowledged.contains(range), "{:?} is below the watermark", range);
            }
        }
    }
}
