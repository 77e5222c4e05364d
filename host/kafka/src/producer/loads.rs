//! How much is under way: records and their bytes, of everything, and of each partition of a topic.

use std::sync::atomic::{AtomicU64, Ordering};

/// Partitions that are counted apart; of a topic that has more, some share a count.
const COUNTS: usize = 64;
const RECORD: u64 = 1 << 40;

/// Records and their bytes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) bytes: usize,
    pub(crate) records: usize,
}

impl Load {
    /// Whether neither is more than in the other.
    pub(crate) fn is_within(self, other: Load) -> bool {
        self.bytes <= other.bytes && self.records <= other.records
    }

    /// So many parts of both.
    pub(crate) fn share(self, of: usize, parts: usize) -> Load {
        Load { bytes: self.bytes / parts * of, records: self.records / parts * of }
    }

    fn of_word(word: u64) -> Load {
        Load { bytes: (word % RECORD) as usize, records: (word / RECORD) as usize }
    }
}

/// A load that is counted in one word, so that a record costs one addition: its bytes in the lower 40 bits, itself above.
#[derive(Default)]
pub(crate) struct InFlight(AtomicU64);

impl InFlight {
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(RECORD + bytes as u64, Ordering::Relaxed);
    }

    /// Takes a record away again; what is left.
    pub(crate) fn subtract(&self, bytes: usize) -> Load {
        let one = RECORD + bytes as u64;
        Load::of_word(self.0.fetch_sub(one, Ordering::Relaxed) - one)
    }

    pub(crate) fn now(&self) -> Load {
        Load::of_word(self.0.load(Ordering::Relaxed))
    }
}

/// What of a topic is under way to each of its partitions.
pub(crate) struct Loads([InFlight; COUNTS]);

impl Default for Loads {
    fn default() -> Self {
        Loads(std::array::from_fn(|_| InFlight::default()))
    }
}

impl Loads {
    /// The count of a partition.
    pub(crate) fn of(&self, partition: i32) -> &InFlight {
        &self.0[partition as usize % COUNTS]
    }

    /// All partitions together.
    pub(crate) fn total(&self) -> Load {
        self.0
            .iter()
            .map(InFlight::now)
            .fold(Load::default(), |sum, one| Load { bytes: sum.bytes + one.bytes, records: sum.records + one.records })
    }

    /// The partition to which the fewest bytes are under way, of so many (at least 1); of several the next one from `from` on.
    pub(crate) fn least(&self, partitions: i32, from: i32) -> (i32, Load) {
        let loads = (0..partitions).map(|ahead| (from.max(0) % partitions + ahead) % partitions);
        let loads = loads.map(|partition| (partition, self.of(partition).now()));
        loads.min_by_key(|(_, load)| load.bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_bytes_are_counted_side_by_side() {
        let in_flight = InFlight::default();
        in_flight.add(0);
        in_flight.add(700);
        in_flight.add(50);
        assert_eq!(in_flight.now(), Load { bytes: 750, records: 3 });
        assert_eq!(in_flight.subtract(700), Load { bytes: 50, records: 2 });
        assert!(in_flight.now().is_within(Load { bytes: 50, records: 2 }));
        assert!(!in_flight.now().is_within(Load { bytes: 1_000, records: 1 }));
        assert!(!in_flight.now().is_within(Load { bytes: 49, records: 9 }));
    }

    #[test]
    fn the_partition_with_the_least_is_found_and_of_equals_the_next() {
        let loads = Loads::default();
        assert_eq!(loads.least(4, 2), (2, Load::default()));
        [(0, 10), (2, 7), (3, 10)].into_iter().for_each(|(partition, bytes)| loads.of(partition).add(bytes));
        assert_eq!(loads.least(4, 2), (1, Load::default()));
        loads.of(1).add(7);
        assert_eq!(loads.least(4, 0).0, 1);
        assert_eq!(loads.least(4, 2), (2, Load { bytes: 7, records: 1 }));
        assert_eq!(loads.least(1, 9).0, 0, "the topic has fewer partitions than was thought");
        assert_eq!(loads.total(), Load { bytes: 34, records: 4 });
    }

    #[test]
    fn more_partitions_than_are_counted_apart_share_counts() {
        let loads = Loads::default();
        loads.of(COUNTS as i32 + 1).add(5);
        assert_eq!(loads.of(1).now(), Load { bytes: 5, records: 1 });
        assert_eq!(loads.least(COUNTS as i32 + 2, COUNTS as i32 + 1).0, 0);
    }
}
