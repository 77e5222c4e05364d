//! Comparing sixteen bytes at once: one bit of the answer per byte, the first byte lowest.
//!
//! The same three questions on each target; what the compiler makes of the portable version is several times slower, and scanning is most of what a parser does.

/// Bytes of a block.
pub(crate) const BLOCK_BYTES: usize = 16;

/// Sixteen bytes, ready to be compared.
#[derive(Clone, Copy)]
pub(crate) struct Block(imp::Vector);

impl Block {
    #[inline(always)]
    pub(crate) fn load(bytes: &[u8; BLOCK_BYTES]) -> Self {
        Self(imp::load(bytes))
    }

    /// Which bytes equal `byte`.
    #[inline(always)]
    pub(crate) fn equal(self, byte: u8) -> u32 {
        imp::equal(self.0, byte)
    }

    /// Which bytes equal those of `other` in the same places.
    #[inline(always)]
    pub(crate) fn same(self, other: Self) -> u32 {
        imp::same(self.0, other.0)
    }

    /// Which bytes are at most `byte`, compared without a sign.
    #[inline(always)]
    pub(crate) fn at_most(self, byte: u8) -> u32 {
        imp::at_most(self.0, byte)
    }

    /// Which bytes are decimal digits.
    #[inline(always)]
    pub(crate) fn digits(self) -> u32 {
        self.at_most(b'9') & !self.at_most(b'0' - 1)
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod imp {
    use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, u8x16_le, u8x16_splat, v128, v128_load};

    pub(super) type Vector = v128;

    #[inline(always)]
    pub(super) fn load(bytes: &[u8; 16]) -> Vector {
        // SAFETY: the reference covers 16 readable bytes, and a v128 load needs no alignment.
        unsafe { v128_load(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    pub(super) fn equal(v: Vector, byte: u8) -> u32 {
        same(v, u8x16_splat(byte))
    }

    #[inline(always)]
    pub(super) fn same(a: Vector, b: Vector) -> u32 {
        u32::from(i8x16_bitmask(i8x16_eq(a, b)))
    }

    #[inline(always)]
    pub(super) fn at_most(v: Vector, byte: u8) -> u32 {
        u32::from(i8x16_bitmask(u8x16_le(v, u8x16_splat(byte))))
    }
}

#[cfg(target_arch = "x86_64")]
mod imp {
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_set1_epi8,
    };

    pub(super) type Vector = __m128i;

    #[inline(always)]
    pub(super) fn load(bytes: &[u8; 16]) -> Vector {
        // SAFETY: the reference covers 16 readable bytes, the load is an unaligned one, and SSE2 is part of x86-64.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    pub(super) fn equal(v: Vector, byte: u8) -> u32 {
        // SAFETY: SSE2 is part of x86-64.
        same(v, unsafe { _mm_set1_epi8(byte.cast_signed()) })
    }

    #[inline(always)]
    pub(super) fn same(a: Vector, b: Vector) -> u32 {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) as u32 }
    }

    #[inline(always)]
    pub(super) fn at_most(v: Vector, byte: u8) -> u32 {
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let bound = _mm_set1_epi8(byte.cast_signed());
            _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, bound), v)) as u32
        }
    }
}

#[cfg(not(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128"))))]
mod imp {
    pub(super) type Vector = [u8; 16];

    #[inline(always)]
    pub(super) fn load(bytes: &[u8; 16]) -> Vector {
        *bytes
    }

    #[inline(always)]
    pub(super) fn equal(v: Vector, byte: u8) -> u32 {
        mask(v, |b| b == byte)
    }

    #[inline(always)]
    pub(super) fn same(a: Vector, b: Vector) -> u32 {
        (0..16).fold(0, |bits, i| bits | u32::from(a[i] == b[i]) << i)
    }

    #[inline(always)]
    pub(super) fn at_most(v: Vector, byte: u8) -> u32 {
        mask(v, |b| b <= byte)
    }

    #[inline(always)]
    fn mask(v: Vector, is: impl Fn(u8) -> bool) -> u32 {
        v.iter().enumerate().fold(0, |bits, (i, &b)| bits | u32::from(is(b)) << i)
    }
}
