//! Times as a pattern has them: `%d/%b/%Y:%H:%M:%S %z`.

use super::{SECOND_NS, days, offset, year_near};
use crate::Value;
use crate::scan::digits;
use serde::{Deserialize, Deserializer, de};

/// One part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Byte(u8),
    /// White space, or none.
    Space,
    Year,
    /// The last two digits: 1969 to 2068.
    ShortYear,
    Month,
    MonthName,
    Day,
    DayOfYear,
    WeekdayName,
    Hour,
    Hour12,
    Minute,
    Second,
    Fraction,
    HalfDay,
    Zone,
    /// Seconds since the epoch, alone.
    Epoch,
}

/// A pattern such as `%Y-%m-%d %H:%M:%S.%f`, of what strftime knows. In a configuration it is a text.
///
/// `%Y` `%y` `%m` `%b` `%B` `%h` `%d` `%e` `%j` (day of the year) `%a` `%A` · `%H` `%k` `%I` `%l` `%p` `%M` `%S` · `%f` `%L` `%N` (digits of a second) · `%z` `%Z` (`Z`, `UTC`, `GMT`, `+01:00`, `+0100`, `+01`) ·
/// `%s` (seconds since 1970) · `%F` `%T` `%D` `%R` as usual · `%%`. A blank stands for any white space or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

/// What was read so far.
#[derive(Default)]
struct Read {
    year: Option<u32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    fraction_ns: i64,
    afternoon: Option<bool>,
    east_s: Option<i64>,
    epoch: Option<i64>,
}

