//! Bytes to lines: by newlines, by the limit, and by the boundaries that the journal holds. A pure function.
//!
//! The same bytes and the same plan always give the same lines, from whichever line start the reading begins: so a replay
//! makes the events that were made before, with the same ids.

use collector_model::{BucketDay, Encoding, LineFlags};

use crate::gather::{Gather, GatherFrom};

/// From an offset on, lines belong to this day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DayFrom {
    /// The first byte of the first line of that day.
    pub(crate) from: u64,
    /// The day on which those bytes were first read.
    pub(crate) day: BucketDay,
    /// When the first of them was read, in ms since the epoch.
    pub(crate) time_ms: i64,
    /// The machine's offset from UTC then, in minutes: the zone of timestamps without one.
    pub(crate) timezone_minutes: i16,
}

/// From an offset on, lines are cut at this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LimitFrom {
    /// Lines that begin here or later.
    pub(crate) from: u64,
    /// Longest line in bytes, at least 1.
    pub(crate) line_bytes_max: u32,
}

/// From an offset on, lines are in this encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EncodingFrom {
    /// Lines that begin here or later.
    pub(crate) from: u64,
    /// What newlines and characters look like.
    pub(crate) encoding: Encoding,
}

/// Everything besides the bytes that decides about lines: what time and settings decided, as the journal holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FramePlan {
    /// By offset.
    pub(crate) days: Vec<DayFrom>,
    /// By offset, the first one from the file's start on.
    pub(crate) limits: Vec<LimitFrom>,
    /// By offset; without any, lines are UTF-8.
    pub(crate) encodings: Vec<EncodingFrom>,
    /// Where a line that had no newline yet was ended, ascending.
    pub(crate) boundaries: Vec<u64>,
    /// By offset; without any, each line is an event.
    pub(crate) gathers: Vec<GatherFrom>,
    /// Where an event was ended that could have gone on, ascending.
    pub(crate) event_ends: Vec<u64>,
}

impl FramePlan {
    /// A plan that has only a limit.
    pub(crate) fn fresh(from: u64, line_bytes_max: u32) -> Self {
        FramePlan { limits: vec![LimitFrom { from, line_bytes_max }], ..FramePlan::default() }
    }

    /// The limit for a line that begins at `start`.
    pub(crate) fn limit_at(&self, start: u64) -> u32 {
        let after = self.limits.partition_point(|limit| limit.from <= start);
        // A plan has a limit from its start on; u32::MAX would stand for "none".
        self.limits.get(after.saturating_sub(1)).map_or(u32::MAX, |limit| limit.line_bytes_max.max(1))
    }

    /// The limit that newest settings asked for.
    pub(crate) fn newest_limit(&self) -> Option<u32> {
        self.limits.last().map(|limit| limit.line_bytes_max)
    }

    /// The encoding of a line that begins at `start`.
    pub(crate) fn encoding_at(&self, start: u64) -> Encoding {
        let after = self.encodings.partition_point(|encoding| encoding.from <= start);
        self.encodings[..after].last().map_or(Encoding::UTF_8, |encoding| encoding.encoding)
    }

    /// From where on lines have another encoding than one that begins at `start`.
    pub(crate) fn encoding_end(&self, start: u64) -> Option<u64> {
        let after = self.encodings.partition_point(|encoding| encoding.from <= start);
        self.encodings.get(after).map(|encoding| encoding.from)
    }

    /// The encoding that newest settings asked for.
    pub(crate) fn newest_encoding(&self) -> Encoding {
        self.encodings.last().map_or(Encoding::UTF_8, |encoding| encoding.encoding)
    }

    /// The rule for an event that begins at `start`; none where each line is one.
    pub(crate) fn gather_at(&self, start: u64) -> Option<&Gather> {
        let after = self.gathers.partition_point(|gather| gather.from <= start);
        self.gathers[..after].last().and_then(|gather| gather.rule.as_ref())
    }

    /// The rule that newest settings asked for.
    pub(crate) fn newest_gather(&self) -> Option<&Gather> {
        self.gathers.last().and_then(|gather| gather.rule.as_ref())
    }

    /// The day of a line that begins at `start`, where one was assigned.
    pub(crate) fn day_at(&self, start: u64) -> Option<&DayFrom> {
        let after = self.days.partition_point(|day| day.from <= start);
        self.days[..after].last()
    }

    /// Where the day of a line at `start` ends.
    pub(crate) fn day_end(&self, start: u64) -> Option<u64> {
        let after = self.days.partition_point(|day| day.from <= start);
        self.days.get(after).map(|day| day.from)
    }

