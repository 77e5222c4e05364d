//! Times as programs write them.

use crate::scan::two_digits;
use crate::syslog::Clues;
use crate::time::{Midnight, SECOND_NS, Zone, days, fraction, month, offset, second_of_day, year_near};

/// Bytes of `2026-02-12`.
const DATE_BYTES: usize = 10;

/// A time that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds since the epoch; none where the line has the time of day alone, or a date whose year is not known.
    pub ns: Option<i64>,
    /// Where it ends.
    pub end: usize,
}

/// Reads times. Neighbouring lines have the same date, so what that means is kept.
pub struct Moments {
    zone: Zone,
    midnight: Midnight<DATE_BYTES>,
}

impl Moments {
    /// Times that name no zone are in this one.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        Self { zone, midnight: Midnight::default() }
    }

    /// The time at `at`, in any of these forms:
    ///
    /// - `2026-02-12 14:10:21,123`, also with `T`, slashes, a point, a zone
    /// - `12-Feb-2026 14:10:21.123`, also with slashes
    /// - `Feb 12, 2026 2:10:21 PM`
    /// - `14:10:21,123`, which has no date
    #[inline]
    pub fn read(&mut self, text: &[u8], at: usize, clues: Clues<'_>) -> Option<Moment> {
        match text.get(at..at + 5)? {
            [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-' | b'/'] => self.iso(text, at, clues),
            [b'0'..=b'9', b'0'..=b'9', b':', ..] => time_of_day(text, at),
            [b'0'..=b'9', b'0'..=b'9', b'-' | b'/', b'A'..=b'Z', _] => self.day_first(text, at, clues),
            [b'A'..=b'Z', b'a'..=b'z', b'a'..=b'z', b' ', _] => self.american(text, at, clues),
            _ => None,
        }
    }

    fn iso(&mut self, text: &[u8], at: usize, clues: Clues<'_>) -> Option<Moment> {
        let midnight = self.midnight.of(text.get(at..)?.first_chunk()?, midnight)?;
        if !matches!(text.get(at + DATE_BYTES), Some(b' ' | b'T' | b'_')) {
            return None;
        }
        self.clock(text, at + DATE_BYTES + 1, midnight, clues)
    }

    fn day_first(&self, text: &[u8], at: usize, clues: Clues<'_>) -> Option<Moment> {
        let date = text.get(at..at + 11)?;
        if date[2] != date[6] || !matches!(text.get(at + 11), Some(b' ' | b':')) {
            return None;
        }
        let year = two_digits(date, 7)? * 100 + two_digits(date, 9)?;
        let midnight = days(year, month(&date[3..6])?, two_digits(date, 0)?)? * 86_400;
        self.clock(text, at + 12, midnight, clues)
    }

    /// `Feb 12, 2026 2:10:21 PM`, with the narrow space that newer Java has before `PM`.
    fn american(&self, text: &[u8], at: usize, clues: Clues<'_>) -> Option<Moment> {
        let (day, comma) = short_number(text, at + 4)?;
        let year = comma + 2;
        if text.get(comma..year)? != b", " || text.get(year + 4) != Some(&b' ') {
            return None;
        }
        let date = days(two_digits(text, year)? * 100 + two_digits(text, year + 2)?, month(&text[at..at + 3])?, day)?;
        let (hour, colon) = short_number(text, year + 5)?;
        let rest = text.get(colon..colon + 6)?;
        let (minute, second) = (two_digits(rest, 1)?, two_digits(rest, 4)?);
        if [rest[0], rest[3]] != *b"::" || !(1..=12).contains(&hour) || minute > 59 || second > 60 {
            return None;
        }
        let rest = text.get(colon + 6..)?;
        let half = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix("\u{202f}".as_bytes()))?;
        let afternoon = match half.get(..2)? {
            b"AM" => 0,
            b"PM" => 12,
            _ => return None,
        };
        let of_day = i64::from((hour % 12 + afternoon) * 3600 + minute * 60 + second);
        let ns = (date * 86_400 + of_day - self.east_s(clues)).checked_mul(SECOND_NS);
        Some(Moment { ns, end: text.len() - half.len() + 2 })
    }

    /// `0212 14:10:21.123456`, as glog has it.
    pub fn glog(&self, text: &[u8], at: usize, clues: Clues<'_>) -> Option<Moment> {
        let (month, day) = (two_digits(text, at)?, two_digits(text, at + 2)?);
        // Any leap year tells whether there is such a date.
        days(2024, month, day)?;
        if text.get(at + 4) != Some(&b' ') {
            return None;
        }
        let second = second_of_day(text.get(at + 5..)?.first_chunk()?)?;
        let (fraction_ns, end) = fraction(text, at + 13)?;
        let midnight =
            year_near(month, day, clues.day).and_then(|year| days(year, month, day)).map(|days| days * 86_400);
        let ns = midnight.and_then(|midnight| nanoseconds(midnight + second - self.east_s(clues), fraction_ns));
        Some(Moment { ns, end })
    }

    /// `14:10:21,123` and a zone, of a date that is known.
    #[inline]
    fn clock(&self, text: &[u8], at: usize, midnight: i64, clues: Clues<'_>) -> Option<Moment> {
        let second = second_of_day(text.get(at..)?.first_chunk()?)?;
        let (fraction_ns, end) = fraction(text, at + 8)?;
        let (east_s, end) = zone(text, end).unwrap_or_else(|| (self.east_s(clues), end));
        Some(Moment { ns: Some(nanoseconds(midnight + second - east_s, fraction_ns)?), end })
    }

    #[inline]
    fn east_s(&self, clues: Clues<'_>) -> i64 {
        self.zone.minutes(clues.timezone) * 60
    }
}

