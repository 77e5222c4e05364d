//! Which partition a record goes to.

use std::hash::{BuildHasher, RandomState};

use collector_tasks::Partitioning;

/// How many lines in a row go to one partition with [`Partitioning::Sticky`].
const STICKY_LINES: u32 = 4_096;

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

    /// The partition of the next record, which carries `lines`, of a topic that has `partitions` (at least 1) of them. A number
    /// that the task names is given as it is. `key` is the field that the task names; the line may lack it.
    pub fn next(&mut self, partitions: i32, lines: u32, key: Option<&[u8]>) -> i32 {
        let partitions = partitions.max(1) as u32;
        match (self.partitioning, key) {
            (Partitioning::Number(number), _) => return number,
            (Partitioning::Key, Some(key)) => return ((murmur2(key) & 0x7fff_ffff) % partitions) as i32,
            (Partitioning::Random, _) => self.current = self.draw(),
            (Partitioning::RoundRobin, _) => self.current = self.current.wrapping_add(1),
            (Partitioning::Sticky | Partitioning::Key, _) => {
                if self.left == 0 {
                    self.left = STICKY_LINES;
                    self.current = self.draw();
                }
                self.left = self.left.saturating_sub(lines);
            }
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
        fn next_of_one_line(&mut self, partitions: i32) -> i32 {
            self.next(partitions, 1, None)
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
        let mut partitioner = Partitioner::seeded(Partitioning::Key, 7);
        let of_key = partitioner.next(6, 1, Some(b"foobar"));
        assert_eq!(of_key, ((-790_332_482_i32 & 0x7fff_ffff) % 6));
        let without = partitioner.next_of_one_line(6);
        assert!((1..STICKY_LINES).all(|_| partitioner.next_of_one_line(6) == without));
        assert_eq!(partitioner.next(6, 1, Some(b"foobar")), of_key);
    }

    #[test]
    fn a_record_of_many_lines_counts_as_many() {
        let mut partitioner = Partitioner::seeded(Partitioning::Sticky, 7);
        let runs: Vec<i32> = (0..40).map(|_| partitioner.next(64, STICKY_LINES, None)).collect();
        assert!(runs.windows(2).filter(|pair| pair[0] != pair[1]).count() > 30, "{runs:?}");
    }

    #[test]
    fn sticky_stays_for_some_thousand_records_and_then_moves() {
        let mut partitioner = Partitioner::seeded(Partitioning::Sticky, 7);
        let runs: Vec<Vec<i32>> =
            (0..40).map(|_| (0..STICKY_LINES).map(|_| partitioner.next_of_one_line(4)).collect()).collect();
        assert!(runs.iter().all(|run| run.iter().all(|partition| *partition == run[0])));
        let mut met: Vec<i32> = runs.iter().map(|run| run[0]).collect();
        met.sort_unstable();
        met.dedup();
        assert_eq!(met, [0, 1, 2, 3]);
    }

    #[test]
    fn round_robin_takes_each_in_turn() {
        let mut partitioner = Partitioner::seeded(Partitioning::RoundRobin, 3);
        let first = partitioner.next_of_one_line(3);
        assert_eq!(
            (partitioner.next_of_one_line(3), partitioner.next_of_one_line(3), partitioner.next_of_one_line(3)),
            ((first + 1) % 3, (first + 2) % 3, first)
        );
    }

    #[test]
    fn random_is_roughly_even() {
        let mut partitioner = Partitioner::seeded(Partitioning::Random, 11);
        let mut counts = [0; 4];
        for _ in 0..4_000 {
            counts[partitioner.next_of_one_line(4) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_number_is_given_as_it_is() {
        let mut partitioner = Partitioner::new(Partitioning::Number(9));
        assert_eq!((partitioner.next_of_one_line(3), partitioner.number()), (9, Some(9)));
    }

    proptest! {
        #[test]
        fn choices_lie_within_the_topic_even_while_it_grows(seed: u64, counts in prop::collection::vec(1i32..50, 1..200)) {
            for partitioning in [Partitioning::Sticky, Partitioning::Random, Partitioning::RoundRobin] {
                let mut partitioner = Partitioner::seeded(partitioning, seed);
                for &count in &counts {
                    prop_assert!((0..count).contains(&partitioner.next_of_one_line(count)));
                }
            }
        }
    }
}
