//! `07/Dec/2016:11:05:07 +0100`

use collector_plugin::scan::two_digits;
use collector_plugin::time::{SECOND_NS, days, month};

/// Bytes of a time.
const TIME_BYTES: usize = 26;

/// Reads times. Neighbouring lines have the same date and zone: what these two mean together is kept.
#[derive(Default)]
pub(crate) struct Timestamp {
    date: [u8; 12],
    zone: [u8; 6],
    /// Seconds from the epoch to midnight of that date in that zone.
    midnight_s: i64,
}

impl Timestamp {
    /// Nanoseconds since the epoch; None where it is no time.
    #[inline(always)]
    pub(crate) fn read(&mut self, text: &[u8; TIME_BYTES]) -> Option<i64> {
        let date: [u8; 12] = *text.first_chunk()?;
        let zone: [u8; 6] = *text.last_chunk()?;
        if date != self.date || zone != self.zone {
            self.midnight_s = midnight(text)?;
            (self.date, self.zone) = (date, zone);
        }
        let second = second_of_day(u64::from_le_bytes(*text[12..].first_chunk()?))?;
        Some((self.midnight_s + second) * SECOND_NS)
    }
}

/// Seconds of `11:05:07`, all eight bytes at once.
#[inline(always)]
fn second_of_day(clock: u64) -> Option<i64> {
    let values = clock ^ u64::from_le_bytes(*b"00:00:00");
    // A digit may be up to 9, a colon has become 0.
    let room = u64::from_le_bytes([0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f, 0x76, 0x76]);
    if (values.wrapping_add(room) | values) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pair = |at: u32| ((values >> (8 * at)) & 15) * 10 + ((values >> (8 * at + 8)) & 15);
    let (hour, minute, second) = (pair(0), pair(3), pair(6));
    (hour < 24 && minute < 60 && second <= 60).then_some((hour * 3600 + minute * 60 + second) as i64)
}

#[cold]
#[inline(never)]
fn midnight(text: &[u8; TIME_BYTES]) -> Option<i64> {
    let separators = [text[2], text[6], text[11], text[20]];
    if separators != *b"//: " {
        return None;
    }
    let year = two_digits(text, 7)? * 100 + two_digits(text, 9)?;
    let days = days(year, month(&text[3..6])?, two_digits(text, 0)?)?;
    let east = i64::from(two_digits(text, 22)? * 3600 + two_digits(text, 24)? * 60);
    match text[21] {
        b'+' => Some(days * 86_400 - east),
        b'-' => Some(days * 86_400 + east),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<i64> {
        Timestamp::default().read(text.as_bytes().try_into().unwrap())
    }

    #[test]
    fn a_time_is_read_with_its_zone() {
        assert_eq!(read("07/Dec/2016:11:05:07 +0100"), Some(1_481_105_107 * SECOND_NS));
        assert_eq!(read("29/Feb/2024:23:59:60 -0330"), Some(1_709_263_800 * SECOND_NS));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "32/Dec/2016:11:05:07 +0100",
            "29/Feb/2023:11:05:07 +0100",
            "07/Dez/2016:11:05:07 +0100",
            "07/Dec/2016:24:05:07 +0100",
            "07/Dec/2016:11:60:07 +0100",
            "07/Dec/2016:11:05:61 +0100",
            "07/Dec/2016:11;05:07 +0100",
            "07/Dec/2016:1a:05:07 +0100",
            "07/Dec/2016:11:05:07 =0100",
            "07/Dec/2016:11:05:07  0100",
            "07-Dec-2016:11:05:07 +0100",
            "07/Dec/2016 11:05:07 +0100",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_kept_follows_date_and_zone() {
        let mut timestamp = Timestamp::default();
        let mut read = |text: &str| timestamp.read(text.as_bytes().try_into().unwrap()).unwrap() / SECOND_NS;
        let first = read("07/Dec/2016:00:00:00 +0000");
        assert_eq!(read("08/Dec/2016:00:00:00 +0000"), first + 86_400);
        assert_eq!(read("08/Dec/2016:00:00:00 +0100"), first + 86_400 - 3_600);
        assert_eq!(read("07/Dec/2016:00:00:01 +0000"), first + 1);
    }
}
