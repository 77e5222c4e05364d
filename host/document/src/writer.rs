//! Appending to a byte vector without a check for every byte: room is made first, then blocks are written that may reach into
//! the spare room behind what counts. All raw writing of this crate is here and in [`crate::lanes`].

use std::ops::Range;

use crate::lanes::{ESCAPES, LANES_MAX, Lanes};

/// Bytes behind the end that any single write may touch.
const SLACK: usize = 2 * LANES_MAX;

/// Bytes followed by spare ones, so that a block can be read from any place in them.
#[derive(Debug, Default)]
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
    pub(crate) fn put_number(&mut self, mut number: u64) {
        const DIGITS_MAX: usize = 20;
        // Written from the middle backwards, then copied as one block that may reach over the end.
        let mut digits = [0u8; 2 * DIGITS_MAX];
        let mut at = DIGITS_MAX;
        while number >= 100 {
            at -= 2;
            digits[at..at + 2].copy_from_slice(&TWO_DIGITS[(number % 100) as usize]);
            number /= 100;
        }
        at -= 2;
        digits[at..at + 2].copy_from_slice(&TWO_DIGITS[number as usize]);
        at += usize::from(number < 10);
        self.room(DIGITS_MAX);
        let end = self.end();
        // SAFETY: `at` is at most 19, so 20 bytes can be read from it; room was made for 20.
        unsafe { core::ptr::copy_nonoverlapping(digits.as_ptr().add(at), end, DIGITS_MAX) };
        self.len += DIGITS_MAX - at;
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
            if len <= LANES_MAX {
                core::ptr::copy_nonoverlapping(start, end, LANES_MAX);
            } else {
                core::ptr::copy_nonoverlapping(start, end, len);
            }
        }
        self.len += len;
    }

    /// Appends a JSON string with its quotes, made of a part of `buffer`. A part that is not inside of the buffer is empty.
    #[inline(always)]
    pub(crate) fn put_string<L: Lanes>(&mut self, buffer: &[u8], start: u32, len: u32) {
        let (start, len) = (start as usize, len as usize);
        self.put_byte(b'"');
        if start + len + LANES_MAX <= buffer.len() {
            self.put_escaped::<L>(buffer, start, len);
        } else if let Some(text) = buffer.get(start..start + len) {
            self.put_escaped_bytewise(text);
        }
        self.put_byte(b'"');
    }

    #[inline(always)]
    fn put_escaped<L: Lanes>(&mut self, buffer: &[u8], start: usize, len: usize) {
        assert!(start + len + LANES_MAX <= buffer.len());
        self.room(len * 6);
        let first = self.end();
        // SAFETY: every read begins inside of `start..start + len`, behind which LANES_MAX bytes can be read. A byte of input becomes at
        // most 6 of output, for which room was made; a block or an escape touches at most LANES_MAX bytes of the slack behind them. The
        // implementation `L` was chosen by what the processor has.
        unsafe {
            let mut to = first;
            let mut from = buffer.as_ptr().add(start);
            let end = from.add(len);
            while from < end {
                let left = end.offset_from(from) as usize;
                let found = L::copy_and_find(from, to) & mask(left, L::WIDTH);
                if found == 0 {
                    let step = left.min(L::WIDTH);
                    from = from.add(step);
                    to = to.add(step);
                } else {
                    let clean = found.trailing_zeros() as usize;
                    let (escape, escape_len) = &ESCAPES[usize::from(*from.add(clean))];
                    to = to.add(clean);
                    to.cast::<[u8; 8]>().write(*escape);
                    to = to.add(usize::from(*escape_len));
                    from = from.add(clean + 1);
                }
            }
            self.len += to.offset_from(first) as usize;
        }
    }

    /// For text near the end of its buffer.
    #[cold]
    fn put_escaped_bytewise(&mut self, text: &[u8]) {
        for &byte in text {
            let (escape, len) = &ESCAPES[usize::from(byte)];
            if *len == 0 { self.put_byte(byte) } else { self.put(&escape[..usize::from(*len)]) }
        }
    }
}

/// `00` to `99`.
static TWO_DIGITS: [[u8; 2]; 100] = two_digits();

const fn two_digits() -> [[u8; 2]; 100] {
    let mut table = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        table[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    table
}

/// The bits of the first `left` bytes of a block.
#[inline(always)]
fn mask(left: usize, width: usize) -> u32 {
    if left >= width { u32::MAX } else { (1 << left) - 1 }
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
            }
        }

        #[test]
        fn numbers_are_written_in_decimal(number: u64, small in 0u64..1000) {
            for number in [number, number >> 40, small, u64::MAX] {
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