    /// Forgets what only matters to lines before `offset`.
    pub(crate) fn trim(&mut self, offset: u64) {
        let days = self.days.partition_point(|day| day.from <= offset).saturating_sub(1);
        self.days.drain(..days);
        let limits = self.limits.partition_point(|limit| limit.from <= offset).saturating_sub(1);
        self.limits.drain(..limits);
        // The boundary at the offset itself stays: it tells that a newline there is no empty line.
        let boundaries = self.boundaries.partition_point(|&at| at < offset);
        self.boundaries.drain(..boundaries);
        let gathers = self.gathers.partition_point(|gather| gather.from <= offset).saturating_sub(1);
        self.gathers.drain(..gathers);
        let encodings = self.encodings.partition_point(|encoding| encoding.from <= offset).saturating_sub(1);
        self.encodings.drain(..encodings);
        let ends = self.event_ends.partition_point(|&at| at <= offset);
        self.event_ends.drain(..ends);
    }
}

/// One line found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its first byte, in the bytes given.
    pub(crate) start: u32,
    /// Its length without the newline.
    pub(crate) len: u32,
    /// What is special about it.
    pub(crate) flags: LineFlags,
}

/// The bytes to frame and where they lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch<'a> {
    /// The bytes; the first one begins a line (or a part of a cut one).
    pub(crate) bytes: &'a [u8],
    /// The first byte's offset in the file.
    pub(crate) base: u64,
    /// Whether the first byte goes on with a line that was cut.
    pub(crate) continues: bool,
    /// Lines that begin here or later are left; at the latest where another encoding begins.
    pub(crate) stop_at: u64,
    /// How many lines are wanted at most.
    pub(crate) lines_max: usize,
}

/// Finds the lines, appends them to `frames`, and answers how many bytes they take. What follows is an unfinished line, or was not wanted.
pub(crate) fn frame(stretch: &Stretch<'_>, plan: &FramePlan, frames: &mut Vec<Frame>) -> usize {
    let Stretch { bytes, base, stop_at, .. } = *stretch;
    let first_boundary = plan.boundaries.partition_point(|&at| at < base);
    let mut boundaries = plan.boundaries[first_boundary..].iter().map(|&at| (at - base) as usize).peekable();
    let frames_max = frames.len() + stretch.lines_max;
    let (encoding, mut continues) = (plan.encoding_at(base), stretch.continues);
    let newline_bytes = encoding.newline_bytes();
    let (mut at, mut limit, mut limit_end) = (0, plan.limit_at(base) as usize, next_limit(plan, base));
    while at < bytes.len() && frames.len() < frames_max && base + (at as u64) < stop_at {
        if boundaries.next_if_eq(&at).is_some() {
            continues = false;
            if encoding.begins_with_newline(&bytes[at..]) {
                // The newline of a line that was sent before it had one.
                at += newline_bytes;
                continue;
            }
        }
        if base + at as u64 >= limit_end {
            limit = plan.limit_at(base + at as u64) as usize;
            limit_end = next_limit(plan, base + at as u64);
        }
        let reach = bytes.len().min(at.saturating_add(limit).saturating_add(newline_bytes));
        let boundary = boundaries.peek().copied().filter(|&boundary| boundary <= bytes.len());
        let newline = encoding.find_newline(&bytes[at..reach]).map(|found| at + found);
        let part_flag = if continues { LineFlags::CUT } else { LineFlags::default() };
        let (end, next, flags) = match (newline, boundary) {
            (Some(newline), boundary) if boundary.is_none_or(|boundary| newline < boundary) => {
                continues = false;
                (newline, newline + newline_bytes, part_flag)
            }
            (_, Some(boundary)) if boundary - at <= limit => {
                (boundary, boundary, part_flag.with(LineFlags::UNFINISHED))
            }
            _ if reach - at >= limit.saturating_add(newline_bytes) => {
                let cut = encoding.character_start(bytes, at, at + limit);
                continues = true;
                (cut, cut, LineFlags::CUT)
            }
            _ => break,
        };
        frames.push(Frame { start: at as u32, len: (end - at) as u32, flags });
        at = next;
    }
    at
}

