//! Copying text while looking for what JSON has to escape, as many bytes at a time as the processor can.

/// Bytes at a time that any implementation copies, at most.
pub(crate) const LANES_MAX: usize = 32;

/// A way to copy a block of bytes and to find those to be escaped in it: `"`, `\` and everything below 0x20.
pub(crate) trait Lanes {
    /// Bytes of a block, at most [`LANES_MAX`].
    const WIDTH: usize;
    /// Whether [`Lanes::escape`] takes no longer for more escapes, nor for none.
    const ESCAPES_WITHOUT_BRANCHES: bool = false;

    /// Copies a block and gives a bit for each byte of it that needs an escape, the first byte's lowest.
    ///
    /// # Safety
    /// `WIDTH` bytes can be read at `from` and written at `to`, they do not overlap, and the processor has the instructions.
    unsafe fn copy_and_find(from: *const u8, to: *mut u8) -> u32;

    /// Writes a block, or the first `len` bytes of one, with the bytes that `found` marks escaped; it lies at `to` already, as it is. Gives how many bytes it became.
    ///
    /// # Safety
    /// As for [`Lanes::copy_and_find`]; `len` is not beyond the block, `found` has bits below `len` only. `WIDTH` bytes more can be read
    /// behind the `len` bytes, and `2 * LANES_MAX` be written behind what these become.
    #[inline(always)]
    unsafe fn escape(from: *const u8, to: *mut u8, found: u32, len: usize) -> usize {
        let (mut left, mut done, mut written) = (found, 0, 0);
        while left != 0 {
            let marked = left.trailing_zeros() as usize;
            written += marked - done;
            done = marked + 1;
            left &= left - 1;
            // SAFETY: `marked` is below `len`; eight bytes of an escape and a block behind it are within what the caller promises.
            unsafe {
                let (escape, escape_len) = &ESCAPES[usize::from(*from.add(marked))];
                to.add(written).cast::<[u8; 8]>().write(*escape);
                written += usize::from(*escape_len);
                core::ptr::copy_nonoverlapping(from.add(done), to.add(written), Self::WIDTH);
            }
        }
        written + len - done
    }

    /// The characters of base64url that the twelve bytes from `SKIP` on become.
    ///
    /// # Safety
    /// The processor has the instructions; `SKIP` is at most 4.
    #[inline(always)]
    unsafe fn base64<const SKIP: i32>(block: &[u8; 16]) -> [u8; 16] {
        let mut text = [0; 16];
        crate::id::encode(&block[SKIP as usize..SKIP as usize + 12], &mut text);
        text
    }
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
pub(crate) use x86::{Avx2, Avx512, Sse2};

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