impl Pattern {
    /// # Errors
    /// The part that means nothing, in words.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut bytes = pattern.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'%' => directive(bytes.next(), pattern, &mut parts)?,
                b' ' | b'\t' => parts.push(Part::Space),
                other => parts.push(Part::Byte(other)),
            }
        }
        if parts.iter().any(|part| !matches!(part, Part::Byte(_) | Part::Space)) {
            Ok(Self { parts })
        } else {
            Err(format!("`{pattern}` is no pattern of a time: it has no part such as %Y or %H"))
        }
    }

    /// Whether a date of it has no year, so that `@meta.day` is needed.
    #[must_use]
    pub fn lacks_year(&self) -> bool {
        !self.parts.iter().any(|part| matches!(part, Part::Year | Part::ShortYear | Part::Epoch))
    }

    /// Nanoseconds since the epoch of a text that is all such a time, and whether it has a zone. Without one it is `east_min` minutes east of UTC; `day` is what was read of `@meta.day`.
    #[must_use]
    pub fn read(&self, text: &[u8], east_min: i64, day: Value<'_>) -> Option<(i64, bool)> {
        let mut read = Read::default();
        let mut at = 0;
        for part in &self.parts {
            at = read.part(*part, text, at)?;
        }
        (at == text.len()).then(|| read.time_ns(east_min, day)).flatten()
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

fn directive(letter: Option<u8>, pattern: &str, parts: &mut Vec<Part>) -> Result<(), String> {
    let several: &[Part] = match letter {
        Some(b'Y') => &[Part::Year],
        Some(b'y') => &[Part::ShortYear],
        Some(b'm') => &[Part::Month],
        Some(b'b' | b'B' | b'h') => &[Part::MonthName],
        Some(b'd' | b'e') => &[Part::Day],
        Some(b'j') => &[Part::DayOfYear],
        Some(b'a' | b'A') => &[Part::WeekdayName],
        Some(b'H' | b'k') => &[Part::Hour],
        Some(b'I' | b'l') => &[Part::Hour12],
        Some(b'M') => &[Part::Minute],
        Some(b'S') => &[Part::Second],
        Some(b'f' | b'L' | b'N') => &[Part::Fraction],
        Some(b'p' | b'P') => &[Part::HalfDay],
        Some(b'z' | b'Z') => &[Part::Zone],
        Some(b's') => &[Part::Epoch],
        Some(b'F') => &[Part::Year, Part::Byte(b'-'), Part::Month, Part::Byte(b'-'), Part::Day],
        Some(b'T') => &[Part::Hour, Part::Byte(b':'), Part::Minute, Part::Byte(b':'), Part::Second],
        Some(b'R') => &[Part::Hour, Part::Byte(b':'), Part::Minute],
        Some(b'D') => &[Part::Month, Part::Byte(b'/'), Part::Day, Part::Byte(b'/'), Part::ShortYear],
        Some(b'%') => &[Part::Byte(b'%')],
        _ => {
            let unknown = letter.map_or(String::new(), |letter| char::from(letter).to_string());
            return Err(format!(
                "`%{unknown}` in `{pattern}` means nothing: use those of strftime, such as %Y-%m-%d %H:%M:%S"
            ));
        }
    };
    parts.extend(several);
    Ok(())
}

impl Read {
    /// Reads one part at `at`: gives where it ends.
    fn part(&mut self, part: Part, text: &[u8], at: usize) -> Option<usize> {
        let rest = text.get(at..)?;
        let number = |most: usize| number(text, at, most);
        let (value, end) = match part {
            Part::Byte(byte) => return (rest.first() == Some(&byte)).then_some(at + 1),
            Part::Space => return Some(at + rest.iter().take_while(|b| b.is_ascii_whitespace()).count()),
            Part::MonthName | Part::WeekdayName => return self.name(part, rest).map(|bytes| at + bytes),
            Part::HalfDay => return self.half_day(rest).map(|bytes| at + bytes),
            Part::Zone => return self.zone(rest).map(|bytes| at + bytes),
            Part::Fraction => return self.fraction(text, at),
            Part::Epoch => {
                let (value, end) = digits(text, at)?;
                self.epoch = Some(i64::try_from(value).ok()?);
                return Some(end);
            }
            Part::Year => number(4)?,
            Part::DayOfYear => number(3)?,
            // Some pad it with a blank.
            Part::Day | Part::Hour if rest.first() == Some(&b' ') => self::number(text, at + 1, 1)?,
            _ => number(2)?,
        };
        match part {
            Part::Year => self.year = Some(value),
            Part::ShortYear => self.year = Some(if value < 69 { 2000 + value } else { 1900 + value }),
            Part::Month => self.month = Some(value),
            Part::Day => self.day = Some(value),
            Part::DayOfYear => self.day_of_year = Some(value),
            Part::Hour => self.hour = value,
            Part::Hour12 => self.hour = if (1..=12).contains(&value) { value % 12 } else { return None },
            Part::Minute => self.minute = value,
            _ => self.second = value,
        }
        Some(end)
    }

    /// The English name of a month or a day of the week, short or whole: its bytes.
    fn name(&mut self, part: Part, rest: &[u8]) -> Option<usize> {
        const MONTHS: [&str; 12] = [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ];
        const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let names: &[&str] = if part == Part::MonthName { &MONTHS } else { &DAYS };
        let begins = |length: usize, name: &str| {
            rest.get(..length).is_some_and(|text| text.eq_ignore_ascii_case(&name.as_bytes()[..length]))
        };
        let index = names.iter().position(|name| begins(3, name))?;
        if part == Part::MonthName {
            self.month = Some(index as u32 + 1);
        }
        let whole = names[index].len();
        Some(if begins(whole, names[index]) { whole } else { 3 })
    }

    fn half_day(&mut self, rest: &[u8]) -> Option<usize> {
        let text = rest.get(..2)?.to_ascii_lowercase();
        self.afternoon = Some(match text.as_slice() {
            b"am" => false,
            b"pm" => true,
            _ => return None,
        });
        Some(2)
    }

    /// `Z`, `UTC`, `GMT`, `+01:00`, `+0100`, `+01`.
    fn zone(&mut self, rest: &[u8]) -> Option<usize> {
        let bytes = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b':')).count();
        let zone = &rest[..bytes];
        self.east_s = Some(match zone {
            b"" => return None,
            b"UTC" | b"GMT" => 0,
            zone => offset(zone)?,
        });
        Some(bytes)
    }

    fn fraction(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let count = text.get(at..)?.iter().take_while(|b| b.is_ascii_digit()).count();
        let kept = count.min(9);
        let (value, _) = digits(&text[..at + kept], at)?;
        self.fraction_ns = value as i64 * 10i64.pow(9 - kept as u32);
        Some(at + count)
    }

    fn time_ns(&self, east_min: i64, day: Value<'_>) -> Option<(i64, bool)> {
        if let Some(epoch) = self.epoch {
            return Some((epoch.checked_mul(SECOND_NS)?.checked_add(self.fraction_ns)?, true));
        }
        let hour = self.hour + if self.afternoon == Some(true) { 12 } else { 0 };
        if hour > 23 || self.minute > 59 || self.second > 60 {
            return None;
        }
        let clock = i64::from(hour * 3600 + self.minute * 60 + self.second);
        let east_s = self.east_s.unwrap_or(east_min * 60);
        let second = self.days(day)? * 86_400 + clock - east_s;
        Some((second.checked_mul(SECOND_NS)?.checked_add(self.fraction_ns)?, self.east_s.is_some()))
    }

    /// Days since the epoch. A time of day alone is of the day on which it was read.
    fn days(&self, today: Value<'_>) -> Option<i64> {
        if let Some(day_of_year) = self.day_of_year {
            let first = days(self.year?, 1, 1)?;
            let last = days(self.year?, 12, 31)?;
            let found = first + i64::from(day_of_year) - 1;
            return (first..=last).contains(&found).then_some(found);
        }
        match (self.year, self.month, self.day, today) {
            (None, None, None, Value::TimeNs(today)) => Some(today.div_euclid(86_400 * SECOND_NS)),
            (None, Some(month), Some(day), today) => days(year_near(month, day, today)?, month, day),
            (Some(year), month, day, _) => days(year, month.unwrap_or(1), day.unwrap_or(1)),
            _ => None,
        }
    }
}

