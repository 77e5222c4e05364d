//! The `batch` form: one record carries many lines of one file. Its value is a piece of the file as it stands there (or documents, a
//! line each), and its key says where the lines are in it and what their ids are.
//!
//! Layout of the key, big-endian: magic `LB` · version 1 · 0 · bytes of the value u32 · number of lines u32 · the first 20 bytes that all
//! ids have in common (kind, bucket day, file uid) · read time i64 (ms) · timezone i16 (minutes) · host, ip, path, chain, encoding,
//! each as u16 length and bytes · then for each line a varint: twice its length, plus 1 where a byte of [`Extra`] follows with what it announces.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use super::{EnvelopeError, Rest, put_text};
use crate::{Encoding, EventId, ForkPath, LineFlags, Origin, Span, id::EVENT_ID_BYTES};

const MAGIC: [u8; 2] = *b"LB";
const VERSION: u8 = 1;
/// Where the number of bytes, then the number of lines stands in the key.
const COUNTS_AT: usize = 4;
/// What the ids of one file's lines of one day have in common.
const PREFIX_BYTES: usize = 20;
/// A varint of 64 bits has at most that many bytes.
const VARINT_BYTES_MAX: usize = 10;
/// What one line may take of the key, without the steps of its fork path.
const LINE_BYTES_MAX: usize = 3 * VARINT_BYTES_MAX + 11;

/// What is not as expected with a line, as bits of a byte. They stand in the order of their numbers.
struct Extra;

impl Extra {
    /// A varint: bytes of the value before the line that belong to no line. Expected: none before the first, then a newline's.
    const GAP: u8 = 1;
    /// A varint (zigzag): how far the line's offset in its file is from the expected one, which lies as far behind that of the line
    /// before as the two lines lie in the value. Expected of the first: 0.
    const OFFSET: u8 = 2;
    /// A byte: the flags. Expected: none set.
    const FLAGS: u8 = 4;
    /// The fork path: count u8, then u16 each. Expected: empty.
    const FORK: u8 = 8;
    /// 8 bytes: the hash of the id. Expected: xxh3_64 of the line's bytes.
    const HASH: u8 = 16;
    const ALL: u8 = 31;
}

/// One line that is to be packed, or was unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The line's bytes, in the buffer or in the value.
    pub span: Range<usize>,
    /// The identity.
    pub id: EventId,
    /// Which fork of the line.
    pub fork: ForkPath,
    /// What is special about it.
    pub flags: LineFlags,
}

/// Packs lines of one buffer into a record. Kept from record to record.
#[derive(Debug, Default)]
pub struct Packer {
    key: Vec<u8>,
    encoding: Encoding,
    lines: u32,
    start: usize,
    end: usize,
    last_start: usize,
    expected_offset: u64,
}

impl Packer {
    /// Begins a record with a line; the value begins where the line does.
    pub fn begin(&mut self, buffer: &[u8], first: &Packed, origin: &Origin) {
        let key = &mut self.key;
        key.clear();
        key.extend_from_slice(&MAGIC);
        key.extend_from_slice(&[VERSION, 0]);
        key.extend_from_slice(&[0; 8]);
        key.extend_from_slice(&first.id.as_bytes()[..PREFIX_BYTES]);
        key.extend_from_slice(&origin.read_time_ms.to_be_bytes());
        key.extend_from_slice(&origin.timezone_minutes.to_be_bytes());
        let texts = [&*origin.host_name, &*origin.host_ip, &*origin.path, &*origin.chain, origin.encoding.name()];
        texts.iter().for_each(|text| put_text(text, key));
        self.encoding = origin.encoding;
        (self.lines, self.start, self.end) = (0, first.span.start, first.span.start);
        (self.last_start, self.expected_offset) = (first.span.start, 0);
        self.put(buffer, first);
    }

    /// Adds the line that follows, where it is of the same file and day and the record stays below `bytes_max`. Says whether it was.
    pub fn push(&mut self, buffer: &[u8], line: &Packed, bytes_max: usize) -> bool {
        let prefix_at = COUNTS_AT + 8;
        let is_alike = self.key[prefix_at..prefix_at + PREFIX_BYTES] == line.id.as_bytes()[..PREFIX_BYTES];
        let steps = line.fork.steps().len();
        // The newline behind the line belongs to the value, too.
        let bytes = (line.span.end + self.encoding.newline_bytes()).saturating_sub(self.start)
            + self.key.len()
            + LINE_BYTES_MAX
            + 2 * steps;
        let fits = is_alike && line.span.start >= self.end && bytes <= bytes_max && steps <= super::FORK_STEPS_MAX;
        if fits {
            self.put(buffer, line);
        }
        fits
    }