fn nanoseconds(seconds: i64, fraction_ns: i64) -> Option<i64> {
    seconds.checked_mul(SECOND_NS)?.checked_add(fraction_ns)
}

#[cold]
fn midnight(date: &[u8; DATE_BYTES]) -> Option<i64> {
    if date[4] != date[7] {
        return None;
    }
    let year = two_digits(date, 0)? * 100 + two_digits(date, 2)?;
    Some(days(year, two_digits(date, 5)?, two_digits(date, 8)?)? * 86_400)
}

fn time_of_day(text: &[u8], at: usize) -> Option<Moment> {
    second_of_day(text.get(at..)?.first_chunk()?)?;
    let (_, end) = fraction(text, at + 8)?;
    Some(Moment { ns: None, end })
}

/// One or two digits.
fn short_number(text: &[u8], at: usize) -> Option<(u32, usize)> {
    match two_digits(text, at) {
        Some(number) => Some((number, at + 2)),
        None => text.get(at).filter(|b| b.is_ascii_digit()).map(|b| (u32::from(b - b'0'), at + 1)),
    }
}

/// A zone at `at`, also behind a space: seconds east of UTC, and where it ends.
#[inline]
fn zone(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let start = at + usize::from(text.get(at) == Some(&b' '));
    let length = match text.get(start..)? {
        [b'Z', ..] => 1,
        [b'U', b'T', b'C', ..] | [b'G', b'M', b'T', ..] => 3,
        [b'+' | b'-', b'0'..=b'9', b'0'..=b'9', rest @ ..] => match rest {
            [b':', b'0'..=b'9', b'0'..=b'9', ..] => 6,
            [b'0'..=b'9', b'0'..=b'9', ..] => 5,
            _ if start == at => 3,
            _ => return None,
        },
        _ => return None,
    };
    let end = start + length;
    if text.get(end).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let east_s =
        if length == 1 || length == 3 && text[start].is_ascii_uppercase() { 0 } else { offset(&text[start..end])? };
    Some((east_s, end))
}
