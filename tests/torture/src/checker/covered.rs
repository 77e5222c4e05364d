//! Whether a checkpoint was ever ahead of what Kafka had (I5).

use std::collections::{BTreeSet, HashMap};

use collector_model::FileUid;

use crate::observer::Snapshot;

/// Where one line lies in Kafka; a line that was sent again has several places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: u64,
    partition: i32,
    offset: i64,
}

/// Where the lines of each file lie in Kafka.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<FileUid, Vec<Place>>);

/// What came of comparing checkpoints with Kafka.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// How many lines lay below a checkpoint's position.
    pub(super) lines: u64,
    /// Those of them that Kafka did not have when the checkpoint was written.
    pub(super) uncovered: BTreeSet<String>,
}

impl Places {
    /// The line that begins there in its file is this record.
    pub(super) fn add(&mut self, file: FileUid, line: u64, partition: i32, offset: i64) {
        self.0.entry(file).or_default().push(Place { line, partition, offset });
    }

    /// Compares snapshots, in their order, with what Kafka had of the topic.
    pub(super) fn compare_with(mut self, snapshots: &[Snapshot], topic: &str, compared: &mut Compared) {
        self.0.values_mut().for_each(|places| places.sort_unstable());
        // What one snapshot covers the next ones do, for partitions only grow: each line is looked at once.
        let mut looked_at: HashMap<FileUid, usize> = HashMap::new();
        for snapshot in snapshots {
            let Some(ends) = snapshot.ends.get(topic) else { continue };
            for (file, to) in &snapshot.files {
                let Some(places) = self.0.get(file) else { continue };
                let from = looked_at.entry(*file).or_default();
                let end = places.partition_point(|place| place.line < *to);
                if end <= *from {
                    continue;
                }
                for places in places[*from..end].chunk_by(|a, b| a.line == b.line) {
                    compared.lines += 1;
                    if !places.iter().any(|place| was_there(place, ends)) {
                        compared.uncovered.insert(format!("{file:?} at {}", places[0].line));
                    }
                }
                *from = end;
            }
        }
    }
}

fn was_there(place: &Place, ends: &[i64]) -> bool {
    ends.get(place.partition as usize).is_some_and(|end| place.offset < *end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many lines were below a checkpoint, and how many of them Kafka did not have.
    fn compared(checkpoints: &[(u64, i64)]) -> (u64, usize) {
        let mut places = Places::default();
        // The third line was sent twice.
        for (line, offset) in [(0, 0), (10, 1), (20, 2), (20, 3), (30, 4)] {
            places.add(FileUid(7), line, 0, offset);
        }
        let snapshot =
            |&(to, end): &(u64, i64)| Snapshot { files: vec![(FileUid(7), to)], ends: [("t", vec![end])].into() };
        let snapshots: Vec<Snapshot> = checkpoints.iter().map(snapshot).collect();
        let mut compared = Compared::default();
        places.compare_with(&snapshots, "t", &mut compared);
        (compared.lines, compared.uncovered.len())
    }

    #[test]
    fn a_checkpoint_behind_what_kafka_has_is_covered_and_one_ahead_is_not() {
        assert_eq!(compared(&[(10, 1), (30, 3), (40, 5)]), (4, 0));
        assert_eq!(compared(&[(30, 2), (40, 5)]), (4, 1));
        assert_eq!(compared(&[(20, 0), (10, 1)]), (2, 2));
        assert_eq!(compared(&[(0, 1)]), (0, 0));
    }
}
