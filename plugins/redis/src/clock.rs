//! The times of Redis: `30 May 12:50:13.457`, and with a year since version 4; ISO 8601 and milliseconds are settings of Valkey.

use collector_plugin::Value;
use collector_plugin::scan::{digits, two_digits};
use collector_plugin::time::{Midnight, SECOND_NS, days, fraction, month, rfc3339_in, second_of_day, unix, year_near};

/// Bytes of a date, `30 May 2017`, and of what the year of a shorter one and the zone depend on.
const KEY: usize = 11 + 16;

/// Reads times; neighbouring lines have the same date.
#[derive(Default)]
pub(crate) struct Clock {
    midnight: Midnight<KEY>,
    /// Minutes east of UTC where a line does not say.
    pub(crate) local_min: i64,
    /// Nanoseconds of the day on which the line was read, for times without a year.
    pub(crate) day_ns: Option<i64>,
}

/// A time at the beginning of a text.
pub(crate) struct Stamp {
    /// Nanoseconds since the epoch; None where the year is not known.
    pub(crate) ns: Option<i64>,
    /// Where it ends.
    pub(crate) end: usize,
}

impl Clock {
    /// The time at the beginning of `text`.
    pub(crate) fn read(&mut self, text: &[u8]) -> Option<Stamp> {
        if text.get(4) == Some(&b'-') {
            return self.iso(text);
        }
        let (_, day_end) = digits(text, 0)?;
        if day_end > 10 {
            return Some(Stamp { ns: unix(&text[..day_end]), end: day_end });
        }
        if text.get(day_end) != Some(&b' ') {
            return None;
        }
        let date_end = if text.get(day_end + 7) == Some(&b':') { day_end + 4 } else { day_end + 9 };
        let clock = text.get(date_end + 1..)?.first_chunk()?;
        let second = second_of_day(clock).filter(|_| text[date_end] == b' ')?;
        let (fraction_ns, end) = fraction(text, date_end + 9)?;
        let ns = match self.midnight_of(&text[..date_end])? {
            Some(midnight) => Some((midnight + second).checked_mul(SECOND_NS)?.checked_add(fraction_ns)?),
            None => None,
        };
        Some(Stamp { ns, end })
    }

    /// Seconds of the midnight of `30 May` or `30 May 2017`; the inner None where the year is not known.
    fn midnight_of(&mut self, date: &[u8]) -> Option<Option<i64>> {
        let (day, day_end) = digits(date, 0).filter(|(_, end)| *end <= 2)?;
        let day = u32::try_from(day).ok()?;
        let month = month(date.get(day_end + 1..day_end + 4)?)?;
        let year = match date.get(day_end + 5..) {
            Some(year) if year.len() == 4 && date[day_end + 4] == b' ' => {
                Some(two_digits(year, 0)? * 100 + two_digits(year, 2)?)
            }
            Some(_) => return None,
            None => year_near(month, day, self.day_ns.map_or(Value::Absent, Value::TimeNs)),
        };
        let Some(year) = year else {
            // Leap years have every day there is.
            return days(2024, month, day).map(|_| None);
        };
        let local_s = self.local_min * 60;
        let mut key = [0; KEY];
        key.get_mut(..date.len())?.copy_from_slice(date);
        key[11..19].copy_from_slice(&local_s.to_le_bytes());
        key[19..].copy_from_slice(&u64::from(year).to_le_bytes());
        self.midnight.of(&key, |_| Some(days(year, month, day)? * 86_400 - local_s)).map(Some)
    }

    fn iso(&self, text: &[u8]) -> Option<Stamp> {
        let end = text.iter().position(|b| matches!(b, b' ' | b'"')).unwrap_or(text.len());
        let (ns, _) = rfc3339_in(&text[..end], self.local_min)?;
        Some(Stamp { ns: Some(ns), end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clock {
        let day_ns = days(2017, 6, 1).map(|day| day * 86_400 * SECOND_NS);
        Clock { local_min: 60, day_ns, ..Clock::default() }
    }

    #[test]
    fn times_of_every_version_are_read() {
        let expected = 1_496_145_013_457_000_000;
        for text in [
            "30 May 12:50:13.457 *",
            "30 May 2017 12:50:13.457 *",
            "2017-05-30T11:50:13.457Z *",
            "2017-05-30T13:50:13.457+02:00\"",
            "1496145013457 *",
        ] {
            assert_eq!(clock().read(text.as_bytes()).unwrap().ns, Some(expected), "{text}");
        }
        assert_eq!(clock().read(b"5 May 12:50:13 *").unwrap().ns, Some(1_493_985_013_000_000_000));
        assert_eq!(clock().read(b"2 Jun 2016 12:50:13").unwrap().end, 19);
    }

    #[test]
    fn without_a_reference_a_time_without_a_year_is_none() {
        let mut clock = Clock { day_ns: None, ..clock() };
        assert_eq!(clock.read(b"29 Feb 12:50:13 *").unwrap().ns, None);
        assert_eq!(clock.read(b"1 Jan 1970 01:00:00 *").unwrap().ns, Some(0));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "30",
            "30 Mai 12:50:13",
            "31 Feb 12:50:13",
            "30 May 12:50",
            "30 May 17 12:50:13",
            "30 May 12:50:73",
            "2017-05-30",
            "30 May 2017",
        ] {
            assert!(clock().read(text.as_bytes()).is_none(), "{text}");
        }
    }
}
