//! Comparing sixteen bytes at once: an answer for each of them.
//!
//! The same questions on each target; what the compiler makes of the portable version is several times slower, and scanning is most of what a parser does.

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
    pub(crate) fn equal(self, byte: u8) -> Hits {
        Hits(imp::same(self.0, imp::splat(byte)))
    }

    /// Which bytes equal those of `other` in the same places.
    #[inline(always)]
    pub(crate) fn same(self, other: Self) -> Hits {
        Hits(imp::same(self.0, other.0))
    }

    /// Which bytes are at most `byte`, compared without a sign.
    #[inline(always)]
    pub(crate) fn at_most(self, byte: u8) -> Hits {
        Hits(imp::at_most(self.0, imp::splat(byte)))
    }

    /// Which bytes are below `bound` once the bits of `flip` are turned around in them, compared without a sign.
    ///
    /// The vectors of a processor compare with a sign: turning the highest bit around as well makes one of the other, and with some more bits turned, it costs no instruction
    /// more, and compilers do not take it apart.
    #[inline(always)]
    pub(crate) fn below(self, flip: u8, bound: u8) -> Hits {
        Hits(imp::signed_below(imp::turned(self.0, imp::splat(flip ^ 0x80)), imp::splat(bound ^ 0x80)))
    }

    /// Which bytes are decimal digits.
    #[inline(always)]
    pub(crate) fn digits(self) -> Hits {
        self.below(b'0', 10)
    }
}

/// For each byte of a block, whether it was met.
#[derive(Clone, Copy)]
pub(crate) struct Hits(imp::Vector);

impl Hits {
    /// One bit per byte, the first byte's lowest.
    #[inline(always)]
    pub(crate) fn bits(self) -> u32 {
        imp::bits(self.0)
    }
}

impl core::ops::BitOr for Hits {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(imp::or(self.0, other.0))
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod imp {
    use core::arch::wasm32::{
        i8x16_bitmask, i8x16_eq, i8x16_lt, u8x16_le, u8x16_splat, v128, v128_load, v128_or, v128_xor,
    };

    pub(super) type Vector = v128;

    #[inline(always)]
    pub(super) fn load(bytes: &[u8; 16]) -> Vector {
        // SAFETY: the reference covers 16 readable bytes, and a v128 load needs no alignment.
        unsafe { v128_load(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    pub(super) fn splat(byte: u8) -> Vector {
        u8x16_splat(byte)
    }

    #[inline(always)]
    pub(super) fn same(a: Vector, b: Vector) -> Vector {
        i8x16_eq(a, b)
    }

    #[inline(always)]
    pub(super) fn at_most(v: Vector, bound: Vector) -> Vector {
        u8x16_le(v, bound)
    }

    #[inline(always)]
    pub(super) fn turned(v: Vector, bits: Vector) -> Vector {
        v128_xor(v, bits)
    }

    #[inline(always)]
    pub(super) fn signed_below(v: Vector, bound: Vector) -> Vector {
        i8x16_lt(v, bound)
    }

    #[inline(always)]
    pub(super) fn or(a: Vector, b: Vector) -> Vector {
        v128_or(a, b)
    }

    #[inline(always)]
    pub(super) fn bits(v: Vector) -> u32 {
        u32::from(i8x16_bitmask(v))
    }
}

#[cfg(target_arch = "x86_64")]
mod imp {
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8, _mm_xor_si128,
    };

    pub(super) type Vector = __m128i;

    // SAFETY of all below: SSE2 is part of x86-64; of the load: the reference covers 16 readable bytes, and it is an unaligned one.

    #[inline(always)]
    pub(super) fn load(bytes: &[u8; 16]) -> Vector {
        // SAFETY: see above.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    pub(super) fn splat(byte: u8) -> Vector {
        // SAFETY: see above.
        unsafe { _mm_set1_epi8(byte.cast_signed()) }
    }

    #[inline(always)]
    pub(super) fn same(a: Vector, b: Vector) -> Vector {
        // SAFETY: see above.
        unsafe { _mm_cmpeq_epi8(a, b) }
    }

    #[inline(always)]
    pub(super) fn at_most(v: Vector, bound: Vector) -> Vector {
        // SAFETY: see above.
        unsafe { _mm_cmpeq_epi8(_mm_min_epu8(v, bound), v) }
    }

    #[inline(always)]
    pub(super) fn turned(v: Vector, bits: Vector) -> Vector {
        // SAFETY: see above.
        unsafe { _mm_xor_si128(v, bits) }
    }

    #[inline(always)]
    pub(super) fn signed_below(v: Vector, bound: Vector) -> Vector {
        // SAFETY: see above.
        unsafe { _mm_cmplt_epi8(v, bound) }
    }

    #[inline(always)]
    pub(super) fn or(a: Vector, b: Vector) -> Vector {
        // SAFETY: see above.
        unsafe { _mm_or_si128(a, b) }
    }

    #[inline(always)]
    pub(super) fn bits(v: Vector) -> u32 {
        // SAFETY: see above.
        unsafe { _mm_movemask_epi8(v) as u32 }
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
    pub(super) fn splat(byte: u8) -> Vector {
        [byte; 16]
    }

    #[inline(always)]
    pub(super) fn same(a: Vector, b: Vector) -> Vector {
        each(a, b, |a, b| u8::from(a == b))
    }

    #[inline(always)]
    pub(super) fn at_most(v: Vector, bound: Vector) -> Vector {
        each(v, bound, |v, bound| u8::from(v <= bound))
    }

    #[inline(always)]
    pub(super) fn turned(v: Vector, bits: Vector) -> Vector {
        each(v, bits, |v, bits| v ^ bits)
    }

    #[inline(always)]
    pub(super) fn signed_below(v: Vector, bound: Vector) -> Vector {
        each(v, bound, |v, bound| u8::from(v.cast_signed() < bound.cast_signed()))
    }

    #[inline(always)]
    pub(super) fn or(a: Vector, b: Vector) -> Vector {
        each(a, b, |a, b| a | b)
    }

    #[inline(always)]
    pub(super) fn bits(v: Vector) -> u32 {
        v.iter().enumerate().fold(0, |bits, (i, &hit)| bits | u32::from(hit) << i)
    }

    #[inline(always)]
    fn each(a: Vector, b: Vector, of: impl Fn(u8, u8) -> u8) -> Vector {
        core::array::from_fn(|i| of(a[i], b[i]))
    }
}
