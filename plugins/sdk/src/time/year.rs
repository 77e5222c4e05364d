//! The year of a timestamp that has none.

use super::{SECOND_NS, days};
use crate::Value;

/// How far a line may be ahead of the day on which it was read: clocks differ, and so do zones.
const AHEAD_DAYS: i64 = 2;
/// Leap years are at most eight years apart, and the search begins one year late.
const BACK_YEARS: u32 = 9;

/// The latest year that puts month and day not later than two days after the reference; `day_ns` is what was read of `@meta.day`.
/// None where there is no such date, or no reference.
///
/// ```
/// use collector_plugin::{Value, time};
/// let new_year = Value::TimeNs(time::days(2026, 1, 1).unwrap() * 86_400 * time::SECOND_NS);
/// assert_eq!(time::year_near(12, 31, new_year), Some(2025));
/// assert_eq!(time::year_near(1, 2, new_year), Some(2026));
/// ```
#[must_use]
pub fn year_near(month: u32, day: u32, day_ns: Value<'_>) -> Option<u32> {
    let Value::TimeNs(reference) = day_ns else {
        return None;
    };
    let latest = reference.div_euclid(86_400 * SECOND_NS) + AHEAD_DAYS;
    // A mean year; what is one too many is taken back by the search.
    let newest = u32::try_from(1971 + (latest * 400).div_euclid(146_097)).ok()?;
    (newest.saturating_sub(BACK_YEARS)..=newest)
        .rev()
        .find(|year| days(*year, month, day).is_some_and(|date| date <= latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(month: u32, day: u32, reference: (u32, u32, u32)) -> Option<u32> {
        let days = days(reference.0, reference.1, reference.2).unwrap();
        year_near(month, day, Value::TimeNs(days * 86_400 * SECOND_NS))
    }

    #[test]
    fn a_date_is_of_the_past_or_of_tomorrow() {
        assert_eq!(near(11, 23, (2026, 11, 23)), Some(2026));
        assert_eq!(near(11, 25, (2026, 11, 23)), Some(2026));
        assert_eq!(near(11, 26, (2026, 11, 23)), Some(2025));
        assert_eq!(near(1, 1, (2025, 12, 30)), Some(2026));
        assert_eq!(near(12, 31, (1970, 1, 1)), Some(1969));
    }

    #[test]
    fn the_leap_day_is_of_the_last_leap_year() {
        assert_eq!(near(2, 29, (2026, 3, 1)), Some(2024));
        assert_eq!(near(2, 29, (1904, 2, 1)), Some(1896));
    }

    #[test]
    fn without_a_date_or_a_reference_there_is_no_year() {
        assert_eq!(near(2, 30, (2026, 3, 1)), None);
        assert_eq!(year_near(1, 1, Value::Absent), None);
    }
}
