//! Which partition a record goes to.

use std::hash::{BuildHasher, RandomState};

use collector_tasks::Partitioning;

/// How many records in a row go to one partition with [`Partitioning::Sticky`].
const STICKY_RECORDS: u32 = 4_096;

/// Chooses partitions, one record after the other.
#[derive(Debug, Clone)]
pub struct Partitioner {
    partitioning: Partitioning,
    random: u64,
    current: u32,
    left: u32,
}

impl Partitioner {
    /// A partitioner that begins at a random place.
    pub fn new(partitioning: Partitioning) -> Self {
        Self::seeded(partitioning, RandomState::new().hash_one(0))
    }

    /// A partitioner whose choices follow from `seed`.
    pub fn seeded(partitioning: Partitioning, seed: u64) -> Self {
        let mut partitioner = Partitioner { partitioning, random: seed | 1, current: 0, left: 0 };
        partitioner.current = partitioner.draw();
        partitioner
    }

    /// The partition that the task names, where it names one.
    pub fn number(&self) -> Option<i32> {
        match self.partitioning {
            Partitioning::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The partition of the next record, of a topic that has `partitions` (at least 1) of them. A number that the task
    /// names is given as it is.
    pub fn next(&mut self, partitions: i32) -> i32 {
        let partitions = partitions.max(1) as u32;
        match self.partitioning {
            Partitioning::Number(number) => return number,
            Partitioning::Random => self.current = self.draw(),
            Partitioning::RoundRobin => self.current = self.current.wrapping_add(1),
            Partitioning::Sticky if self.left == 0 => {
                self.left = STICKY_RECORDS - 1;
                self.current = self.draw();
            }
            Partitioning::Sticky => self.left -= 1,
        }
        // Below `partitions`, which came from an i32.
        (self.current % partitions) as i32
    }

    /// xorshift64: plenty for spreading load.
    fn draw(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sticky_stays_for_some_thousand_records_and_then_moves() {
        let mut partitioner = Partitioner::seeded(Partitioning::Sticky, 7);
        let runs: Vec<Vec<i32>> = (0..40).map(|_| (0..STICKY_RECORDS).map(|_| partitioner.next(4)).collect()).collect();
        assert!(runs.iter().all(|run| run.iter().all(|partition| *partition == run[0])));
        let mut met: Vec<i32> = runs.iter().map(|run| run[0]).collect();
        met.sort_unstable();
        met.dedup();
        assert_eq!(met, [0, 1, 2, 3]);
    }

    #[test]
    fn round_robin_takes_each_in_turn() {
        let mut partitioner = Partitioner::seeded(Partitioning::RoundRobin, 3);
        let first = partitioner.next(3);
        assert_eq!(
            (partitioner.next(3), partitioner.next(3), partitioner.next(3)),
            ((first + 1) % 3, (first + 2) % 3, first)
        );
    }

    #[test]
    fn random_is_roughly_even() {
        let mut partitioner = Partitioner::seeded(Partitioning::Random, 11);
        let mut counts = [0; 4];
        for _ in 0..4_000 {
            counts[partitioner.next(4) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_number_is_given_as_it_is() {
        let mut partitioner = Partitioner::new(Partitioning::Number(9));
        assert_eq!((partitioner.next(3), partitioner.number()), (9, Some(9)));
    }

    proptest! {
        #[test]
        fn choices_lie_within_the_topic_even_while_it_grows(seed: u64, counts in prop::collection::vec(1i32..50, 1..200)) {
            for partitioning in [Partitioning::Sticky, Partitioning::Random, Partitioning::RoundRobin] {
                let mut partitioner = Partitioner::seeded(partitioning, seed);
                for &count in &counts {
                    prop_assert!((0..count).contains(&partitioner.next(count)));
                }
            }
        }
    }
}
