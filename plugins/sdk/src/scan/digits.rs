//! Decimal digits.

/// The decimal number that begins at `at`: its value, and where it ends. None where no digit is, and where the number is beyond u64.
#[inline(always)]
#[must_use]
pub fn digits(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    if let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        // Each byte less '0'; a byte that is no digit then has its high bit set after the addition, or had it before.
        let values = u64::from_le_bytes(*eight) ^ 0x3030_3030_3030_3030;
        let foreign = (values.wrapping_add(0x7676_7676_7676_7676) | values) & 0x8080_8080_8080_8080;
        let count = foreign.trailing_zeros() / 8;
        if count == 0 {
            return None;
        }
        if count < 8 {
            return Some((eight_digits(values << (64 - 8 * count)), at + count as usize));
        }
    }
    digits_by_one(bytes, at)
}

/// The number that eight digit values make, the first in the lowest byte; zeros in front do no harm.
#[inline(always)]
fn eight_digits(values: u64) -> u64 {
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

/// Numbers of eight and more digits, and those at the very end.
fn digits_by_one(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    let mut end = at;
    while let Some(digit) = bytes.get(end).map(|b| b.wrapping_sub(b'0'))
        && digit <= 9
    {
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
        end += 1;
    }
    (end > at).then_some((value, end))
}

/// The value of exactly two digits at `at`.
#[inline(always)]
#[must_use]
pub fn two_digits(bytes: &[u8], at: usize) -> Option<u32> {
    let [tens, ones] = *bytes.get(at..)?.first_chunk::<2>()?;
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| u32::from(tens) * 10 + u32::from(ones))
}
