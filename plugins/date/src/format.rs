//! One way to write a time.

use collector_plugin::{Value, time};
use jiff::fmt::strtime::BrokenDownTime;

/// A format of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Rfc3339,
    Unix,
    /// As strftime has it.
    Pattern(String),
}

impl Format {
    /// # Errors
    /// What a pattern lacks, or what is wrong with it.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        match text {
            "rfc3339" => return Ok(Self::Rfc3339),
            "unix" => return Ok(Self::Unix),
            _ => {}
        }
        let specifiers = specifiers(text);
        let has = |any: &str| specifiers.iter().any(|s| any.contains(*s));
        let is_complete = has("s") || has("F") || has("c") || has("j") || has("d") || has("e") || has("D");
        let has_clock = has("s") || has("H") || has("k") || has("I") || has("l") || has("T") || has("R") || has("c");
        if !is_complete || !has_clock {
            return Err(format!(
                "`formats`: `{text}` is no time: it needs a day (such as %d with %b or %m) and an hour (such as %H), or be \"rfc3339\" or \"unix\""
            ));
        }
        // What the parser does not know it tells of any text; a mismatch it tells of the text at hand.
        match BrokenDownTime::parse(text, "") {
            Err(error) if error.to_string().contains("directive") && error.to_string().contains("unrecognized") => {
                Err(format!("`formats`: `{text}`: {error}"))
            }
            _ => Ok(Self::Pattern(text.to_owned())),
        }
    }

    /// Nanoseconds since the epoch of a text that has this format.
    pub(crate) fn read(&self, text: &[u8], east_min: i64, day: Value<'_>) -> Option<i64> {
        match self {
            Self::Rfc3339 => time::rfc3339_in(text, east_min).map(|(time_ns, _)| time_ns),
            Self::Unix => time::unix(text),
            Self::Pattern(pattern) => read_pattern(pattern, text, east_min, day),
        }
    }
}

fn read_pattern(pattern: &str, text: &[u8], east_min: i64, day: Value<'_>) -> Option<i64> {
    let mut parts = BrokenDownTime::parse(pattern, text).ok()?;
    if let Some(timestamp) = parts.timestamp() {
        return i64::try_from(timestamp.as_nanosecond()).ok();
    }
    if parts.year().is_none() {
        let (month, day_of_month) = (parts.month()?, parts.day()?);
        let year = time::year_near(u32::try_from(month).ok()?, u32::try_from(day_of_month).ok()?, day)?;
        parts.set_year(Some(i16::try_from(year).ok()?)).ok()?;
    }
    if parts.offset().is_none() {
        let seconds = i32::try_from(east_min * 60).ok()?;
        parts.set_offset(Some(jiff::tz::Offset::from_seconds(seconds).ok()?));
    }
    let timestamp = parts.to_timestamp().ok()?;
    i64::try_from(timestamp.as_nanosecond()).ok()
}

/// The letters behind the percent signs.
fn specifiers(pattern: &str) -> Vec<char> {
    let mut found = Vec::new();
    let mut rest = pattern.chars();
    while let Some(char) = rest.next() {
        if char == '%' {
            found.extend(rest.find(|c| c.is_ascii_alphabetic() || *c == '%'));
        }
    }
    found
}
