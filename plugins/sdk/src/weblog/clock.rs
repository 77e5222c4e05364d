//! `07/Dec/2016:11:05:07 +0100`

use crate::scan::two_digits;
use crate::time::{Midnight, SECOND_NS, days, month, second_of_day};

/// Bytes of a time.
const TIME_BYTES: usize = 26;
/// Bytes of a date and a zone, which neighbouring lines share.
const SHARED_BYTES: usize = 18;

/// Reads the times of the common log format. What date and zone mean together is kept.
#[derive(Default)]
pub struct Clock(Midnight<SHARED_BYTES>);

impl Clock {
    /// Bytes of a time.
    pub const BYTES: usize = TIME_BYTES;

    /// Nanoseconds since the epoch; None where it is no time.
    #[inline(always)]
    pub fn read(&mut self, text: &[u8; TIME_BYTES]) -> Option<i64> {
        let mut shared = [0; SHARED_BYTES];
        shared[..12].copy_from_slice(&text[..12]);
        shared[12..].copy_from_slice(&text[20..]);
        let midnight = self.0.of(&shared, midnight)?;
        let clock = text[12..].first_chunk()?;
        Some((midnight + second_of_day(clock)?) * SECOND_NS)
    }

    /// As [`read`](Self::read), of whatever a value is.
    pub fn read_any(&mut self, text: &[u8]) -> Option<i64> {
        self.read(text.try_into().ok()?)
    }
}

/// Seconds from the epoch to midnight of `07/Dec/2016: +0100`.
#[cold]
#[inline(never)]
fn midnight(shared: &[u8; SHARED_BYTES]) -> Option<i64> {
    if [shared[2], shared[6], shared[11], shared[12]] != *b"//: " {
        return None;
    }
    let year = two_digits(shared, 7)? * 100 + two_digits(shared, 9)?;
    let days = days(year, month(&shared[3..6])?, two_digits(shared, 0)?)?;
    let (hours, minutes) = (two_digits(shared, 14)?, two_digits(shared, 16)?);
    let east = i64::from(hours * 3600 + minutes * 60);
    let midnight = match shared[13] {
        b'+' => days * 86_400 - east,
        b'-' => days * 86_400 + east,
        _ => return None,
    };
    // The whole day has to fit into nanoseconds: here, once, instead of at every line.
    midnight.checked_mul(SECOND_NS)?;
    (midnight + 86_400).checked_mul(SECOND_NS)?;
    Some(midnight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_beyond_what_nanoseconds_count_is_no_time() {
        let read = |text: &str| Clock::default().read_any(text.as_bytes());
        assert_eq!(read("07/Dec/2016:11:05:07 +0100"), Some(1_481_105_107_000_000_000));
        assert!(read("10/Apr/2262:23:59:59 +0000").is_some());
        for beyond in ["12/Apr/2262:00:00:00 +0000", "26/Feb/3019:15:39:42 +0100", "01/Jan/0001:00:00:00 +0000"] {
            assert_eq!(read(beyond), None, "{beyond}");
        }
    }
}
