//! Appending to a byte vector without a check for every byte: room is made first, then blocks are written that may reach into
//! the spare room behind what counts. All raw writing of this crate is here and in [`crate::lanes`].

use std::ops::Range;

use crate::lanes::{LANES_MAX, Lanes};

/// Bytes behind the end that any single write may touch.
const SLACK: usize = 2 * LANES_MAX;

/// Bytes followed by spare ones, so that a block can be read from any place in them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Padded {
    bytes: Vec<u8>,
    len: usize,
}

impl Padded {
    /// The bytes, padded.
    pub(crate) fn new(mut bytes: Vec<u8>) -> Self {
        let len = bytes.len();
        bytes.resize(len + LANES_MAX, 0);
        Padded { bytes, len }
    }

    /// How many bytes count.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The bytes that count.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }
}

/// Appends to a vector. What was written counts when the writer is dropped.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// How many bytes of `out` are written; at most its capacity.
    len: usize,
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        // SAFETY: `len` never exceeds the capacity, and all bytes before it were written.
        unsafe { self.out.set_len(self.len) }
    }
}

impl<'a> Writer<'a> {
    /// Appends to what is in `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        let len = out.len();
        Writer { out, len }
    }

    /// How many bytes there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What was written from `start` on.
    pub(crate) fn written(&self, start: usize) -> &[u8] {
        assert!(start <= self.len);
        // SAFETY: all bytes before `len` were written.
        unsafe { core::slice::from_raw_parts(self.out.as_ptr().add(start), self.len - start) }
    }

    /// Forgets the last bytes.
    #[inline]
    pub(crate) fn take_back(&mut self, bytes: usize) {
        self.len = self.len.saturating_sub(bytes);
    }

    /// Forgets what is behind `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Makes room for that many bytes and the slack.
    #[inline(always)]
    fn room(&mut self, bytes: usize) {
        if self.out.capacity() - self.len < bytes + SLACK {
            self.grow(bytes + SLACK);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, bytes: usize) {
        // SAFETY: `len` never exceeds the capacity, and all bytes before it were written.
        unsafe { self.out.set_len(self.len) }
        self.out.reserve(bytes.max(self.out.capacity()));
    }

    #[inline(always)]
    fn end(&mut self) -> *mut u8 {
        // SAFETY: `len` is within the allocation.
        unsafe { self.out.as_mut_ptr().add(self.len) }
    }

    /// Appends bytes.
    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.room(bytes.len());
        let end = self.end();
        // SAFETY: room was made for `bytes`, which are not part of `out` (that is borrowed mutably).
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), end, bytes.len()) };
        self.len += bytes.len();
    }

    /// Appends one byte.
    #[inline(always)]
    pub(crate) fn put_byte(&mut self, byte: u8) {
        self.room(1);
        let end = self.end();
        // SAFETY: room was made.
        unsafe { end.write(byte) };
        self.len += 1;
    }

    /// Appends a number in decimal.
    #[inline(always)]
    pub(crate) fn put_number(&mut self, number: u64) {
        if number < 100_000_000 {
            let digits = eight_digits(number);
            // The highest digit lies in the lowest byte; of the number 0 one digit stays.
            let zeros = (digits | 1 << 56).trailing_zeros() / 8;
            let text = (digits | 0x3030_3030_3030_3030) >> (8 * zeros);
            self.room(8);
            let end = self.end();
            // SAFETY: room was made for 8 bytes.
            unsafe { end.cast::<[u8; 8]>().write(text.to_le_bytes()) };
            self.len += 8 - zeros as usize;
        } else {
            self.put_long_number(number);
        }
    }

    /// A number of nine or more digits: the digits before the last eight, then those.
    #[inline(never)]
    fn put_long_number(&mut self, number: u64) {
        self.put_number(number / 100_000_000);
        self.put_eight_digits(number % 100_000_000);
    }

    /// Appends a number below 100,000,000 with its zeros before it.
    #[inline(always)]
    pub(crate) fn put_eight_digits(&mut self, number: u64) {
        let text = (eight_digits(number) | 0x3030_3030_3030_3030).to_le_bytes();
        self.put(&text);
    }

    /// Appends a part of padded bytes; a short one as one block.
    #[inline(always)]
    pub(crate) fn put_padded(&mut self, from: &Padded, range: Range<usize>) {
        assert!(range.start <= range.end && range.end <= from.len);
        let len = range.end - range.start;
        self.room(len);
        let end = self.end();
        // SAFETY: the range lies in the bytes that count, so LANES_MAX more can be read from its end, and from its start; room was made
        // for `len` and the slack, which is twice a block.
        unsafe {
            let start = from.bytes.as_ptr().add(range.start);
            core::ptr::copy_nonoverlapping(start, end, LANES_MAX);
            let mut at = LANES_MAX;
            while at < len {
                core::ptr::copy_nonoverlapping(start.add(at), end.add(at), LANES_MAX);
                at += LANES_MAX;
            }
        }
        self.len += len;
    }

    /// Appends a JSON string with its quotes, made of a part of `buffer`. A part that is not inside of the buffer is empty.
    #[inline(always)]
    pub(crate) fn put_string<L: Lanes>(&mut self, buffer: &[u8], start: u32, len: u32) {
        let (start, len) = (start as usize, len as usize);
        if start + len + LANES_MAX <= buffer.len() {
            self.put_quoted::<L>(buffer, start, len);
        } else {
            self.put_string_at_end::<L>(buffer.get(start..start + len).unwrap_or_default());
        }
    }

    #[inline(always)]
    fn put_quoted<L: Lanes>(&mut self, buffer: &[u8], start: usize, len: usize) {
        assert!(start + len + LANES_MAX <= buffer.len());
        self.room(len * 6 + 2);
        let first = self.end();
        // SAFETY: every read begins inside of `start..start + len` or at its end, behind which LANES_MAX bytes can be read. A byte of input becomes
        // at most 6 of output, for which room was made, for the quotes too; a block or an escape touches at most the slack behind them, which is
        // twice LANES_MAX. The implementation `L` was chosen by what the processor has.
        unsafe {
            first.write(b'"');
            let end = put_escaped::<L>(buffer.as_ptr().add(start), len, first.add(1));
            end.write(b'"');
            self.len += end.offset_from(first) as usize + 1;
        }
    }

    /// For text near the end of its buffer: it is read from a copy that has others behind it.
    #[inline(never)]
    fn put_string_at_end<L: Lanes>(&mut self, text: &[u8]) {
        if text.len() <= LANES_MAX {
            let mut copy = [0; 2 * LANES_MAX];
            copy[..text.len()].copy_from_slice(text);
            self.put_quoted::<L>(&copy, 0, text.len());
        } else {
            let mut copy = Vec::with_capacity(text.len() + LANES_MAX);
            copy.extend_from_slice(text);
            copy.resize(text.len() + LANES_MAX, 0);
            self.put_quoted::<L>(&copy, 0, text.len());
        }
    }
}

