//! The times of syslog: `Feb 12 14:10:21`, its relatives with a year, a fraction or a zone, and RFC 3339.

use crate::Value;
use crate::scan::{self, two_digits};
use crate::time::{Midnight, SECOND_NS, Zone, days, fraction, month, offset, second_of_day, year_near};

/// Bytes of `Feb 12`.
const DATE_BYTES: usize = 6;
/// Bytes of `2026-02-12`.
const ISO_DATE_BYTES: usize = 10;

/// What the host knows of the line, for times that do not say everything.
#[derive(Clone, Copy, Debug)]
pub struct Clues<'a> {
    /// `@meta.timezone`.
    pub timezone: Value<'a>,
    /// `@meta.day`.
    pub day: Value<'a>,
}

impl Default for Clues<'_> {
    fn default() -> Self {
        Self { timezone: Value::Absent, day: Value::Absent }
    }
}

/// A time that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Nanoseconds since the epoch; none where the year is not known.
    pub ns: Option<i64>,
    /// Where it ends.
    pub end: usize,
}

/// Reads times. Neighbouring lines have the same date: what it means is kept, with what it was computed from.
pub struct Stamps {
    zone: Zone,
    /// `Feb 12`, and the day near which it is.
    yearless: Midnight<{ DATE_BYTES + 8 }>,
    iso: Midnight<ISO_DATE_BYTES>,
}

impl Stamps {
    /// Times that name no zone are in this one.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        Self { zone, yearless: Midnight::default(), iso: Midnight::default() }
    }

    /// The time at `at`.
    #[inline]
    pub fn read(&mut self, line: &[u8], at: usize, clues: Clues<'_>) -> Option<Stamp> {
        match line.get(at)? {
            b'0'..=b'9' if line.get(at + 4) == Some(&b'-') => self.iso(line, at, clues),
            b'0'..=b'9' => self.year_first(line, at, clues),
            b'A'..=b'Z' => self.month_first(line, at, None, clues),
            // The clock of a Cisco device that is not set, or not in step.
            b'*' | b'.' => match line.get(at + 1)? {
                b'0'..=b'9' => self.year_first(line, at + 1, clues),
                _ => self.month_first(line, at + 1, None, clues),
            },
            _ => None,
        }
    }

    /// `2026-02-12T14:10:21.123456+01:00`; a space may stand for the `T`, a comma for the point.
    #[inline]
    fn iso(&mut self, line: &[u8], at: usize, clues: Clues<'_>) -> Option<Stamp> {
        let clock = at + ISO_DATE_BYTES + 1;
        if !matches!(line.get(clock - 1), Some(b'T' | b't' | b' ')) {
            return None;
        }
        let midnight = self.iso.of(line.get(at..)?.first_chunk()?, iso_midnight)?;
        let second = second_of_day(line.get(clock..)?.first_chunk()?)?;
        let (fraction_ns, zone) = fraction(line, clock + 8)?;
        let named = matches!(line.get(zone), Some(b'Z' | b'z' | b'+' | b'-'));
        let (east_s, end) = if named {
            let end = scan::find(line, zone, b' ').unwrap_or(line.len());
            let end = if line[end - 1] == b':' { end - 1 } else { end };
            (offset(&line[zone..end])?, end)
        } else {
            (self.zone.minutes(clues.timezone) * 60, zone)
        };
        Some(Stamp { ns: Some(nanoseconds(midnight + second - east_s, fraction_ns)?), end })
    }

    /// `1990 Oct 22 10:52:01`
    #[cold]
    fn year_first(&mut self, line: &[u8], at: usize, clues: Clues<'_>) -> Option<Stamp> {
        let year = year_at(line, at)?;
        self.month_first(line, at + 5, Some(year), clues)
    }

    /// `Feb 12 14:10:21`, `Feb  2 …`, `Feb 2 …`, `Feb 12 2026 14:10:21`; with a fraction; with the name of a zone where a colon follows.
    #[inline]
    fn month_first(&mut self, line: &[u8], at: usize, year: Option<u32>, clues: Clues<'_>) -> Option<Stamp> {
        let date: [u8; DATE_BYTES] = *line.get(at..)?.first_chunk()?;
        let mut clock = if date[5] == b' ' { at + DATE_BYTES } else { at + DATE_BYTES + 1 };
        if line.get(clock - 1) != Some(&b' ') {
            return None;
        }
        let year = match year {
            None if line.get(clock + 2) != Some(&b':') => {
                clock += 5;
                Some(year_at(line, clock - 5)?)
            }
            year => year,
        };
        let midnight = self.midnight(date, year, clues)?;
        let second = second_of_day(line.get(clock..)?.first_chunk()?)?;
        let (fraction_ns, end) = fraction(line, clock + 8)?;
        let (east_s, end) = match zone_name(line, end) {
            Some((true, end)) => (0, end),
            Some((false, end)) => (self.zone.minutes(clues.timezone) * 60, end),
            None => (self.zone.minutes(clues.timezone) * 60, end),
        };
        let ns = midnight.and_then(|midnight| nanoseconds(midnight + second - east_s, fraction_ns));
        Some(Stamp { ns, end })
    }

    /// Midnight of a date, `Some(None)` where its year is not known, None where it is no date.
    #[inline]
    fn midnight(&mut self, date: [u8; DATE_BYTES], year: Option<u32>, clues: Clues<'_>) -> Option<Option<i64>> {
        let reference = match (year, clues.day) {
            (None, Value::TimeNs(day)) => day,
            _ => {
                let (month, day) = month_and_day(&date)?;
                // Any leap year tells whether there is such a date.
                let midnight = days(year.unwrap_or(2024), month, day)? * 86_400;
                return Some(year.map(|_| midnight));
            }
        };
        let mut key = [0; DATE_BYTES + 8];
        key[..DATE_BYTES].copy_from_slice(&date);
        key[DATE_BYTES..].copy_from_slice(&reference.to_le_bytes());
        self.yearless
            .of(&key, |_| {
                let (month, day) = month_and_day(&date)?;
                let year = year_near(month, day, clues.day)?;
                Some(days(year, month, day)? * 86_400)
            })
            .map(Some)
    }
}

