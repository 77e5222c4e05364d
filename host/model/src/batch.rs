//! Lines on their way: the bytes once, and what is known of each line.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Encoding, EventId, ForkPath, TaskKey, Ticket, Topic};

/// A range of a byte buffer. Buffers are at most 4 GiB; batches are far smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

impl Span {
    /// The span of `start..end`.
    pub fn between(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= u32::MAX as usize);
        Span { start: start as u32, len: (end - start) as u32 }
    }

    /// The range in its buffer.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }
}

/// Where lines were read: everything that the lines of one file and one reading have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The name of the host that read the line; empty for another producer's record.
    pub host_name: Arc<str>,
    /// The address by which that host reaches the network; empty when unknown.
    pub host_ip: Arc<str>,
    /// The file; empty for another producer's record.
    pub path: Arc<str>,
    /// When the bytes were first read (for another producer's record: the record's timestamp), in ms since the epoch.
    pub read_time_ms: i64,
    /// The reader's offset from UTC, in minutes.
    pub timezone_minutes: i16,
    /// The hash of the chain that the agent already ran on the line; empty when none.
    pub chain: Arc<str>,
    /// How the lines' bytes become text.
    pub encoding: Encoding,
}

/// What is special about a line. A set of flags; the numbers are those of the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineFlags(pub u8);

impl LineFlags {
    /// The value is a JSON document that an agent's chain made.
    pub const DOCUMENT: LineFlags = LineFlags(1);
    /// The line was longer than the limit; this is a part of it.
    pub const CUT: LineFlags = LineFlags(2);
    /// The line had no newline yet when the flush time-out sent it.
    pub const UNFINISHED: LineFlags = LineFlags(4);
    /// A plugin of the chain was in quarantine when the line met it.
    pub const BYPASSED: LineFlags = LineFlags(8);

    /// Whether all flags of `other` are set.
    pub fn has(self, other: LineFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    #[must_use]
    pub fn with(self, other: LineFlags) -> LineFlags {
        LineFlags(self.0 | other.0)
    }
}

/// One line of a batch.
#[derive(Clone, Debug)]
pub struct Line {
    /// The bytes as they were, without the newline, in [`Batch::raw`].
    pub raw: Span,
    /// The same as valid UTF-8, in [`Batch::text`].
    pub text: Span,
    /// The identity.
    pub id: EventId,
    /// Which fork of its line the record is (an agent's chain may fork).
    pub fork: ForkPath,
    /// What is special about it.
    pub flags: LineFlags,
    /// Index into [`Batch::origins`].
    pub origin: u32,
}

/// Consecutive lines of one source, collected for one task, and the duty to bring them to safety.
#[derive(Debug)]
pub struct Batch {
    /// The task or rule whose chain treats the lines.
    pub task: TaskKey,
    /// The topic.
    pub topic: Topic,
    /// The bytes as they were.
    pub raw: Bytes,
    /// Valid UTF-8: `raw` itself in the usual case, otherwise a copy in which lines of other encodings are decoded and U+FFFD stands
    /// for what means nothing.
    pub text: Bytes,
    /// The lines, in order.
    pub lines: Vec<Line>,
    /// Where the lines were read.
    pub origins: Vec<Arc<Origin>>,
    /// How many lines were not valid in their encoding.
    pub invalid_utf8_lines: u32,
    /// Complete it when everything made of these lines is safe.
    pub ticket: Ticket,
}

/// A line as a source knows it, before its text was checked.
#[derive(Clone, Debug)]
pub struct RawLine {
    /// The line's bytes in the batch's buffer, without the newline.
    pub raw: Span,
    /// The identity.
    pub id: EventId,
    /// Which fork of its line the record is.
    pub fork: ForkPath,
    /// What is special about it.
    pub flags: LineFlags,
    /// Index into the origins.
    pub origin: u32,
}

impl Batch {
    /// Makes a batch of what a source read. Checks once, at native speed, that the bytes are UTF-8, and decodes only where they are not
    /// (or are said not to be).
    pub fn new(
        task: TaskKey,
        topic: Topic,
        raw: Bytes,
        lines: Vec<RawLine>,
        origins: Vec<Arc<Origin>>,
        ticket: Ticket,
    ) -> Self {
        let is_meant_so = origins.iter().all(|origin| origin.encoding.is_utf8());
        let is_text = is_meant_so && simdutf8::basic::from_utf8(&raw).is_ok_and(|text| cuts_no_character(text, &lines));
        let (text, texts, invalid_utf8_lines) =
            if is_text { (raw.clone(), None, 0) } else { decode(&raw, &lines, &origins) };
        let lines = lines.into_iter().enumerate().map(|(i, line)| Line {
            raw: line.raw,
            text: texts.as_ref().map_or(line.raw, |texts: &Vec<Span>| texts[i]),
            id: line.id,
            fork: line.fork,
            flags: line.flags,
            origin: line.origin,
        });
        let lines = lines.collect();
        Batch { task, topic, raw, text, lines, origins, invalid_utf8_lines, ticket }
    }