/// From this length on, blocks are escaped without a look at whether they need it: in a whole line the quotes stand anywhere, and a guess costs more.
const LONG: usize = 128;

/// Writes text with its escapes, and gives where it ends.
///
/// # Safety
/// As for [`Lanes::escape`], for all of the text: `len` bytes and a block more can be read, and `6 * len` and `2 * LANES_MAX` be written.
#[inline(always)]
unsafe fn put_escaped<L: Lanes>(from: *const u8, len: usize, to: *mut u8) -> *mut u8 {
    let (mut from, mut to, mut left) = (from, to, len);
    // SAFETY: each step reads a block that begins inside of the text, or its end, and writes what the caller made room for.
    unsafe {
        if L::ESCAPES_WITHOUT_BRANCHES && len >= LONG {
            while left > L::WIDTH {
                let found = L::copy_and_find(from, to);
                to = to.add(L::escape(from, to, found, L::WIDTH));
                (from, left) = (from.add(L::WIDTH), left - L::WIDTH);
            }
        }
        while left > L::WIDTH {
            let found = L::copy_and_find(from, to);
            to = to.add(if found == 0 { L::WIDTH } else { L::escape(from, to, found, L::WIDTH) });
            (from, left) = (from.add(L::WIDTH), left - L::WIDTH);
        }
        let found = L::copy_and_find(from, to) & mask(left);
        to.add(if found == 0 { left } else { L::escape(from, to, found, left) })
    }
}

/// The decimal digits of a number below 100,000,000, one a byte, the highest in the lowest byte: halves, quarters and eighths are divided all at once.
#[inline(always)]
fn eight_digits(number: u64) -> u64 {
    let halves = (number / 10_000) | ((number % 10_000) << 32);
    // A multiplication and a shift stand for the division by 100; and below for that by 10.
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let quarters = hundreds | ((halves - 100 * hundreds) << 16);
    let tens = ((quarters * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((quarters - 10 * tens) << 8)
}

/// The bits of the first `step` bytes of a block, at most 32.
#[inline(always)]
fn mask(step: usize) -> u32 {
    ((1u64 << step) - 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::Portable;
    use proptest::prelude::*;

    fn string<L: Lanes>(buffer: &[u8], start: usize, len: usize) -> Vec<u8> {
        let mut out = b"before".to_vec();
        let mut writer = Writer::new(&mut out);
        writer.put_string::<L>(buffer, start as u32, len as u32);
        drop(writer);
        out.split_off(6)
    }

    proptest! {
        #[test]
        fn every_implementation_escapes_as_serde_json_does(text in "(?s)[\u{0}-\u{40}\\\\é€a-z]{0,90}", before in 0usize..40, behind in 0usize..40) {
            let mut buffer = vec![b'"'; before];
            buffer.extend_from_slice(text.as_bytes());
            buffer.extend(vec![b'\\'; behind]);
            let expected = serde_json::to_vec(&text).unwrap();
            prop_assert_eq!(&string::<Portable>(&buffer, before, text.len()), &expected);
            #[cfg(target_arch = "x86_64")]
            {
                prop_assert_eq!(&string::<crate::lanes::Sse2>(&buffer, before, text.len()), &expected);
                if is_x86_feature_detected!("avx2") {
                    prop_assert_eq!(&string::<crate::lanes::Avx2>(&buffer, before, text.len()), &expected);
                }
                if crate::lanes::Avx512::is_there() {
                    prop_assert_eq!(&string::<crate::lanes::Avx512>(&buffer, before, text.len()), &expected);
                }
            }
        }

        #[test]
        fn numbers_are_written_in_decimal(number: u64, small in 0u64..1000) {
            for number in [number, number >> 20, number >> 37, number >> 40, small, small * 100_000_000, u64::MAX] {
                let mut out = vec![];
                Writer::new(&mut out).put_number(number);
                prop_assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
            }
        }

        #[test]
        fn parts_of_padded_bytes_are_appended_whole(bytes: Vec<u8>, at in 0usize..100) {
            let padded = Padded::new(bytes.clone());
            let at = at.min(bytes.len());
            let mut out = vec![];
            let mut writer = Writer::new(&mut out);
            writer.put_padded(&padded, 0..at);
            writer.put_padded(&padded, at..bytes.len());
            drop(writer);
            prop_assert_eq!(out, bytes);
        }
    }

    #[test]
    fn a_part_outside_of_its_buffer_is_empty() {
        assert_eq!(string::<Portable>(b"abc", 2, 5), b"\"\"");
    }
}