fn nanoseconds(seconds: i64, fraction_ns: i64) -> Option<i64> {
    seconds.checked_mul(SECOND_NS)?.checked_add(fraction_ns)
}

#[cold]
fn iso_midnight(date: &[u8; ISO_DATE_BYTES]) -> Option<i64> {
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let year = two_digits(date, 0)? * 100 + two_digits(date, 2)?;
    Some(days(year, two_digits(date, 5)?, two_digits(date, 8)?)? * 86_400)
}

/// Of `Feb 12`, `Feb  2`, `Feb 2 `.
#[cold]
fn month_and_day(date: &[u8; DATE_BYTES]) -> Option<(u32, u32)> {
    let day = match [date[4], date[5]] {
        [b' ', day @ b'1'..=b'9'] | [day @ b'1'..=b'9', b' '] => u32::from(day - b'0'),
        _ => two_digits(date, 4)?,
    };
    if date[3] == b' ' { Some((month(&date[..3])?, day)) } else { None }
}

/// Four digits and a space.
fn year_at(line: &[u8], at: usize) -> Option<u32> {
    let year = two_digits(line, at)? * 100 + two_digits(line, at + 2)?;
    (line.get(at + 4) == Some(&b' ')).then_some(year)
}

/// ` UTC:`, as devices of Cisco write it: whether it is UTC, and where the colon is. Other names say nothing here, because there is no table of zones.
#[inline]
fn zone_name(line: &[u8], at: usize) -> Option<(bool, usize)> {
    let [b' ', name @ ..] = line.get(at..)? else {
        return None;
    };
    let length = name.iter().take(6).take_while(|b| b.is_ascii_uppercase()).count();
    if !(1..=5).contains(&length) || name.get(length) != Some(&b':') {
        return None;
    }
    Some((matches!(&name[..length], b"UTC" | b"GMT" | b"Z"), at + 1 + length))
}
