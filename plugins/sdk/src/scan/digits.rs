//! Decimal digits.

/// Powers of ten, by their exponent.
const TENS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// The decimal number that begins at `at`: its value, and where it ends. None where no digit is, and where the number is beyond u64.
#[inline(always)]
#[must_use]
pub fn digits(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let Some((values, count)) = eight_values(bytes, at) else {
        return digits_by_one(bytes, at);
    };
    match count {
        0 => None,
        1..8 => Some((first_digits(values, count), at + count as usize)),
        _ => long_digits(bytes, at, values),
    }
}

/// The values of eight bytes as digits, the first in the lowest byte, and how many of them are digits. Of what is behind the end, none is. None for the very shortest texts.
#[inline(always)]
fn eight_values(bytes: &[u8], at: usize) -> Option<(u64, u32)> {
    let eight = match bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        Some(eight) => u64::from_le_bytes(*eight),
        None => {
            let last = u64::from_le_bytes(*bytes.last_chunk::<8>()?);
            let behind = at.checked_sub(bytes.len() - 8).filter(|behind| *behind < 8)?;
            last >> (8 * behind)
        }
    };
    // Each byte less '0'; a byte that is no digit then has its high bit set after the addition, or had it before.
    let values = eight ^ 0x3030_3030_3030_3030;
    let foreign = (values.wrapping_add(0x7676_7676_7676_7676) | values) & 0x8080_8080_8080_8080;
    Some((values, foreign.trailing_zeros() / 8))
}

/// The number that the first `count` digit values make: one to eight.
#[inline(always)]
fn first_digits(values: u64, count: u32) -> u64 {
    eight_digits(values << (64 - 8 * count))
}

/// The number that eight digit values make, the first in the lowest byte; zeros in front do no harm.
#[inline(always)]
fn eight_digits(values: u64) -> u64 {
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

/// The number that the first `count` of sixteen bytes make, all of them digits: one to fifteen.
#[inline(always)]
pub(crate) fn sixteen_digits(bytes: &[u8; 16], count: usize) -> u64 {
    let value = u128::from_le_bytes(*bytes) ^ 0x3030_3030_3030_3030_3030_3030_3030_3030;
    let first = first_digits(value as u64, count.min(8) as u32);
    match count {
        0..=8 => first,
        _ => first * TENS[(count - 8) & 7] + first_digits((value >> 64) as u64, (count - 8) as u32),
    }
}

/// Numbers of eight and more digits, of which the first eight are known.
#[inline(never)]
fn long_digits(bytes: &[u8], at: usize, values: u64) -> Option<(u64, usize)> {
    let first = eight_digits(values);
    match eight_values(bytes, at + 8) {
        Some((_, 0)) => Some((first, at + 8)),
        Some((values, count @ 1..8)) => {
            Some((first * TENS[count as usize] + first_digits(values, count), at + 8 + count as usize))
        }
        _ => digits_by_one(bytes, at),
    }
}

/// Numbers of sixteen and more digits, and those of the shortest texts.
#[inline(never)]
fn digits_by_one(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    // A checked multiplication is a call in a guest: it takes 128 bits.
    const MAX_TENTH: u64 = u64::MAX / 10;
    let mut value = 0u64;
    let mut end = at;
    while let Some(digit) = bytes.get(end).map(|b| b.wrapping_sub(b'0'))
        && digit <= 9
    {
        if value > MAX_TENTH {
            return None;
        }
        value = (value * 10).checked_add(u64::from(digit))?;
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
