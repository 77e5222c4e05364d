//! What the chain entry may say.

use crate::value::Format;
use collector_plugin::check_field_name;
use collector_plugin::members::TimeFormat;
use collector_plugin::time::Zone;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Configuration of the parser: `{"columns": ["time", "user", "bytes"], "types": {"time": "timestamp", "bytes": "integer"}}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Names of the columns, in order; an empty name leaves a column out.
    pub columns: Vec<String>,
    /// The types of columns that are no texts.
    pub types: BTreeMap<String, Type>,
    /// What is between values: one ASCII character.
    pub delimiter: String,
    /// What is around a value that has a delimiter in it: one ASCII character, or nothing.
    pub quote: String,
    /// What makes a quote in quotes a part of the value, beside writing it twice: one ASCII character, or nothing.
    pub escape: String,
    /// Blanks and tabs around values go.
    pub trim: bool,
    /// The line that has the names of the columns and is dropped; where it is not given, the names as they stand in `columns`.
    pub header: Option<String>,
    /// What a value that is not there becomes.
    pub empty: Empty,
    /// Texts that mean that there is no value.
    pub nulls: Vec<String>,
    /// Lines may have more or fewer values than there are columns.
    pub ragged: bool,
    /// The field to parse.
    pub field: String,
    /// A field below which all columns come to lie.
    pub target: Option<String>,
    /// How the times of columns of the type `timestamp` are written.
    pub timestamp_format: TimeFormat,
    /// The zone of times that name none.
    pub timezone: Zone,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// As they are.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Float,
    /// true, t, yes, y, 1 and their opposites, in any case.
    Boolean,
    /// The time of the event.
    Timestamp,
}

/// What a value that is not there becomes: one without any character, not even quotes, or one of `nulls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Empty {
    /// No field.
    Skip,
    /// null
    Null,
    /// A text without characters, in columns of texts.
    Text,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            types: BTreeMap::new(),
            delimiter: ",".to_owned(),
            quote: "\"".to_owned(),
            escape: String::new(),
            trim: false,
            header: None,
            empty: Empty::Skip,
            nulls: Vec::new(),
            ragged: false,
            field: "message".to_owned(),
            target: None,
            timestamp_format: TimeFormat::Auto,
            timezone: Zone::Local,
        }
    }
}

impl Config {
    /// # Errors
    /// What is missing or makes no sense.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.columns.iter().all(String::is_empty) {
            return Err("`columns` is missing: name the columns in order, such as [\"time\", \"user.name\"]".to_owned());
        }
        if let Some(target) = &self.target {
            check_field_name("target", target)?;
        }
        for name in self.columns.iter().filter(|name| !name.is_empty()) {
            check_field_name("columns", &self.full_name(name))?;
            let is_time = self.types.get(name) == Some(&Type::Timestamp);
            if self.full_name(name) == "@timestamp" && !is_time {
                return Err("`types`: say that the column `@timestamp` is a `timestamp`".to_owned());
            }
        }
        match self.types.keys().find(|name| !self.columns.contains(name)) {
            Some(name) => Err(format!("`types`: `{name}` is not among the `columns`")),
            None => Ok(()),
        }
    }

    pub(crate) fn format(&self) -> Result<Format, String> {
        let one = |option: &str, text: &str| match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n') => Ok(*byte),
            _ => Err(format!("`{option}`: `{text}` is not one ASCII character")),
        };
        let optional = |option: &str, text: &str| if text.is_empty() { Ok(None) } else { one(option, text).map(Some) };
        let format = Format {
            delimiter: one("delimiter", &self.delimiter)?,
            quote: optional("quote", &self.quote)?,
            escape: optional("escape", &self.escape)?,
            trim: self.trim,
        };
        if format.quote == Some(format.delimiter) {
            return Err("`quote`: it is the same as `delimiter`".to_owned());
        }
        Ok(format)
    }

    pub(crate) fn full_name(&self, name: &str) -> String {
        match &self.target {
            Some(target) => format!("{target}.{name}"),
            None => name.to_owned(),
        }
    }

    pub(crate) fn kind(&self, name: &str) -> Type {
        self.types.get(name).copied().unwrap_or(Type::Text)
    }

    pub(crate) fn header(&self) -> String {
        self.header.clone().unwrap_or_else(|| self.columns.join(&self.delimiter))
    }
}
