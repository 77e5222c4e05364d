//! Makes a batch of the records of one partition. Takes records, does no I/O.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use collector_model::{
    Batch, EventId, ForkPath, LineFlags, Origin, TaskKey, Ticket, Topic,
    batch::{RawLine, Span},
    envelope::{Envelope, EnvelopeError, many::Many},
    id::ForeignPartition,
};

use crate::ConsumerLimits;

/// A record as the partition has it. Borrows from the client.
#[derive(Debug, Clone, Copy)]
pub struct Fetched<'a> {
    /// The offset.
    pub offset: u64,
    /// The record's timestamp in ms since the epoch; 0 where it has none.
    pub timestamp_ms: i64,
    /// The key, or the header `lc` of a record whose key is a field.
    pub envelope: Option<&'a [u8]>,
    /// The value; none in a tombstone.
    pub value: Option<&'a [u8]>,
}

/// Lines of one partition that will be a batch.
#[derive(Debug)]
pub struct Gather {
    foreign: ForeignPartition,
    raw: Vec<u8>,
    lines: Vec<RawLine>,
    origins: Vec<Arc<Origin>>,
    range: Option<(u64, u64)>,
    opened: Instant,
}

/// What a finished gathering holds.
#[derive(Debug)]
pub struct Gathered {
    /// The lines' bytes, each with a newline behind it.
    pub raw: Vec<u8>,
    /// The lines.
    pub lines: Vec<RawLine>,
    /// Where they were read.
    pub origins: Vec<Arc<Origin>>,
    /// The first offset.
    pub from: u64,
    /// The first offset after it.
    pub to: u64,
}

impl Gathered {
    /// The batch for the topic's rule.
    pub fn into_batch(self, topic: &Topic, ticket: Ticket) -> Batch {
        let key = TaskKey::of_topic(topic);
        Batch::new(key, topic.clone(), Bytes::from(self.raw), self.lines, self.origins, ticket)
    }
}

impl Gather {
    /// An empty one, for the partition that `foreign` names.
    pub fn new(foreign: ForeignPartition, now: Instant) -> Self {
        Gather { foreign, raw: vec![], lines: vec![], origins: vec![], range: None, opened: now }
    }

    /// Adds a record. An envelope that cannot be read makes the record a foreign one, whose line is not lost; the reason is
    /// returned.
    pub fn push(&mut self, record: Fetched<'_>, now: Instant) -> Result<(), EnvelopeError> {
        if self.range.is_none() {
            self.opened = now;
        }
        let from = self.range.map_or(record.offset, |(from, _)| from);
        self.range = Some((from, record.offset + 1));
        let Some(value) = record.value else { return Ok(()) };
        if let Some(key) = record.envelope.filter(|key| Many::is_many(key)) {
            let unpacked = self.unpack(key, value);
            return unpacked.inspect_err(|_| self.push_foreign(&record, value));
        }
        let envelope = match record.envelope.filter(|bytes| Envelope::is_ours(bytes)).map(Envelope::decode) {
            None => Ok(None),
            Some(Ok(envelope)) => Ok(Some(envelope)),
            Some(Err(error)) => Err(error),
        };
        match &envelope {
            Ok(Some(ours)) => {
                let origin = self.origin(|last| ours.is_from(last), || ours.origin());
                let raw = self.append(value);
                self.lines.push(RawLine { raw, id: ours.id, fork: ours.fork.clone(), flags: ours.flags, origin });
            }
            Ok(None) | Err(_) => self.push_foreign(&record, value),
        }
        envelope.map(drop)
    }

    /// Adds the lines of a record that has many, or none of them.
    fn unpack(&mut self, key: &[u8], value: &[u8]) -> Result<(), EnvelopeError> {
        let many = Many::decode(key)?;
        let before = self.lines.len();
        let start = self.raw.len();
        let origin = self.origin(|last| *last == many.origin, || many.origin.clone());
        for line in many.unpack(value) {
            let line = line.inspect_err(|_| self.lines.truncate(before))?;
            let raw = line.span_from(start);
            self.lines.push(RawLine { raw, id: line.id, fork: line.fork, flags: line.flags, origin });
        }
        self.append(value);
        Ok(())
    }

    /// Adds a record as another producer's.
    fn push_foreign(&mut self, record: &Fetched<'_>, value: &[u8]) {
        let foreign = Origin { read_time_ms: record.timestamp_ms, ..Origin::default() };
        let origin = self.origin(|last| *last == foreign, || foreign.clone());
        let id = EventId::foreign(self.foreign, record.offset, record.timestamp_ms, value);
        let raw = self.append(value);
        self.lines.push(RawLine { raw, id, fork: ForkPath::NONE, flags: LineFlags::default(), origin });
    }

