//! Copying text while looking for what JSON has to escape, as many bytes at a time as the processor can.

/// Bytes at a time that any implementation copies, at most.
pub(crate) const LANES_MAX: usize = 32;

/// A way to copy a block of bytes and to find those to be escaped in it: `"`, `\` and everything below 0x20.
pub(crate) trait Lanes {
    /// Bytes of a block, at most [`LANES_MAX`].
    const WIDTH: usize;

    /// Copies a block and gives a bit for each byte of it that needs an escape, the first byte's lowest.
    ///
    /// # Safety
    /// `WIDTH` bytes can be read at `from` and written at `to`, they do not overlap, and the processor has the instructions.
    unsafe fn copy_and_find(from: *const u8, to: *mut u8) -> u32;
}

/// Plain Rust, for every processor.
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(crate) struct Portable;

#[cfg(any(test, not(target_arch = "x86_64")))]
impl Lanes for Portable {
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn copy_and_find(from: *const u8, to: *mut u8) -> u32 {
        // SAFETY: the caller promises 8 readable and 8 writable bytes; arrays of bytes have no alignment.
        let block = unsafe {
            let block = from.cast::<[u8; 8]>().read();
            to.cast::<[u8; 8]>().write(block);
            block
        };
        let needs = |byte: u8| u32::from(byte < 0x20 || byte == b'"' || byte == b'\\');
        block.iter().enumerate().fold(0, |bits, (i, &byte)| bits | needs(byte) << i)
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Sse2};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use core::arch::x86_64::*;

    /// 16 bytes at a time: every 64-bit x86 can.
    pub(crate) struct Sse2;

    impl Lanes for Sse2 {
        const WIDTH: usize = 16;

        #[inline(always)]
        unsafe fn copy_and_find(from: *const u8, to: *mut u8) -> u32 {
            // SAFETY: the caller promises 16 readable and 16 writable bytes; SSE2 is part of x86-64.
            unsafe {
                let block = _mm_loadu_si128(from.cast());
                _mm_storeu_si128(to.cast(), block);
                let quote = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'"' as i8));
                let backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'\\' as i8));
                let control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
                _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)) as u32
            }
        }
    }

    /// 32 bytes at a time. To be used where AVX2 was detected only.
    pub(crate) struct Avx2;

    impl Lanes for Avx2 {
        const WIDTH: usize = 32;

        #[inline(always)]
        unsafe fn copy_and_find(from: *const u8, to: *mut u8) -> u32 {
            // SAFETY: the caller promises AVX2 and the bytes.
            unsafe { find_32(from, to) }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn find_32(from: *const u8, to: *mut u8) -> u32 {
        // SAFETY: the caller promises 32 readable and 32 writable bytes.
        unsafe {
            let block = _mm256_loadu_si256(from.cast());
            _mm256_storeu_si256(to.cast(), block);
            let quote = _mm256_cmpeq_epi8(block, _mm256_set1_epi8(b'"' as i8));
            let backslash = _mm256_cmpeq_epi8(block, _mm256_set1_epi8(b'\\' as i8));
            let control = _mm256_cmpeq_epi8(_mm256_min_epu8(block, _mm256_set1_epi8(0x1f)), block);
            _mm256_movemask_epi8(_mm256_or_si256(_mm256_or_si256(quote, backslash), control)) as u32
        }
    }
}

/// What stands for a byte that needs an escape: the text, and its length.
pub(crate) static ESCAPES: [([u8; 8], u8); 256] = escapes();

const fn escapes() -> [([u8; 8], u8); 256] {
    let digits = b"0123456789abcdef";
    let mut table = [([0; 8], 0); 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = ([b'\\', b'u', b'0', b'0', digits[byte >> 4], digits[byte & 15], 0, 0], 6);
        byte += 1;
    }
    let short = [(b'"', b'"'), (b'\\', b'\\'), (8, b'b'), (9, b't'), (10, b'n'), (12, b'f'), (13, b'r')];
    let mut i = 0;
    while i < short.len() {
        table[short[i].0 as usize] = ([b'\\', short[i].1, 0, 0, 0, 0, 0, 0], 2);
        i += 1;
    }
    table
}
