//! The times of three generations: `161209 14:18:50`, `2016-12-09 14:18:50`, `2016-12-09T12:08:33.335060Z`.

use collector_plugin::scan::two_digits;
use collector_plugin::time::{Midnight, SECOND_NS, days, fraction, offset, second_of_day};

/// Bytes of `2016-12-09`.
const DATE: usize = 10;
/// Bytes of `161209`.
const SHORT_DATE: usize = 6;

/// Reads times; neighbouring lines have the same date.
#[derive(Default)]
pub(crate) struct Clock {
    midnight: Midnight<DATE>,
    /// Minutes east of UTC where a line does not say.
    pub(crate) local_min: i64,
}

impl Clock {
    /// Nanoseconds of the time at the beginning of `text`, and where it ends.
    pub(crate) fn read(&mut self, text: &[u8]) -> Option<(i64, usize)> {
        let is_short = text.get(..SHORT_DATE)?.iter().all(u8::is_ascii_digit);
        let mut date = [b' '; DATE];
        let length = if is_short { SHORT_DATE } else { DATE };
        date[..length].copy_from_slice(text.get(..length)?);
        let midnight = self.midnight.of(&date, if is_short { short_date } else { long_date })?;
        let (second, end) = match text.get(length)? {
            b'T' => (second_of_day(text.get(length + 1..)?.first_chunk()?)?, length + 9),
            b' ' => padded(text, length + 1)?,
            _ => return None,
        };
        let (fraction_ns, end) = fraction(text, end)?;
        let zone = if text[length] == b'T' { zone(&text[end..]) } else { &[] };
        let east_s = if zone.is_empty() { self.local_min * 60 } else { offset(zone)? };
        let ns = (midnight + second - east_s).checked_mul(SECOND_NS)?.checked_add(fraction_ns)?;
        Some((ns, end + zone.len()))
    }

    /// The time that is all of `text`.
    pub(crate) fn whole(&mut self, text: &[u8]) -> Option<i64> {
        self.read(text).filter(|(_, end)| *end == text.len()).map(|(ns, _)| ns)
    }
}

/// `14:18:50`, or ` 4:18:50`, as old servers and MariaDB write the hours before ten.
fn padded(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let mut clock: [u8; 8] = *text.get(at..)?.first_chunk()?;
    if clock[0] == b' ' {
        clock[0] = b'0';
    }
    Some((second_of_day(&clock)?, at + 8))
}

fn short_date(date: &[u8; DATE]) -> Option<i64> {
    Some(days(2000 + two_digits(date, 0)?, two_digits(date, 2)?, two_digits(date, 4)?)? * 86_400)
}

fn long_date(date: &[u8; DATE]) -> Option<i64> {
    if [date[4], date[7]] != *b"--" {
        return None;
    }
    let year = two_digits(date, 0)? * 100 + two_digits(date, 2)?;
    Some(days(year, two_digits(date, 5)?, two_digits(date, 8)?)? * 86_400)
}

/// `Z` or `+02:00`.
fn zone(text: &[u8]) -> &[u8] {
    match text {
        [b'Z', ..] => &text[..1],
        [b'+' | b'-', _, _, b':', _, _, ..] => &text[..6],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(i64, usize)> {
        Clock { local_min: 60, ..Clock::default() }.read(text.as_bytes())
    }

    #[test]
    fn times_of_every_generation_are_read() {
        let expected = 1_481_277_890 * SECOND_NS;
        for (text, end) in [
            ("161209 11:04:50 x", 15),
            ("2016-12-09 11:04:50 x", 19),
            ("2016-12-09T10:04:50Z", 20),
            ("2016-12-09T12:04:50+02:00 x", 25),
            ("2016-12-09T11:04:50 x", 19),
        ] {
            assert_eq!(read(text), Some((expected, end)), "{text}");
        }
        assert_eq!(read("161209  1:04:50"), Some((expected - 36_000 * SECOND_NS, 15)));
        assert_eq!(read("2016-12-09T10:04:50.000001Z"), Some((expected + 1_000, 27)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "161209",
            "161309 11:04:50",
            "2016-12-09",
            "2016/12/09 11:04:50",
            "161209 11:04",
            "161209T1:04:50",
            "1612é9 11:04:50",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
