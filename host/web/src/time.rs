//! Times as people write them.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

const UNITS: [(&str, i64); 6] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 7 * 86_400_000)];

/// Why a text is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a time; write how long ago, such as 15m, 1h, 1h30m or 2d (units: ms, s, m, h, d, w), or a moment, such as 2026-01-31T12:00:00Z or 2026-01-31"
)]
pub struct BadTime(pub String);

/// The moment that a text names, in ms since the epoch: `now`, how long ago (`15m`, `1h30m`, `2d`, from `now_ms`), a time
/// in the form of RFC 3339, or a date (midnight UTC).
///
/// # Errors
/// When it is none of these.
pub fn parse_time(text: &str, now_ms: i64) -> Result<i64, BadTime> {
    let text = text.trim();
    if text == "now" {
        return Ok(now_ms);
    }
    if let Some(ago) = duration_ms(text) {
        return now_ms.checked_sub(ago).ok_or_else(|| BadTime(text.to_owned()));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let date = text.parse::<Date>().ok().filter(|_| text.len() == "2026-01-31".len());
    let midnight = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    midnight.map(|midnight| midnight.timestamp().as_millisecond()).ok_or_else(|| BadTime(text.to_owned()))
}

/// `1h30m` in ms; none where it is no such text.
fn duration_ms(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit_len = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_len);
        let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(*unit_ms)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_800_000_000_000;

    #[test]
    fn how_long_ago_and_moments_are_understood() {
        let cases = [
            ("now", NOW),
            ("15m", NOW - 900_000),
            ("1h30m", NOW - 5_400_000),
            ("2d", NOW - 172_800_000),
            ("1w", NOW - 604_800_000),
            ("250ms", NOW - 250),
            ("2026-01-31T12:00:00Z", 1_769_860_800_000),
            ("2026-01-31T12:00:00+02:00", 1_769_853_600_000),
            ("2026-01-31", 1_769_817_600_000),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_time(text, NOW), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_examples() {
        for text in ["", "1", "h", "1y", "-1h", "1 h", "yesterday", "99999999999999999999d", "2026-13-01"] {
            let error = parse_time(text, NOW).unwrap_err();
            assert!(error.to_string().contains("such as 15m"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = parse_time(&text, NOW);
        }
    }
}