        #[inline(always)]
        unsafe fn base64<const SKIP: i32>(block: &[u8; 16]) -> [u8; 16] {
            // SAFETY: the caller promises AVX2.
            unsafe { base64_12::<SKIP>(block) }
        }
    }

    /// As [`Avx2`], with escapes that take no branch. To be used where [`Avx512::is_there`] only.
    pub(crate) struct Avx512;

    impl Avx512 {
        /// Whether the processor has what it takes.
        pub(crate) fn is_there() -> bool {
            is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vbmi2")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("popcnt")
        }
    }

    impl Lanes for Avx512 {
        const WIDTH: usize = 32;
        const ESCAPES_WITHOUT_BRANCHES: bool = true;

        #[inline(always)]
        unsafe fn copy_and_find(from: *const u8, to: *mut u8) -> u32 {
            // SAFETY: the caller promises the instructions and the bytes.
            unsafe { find_32_masked(from, to) }
        }

        #[inline(always)]
        unsafe fn escape(from: *const u8, to: *mut u8, found: u32, len: usize) -> usize {
            // SAFETY: the caller promises the instructions and the bytes.
            unsafe { escape_32(from, to, found, len) }
        }

        #[inline(always)]
        unsafe fn base64<const SKIP: i32>(block: &[u8; 16]) -> [u8; 16] {
            // SAFETY: the caller promises the instructions, AVX2 among them.
            unsafe { base64_12::<SKIP>(block) }
        }
    }

    /// Three bytes are spread over four, six bits each, by two multiplications; then each range of values gets its distance to its characters.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn base64_12<const SKIP: i32>(block: &[u8; 16]) -> [u8; 16] {
        // SAFETY: the reference covers 16 bytes; loads and stores of this kind need no alignment.
        let block = _mm_bsrli_si128::<SKIP>(unsafe { _mm_loadu_si128(block.as_ptr().cast()) });
        let spread = _mm_shuffle_epi8(block, _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10));
        let high = _mm_mulhi_epu16(_mm_and_si128(spread, _mm_set1_epi32(0x0fc0_fc00)), _mm_set1_epi32(0x0400_0040));
        let low = _mm_mullo_epi16(_mm_and_si128(spread, _mm_set1_epi32(0x003f_03f0)), _mm_set1_epi32(0x0100_0010));
        let values = _mm_or_si128(high, low);
        // 0 for small letters, 1 to 12 for digits and signs, 13 for capital letters.
        let range = _mm_subs_epu8(values, _mm_set1_epi8(51));
        let range = _mm_or_si128(range, _mm_and_si128(_mm_cmpgt_epi8(_mm_set1_epi8(26), values), _mm_set1_epi8(13)));
        let digit = b'0' as i8 - 52;
        let (small, minus, under) = (b'a' as i8 - 26, b'-' as i8 - 62, b'_' as i8 - 63);
        let distances = _mm_setr_epi8(
            small, digit, digit, digit, digit, digit, digit, digit, digit, digit, digit, minus, under, b'A' as i8, 0, 0,
        );
        let text = _mm_add_epi8(values, _mm_shuffle_epi8(distances, range));
        let mut bytes = [0; 16];
        // SAFETY: as above.
        unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), text) };
        bytes
    }

    /// Every byte gets a backslash before it, and those that are not marked lose theirs. Control characters, whose escapes are longer, go the usual way.
    #[inline]
    #[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,avx512vbmi2,bmi2,popcnt")]
    unsafe fn escape_32(from: *const u8, to: *mut u8, found: u32, len: usize) -> usize {
        const EVEN: u64 = 0x5555_5555_5555_5555;
        // SAFETY: the caller promises 32 readable bytes, and 64 writable ones behind `to`.
        unsafe {
            let block = _mm256_loadu_si256(from.cast());
            let control = _mm256_cmpeq_epi8(_mm256_min_epu8(block, _mm256_set1_epi8(0x1f)), block);
            if _mm256_movemask_epi8(control) as u32 & found != 0 {
                return <Avx2 as Lanes>::escape(from, to, found, len);
            }
            let pairs = _mm512_slli_epi16::<8>(_mm512_cvtepu8_epi16(block));
            let pairs = _mm512_or_si512(pairs, _mm512_set1_epi16(i16::from(b'\\')));
            let kept = _pdep_u64(u64::from(found), EVEN) | !EVEN;
            _mm512_storeu_si512(to.cast(), _mm512_maskz_compress_epi8(kept, pairs));
        }
        len + found.count_ones() as usize
    }

    /// Turning one bit around puts the quote right behind the control characters, so that one comparison finds both.
    #[inline]
    #[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl")]
    unsafe fn find_32_masked(from: *const u8, to: *mut u8) -> u32 {
        // SAFETY: the caller promises 32 readable and 32 writable bytes.
        unsafe {
            let block = _mm256_loadu_si256(from.cast());
            _mm256_storeu_si256(to.cast(), block);
            let turned = _mm256_xor_si256(block, _mm256_set1_epi8(2));
            let low = _mm256_cmplt_epu8_mask(turned, _mm256_set1_epi8(0x21));
            low | _mm256_cmpeq_epi8_mask(block, _mm256_set1_epi8(b'\\' as i8))
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