    /// A line's bytes as they were.
    pub fn raw_of(&self, line: &Line) -> &[u8] {
        &self.raw[line.raw.range()]
    }

    /// A line's text.
    pub fn text_of(&self, line: &Line) -> &[u8] {
        &self.text[line.text.range()]
    }

    /// Where a line was read.
    pub fn origin_of(&self, line: &Line) -> &Arc<Origin> {
        &self.origins[line.origin as usize]
    }
}

fn cuts_no_character(text: &str, lines: &[RawLine]) -> bool {
    lines.iter().all(|line| {
        let range = line.raw.range();
        text.is_char_boundary(range.start) && text.is_char_boundary(range.end)
    })
}

/// Decodes the lines: the text, each line's span in it, and in how many lines something had to be replaced.
fn decode(raw: &[u8], lines: &[RawLine], origins: &[Arc<Origin>]) -> (Bytes, Option<Vec<Span>>, u32) {
    let mut text = String::with_capacity(raw.len() + raw.len() / 8);
    let mut touched = 0;
    let mut spans = Vec::with_capacity(lines.len());
    for line in lines {
        let start = text.len();
        let encoding = origins.get(line.origin as usize).map_or(Encoding::UTF_8, |origin| origin.encoding);
        let (decoded, replaced) = encoding.decode(&raw[line.raw.range()]);
        touched += u32::from(replaced);
        text.push_str(&decoded);
        spans.push(Span::between(start, text.len()));
    }
    (Bytes::from(text), Some(spans), touched)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BucketDay, FileUid};

    fn batch(raw: &'static [u8], spans: &[(usize, usize)]) -> Batch {
        let day = BucketDay::from_unix_ms(0);
        let line = |&(start, end): &(usize, usize)| RawLine {
            raw: Span::between(start, end),
            id: EventId::ours(day, FileUid(1), start as u64, &raw[start..end]),
            fork: ForkPath::NONE,
            flags: LineFlags::default(),
            origin: 0,
        };
        let topic = Topic::new("t").unwrap();
        let lines = spans.iter().map(line).collect();
        Batch::new(
            TaskKey::of_topic(&topic),
            topic,
            Bytes::from_static(raw),
            lines,
            vec![Arc::default()],
            Ticket::untracked(),
        )
    }

    #[test]
    fn text_is_the_bytes_themselves_where_they_are_utf8() {
        let batch = batch("één\ntwo\n".as_bytes(), &[(0, 5), (6, 9)]);
        assert_eq!(batch.text.as_ptr(), batch.raw.as_ptr());
        assert_eq!((batch.text_of(&batch.lines[1]), batch.invalid_utf8_lines), (b"two".as_slice(), 0));
    }

    #[test]
    fn what_is_not_utf8_is_replaced_and_counted_and_the_bytes_stay() {
        let batch = batch(b"a\xffb\ngood\n", &[(0, 3), (4, 8)]);
        assert_eq!(batch.text_of(&batch.lines[0]), "a\u{fffd}b".as_bytes());
        assert_eq!(batch.raw_of(&batch.lines[0]), b"a\xffb");
        assert_eq!((batch.text_of(&batch.lines[1]), batch.invalid_utf8_lines), (b"good".as_slice(), 1));
    }

    #[test]
    fn lines_of_another_encoding_are_decoded_and_their_bytes_stay() {
        let mut batch = batch(b"\xd6\xd0\nok\n", &[(0, 2), (3, 5)]);
        let origin = Arc::new(Origin { encoding: Encoding::named("gbk").unwrap(), ..Origin::default() });
        let raw =
            |line: &Line| RawLine { raw: line.raw, id: line.id, fork: ForkPath::NONE, flags: line.flags, origin: 0 };
        let lines = batch.lines.iter().map(raw).collect();
        batch = Batch::new(batch.task, batch.topic, batch.raw, lines, vec![origin], Ticket::untracked());
        let texts: Vec<_> = batch.lines.iter().map(|line| batch.text_of(line)).collect();
        assert_eq!((texts, batch.invalid_utf8_lines), (vec!["中".as_bytes(), b"ok"], 0));
        assert_eq!(batch.raw_of(&batch.lines[0]), b"\xd6\xd0");
    }

    #[test]
    fn a_line_cut_inside_a_character_is_still_text() {
        let batch = batch("aé\n".as_bytes(), &[(0, 2), (2, 3)]);
        assert!(batch.lines.iter().all(|line| std::str::from_utf8(batch.text_of(line)).is_ok()));
        assert_eq!(batch.invalid_utf8_lines, 2);
    }
}