    /// The key, and which piece of the buffer is the value.
    pub fn finish(&mut self, buffer: &[u8]) -> (&[u8], Range<usize>) {
        // With the newline, so that other readers find lines that end.
        let has_newline = buffer.get(self.end..).is_some_and(|rest| self.encoding.begins_with_newline(rest));
        let end = if has_newline { self.end + self.encoding.newline_bytes() } else { self.end };
        let bytes = (end - self.start) as u32;
        self.key[COUNTS_AT..COUNTS_AT + 4].copy_from_slice(&bytes.to_be_bytes());
        self.key[COUNTS_AT + 4..COUNTS_AT + 8].copy_from_slice(&self.lines.to_be_bytes());
        (&self.key, self.start..end)
    }

    /// How many lines the record has.
    pub fn lines(&self) -> u32 {
        self.lines
    }

    fn put(&mut self, buffer: &[u8], line: &Packed) {
        let Range { start, end } = line.span;
        let gap = start - self.end;
        let expected_gap = if self.lines > 0 { self.encoding.newline_bytes() } else { 0 };
        let expected = self.expected_offset.wrapping_add((start - self.last_start) as u64);
        let moved = line.id.offset().wrapping_sub(expected) as i64;
        let hash = xxh3_64(&buffer[start..end]).to_be_bytes();
        let own_hash = &line.id.as_bytes()[EVENT_ID_BYTES - 8..];
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let extra = bit(gap != expected_gap, Extra::GAP)
            | bit(moved != 0, Extra::OFFSET)
            | bit(line.flags != LineFlags::default(), Extra::FLAGS)
            | bit(line.fork != ForkPath::NONE, Extra::FORK)
            | bit(hash != *own_hash, Extra::HASH);
        put_varint(((end - start) as u64) << 1 | u64::from(extra != 0), &mut self.key);
        if extra != 0 {
            self.put_extra(extra, gap, moved, line);
        }
        (self.end, self.last_start, self.expected_offset) = (end, start, line.id.offset());
        self.lines += 1;
    }

    #[cold]
    fn put_extra(&mut self, extra: u8, gap: usize, moved: i64, line: &Packed) {
        let key = &mut self.key;
        key.push(extra);
        if extra & Extra::GAP != 0 {
            put_varint(gap as u64, key);
        }
        if extra & Extra::OFFSET != 0 {
            put_varint((moved << 1 ^ moved >> 63) as u64, key);
        }
        if extra & Extra::FLAGS != 0 {
            key.push(line.flags.0);
        }
        if extra & Extra::FORK != 0 {
            super::put_fork(&line.fork, key);
        }
        if extra & Extra::HASH != 0 {
            key.extend_from_slice(&line.id.as_bytes()[EVENT_ID_BYTES - 8..]);
        }
    }
}

fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The decoded key of a record of many lines. Borrows from the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Many<'a> {
    /// Where all of the lines were read.
    pub origin: Origin,
    /// How many there are.
    pub lines: u32,
    value_bytes: u32,
    prefix: [u8; PREFIX_BYTES],
    table: &'a [u8],
}

impl<'a> Many<'a> {
    /// Whether a record's key begins as one of many lines.
    pub fn is_many(key: &[u8]) -> bool {
        key.starts_with(&MAGIC) && key.len() > COUNTS_AT + 8 + PREFIX_BYTES
    }

    /// Reads a key.
    pub fn decode(key: &'a [u8]) -> Result<Self, EnvelopeError> {
        let mut rest = Rest(key);
        if rest.array::<2>()? != MAGIC {
            return Err(EnvelopeError::NotOurs);
        }
        let [version, reserved] = rest.array::<2>()?;
        if version != VERSION || reserved != 0 {
            return Err(EnvelopeError::UnknownVersion(version.max(reserved)));
        }
        let value_bytes = u32::from_be_bytes(rest.array()?);
        let lines = u32::from_be_bytes(rest.array()?);
        let prefix = rest.array()?;
        let read_time_ms = i64::from_be_bytes(rest.array()?);
        let timezone_minutes = i16::from_be_bytes(rest.array()?);
        let origin = Origin {
            host_name: rest.text()?.into(),
            host_ip: rest.text()?.into(),
            path: rest.text()?.into(),
            read_time_ms,
            timezone_minutes,
            chain: rest.text()?.into(),
            encoding: rest.encoding()?,
        };
        Ok(Many { origin, lines, value_bytes, prefix, table: rest.0 })
    }

