//! Civil time to nanoseconds since 1970-01-01T00:00:00Z. No clock, no zone database: what a line says is all there is.

mod date_times;
mod midnight;
mod pattern;
mod year;
mod zone;

pub use date_times::DateTimes;
pub use midnight::{Midnight, second_of_day};
pub use pattern::Pattern;
pub use year::year_near;
pub use zone::{Zone, zone_text};

use crate::scan::{digits, two_digits};

/// Nanoseconds of a second.
pub const SECOND_NS: i64 = 1_000_000_000;

/// Days from 1970-01-01 to a date of the Gregorian calendar; None where there is no such date. Years 0 to 9999.
#[must_use]
pub fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if year > 9999 || day == 0 || day > length {
        return None;
    }
    // Counted in years that begin in March, so that the leap day is the last one of its year.
    let (year, month) = if month <= 2 { (i64::from(year) - 1, month + 9) } else { (i64::from(year), month - 3) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let before_month = i64::from((153 * month + 2) / 5);
    Some(year * 365 + leap_days + before_month + i64::from(day) - 1 - 719_468)
}

/// The number (1 to 12) of a month's English abbreviation (`Jan`).
#[must_use]
pub fn month(name: &[u8]) -> Option<u32> {
    const NAMES: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    NAMES.iter().position(|n| n.as_slice() == name).map(|i| i as u32 + 1)
}

/// Nanoseconds of a date and time as RFC 3339 and its looser relatives write it: `2026-01-02T03:04:05.678+01:00`.
///
/// A space may stand for the `T`, a comma for the point, the zone may lack its colon, and no zone means UTC. None where it is anything else, or outside of 1677 to 2262.
#[must_use]
pub fn rfc3339(text: &[u8]) -> Option<i64> {
    rfc3339_in(text, 0).map(|(time_ns, _)| time_ns)
}

/// As [`rfc3339`], where a time without a zone is one of the zone `east_min` minutes east of UTC. Says with it whether the text has a zone.
#[must_use]
pub fn rfc3339_in(text: &[u8], east_min: i64) -> Option<(i64, bool)> {
    let date = [two_digits(text, 0)?, two_digits(text, 2)?, two_digits(text, 5)?, two_digits(text, 8)?];
    let clock = [two_digits(text, 11)?, two_digits(text, 14)?, two_digits(text, 17)?];
    let separators = [text[4], text[7], text[10], text[13], text[16]];
    if !matches!(separators, [b'-', b'-', b'T' | b't' | b' ', b':', b':']) {
        return None;
    }
    let (fraction_ns, zone) = fraction(text, 19)?;
    let days = days(date[0] * 100 + date[1], date[2], date[3])?;
    let zone = text.get(zone..)?;
    let east_s = if zone.is_empty() { east_min * 60 } else { offset(zone)? };
    let seconds = days * 86_400 + seconds_of_day(clock)? - east_s;
    Some((seconds.checked_mul(SECOND_NS)?.checked_add(fraction_ns)?, !zone.is_empty()))
}

/// Seconds of hour, minute, second; the leap second counts as the one after it.
fn seconds_of_day([hour, minute, second]: [u32; 3]) -> Option<i64> {
    (hour < 24 && minute < 60 && second <= 60).then(|| i64::from(hour * 3600 + minute * 60 + second))
}

/// Nanoseconds of `.678` (or `,678`) at `at`, and where it ends; 0 where there is none. Digits beyond the ninth are cut off.
#[must_use]
pub fn fraction(text: &[u8], at: usize) -> Option<(i64, usize)> {
    if !matches!(text.get(at), Some(b'.' | b',')) {
        return Some((0, at));
    }
    let count = text[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
    let kept = count.min(9);
    let (value, _) = digits(&text[..at + 1 + kept], at + 1)?;
    Some((value as i64 * 10i64.pow(9 - kept as u32), at + 1 + count))
}

/// Seconds east of UTC of a zone that is all of `zone`: nothing, `Z`, `+01:00`, `+0100`, `+01`.
#[must_use]
pub fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, digits) = match zone {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let minutes_at = match digits {
        [_, _] => None,
        [_, _, _, _] => Some(2),
        [_, _, b':', _, _] => Some(3),
        _ => return None,
    };
    let minutes = minutes_at.map_or(Some(0), |at| two_digits(digits, at))?;
    let hours = two_digits(digits, 0)?;
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 3600 + minutes * 60))
}

/// Nanoseconds of a Unix time written in decimal, with its unit told from its size: seconds, milliseconds, microseconds or nanoseconds; a fraction is allowed.
#[must_use]
pub fn unix(text: &[u8]) -> Option<i64> {
    let (whole, end) = digits(text, 0)?;
    let unit_ns = match whole {
        0..100_000_000_000 => SECOND_NS,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    let (fraction_ns, end) = fraction(text, end)?;
    if end != text.len() {
        return None;
    }
    i64::try_from(whole).ok()?.checked_mul(unit_ns)?.checked_add(fraction_ns / (SECOND_NS / unit_ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_every_date_once() {
        let mut expected = days(1600, 1, 1).unwrap();
        for year in 1600..2400 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(days) = days(year, month, day) {
                        assert_eq!(days, expected, "{year}-{month}-{day}");
                        expected += 1;
                    }
                }
            }
        }
        assert_eq!(days(1970, 1, 1), Some(0));
        assert_eq!(days(2000, 2, 29), Some(11_016));
        assert_eq!(days(1900, 2, 29), None);
        assert_eq!(days(2026, 13, 1), None);
    }

    #[test]
    fn rfc3339_and_its_relatives_are_read() {
        let expected = Some(1_767_323_045_678_000_000);
        for text in [
            "2026-01-02T03:04:05.678Z",
            "2026-01-02 03:04:05,678",
            "2026-01-02T04:04:05.678000+01:00",
            "2026-01-01T22:34:05.678-0430",
            "2026-01-02T05:04:05.6780000000001+02",
        ] {
            assert_eq!(rfc3339(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_one_of_the_zone_that_is_given() {
        let midnight = 1_767_312_000 * SECOND_NS;
        assert_eq!(rfc3339_in(b"2026-01-02 00:00:00", 0), Some((midnight, false)));
        assert_eq!(rfc3339_in(b"2026-01-02 00:00:00", -120), Some((midnight + 7_200 * SECOND_NS, false)));
        assert_eq!(rfc3339_in(b"2026-01-02 00:00:00Z", -120), Some((midnight, true)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026",
            "2026-01-02",
            "2026-02-30T00:00:00Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05+1",
            "2026-01-02T03:04:05 now",
            "9999-01-01T00:00:00Z",
            "2026/01/02T03:04:05Z",
        ] {
            assert_eq!(rfc3339(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_unit_of_a_unix_time_is_told_from_its_size() {
        for text in ["1767323045.678", "1767323045678", "1767323045678000", "1767323045678000000"] {
            assert_eq!(unix(text.as_bytes()), Some(1_767_323_045_678_000_000), "{text}");
        }
        assert_eq!(unix(b"1767323045678.5"), Some(1_767_323_045_678_500_000));
        assert_eq!(unix(b"-1"), None);
        assert_eq!(unix(b"1e9"), None);
        assert_eq!(unix(b"99999999999999999999"), None);
    }
}