    /// Adds bytes. They are separated as in a file, so that no plugin sees two lines as one.
    fn append(&mut self, value: &[u8]) -> Span {
        let start = self.raw.len();
        self.raw.extend_from_slice(value);
        let span = Span::between(start, self.raw.len());
        self.raw.push(b'\n');
        span
    }

    /// The index of the origin: the last one where it is the same, which it is for consecutive lines of a file.
    fn origin(&mut self, is_last: impl Fn(&Origin) -> bool, make: impl FnOnce() -> Origin) -> u32 {
        if !self.origins.last().is_some_and(|last| is_last(last)) {
            self.origins.push(Arc::new(make()));
        }
        (self.origins.len() - 1) as u32
    }

    /// Whether the limits of size close it.
    pub fn is_full(&self, limits: &ConsumerLimits) -> bool {
        self.raw.len() >= limits.batch_bytes_max || self.lines.len() >= limits.batch_lines_max
    }

    /// Whether it has something and is old enough.
    pub fn is_ripe(&self, limits: &ConsumerLimits, now: Instant) -> bool {
        self.range.is_some() && now.duration_since(self.opened) >= limits.batch_age_max
    }

    /// Takes what was gathered, and begins afresh.
    pub fn take(&mut self, now: Instant) -> Option<Gathered> {
        let (from, to) = self.range?;
        let taken = std::mem::replace(self, Gather::new(self.foreign, now));
        Some(Gathered { raw: taken.raw, lines: taken.lines, origins: taken.origins, from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collector_model::{
        BucketDay, FileUid, envelope,
        envelope::many::{Packed, Packer},
    };

    fn gather() -> Gather {
        Gather::new(ForeignPartition::new("cluster", "web", 2), Instant::now())
    }

    fn fetched<'a>(offset: u64, envelope: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Fetched<'a> {
        Fetched { offset, timestamp_ms: 86_400_000, envelope, value }
    }

    fn key(offset: u64, line: &[u8], path: &str) -> (EventId, Vec<u8>) {
        let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(1), offset, line);
        let origin = Origin { path: path.into(), host_name: "web-1".into(), ..Origin::default() };
        let mut key = vec![];
        envelope::encode(&id, &ForkPath::NONE.child(4), LineFlags::CUT, &origin, &mut key);
        (id, key)
    }

    fn batch(gather: &mut Gather) -> Batch {
        gather.take(Instant::now()).unwrap().into_batch(&Topic::new("web").unwrap(), Ticket::untracked())
    }

    #[test]
    fn our_records_keep_what_the_agent_knew() {
        let mut gather = gather();
        let (id, key) = key(7, b"one", "/a");
        gather.push(fetched(5, Some(&key), Some(b"one")), Instant::now()).unwrap();
        let batch = batch(&mut gather);
        let line = &batch.lines[0];
        assert_eq!((line.id, line.flags, line.fork.steps()), (id, LineFlags::CUT, [4].as_slice()));
        assert_eq!((batch.raw_of(line), &*batch.origin_of(line).path), (b"one".as_slice(), "/a"));
    }

    #[test]
    fn consecutive_lines_of_a_file_share_their_origin() {
        let mut gather = gather();
        for (offset, path) in ["/a", "/a", "/b", "/a"].into_iter().enumerate() {
            let (_, key) = key(offset as u64, b"x", path);
            gather.push(fetched(offset as u64, Some(&key), Some(b"x")), Instant::now()).unwrap();
        }
        let batch = batch(&mut gather);
        assert_eq!(batch.lines.iter().map(|line| line.origin).collect::<Vec<_>>(), [0, 0, 1, 2]);
    }

    #[test]
    fn a_foreign_record_is_named_by_its_place_and_timestamp() {
        let mut gather = gather();
        gather.push(fetched(9, Some(b"user-17"), Some(b"hello")), Instant::now()).unwrap();
        gather.push(fetched(10, None, Some(b"")), Instant::now()).unwrap();
        let batch = batch(&mut gather);
        let place = ForeignPartition::new("cluster", "web", 2);
        assert_eq!(batch.lines[0].id, EventId::foreign(place, 9, 86_400_000, b"hello"));
        assert_eq!(batch.lines[1].id, EventId::foreign(place, 10, 86_400_000, b""));
        assert_eq!((batch.origins.len(), batch.origins[0].read_time_ms), (1, 86_400_000));
    }

    #[test]
    fn an_envelope_of_a_newer_version_is_told_and_its_line_is_kept_as_foreign() {
        let mut gather = gather();
        let (_, mut key) = key(7, b"one", "/a");
        key[2] = 9;
        let told = gather.push(fetched(5, Some(&key), Some(b"one")), Instant::now());
        assert_eq!(told, Err(EnvelopeError::UnknownVersion(9)));
        let batch = batch(&mut gather);
        assert!(!batch.lines[0].id.is_ours() && batch.raw_of(&batch.lines[0]) == b"one");
    }

    /// A record of many lines, of a file that begins at offset 0.
    fn many(value: &[u8], path: &str) -> (Vec<EventId>, Vec<u8>) {
        let origin = Origin { path: path.into(), ..Origin::default() };
        let (mut packer, mut at, mut ids) = (Packer::default(), 0, vec![]);
        for line in value.split_inclusive(|byte| *byte == b'\n') {
            let span = at..at + line.len() - 1;
            let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(1), at as u64, &value[span.clone()]);
            at += line.len();
            let line = Packed { span, id, fork: ForkPath::NONE, flags: LineFlags::default() };
            if ids.is_empty() {
                packer.begin(value, &line, &origin);
            } else {
                assert!(packer.push(value, &line, 1 << 20));
            }
            ids.push(id);
        }
        (ids, packer.finish(value).0.to_vec())
    }

    #[test]
    fn both_forms_mix_in_a_partition() {
        let mut gather = gather();
        let (one, one_key) = key(7, b"one", "/a");
        let (ids, many_key) = many(b"two\n\nfour\n", "/a");
        gather.push(fetched(5, Some(&one_key), Some(b"one")), Instant::now()).unwrap();
        gather.push(fetched(6, Some(&many_key), Some(b"two\n\nfour\n")), Instant::now()).unwrap();
        gather.push(fetched(7, None, Some(b"five")), Instant::now()).unwrap();
        let gathered = gather.take(Instant::now()).unwrap();
        assert_eq!((gathered.from, gathered.to), (5, 8));
        let batch = gathered.into_batch(&Topic::new("web").unwrap(), Ticket::untracked());
        let lines: Vec<&[u8]> = batch.lines.iter().map(|line| batch.raw_of(line)).collect();
        assert_eq!(lines, [b"one".as_slice(), b"two", b"", b"four", b"five"]);
        assert_eq!(batch.lines[..4].iter().map(|line| line.id).collect::<Vec<_>>(), [vec![one], ids].concat());
        assert!(!batch.lines[4].id.is_ours());
        assert_eq!(&*batch.origin_of(&batch.lines[3]).path, "/a");
    }

    #[test]
    fn a_record_of_many_lines_that_was_changed_is_told_and_kept_whole_as_foreign() {
        let mut gather = gather();
        let (_, key) = many(b"one\ntwo\n", "/a");
        let told = gather.push(fetched(5, Some(&key), Some(b"one\ntwo\nthree\n")), Instant::now());
        assert_eq!(told, Err(EnvelopeError::NotTheValue));
        let told = gather.push(fetched(6, Some(&key[..key.len() - 1]), Some(b"one\ntwo\n")), Instant::now());
        assert_eq!(told, Err(EnvelopeError::TooShort));
        let batch = batch(&mut gather);
        assert_eq!(
            batch.lines.iter().map(|line| batch.raw_of(line)).collect::<Vec<_>>(),
            [b"one\ntwo\nthree\n".as_slice(), b"one\ntwo\n"]
        );
        assert!(batch.lines.iter().all(|line| !line.id.is_ours()));
    }

    #[test]
    fn a_tombstone_makes_no_line_and_still_moves_the_offset() {
        let mut gather = gather();
        gather.push(fetched(3, None, None), Instant::now()).unwrap();
        let gathered = gather.take(Instant::now()).unwrap();
        assert_eq!((gathered.lines.len(), gathered.from, gathered.to), (0, 3, 4));
        assert!(gather.take(Instant::now()).is_none());
    }

    #[test]
    fn a_batch_is_closed_by_bytes_lines_or_age() {
        let now = Instant::now();
        let limits = ConsumerLimits { batch_bytes_max: 10, batch_lines_max: 3, ..ConsumerLimits::default() };
        let mut by_bytes = gather();
        by_bytes.push(fetched(0, None, Some(b"0123456789")), now).unwrap();
        let mut by_lines = gather();
        (0..3).for_each(|offset| by_lines.push(fetched(offset, None, Some(b"")), now).unwrap());
        assert!(by_bytes.is_full(&limits) && by_lines.is_full(&limits) && !gather().is_full(&limits));
        assert!(!by_lines.is_ripe(&limits, now) && by_lines.is_ripe(&limits, now + limits.batch_age_max));
        assert!(!gather().is_ripe(&limits, now + limits.batch_age_max));
    }
}
