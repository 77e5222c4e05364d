//! Sets of bytes.

use regex_syntax::hir::Class;

/// A set of bytes as a table.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bytes(Box<[bool; 256]>);

/// How a class of characters is a set of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// All characters are of one byte.
    One,
    /// All characters beyond ASCII are in it: a run of characters is a run of bytes, but their number differs.
    Any,
}

impl Bytes {
    /// The bytes of a class; `None` where some characters beyond ASCII are in it and others are not.
    pub(crate) fn of(class: &Class) -> Option<(Bytes, Width)> {
        let mut table = Box::new([false; 256]);
        let mut last = 0;
        let ranges: Vec<(u32, u32)> = match class {
            Class::Unicode(class) => class.iter().map(|range| (range.start().into(), range.end().into())).collect(),
            Class::Bytes(class) => class.iter().map(|range| (range.start().into(), range.end().into())).collect(),
        };
        for &(start, end) in &ranges {
            for byte in start..=end.min(127) {
                table[byte as usize] = true;
            }
            last = end;
        }
        if last < 128 {
            return Some((Bytes(table), Width::One));
        }
        // The class goes from some ASCII character to the last one of Unicode without a gap.
        let whole = matches!(class, Class::Unicode(_))
            && ranges.last().is_some_and(|&(start, end)| start <= 128 && end == 0x10_ffff);
        table[128..].fill(true);
        whole.then_some((Bytes(table), Width::Any))
    }

    #[inline(always)]
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.0.iter().all(|&has| has)
    }

    pub(crate) fn meets(&self, other: &Bytes) -> bool {
        self.0.iter().zip(other.0.iter()).any(|(a, b)| *a && *b)
    }

    /// How many bytes at the beginning of `text` are in the set, at most `max`.
    #[inline(always)]
    pub(crate) fn run(&self, text: &[u8], max: usize) -> usize {
        let text = &text[..text.len().min(max)];
        text.iter().position(|&byte| !self.has(byte)).unwrap_or(text.len())
    }
}