    /// The lines of the value, in order; an error where key and value do not belong together, and nothing behind it.
    pub fn unpack<'v>(&self, value: &'v [u8]) -> Unpacked<'a, 'v> {
        let is_whole = value.len() == self.value_bytes as usize;
        Unpacked {
            rest: Rest(self.table),
            value,
            prefix: self.prefix,
            left: self.lines,
            end: 0,
            last_start: 0,
            expected_offset: 0,
            gap: 0,
            gap_after: self.origin.encoding.newline_bytes() as u64,
            trouble: (!is_whole).then_some(EnvelopeError::NotTheValue),
        }
    }
}

/// The lines of a record; see [`Many::unpack`].
#[derive(Debug)]
pub struct Unpacked<'a, 'v> {
    rest: Rest<'a>,
    value: &'v [u8],
    prefix: [u8; PREFIX_BYTES],
    left: u32,
    end: usize,
    last_start: usize,
    expected_offset: u64,
    /// What is expected between the line before and the next one, and between all further ones.
    gap: u64,
    gap_after: u64,
    trouble: Option<EnvelopeError>,
}

impl Iterator for Unpacked<'_, '_> {
    type Item = Result<Packed, EnvelopeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(trouble) = self.trouble.take() {
            self.stop();
            return Some(Err(trouble));
        }
        if self.left == 0 {
            let is_over = self.rest.0.is_empty();
            self.stop();
            return (!is_over).then_some(Err(EnvelopeError::TooLong));
        }
        let line = self.line();
        if line.is_err() {
            self.stop();
        }
        Some(line)
    }
}

impl Unpacked<'_, '_> {
    fn stop(&mut self) {
        (self.rest, self.left) = (Rest(&[]), 0);
    }

    fn line(&mut self) -> Result<Packed, EnvelopeError> {
        let head = self.rest.varint()?;
        let extra = if head & 1 != 0 { self.rest.array::<1>()?[0] } else { 0 };
        if extra & !Extra::ALL != 0 {
            return Err(EnvelopeError::UnknownVersion(VERSION));
        }
        let has = |bit: u8| extra & bit != 0;
        let gap = if has(Extra::GAP) { self.rest.varint()? } else { self.gap };
        let moved = if has(Extra::OFFSET) { self.rest.varint()? } else { 0 };
        let moved = (moved >> 1) as i64 ^ -((moved & 1) as i64);
        let flags = LineFlags(if has(Extra::FLAGS) { self.rest.array::<1>()?[0] } else { 0 });
        let fork = if has(Extra::FORK) { self.rest.fork()? } else { ForkPath::NONE };
        let given_hash = if has(Extra::HASH) { Some(self.rest.array::<8>()?) } else { None };
        let span = self.span(gap, head >> 1).ok_or(EnvelopeError::NotTheValue)?;
        let expected = self.expected_offset.wrapping_add((span.start - self.last_start) as u64);
        let offset = expected.wrapping_add(moved as u64);
        let hash = given_hash.unwrap_or_else(|| xxh3_64(&self.value[span.clone()]).to_be_bytes());
        let mut id = [0; EVENT_ID_BYTES];
        id[..PREFIX_BYTES].copy_from_slice(&self.prefix);
        id[PREFIX_BYTES..PREFIX_BYTES + 8].copy_from_slice(&offset.to_be_bytes());
        id[PREFIX_BYTES + 8..].copy_from_slice(&hash);
        (self.end, self.last_start, self.expected_offset) = (span.end, span.start, offset);
        self.gap = self.gap_after;
        self.left -= 1;
        Ok(Packed { span, id: EventId::from_bytes(id)?, fork, flags })
    }

    fn span(&self, gap: u64, len: u64) -> Option<Range<usize>> {
        let start = self.end.checked_add(usize::try_from(gap).ok()?)?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        (end <= self.value.len()).then_some(start..end)
    }
}

impl Packed {
    /// A line of a batch, for packing.
    pub fn of(line: &crate::Line) -> Self {
        Packed { span: line.raw.range(), id: line.id, fork: line.fork.clone(), flags: line.flags }
    }

    /// The line's span in a buffer in which the value begins at `start`.
    pub fn span_from(&self, start: usize) -> Span {
        Span::between(start + self.span.start, start + self.span.end)
    }
}

#[cfg(test)]
#[path = "many_tests.rs"]
mod tests;
