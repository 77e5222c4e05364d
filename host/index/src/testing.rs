//! Batches and documents for tests.

use std::sync::Arc;

use bytes::Bytes;
use collector_model::{
    Acknowledge, Batch, BucketDay, EventId, FileUid, ForkPath, LineFlags, Origin, Permit, Position, Source, Span,
    TaskKey, Ticket, Topic, batch::RawLine,
};
use parking_lot::{Condvar, Mutex};

use crate::{IndexItem, IndexPart};

/// The file of all batches.
pub(crate) const FILE: FileUid = FileUid(0xF11E);

/// First bytes and ends.
pub(crate) type Ranges = Vec<(u64, u64)>;

/// What was acknowledged and lost, and a way to wait for it.
#[derive(Default)]
pub(crate) struct Seen {
    settled: Mutex<(Ranges, Ranges)>,
    changed: Condvar,
}

impl Acknowledge for Seen {
    fn acknowledged(&self, position: &Position) {
        self.settled.lock().0.push((position.from, position.to));
        self.changed.notify_all();
    }
    fn lost(&self, position: &Position) {
        self.settled.lock().1.push((position.from, position.to));
        self.changed.notify_all();
    }
}

impl Seen {
    /// Waits until so many positions are settled; returns the acknowledged and the lost ones.
    pub(crate) fn wait(&self, count: usize) -> (Ranges, Ranges) {
        let mut settled = self.settled.lock();
        while settled.0.len() + settled.1.len() < count {
            let waited = self.changed.wait_for(&mut settled, std::time::Duration::from_secs(60));
            assert!(
                !waited.timed_out(),
                "only {} of {count} positions were settled",
                settled.0.len() + settled.1.len()
            );
        }
        settled.clone()
    }
}

/// A batch of lines, each of a day (days since 1970), that begin at byte `from` of the file.
pub(crate) fn batch_of(from: u64, lines: &[(u32, &str)]) -> Batch {
    tracked(from, lines, &Arc::default())
}

pub(crate) fn tracked(from: u64, lines: &[(u32, &str)], seen: &Arc<Seen>) -> Batch {
    let (mut raw, mut out) = (vec![], vec![]);
    for (day, line) in lines {
        let day = BucketDay::from_days(*day).unwrap();
        let start = raw.len();
        raw.extend_from_slice(line.as_bytes());
        let id = EventId::ours(day, FILE, from + start as u64, line.as_bytes());
        let raw_span = Span::between(start, raw.len());
        out.push(RawLine { raw: raw_span, id, fork: ForkPath::NONE, flags: LineFlags::default(), origin: 0 });
        raw.push(b'\n');
    }
    let position = Position { source: Source::File(FILE), from, to: from + raw.len() as u64 };
    let ticket = Ticket::new(position, Permit::none(), Arc::clone(seen) as Arc<dyn Acknowledge>);
    let topic = Topic::new("web").unwrap();
    let origin = Arc::new(Origin { read_time_ms: 1_000, ..Origin::default() });
    Batch::new(TaskKey::of_topic(&topic), topic, Bytes::from(raw), out, vec![origin], ticket)
}

/// The same lines, as those of a batch that comes from no file.
pub(crate) fn from_elsewhere(from: u64, lines: &[(u32, &str)], seen: &Arc<Seen>) -> Batch {
    let mut batch = tracked(from, lines, &Arc::default());
    let position = Position { source: Source::Partition(batch.topic.clone(), -1), from, to: from + 1 };
    batch.ticket = Ticket::new(position, Permit::none(), Arc::clone(seen) as Arc<dyn Acknowledge>);
    batch
}

/// The part of a batch whose lines are their documents; lines that begin with `#` are filtered out.
pub(crate) fn part_of(batch: Batch) -> IndexPart {
    let mut items = vec![];
    for (i, line) in batch.lines.iter().enumerate().filter(|(_, line)| !batch.raw_of(line).starts_with(b"#")) {
        items.push(IndexItem { line: i as u32, fork: ForkPath::NONE, document: line.raw });
    }
    let documents = batch.raw.clone();
    IndexPart::of(batch, documents, items)
}
