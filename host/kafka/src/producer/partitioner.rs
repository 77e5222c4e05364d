//! Which partition a record goes to.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use collector_tasks::Partitioning;
use parking_lot::Mutex;

use super::stint::Stint;

/// Chooses partitions, one record after the other.
#[derive(Debug, Clone)]
pub(crate) struct Partitioner {
    partitioning: Partitioning,
    random: u64,
    stint: Arc<Mutex<Stint>>,
}

impl Partitioner {
    /// A partitioner that begins at a random place. Records that may go anywhere go on with `stint`, which others may share.
    pub(crate) fn new(partitioning: Partitioning, stint: Arc<Mutex<Stint>>) -> Self {
        Self::seeded(partitioning, stint, RandomState::new().hash_one(0))
    }

    /// A partitioner whose choices follow from `seed`.
    fn seeded(partitioning: Partitioning, stint: Arc<Mutex<Stint>>, seed: u64) -> Self {
        Partitioner { partitioning, random: seed | 1, stint }
    }

    /// The partition that the task names, where it names one.
    pub(crate) fn number(&self) -> Option<i32> {
        match self.partitioning {
            Partitioning::Number(number) => Some(number),
            _ => None,
        }
    }

    /// What is being filled, where every record may go anywhere.
    pub(crate) fn stint(&self) -> Option<&Mutex<Stint>> {
        (self.partitioning == Partitioning::Sticky).then_some(&*self.stint)
    }

    /// The partition of the next record, which has so many `bytes`, of a topic that has `partitions` (at least 1) of them. A number
    /// that the task names is given as it is. `key` is the field that the task names; the line may lack it. Where a stint is over,
    /// `fresh` begins the next one; it gets the last.
    pub(crate) fn next(
        &mut self,
        partitions: i32,
        bytes: usize,
        key: Option<&[u8]>,
        fresh: impl FnOnce(&Stint) -> Stint,
    ) -> i32 {
        let partitions = partitions.max(1) as u32;
        // Below `partitions`, which came from an i32.
        let within = |number: u32| (number % partitions) as i32;
        match (self.partitioning, key) {
            (Partitioning::Number(number), _) => number,
            (Partitioning::Key, Some(key)) => within(murmur2(key) & 0x7fff_ffff),
            (Partitioning::Random, _) => within(self.draw()),
            (Partitioning::RoundRobin, _) => {
                self.random = self.random.wrapping_add(1);
                within(self.random as u32)
            }
            (Partitioning::Sticky | Partitioning::Key, _) => {
                let mut stint = self.stint.lock();
                if stint.is_full() {
                    *stint = fresh(&stint);
                }
                stint.take(bytes);
                within(stint.partition() as u32)
            }
        }
    }

    /// xorshift64: plenty for spreading load.
    fn draw(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 32) as u32
    }
}

/// MurmurHash2 (32 bits) with the seed of Kafka's own clients.
fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ key.len() as u32;
    let (words, rest) = key.as_chunks::<4>();
    for word in words {
        let word = u32::from_le_bytes(*word).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ (word ^ word >> 24).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Partitioner {
        fn of_seed(partitioning: Partitioning, seed: u64) -> Self {
            Self::seeded(partitioning, Arc::new(Mutex::new(Stint::over(0))), seed)
        }

        /// The next stint fills the partition behind the last one.
        fn next_of(&mut self, partitions: i32, key: Option<&[u8]>) -> i32 {
            self.next(partitions, 100, key, |last| Stint::of((last.partition() + 1) % partitions, 1_400))
        }
    }

    #[test]
    fn keys_are_hashed_as_kafka_s_own_clients_do() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn a_key_has_one_partition_and_lines_without_one_stay_together() {
        let mut partitioner = Partitioner::of_seed(Partitioning::Key, 7);
        let of_key = partitioner.next_of(6, Some(b"foobar"));
        assert_eq!(of_key, ((-790_332_482_i32 & 0x7fff_ffff) % 6));
        let without = partitioner.next_of(6, None);
        assert!((1..10).all(|_| partitioner.next_of(6, None) == without));
        assert_eq!(partitioner.next_of(6, Some(b"foobar")), of_key);
        assert_eq!(partitioner.next_of(6, None), without + 1);
    }

    #[test]
    fn sticky_fills_one_partition_after_the_other_together_with_those_who_share_its_stint() {
        let mut one = Partitioner::of_seed(Partitioning::Sticky, 7);
        let mut other = one.clone();
        let taken: Vec<i32> = (0..20).flat_map(|_| [one.next_of(4, None), other.next_of(4, None)]).collect();
        let runs: Vec<&[i32]> = taken.chunk_by(|a, b| a == b).collect();
        assert!(runs.iter().all(|run| run.len() == 10), "{runs:?}");
        assert_eq!(runs.iter().map(|run| run[0]).collect::<Vec<_>>(), [1, 2, 3, 0]);
    }

    #[test]
    fn round_robin_takes_each_in_turn() {
        let mut partitioner = Partitioner::of_seed(Partitioning::RoundRobin, 3);
        let first = partitioner.next_of(3, None);
        assert_eq!(
            (partitioner.next_of(3, None), partitioner.next_of(3, None), partitioner.next_of(3, None)),
            ((first + 1) % 3, (first + 2) % 3, first)
        );
    }

    #[test]
    fn random_is_roughly_even() {
        let mut partitioner = Partitioner::of_seed(Partitioning::Random, 11);
        let mut counts = [0; 4];
        for _ in 0..4_000 {
            counts[partitioner.next_of(4, None) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_number_is_given_as_it_is() {
        let mut partitioner = Partitioner::of_seed(Partitioning::Number(9), 1);
        assert_eq!((partitioner.next_of(3, None), partitioner.number()), (9, Some(9)));
    }

    proptest! {
        #[test]
        fn choices_lie_within_the_topic_even_while_it_changes(seed: u64, counts in prop::collection::vec(1i32..50, 1..200)) {
            for partitioning in [Partitioning::Sticky, Partitioning::Random, Partitioning::RoundRobin] {
                let mut partitioner = Partitioner::of_seed(partitioning, seed);
                for &count in &counts {
                    prop_assert!((0..count).contains(&partitioner.next_of(count, None)));
                }
            }
        }
    }
}
