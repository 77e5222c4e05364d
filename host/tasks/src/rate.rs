//! How fast a task's files may be read.

use serde::Deserialize;
use serde_json::Value;

use crate::error::Trouble;

/// The highest rate that can be written; whoever wants more wants no limit.
const RATE_MAX: u64 = 1 << 40;

/// What a task's files may yield together. Reading waits; nothing is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Lines (or events of several lines) per second.
    pub lines_per_s: Option<u64>,
    /// Bytes per second.
    pub bytes_per_s: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object is expected")]
struct Written {
    lines_per_s: Option<u64>,
    bytes_per_s: Option<u64>,
}

impl RateLimit {
    /// What the value of `rate_limit` means; the error is a problem and its fix.
    pub(crate) fn of(value: &Value) -> Result<Self, Trouble> {
        let example = || r#"write {"lines_per_s": 1000}, {"bytes_per_s": 1000000}, or both"#.to_owned();
        let written: Written = serde_json::from_value(value.clone()).map_err(|error| (error.to_string(), example()))?;
        let Written { lines_per_s, bytes_per_s } = written;
        if lines_per_s.is_none() && bytes_per_s.is_none() {
            return Err(("it limits nothing".to_owned(), example()));
        }
        match [lines_per_s, bytes_per_s].into_iter().flatten().find(|rate| !(1..=RATE_MAX).contains(rate)) {
            Some(rate) => {
                Err((format!("a rate of {rate} is no limit"), format!("write a number from 1 to {RATE_MAX}")))
            }
            None => Ok(RateLimit { lines_per_s, bytes_per_s }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_bytes_or_both_are_limited() {
        let both = RateLimit::of(&json!({"lines_per_s": 5, "bytes_per_s": 7})).unwrap();
        assert_eq!(both, RateLimit { lines_per_s: Some(5), bytes_per_s: Some(7) });
        assert_eq!(RateLimit::of(&json!({"lines_per_s": 5})).unwrap().bytes_per_s, None);
    }

    #[test]
    fn what_limits_nothing_is_refused() {
        for value in [json!({}), json!(5), json!({"lines_per_s": 0}), json!({"lines": 5})] {
            assert!(RateLimit::of(&value).is_err(), "{value}");
        }
    }
}
