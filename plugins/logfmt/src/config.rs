//! What the chain entry may say.

use collector_plugin::members::{self, TimeFormat};
use collector_plugin::time::Zone;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Configuration of the parser: `{"timestamp": "ts", "ecs": true}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Numbers, `true` and `false` without quotes are such; otherwise every value is a text.
    pub types: bool,
    /// What a key without a `=` is.
    pub valueless: Valueless,
    /// The field to parse.
    pub field: String,
    /// The key whose value becomes `@timestamp`, or several.
    #[serde(deserialize_with = "members::names")]
    pub timestamp: Option<Vec<String>>,
    /// How that time is written.
    pub timestamp_format: TimeFormat,
    /// The zone of times that name none.
    pub timezone: Zone,
    /// A field below which all keys come to lie, but for those that are renamed.
    pub target: Option<String>,
    /// Keys and the fields that they become.
    pub rename: BTreeMap<String, String>,
    /// The names of ECS for the keys that most loggers have.
    pub ecs: bool,
}

/// What a key without a `=` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Valueless {
    /// null
    #[default]
    Null,
    /// true
    True,
}

impl Default for Config {
    fn default() -> Self {
        let members::Config { field, timestamp, timestamp_format, timezone, target, rename, ecs } =
            members::Config::default();
        Self {
            types: true,
            valueless: Valueless::Null,
            field,
            timestamp,
            timestamp_format,
            timezone,
            target,
            rename,
            ecs,
        }
    }
}

impl Config {
    /// Those options that are the same for all lines which name their fields.
    pub(crate) fn members(self) -> members::Config {
        let Self { types: _, valueless: _, field, timestamp, timestamp_format, timezone, target, rename, ecs } = self;
        members::Config { field, timestamp, timestamp_format, timezone, target, rename, ecs }
    }
}