/// A number of one to `most` digits.
fn number(text: &[u8], at: usize, most: usize) -> Option<(u32, usize)> {
    let end = text.len().min(at + most);
    let (value, end) = digits(text.get(..end)?, at)?;
    Some((u32::try_from(value).ok()?, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pattern: &str, text: &str) -> Option<(i64, bool)> {
        let today = Value::TimeNs(days(2026, 1, 3).unwrap() * 86_400 * SECOND_NS);
        Pattern::new(pattern).unwrap().read(text.as_bytes(), 60, today)
    }

    #[test]
    fn times_are_read_as_the_pattern_says() {
        let expected = 1_767_323_045 * SECOND_NS;
        for (pattern, text) in [
            ("%d/%b/%Y:%H:%M:%S %z", "02/Jan/2026:04:04:05 +0100"),
            ("%F %T%z", "2026-01-02 03:04:05Z"),
            ("%a, %d %B %Y %I:%M:%S %p %Z", "Fri, 02 January 2026 03:04:05 AM GMT"),
            ("%A %e %b %y %l:%M:%S%p %z", "Friday  2 jan 26 3:04:05am +00:00"),
            ("%s", "1767323045"),
            ("%Y %j %T %z", "2026 002 03:04:05 UTC"),
            ("%D %R:%S%z", "01/02/26 03:04:05Z"),
        ] {
            assert_eq!(read(pattern, text), Some((expected, true)), "{pattern}: {text}");
        }
    }

    #[test]
    fn without_a_zone_it_is_the_one_given() {
        let expected = Some((1_767_319_445_250_000_000, false));
        assert_eq!(read("%Y%m%d %H%M%S,%f", "20260102 030405,25"), expected);
        assert_eq!(
            read("%b %d %H:%M:%S.%L", "Jan  2 03:04:05.250"),
            expected,
            "the year is that of the day it was read"
        );
        assert_eq!(
            read("%H:%M", "00:00"),
            Some((days(2026, 1, 3).unwrap() * 86_400 * SECOND_NS - 3600 * SECOND_NS, false))
        );
    }

    #[test]
    fn what_does_not_fit_the_pattern_is_no_time() {
        for (pattern, text) in [
            ("%Y-%m-%d", "2026-02-30"),
            ("%Y-%m-%d", "2026-01-02 "),
            ("%Y-%m-%d", "2026-01"),
            ("%H:%M", "24:00"),
            ("%I %p", "13 pm"),
            ("%I %p", "1 xm"),
            ("%F %z", "2026-01-02 MEZ"),
            ("%b", "Jam"),
            ("%Y %j", "2025 366"),
            ("%s", "99999999999999999999"),
        ] {
            assert_eq!(read(pattern, text), None, "{pattern}: {text}");
        }
    }

    #[test]
    fn a_pattern_without_meaning_is_named() {
        assert!(Pattern::new("%Q").unwrap_err().contains("`%Q`"));
        assert!(Pattern::new("%Y-%").unwrap_err().contains("means nothing"));
        assert!(Pattern::new("yyyy-MM-dd").unwrap_err().contains("no part"));
    }

    proptest! {
        #[test]
        fn anything_may_be_read(pattern in "(%[YymbBdejaAHIklpMSfzZsFTDR%]|[ :/-]){1,8}", text in "[0-9A-Za-z:/+ -]{0,40}|\\PC{0,20}") {
            if let Ok(pattern) = Pattern::new(&pattern) {
                let _ = pattern.read(text.as_bytes(), 0, Value::Absent);
            }
        }
    }
}
