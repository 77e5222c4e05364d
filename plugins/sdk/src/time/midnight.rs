//! Neighbouring lines have the same date: what it means is kept, and only the time of day is read anew.

/// Remembers the midnight of the last date that was met; `N` is the bytes of a date (with its zone, where the zone varies).
pub struct Midnight<const N: usize> {
    date: [u8; N],
    second: Option<i64>,
}

impl<const N: usize> Default for Midnight<N> {
    fn default() -> Self {
        Self { date: [0; N], second: None }
    }
}

impl<const N: usize> Midnight<N> {
    /// Seconds from the epoch to the midnight of `date`, by `compute` where it is another date than before. `compute` must depend on the date alone,
    /// or on what is the same for all lines.
    #[inline(always)]
    pub fn of(&mut self, date: &[u8; N], compute: impl FnOnce(&[u8; N]) -> Option<i64>) -> Option<i64> {
        match self.second {
            Some(second) if *date == self.date => Some(second),
            _ => {
                let second = compute(date)?;
                *self = Self { date: *date, second: Some(second) };
                Some(second)
            }
        }
    }
}

/// Seconds of `11:05:07`, all eight bytes at once; the leap second counts as the one after it. None where it is no time of day.
///
/// ```
/// assert_eq!(collector_plugin::time::second_of_day(b"00:01:07"), Some(67));
/// assert_eq!(collector_plugin::time::second_of_day(b"24:00:00"), None);
/// ```
#[inline(always)]
#[must_use]
pub fn second_of_day(clock: &[u8; 8]) -> Option<i64> {
    let values = u64::from_le_bytes(*clock) ^ u64::from_le_bytes(*b"00:00:00");
    // A digit may be up to 9, a colon has become 0.
    let room = u64::from_le_bytes([0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f, 0x76, 0x76]);
    if (values.wrapping_add(room) | values) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pair = |at: u32| ((values >> (8 * at)) & 15) * 10 + ((values >> (8 * at + 8)) & 15);
    let (hour, minute, second) = (pair(0), pair(3), pair(6));
    (hour < 24 && minute < 60 && second <= 60).then_some((hour * 3600 + minute * 60 + second) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_of_day_is_read_and_nothing_else() {
        for second in 0..86_400i64 {
            let text = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
            assert_eq!(second_of_day(text.as_bytes().try_into().unwrap()), Some(second), "{text}");
        }
        for text in ["24:00:00", "23:60:00", "23:59:61", "2a:00:00", "23;00:00", "23:00:0:", "        ", "1 :00:00"] {
            assert_eq!(second_of_day(text.as_bytes().try_into().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn a_date_is_computed_once_until_it_changes() {
        let mut midnight = Midnight::<2>::default();
        assert_eq!(midnight.of(b"02", |_| Some(2)), Some(2));
        assert_eq!(midnight.of(b"02", |_| unreachable!("it is known")), Some(2));
        assert_eq!(midnight.of(b"03", |_| Some(3)), Some(3));
        assert_eq!(midnight.of(b"xx", |_| None), None);
        assert_eq!(midnight.of(b"03", |_| unreachable!("what is no date is not kept")), Some(3));
    }
}
