//! `22/Jun/2021:12:02:53.473`

use collector_plugin::scan::two_digits;
use collector_plugin::time::{Midnight, SECOND_NS, days, fraction, month, offset, second_of_day};

/// Bytes of the date.
const DATE_BYTES: usize = 11;

/// Reads times; the date of neighbouring lines is the same.
#[derive(Default)]
pub(crate) struct Clock {
    midnight: Midnight<DATE_BYTES>,
}

impl Clock {
    /// Nanoseconds since the epoch. A format of the operator's own may have a zone behind the time.
    #[inline]
    pub(crate) fn read(&mut self, text: &[u8], east_min: i64) -> Option<i64> {
        let midnight = self.midnight.of(text.first_chunk()?, midnight)?;
        let clock = DATE_BYTES + 1;
        if text[DATE_BYTES..].first() != Some(&b':') {
            return None;
        }
        let second = second_of_day(text.get(clock..)?.first_chunk()?)?;
        let (fraction_ns, zone) = fraction(text, clock + 8)?;
        let east_s = match text.get(zone..)? {
            [] => east_min * 60,
            [b' ', zone @ ..] => offset(zone)?,
            _ => return None,
        };
        (midnight + second - east_s).checked_mul(SECOND_NS)?.checked_add(fraction_ns)
    }
}

#[cold]
fn midnight(date: &[u8; DATE_BYTES]) -> Option<i64> {
    if [date[2], date[6]] != *b"//" {
        return None;
    }
    let year = two_digits(date, 7)? * 100 + two_digits(date, 9)?;
    Some(days(year, month(&date[3..6])?, two_digits(date, 0)?)? * 86_400)
}
