//! The options that such parsers share.

use super::ecs;
use crate::names::check_name;
use crate::scan::digits;
use crate::time::{Pattern, SECOND_NS, Zone, fraction};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// What the chain entry of such a parser may say.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The field to parse.
    pub field: String,
    /// The member that becomes `@timestamp`, or several: the first of them in a line counts. A value that is no time stays under its own name.
    /// None: `@timestamp`, and with `ecs` also the names that loggers use.
    #[serde(deserialize_with = "names")]
    pub timestamp: Option<Vec<String>>,
    /// How that time is written.
    pub timestamp_format: TimeFormat,
    /// The zone of times that name none.
    pub timezone: Zone,
    /// A field below which all members come to lie, but for those that are renamed.
    pub target: Option<String>,
    /// Members (nested ones by dots) and the fields that they become.
    pub rename: BTreeMap<String, String>,
    /// The names of ECS for the members that most loggers have.
    pub ecs: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            field: "message".to_owned(),
            timestamp: None,
            timestamp_format: TimeFormat::Auto,
            timezone: Zone::Local,
            target: None,
            rename: BTreeMap::new(),
            ecs: false,
        }
    }
}

impl Config {
    /// The members that may have the time.
    pub(super) fn times(&self) -> Vec<String> {
        match &self.timestamp {
            Some(names) => names.clone(),
            None if self.ecs => ecs::TIMES.map(str::to_owned).into(),
            None => vec![ecs::TIMES[0].to_owned()],
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.field.is_empty() {
            return Err("`field` is empty: name the field to parse, such as `message`".to_owned());
        }
        if let Some(to) = &self.target {
            check_name("target", to)?;
        }
        self.timestamp.iter().flatten().try_for_each(|name| check_name("timestamp", name))?;
        self.rename.values().try_for_each(|to| check_name("rename", to))?;
        match self.rename.iter().find(|(_, to)| *to == "@timestamp") {
            Some((from, _)) => Err(format!("`rename`: say `\"timestamp\": \"{from}\"` for the member with the time")),
            None => Ok(()),
        }
    }
}

/// How a time is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// RFC 3339 and its relatives, or a Unix time whose unit is told from its size.
    #[default]
    Auto,
    /// RFC 3339 and its relatives.
    Rfc3339,
    /// A Unix time; the unit in nanoseconds.
    Unix(i64),
    /// As a pattern says.
    Pattern(Pattern),
}

impl TimeFormat {
    /// Whether `@meta.day` is needed for the year.
    #[must_use]
    pub fn lacks_year(&self) -> bool {
        matches!(self, Self::Pattern(pattern) if pattern.lacks_year())
    }
}

impl<'de> Deserialize<'de> for TimeFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "rfc3339" => Ok(Self::Rfc3339),
            "unix" => Ok(Self::Unix(SECOND_NS)),
            "unix_ms" => Ok(Self::Unix(1_000_000)),
            "unix_us" => Ok(Self::Unix(1_000)),
            "unix_ns" => Ok(Self::Unix(1)),
            pattern if pattern.contains('%') => Pattern::new(pattern).map(Self::Pattern).map_err(de::Error::custom),
            other => Err(de::Error::custom(format!(
                "`{other}` is no format of a time: write auto, rfc3339, unix, unix_ms, unix_us, unix_ns or a pattern such as %Y-%m-%d %H:%M:%S"
            ))),
        }
    }
}

/// Nanoseconds of a Unix time in the unit given.
pub(super) fn unix_in(text: &[u8], unit_ns: i64) -> Option<i64> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let (whole, end) = digits(text, 0)?;
    let (fraction_ns, end) = fraction(text, end)?;
    let part_ns = fraction_ns / (SECOND_NS / unit_ns);
    let time_ns = i64::try_from(whole).ok()?.checked_mul(unit_ns)?.checked_add(part_ns)?;
    (end == text.len()).then_some(if negative { -time_ns } else { time_ns })
}

/// One name or a list of them.
///
/// # Errors
/// It is something else.
pub fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    struct Names;

    impl<'de> Visitor<'de> for Names {
        type Value = Option<Vec<String>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a name or a list of names")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
            Ok(Some(if name.is_empty() { vec![] } else { vec![name.to_owned()] }))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut names = Vec::new();
            while let Some(name) = list.next_element()? {
                names.push(name);
            }
            Ok(Some(names))
        }
    }

    deserializer.deserialize_any(Names)
}
