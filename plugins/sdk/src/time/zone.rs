//! The zone of timestamps that name none.

use crate::Value;
use serde::{Deserialize, Deserializer, de};

use super::offset;

/// Minutes of a day.
const DAY_MIN: i64 = 24 * 60;

/// A plugin's option `timezone`: the zone of timestamps that name none. In the configuration it is `"local"`, `"UTC"` or a distance such as `"+02:00"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// The one of the machine that read the line: `@meta.timezone`.
    #[default]
    Local,
    /// Always this many minutes east of UTC.
    East(i64),
}

impl Zone {
    /// What the manifest reads for it.
    pub const META: &'static str = "@meta.timezone";

    /// Minutes east of UTC; `local` is what was read of [`META`](Self::META), and UTC where nothing is known.
    ///
    /// ```
    /// use collector_plugin::{Value, time::Zone};
    /// assert_eq!(Zone::Local.minutes(Value::Int(-120)), -120);
    /// assert_eq!(Zone::East(60).minutes(Value::Int(-120)), 60);
    /// ```
    #[inline]
    #[must_use]
    pub fn minutes(self, local: Value<'_>) -> i64 {
        match (self, local) {
            (Self::East(minutes), _) => minutes,
            (Self::Local, Value::Int(minutes)) if minutes.abs() < DAY_MIN => minutes,
            (Self::Local, _) => 0,
        }
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "local" => Ok(Self::Local),
            "UTC" => Ok(Self::East(0)),
            zone => offset(zone.as_bytes())
                .filter(|_| !zone.is_empty())
                .map(|seconds| Self::East(seconds / 60))
                .ok_or_else(|| {
                    de::Error::custom(format!(
                        "`{zone}` is no time zone: write \"local\", \"UTC\" or a distance such as \"+02:00\""
                    ))
                }),
        }
    }
}

/// A zone as `event.timezone` has it: `-02:00`. Less than a day east or west.
#[must_use]
pub fn zone_text(east_min: i64) -> [u8; 6] {
    let minutes = (east_min.unsigned_abs() % DAY_MIN.unsigned_abs()) as u32;
    let digit = |value: u32| b'0' + (value % 10) as u8;
    let (hour, minute) = (minutes / 60, minutes % 60);
    let sign = if east_min < 0 { b'-' } else { b'+' };
    [sign, digit(hour / 10), digit(hour), b':', digit(minute / 10), digit(minute)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_read_from_the_configuration() {
        let read = |text: &str| serde_json::from_str::<Zone>(&format!("\"{text}\""));
        assert_eq!(read("local").unwrap(), Zone::Local);
        assert_eq!(read("UTC").unwrap(), Zone::East(0));
        assert_eq!(read("-03:30").unwrap(), Zone::East(-210));
        for wrong in ["", "Mars", "+25:00", "+1"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("is no time zone"), "{error}");
        }
    }

    #[test]
    fn a_zone_is_written_as_elastic_does() {
        assert_eq!(&zone_text(-120), b"-02:00");
        assert_eq!(&zone_text(345), b"+05:45");
        assert_eq!(&zone_text(0), b"+00:00");
        assert_eq!(offset(&zone_text(-839)), Some(-839 * 60));
    }

    #[test]
    fn an_impossible_distance_is_not_believed() {
        assert_eq!(Zone::Local.minutes(Value::Int(i64::MIN + 1)), 0);
        assert_eq!(Zone::Local.minutes(Value::Absent), 0);
    }
}