fn next_limit(plan: &FramePlan, start: u64) -> u64 {
    let after = plan.limits.partition_point(|limit| limit.from <= start);
    plan.limits.get(after).map_or(u64::MAX, |limit| limit.from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(bytes: &[u8], plan: &FramePlan) -> (Vec<(Vec<u8>, LineFlags)>, usize) {
        let stretch = Stretch { bytes, base: 0, continues: false, stop_at: u64::MAX, lines_max: usize::MAX };
        let mut frames = vec![];
        let consumed = frame(&stretch, plan, &mut frames);
        let text = |f: &Frame| (bytes[f.start as usize..(f.start + f.len) as usize].to_vec(), f.flags);
        (frames.iter().map(text).collect(), consumed)
    }

    fn plain(lines: &[&str]) -> Vec<(Vec<u8>, LineFlags)> {
        lines.iter().map(|line| (line.as_bytes().to_vec(), LineFlags::default())).collect()
    }

    #[test]
    fn newlines_end_lines_and_empty_lines_are_lines() {
        let (lines, consumed) = framed(b"one\n\ntwo\r\nrest", &FramePlan::fresh(0, 100));
        assert_eq!((lines, consumed), (plain(&["one", "", "two\r"]), 10));
    }

    #[test]
    fn a_line_over_the_limit_is_cut_into_parts_at_characters() {
        let (lines, consumed) = framed("aaaé-bb\nc\n".as_bytes(), &FramePlan::fresh(0, 4));
        let texts: Vec<_> = lines.iter().map(|(text, flags)| (std::str::from_utf8(text).unwrap(), *flags)).collect();
        let (cut, whole) = (LineFlags::CUT, LineFlags::default());
        assert_eq!(texts, [("aaa", cut), ("é-b", cut), ("b", cut), ("c", whole)]);
        assert_eq!(consumed, 11);
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_not_cut() {
        assert_eq!(framed(b"aaaa\n", &FramePlan::fresh(0, 4)).0, plain(&["aaaa"]));
        assert_eq!(framed(b"aaaa", &FramePlan::fresh(0, 4)), (vec![], 0));
    }

    #[test]
    fn a_journalled_boundary_ends_a_line_and_a_newline_right_after_it_is_no_line() {
        let mut plan = FramePlan::fresh(0, 100);
        plan.boundaries = vec![3, 10];
        let (lines, _) = framed(b"abcdef\nxyz\nend\n", &plan);
        let expected = [
            ("abc", LineFlags::UNFINISHED),
            ("def", LineFlags(0)),
            ("xyz", LineFlags::UNFINISHED),
            ("end", LineFlags(0)),
        ];
        assert_eq!(lines, expected.map(|(text, flags)| (text.as_bytes().to_vec(), flags)));
    }

    #[test]
    fn a_new_limit_holds_for_lines_that_begin_after_it_was_set() {
        let mut plan = FramePlan::fresh(0, 2);
        plan.limits.push(LimitFrom { from: 4, line_bytes_max: 10 });
        let texts: Vec<_> = framed(b"abcdef\nghi\n", &plan).0.into_iter().map(|(text, _)| text).collect();
        assert_eq!(texts, [b"ab".to_vec(), b"cd".to_vec(), b"ef".to_vec(), b"ghi".to_vec()]);
    }

    fn utf16() -> FramePlan {
        let encoding = Encoding::named("utf-16le").unwrap();
        FramePlan { encodings: vec![EncodingFrom { from: 0, encoding }], ..FramePlan::fresh(0, 100) }
    }

    #[test]
    fn newlines_of_utf16_are_units_of_two_bytes() {
        // U+0A00 and U+000A make the bytes 00 0A 0A 00.
        let (lines, consumed) = framed(b"a\0\n\0\0\x0a\n\0\r\0\n\0b\0\n", &utf16());
        let texts: Vec<_> = lines.iter().map(|(text, _)| text.as_slice()).collect();
        assert_eq!((texts, consumed), (vec![b"a\0".as_slice(), b"\0\x0a", b"\r\0"], 12));
    }

    #[test]
    fn a_long_line_of_utf16_is_cut_at_whole_units_and_a_flushed_one_keeps_its_newline_to_itself() {
        let mut plan = utf16();
        plan.limits[0].line_bytes_max = 5;
        let (lines, _) = framed(b"a\0b\0c\0\n\0", &plan);
        let texts: Vec<_> = lines.iter().map(|(text, _)| text.as_slice()).collect();
        assert_eq!(texts, [b"a\0b\0".as_slice(), b"c\0"]);
        let mut plan = utf16();
        plan.boundaries = vec![2];
        let (lines, consumed) = framed(b"a\0\n\0b\0\n\0", &plan);
        let texts: Vec<_> = lines.iter().map(|(text, _)| text.as_slice()).collect();
        assert_eq!((texts, consumed), (vec![b"a\0".as_slice(), b"b\0"], 8));
    }

    proptest! {
        /// The same for units of two bytes.
        #[test]
        fn replays_of_utf16_frame_alike(
            units in prop::collection::vec(prop::sample::select(vec![0x61u16, 0x0a00, 0x0a, 0x000a, 0xd835, 0xdd1e, 0x0a0a]), 0..120),
            limit in 1u32..20,
            boundaries in prop::collection::btree_set(1u64..120, 0..6),
            from: prop::sample::Index,
        ) {
            let bytes: Vec<u8> = units.iter().copied().flat_map(u16::to_le_bytes).collect();
            let mut plan = utf16();
            plan.limits[0].line_bytes_max = limit;
            plan.boundaries = boundaries.into_iter().map(|at| at * 2).filter(|&at| at <= bytes.len() as u64).collect();
            let whole = |base: usize| {
                let mut frames = vec![];
                let stretch = Stretch { bytes: &bytes[base..], base: base as u64, continues: false, stop_at: u64::MAX, lines_max: usize::MAX };
                let consumed = frame(&stretch, &plan, &mut frames);
                (frames.into_iter().map(|f| (base + f.start as usize, f.len)).collect::<Vec<_>>(), base + consumed)
            };
            let (all, end) = whole(0);
            if !all.is_empty() {
                let index = from.index(all.len());
                prop_assert_eq!(whole(all[index].0), (all[index..].to_vec(), end));
            }
            prop_assert!(all.iter().all(|line| line.0.is_multiple_of(2) && line.1.is_multiple_of(2)));
            let kept: usize = all.iter().map(|line| line.1 as usize / 2).sum();
            prop_assert_eq!(kept, units[..end / 2].iter().filter(|&&unit| unit != 0x0a).count());
        }
    }

    proptest! {
        /// Wherever a replay begins (at a line start) and however the bytes come in, the lines are the same.
        #[test]
        fn replays_frame_alike(
            bytes in prop::collection::vec(prop::sample::select(b"ab\n\xc3\xa9".to_vec()), 0..200),
            limit in 1u32..20,
            later in prop::option::of((0u64..200, 1u32..20)),
            boundaries in prop::collection::btree_set(1u64..200, 0..6),
            piece in 1usize..60,
            from: prop::sample::Index,
        ) {
            let mut plan = FramePlan::fresh(0, limit);
            plan.limits.extend(later.filter(|l| l.0 > 0).map(|(from, line_bytes_max)| LimitFrom { from, line_bytes_max }));
            plan.boundaries = boundaries.into_iter().filter(|&b| b <= bytes.len() as u64).collect();
            let whole = |base: usize, continues| {
                let mut frames = vec![];
                let stretch = Stretch { bytes: &bytes[base..], base: base as u64, continues, stop_at: u64::MAX, lines_max: usize::MAX };
                let consumed = frame(&stretch, &plan, &mut frames);
                (frames.into_iter().map(|f| (base + f.start as usize, f.len, f.flags)).collect::<Vec<_>>(), base + consumed)
            };
            let (all, end) = whole(0, false);
            if !all.is_empty() {
                let index = from.index(all.len());
                let continues = index > 0 && all[index - 1].2.has(LineFlags::CUT) && bytes[all[index].0 - 1] != b'\n';
                let continues = continues && !plan.boundaries.contains(&(all[index].0 as u64));
                prop_assert_eq!(whole(all[index].0, continues), (all[index..].to_vec(), end));
            }
            // In pieces: what is not consumed is given again with more after it.
            let (mut at, mut given, mut continues, mut pieces) = (0, 0, false, vec![]);
            while given < bytes.len() || at < given {
                given = (given + piece).min(bytes.len());
                let mut frames = vec![];
                let stretch = Stretch { bytes: &bytes[at..given], base: at as u64, continues, stop_at: u64::MAX, lines_max: 2 };
                let consumed = frame(&stretch, &plan, &mut frames);
                pieces.extend(frames.iter().map(|f| (at + f.start as usize, f.len, f.flags)));
                at += consumed;
                continues = at > 0 && bytes[at - 1] != b'\n' && !plan.boundaries.contains(&(at as u64));
                if consumed == 0 && given == bytes.len() { break; }
            }
            prop_assert_eq!(pieces, all);
            // Nothing is left out but newlines.
            let kept: usize = whole(0, false).0.iter().map(|line| line.1 as usize).sum();
            prop_assert_eq!(kept, bytes[..end].iter().filter(|&&b| b != b'\n').count());
        }
    }
}
