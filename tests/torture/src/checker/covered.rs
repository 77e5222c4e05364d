//! Whether a checkpoint was ever ahead of what Kafka had (I5).

use std::collections::HashMap;

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

impl Places {
    /// The line that begins there in its file is this record.
    pub(super) fn add(&mut self, file: FileUid, line: u64, partition: i32, offset: i64) {
        self.0.entry(file).or_default().push(Place { line, partition, offset });
    }

    /// Lines below a checkpoint's position that Kafka did not have when the checkpoint was written, in the order of snapshots.
    pub(super) fn uncovered(mut self, snapshots: &[Snapshot]) -> Vec<String> {
        self.0.values_mut().for_each(|places| places.sort_unstable());
        let mut uncovered = vec![];
        // What one snapshot covers the next ones do, for partitions only grow: each line is looked at once.
        let mut looked_at: HashMap<FileUid, usize> = HashMap::new();
        for snapshot in snapshots {
            for (file, to) in &snapshot.files {
                let Some(places) = self.0.get(file) else { continue };
                let from = looked_at.entry(*file).or_default();
                let end = places.partition_point(|place| place.line < *to);
                if end <= *from {
                    continue;
                }
                let lines = places[*from..end].chunk_by(|a, b| a.line == b.line);
                let is_new = |lines: &&[Place]| !lines.iter().any(|place| was_there(place, &snapshot.ends));
                uncovered.extend(lines.filter(is_new).map(|lines| format!("{file:?} at {}", lines[0].line)));
                *from = end;
            }
        }
        uncovered
    }
}

fn was_there(place: &Place, ends: &[i64]) -> bool {
    ends.get(place.partition as usize).is_some_and(|end| place.offset < *end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uncovered(checkpoints: &[(u64, i64)]) -> usize {
        let mut places = Places::default();
        // The third line was sent twice.
        for (line, offset) in [(0, 0), (10, 1), (20, 2), (20, 3), (30, 4)] {
            places.add(FileUid(7), line, 0, offset);
        }
        let snapshot = |&(to, end): &(u64, i64)| Snapshot { files: vec![(FileUid(7), to)], ends: vec![end] };
        let snapshots: Vec<Snapshot> = checkpoints.iter().map(snapshot).collect();
        places.uncovered(&snapshots).len()
    }

    #[test]
    fn a_checkpoint_behind_what_kafka_has_is_covered_and_one_ahead_is_not() {
        assert_eq!(uncovered(&[(10, 1), (30, 3), (40, 5)]), 0);
        assert_eq!(uncovered(&[(30, 2), (40, 5)]), 1);
        assert_eq!(uncovered(&[(20, 0), (10, 1)]), 2);
    }
}
