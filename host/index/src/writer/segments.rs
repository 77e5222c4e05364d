//! Which part of a batch's range belongs to which day.

use collector_model::{Batch, BucketDay, FileUid, Position, Source};

/// A range of a file whose lines are all of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The day.
    pub day: BucketDay,
    /// The file.
    pub uid: FileUid,
    /// Its first byte.
    pub from: u64,
    /// The first byte after it.
    pub to: u64,
}

/// Cuts a batch's range where the day of its lines changes; a new day begins with its first line, so that no partition
/// claims bytes of which another has the lines. Empty for lines that come from no file.
pub fn of(batch: &Batch, position: Option<&Position>) -> Vec<Segment> {
    let Some(&Position { source: Source::File(uid), from, to }) = position else { return vec![] };
    let mut segments: Vec<Segment> = vec![];
    for line in &batch.lines {
        let (day, offset) = (line.id.day(), line.id.offset());
        match segments.last_mut() {
            Some(last) if last.day == day => {}
            Some(last) => {
                last.to = offset;
                segments.push(Segment { day, uid, from: offset, to });
            }
            None => segments.push(Segment { day, uid, from, to }),
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FILE, batch_of};

    #[test]
    fn a_range_is_cut_where_the_day_of_its_lines_changes() {
        let batch = batch_of(100, &[(5, "a"), (5, "b"), (6, "c"), (7, "d")]);
        let position = batch.ticket.position();
        let day = |n| BucketDay::from_days(n).unwrap();
        let segment = |n, from, to| Segment { day: day(n), uid: FILE, from, to };
        assert_eq!(of(&batch, position), [segment(5, 100, 104), segment(6, 104, 106), segment(7, 106, 108)]);
        assert_eq!(of(&batch, None), []);
    }
}
