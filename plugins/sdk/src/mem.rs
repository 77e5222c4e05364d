//! Comparing memory sixteen bytes at a time: what comes with the standard library for WebAssembly goes byte by byte, and a parser of JSON feels it.

use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, v128_load};

/// Which of sixteen bytes differ, one bit each.
///
/// # Safety
/// Both pointers have 16 readable bytes.
#[inline(always)]
unsafe fn differing(a: *const u8, b: *const u8) -> u32 {
    // SAFETY: the caller's promise; a v128 load needs no alignment.
    unsafe { !u32::from(i8x16_bitmask(i8x16_eq(v128_load(a.cast()), v128_load(b.cast())))) & 0xffff }
}

/// # Safety
/// As C's memcmp: both pointers have `n` readable bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    let mut at = 0;
    while at + 16 <= n {
        // SAFETY: at + 16 <= n.
        let mask = unsafe { differing(a.add(at), b.add(at)) };
        if mask != 0 {
            return order(a, b, at + mask.trailing_zeros() as usize);
        }
        at += 16;
    }
    while at < n {
        let difference = order(a, b, at);
        if difference != 0 {
            return difference;
        }
        at += 1;
    }
    return 0;

    fn order(a: *const u8, b: *const u8, at: usize) -> i32 {
        // SAFETY: every call has at < n.
        unsafe { i32::from(*a.add(at)) - i32::from(*b.add(at)) }
    }
}

/// # Safety
/// As C's bcmp: both pointers have `n` readable bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    // SAFETY: every read ends within n; those of the same line overlap where n is not their sum.
    unsafe {
        if n >= 16 {
            let mut at = 0;
            while at + 16 <= n {
                if differing(a.add(at), b.add(at)) != 0 {
                    return 1;
                }
                at += 16;
            }
            return i32::from(differing(a.add(n - 16), b.add(n - 16)) != 0);
        }
        let word = |p: *const u8, at: usize| p.add(at).cast::<u64>().read_unaligned();
        let half = |p: *const u8, at: usize| p.add(at).cast::<u32>().read_unaligned();
        let byte = |p: *const u8, at: usize| *p.add(at);
        let differ = match n {
            8.. => (word(a, 0) ^ word(b, 0)) | (word(a, n - 8) ^ word(b, n - 8)) != 0,
            4.. => (half(a, 0) ^ half(b, 0)) | (half(a, n - 4) ^ half(b, n - 4)) != 0,
            0 => false,
            _ => (byte(a, 0) ^ byte(b, 0)) | (byte(a, n / 2) ^ byte(b, n / 2)) | (byte(a, n - 1) ^ byte(b, n - 1)) != 0,
        };
        i32::from(differ)
    }
}
