//! Dates with times of day as RFC 3339 has them, line after line.

use super::{Midnight, SECOND_NS, days, offset, rfc3339_in, second_of_day};
use crate::scan::{digits, two_digits};

/// Factors from a fraction of so many digits to nanoseconds.
const FRACTION_NS: [i64; 10] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

/// Seconds that can be told in nanoseconds, whatever their fraction. A checked multiplication would take 128 bits, which is a call in a guest.
const SECONDS: std::ops::Range<i64> = i64::MIN / SECOND_NS..i64::MAX / SECOND_NS;

/// Reads what [`rfc3339_in`] reads, and remembers the date of the line before.
///
/// ```
/// use collector_plugin::time::{DateTimes, SECOND_NS};
/// let mut times = DateTimes::default();
/// assert_eq!(times.read(b"2026-01-02T03:04:05Z", 0), Some((1_767_323_045 * SECOND_NS, true)));
/// assert_eq!(times.read(b"2026-01-02 03:04:05", 60), Some((1_767_319_445 * SECOND_NS, false)));
/// ```
#[derive(Default)]
pub struct DateTimes {
    midnight: Midnight<10>,
}

impl DateTimes {
    /// Nanoseconds since the epoch, and whether the text has a zone; without one it is `east_min` minutes east of UTC.
    #[inline(always)]
    pub fn read(&mut self, text: &[u8], east_min: i64) -> Option<(i64, bool)> {
        self.usual(text, east_min).or_else(|| rfc3339_in(text, east_min))
    }

    /// The form that nearly all have. What it does not take may still be a time.
    #[inline(always)]
    fn usual(&mut self, text: &[u8], east_min: i64) -> Option<(i64, bool)> {
        let midnight = self.midnight.of(text.first_chunk()?, midnight)?;
        let second = second_of_day(text.get(11..)?.first_chunk()?)?;
        if !matches!(text[10], b'T' | b' ') {
            return None;
        }
        let (fraction_ns, zone) = match text.get(19) {
            Some(b'.' | b',') => {
                let (value, end) = digits(text, 20)?;
                let factor = FRACTION_NS.get(end - 20)?;
                (value as i64 * factor, end)
            }
            _ => (0, 19),
        };
        let (east_s, has_zone) = match text.get(zone..)? {
            b"Z" => (0, true),
            b"" => (east_min * 60, false),
            zone => (offset(zone)?, true),
        };
        let second = midnight + second - east_s;
        SECONDS.contains(&second).then(|| (second * SECOND_NS + fraction_ns, has_zone))
    }
}

#[cold]
#[inline(never)]
fn midnight(date: &[u8; 10]) -> Option<i64> {
    let year = two_digits(date, 0)? * 100 + two_digits(date, 2)?;
    let separated = date[4] == b'-' && date[7] == b'-';
    let days = days(year, two_digits(date, 5)?, two_digits(date, 8)?)?;
    separated.then_some(days * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_reads_what_is_read_without_memory(
            texts in proptest::collection::vec("[012][09]2[0-9]-[01][0-9]-[0-3][0-9][T t][0-2][0-9]:[0-6][0-9]:[0-6][0-9]([.,][0-9]{0,11})?(Z|z|[+-][0-2][0-9](:?[0-7][0-9])?|.)?", 1..20),
            east_min in -800i64..800,
        ) {
            let mut times = DateTimes::default();
            for text in &texts {
                prop_assert_eq!(times.read(text.as_bytes(), east_min), rfc3339_in(text.as_bytes(), east_min), "{}", text);
            }
        }

        #[test]
        fn anything_may_be_asked(text in "\\PC{0,40}") {
            prop_assert_eq!(DateTimes::default().read(text.as_bytes(), 0), rfc3339_in(text.as_bytes(), 0));
        }
    }
}
