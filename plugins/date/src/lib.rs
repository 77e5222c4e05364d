//! Reads the time of an event from a field: `{"field":"time","formats":["rfc3339","%d.%m.%Y %H:%M:%S"]}`.

mod format;

use collector_plugin::time::Zone;
use collector_plugin::{Event, Field, Filter, Input, Manifest, Reject, Value, Verdict};
use format::Format;
use serde::Deserialize;

const TARGET: Field = Field::nth(0);
const SOURCE: Field = Field::nth(1);
/// Columns of what the manifest reads.
const DAY: usize = 1;
const ZONE: usize = 2;

/// What becomes of an event whose field is no time.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It stays as it is.
    #[default]
    Keep,
    /// The event could not be treated.
    Reject,
}

/// What the chain entry may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The field that holds the time.
    pub field: Option<String>,
    /// Tried in turn: `rfc3339`, `unix`, or a pattern as of strftime.
    pub formats: Vec<String>,
    /// Where the time goes; `@timestamp` where nothing is said.
    pub target: Option<String>,
    /// The zone of times that name none.
    pub timezone: Zone,
    /// The field goes once it was read.
    pub remove: bool,
    /// What becomes of an event whose field is no time.
    pub on_failure: OnFailure,
}

/// The filter.
pub struct Date {
    field: String,
    target: String,
    formats: Vec<Format>,
    timezone: Zone,
    remove: bool,
    on_failure: OnFailure,
}

impl Filter for Date {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let field = config.field.ok_or("`field` is missing: name the field that holds the time")?;
        let target = config.target.unwrap_or_else(|| "@timestamp".to_owned());
        for (option, name) in [("field", &field), ("target", &target)] {
            if name.contains('*') || name.split('.').any(str::is_empty) {
                return Err(format!("`{option}`: `{name}` is not the name of one field"));
            }
        }
        let formats = match config.formats.as_slice() {
            [] => vec![Format::Rfc3339, Format::Unix],
            formats => formats.iter().map(|text| Format::new(text)).collect::<Result<_, _>>()?,
        };
        // A field that is read into itself does not go.
        let remove = config.remove && field != target;
        Ok(Self { field, target, formats, timezone: config.timezone, remove, on_failure: config.on_failure })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading([self.field.as_str(), "@meta.day", Zone::META]).writing([&self.target, &self.field])
    }

    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        let value = input.value(0);
        if value == Value::Absent {
            return Ok(Verdict::Keep);
        }
        match self.read(value, input) {
            Some(time_ns) => {
                event.time_ns(TARGET, time_ns);
                if self.remove {
                    event.remove(SOURCE);
                }
            }
            None if self.on_failure == OnFailure::Reject => {
                return Err(Reject("the field has a time of no known format"));
            }
            None => {}
        }
        Ok(Verdict::Keep)
    }
}

impl Date {
    fn read(&self, value: Value<'_>, input: Input<'_>) -> Option<i64> {
        let number;
        let text = match value {
            Value::TimeNs(time_ns) => return Some(time_ns),
            Value::Text(text) => text,
            Value::Int(int) => {
                number = int.to_string();
                number.as_bytes()
            }
            Value::Float(float) => {
                number = format!("{float:.9}");
                number.as_bytes()
            }
            _ => return None,
        };
        let east_min = self.timezone.minutes(input.value(ZONE));
        self.formats.iter().find_map(|format| format.read(text, east_min, input.value(DAY)))
    }
}

collector_plugin::export!(Date as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
