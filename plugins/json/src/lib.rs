//! Lines that are JSON objects: each member becomes a field, nested objects by dotted names, arrays as they are.
//!
//! Strict JSON (RFC 8259): what another parser would refuse is rejected, so that no line means two things. Integers beyond i64 and numbers with a fraction keep their own text: nothing is
//! rounded. Half a surrogate pair becomes U+FFFD. Of a name that comes twice, the last counts.

mod object;
mod string;
mod value;

use collector_plugin::{Event, Field, Manifest, Parser, Reject, time};
use serde::Deserialize;

collector_plugin::fields! { TIME = "@timestamp" }

/// Rejected: the line is something else, or has something behind its end.
pub(crate) const NO_OBJECT: Reject = Reject("not one JSON object");

/// Configuration of the parser: `{"timestamp": "time"}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The member at the top that becomes `@timestamp`: a text as in RFC 3339, or a Unix time in seconds, milliseconds, microseconds or nanoseconds. A value that is no time stays under its own name.
    pub timestamp: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { timestamp: "@timestamp".to_owned() }
    }
}

/// The parser of JSON lines.
pub struct Json {
    timestamp: Box<[u8]>,
}

impl Parser for Json {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        Ok(Self { timestamp: config.timestamp.into_bytes().into() })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(["message"]).writing(FIELDS.iter().copied())
    }

    #[inline(always)]
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let start = value::skip_space(line, 0);
        if line.get(start) != Some(&b'{') {
            return Err(NO_OBJECT);
        }
        let end = object::parse(self, line, start + 1, event)?;
        if value::skip_space(line, end) == line.len() { Ok(()) } else { Err(NO_OBJECT) }
    }
}

impl Json {
    /// Whether this is the member that has the time.
    #[inline(always)]
    fn is_timestamp(&self, parent: Option<Field>, key: &[u8]) -> bool {
        parent.is_none() && *key == *self.timestamp
    }

    /// Sets `@timestamp` where the member's value is a time; says whether it was.
    #[cold]
    #[inline(never)]
    fn set_time(&self, value: &[u8], event: &mut Event<'_>) -> Result<bool, Reject> {
        let ns = match value {
            [b'"', text @ .., b'"'] => time::rfc3339(text),
            number => time::unix(number),
        };
        match ns {
            Some(ns) => event.time_ns(TIME, ns),
            // A field of that name with anything else in it would make the document unacceptable to every index.
            None if *self.timestamp == *b"@timestamp" => return Err(Reject("`@timestamp` is not a time")),
            None => return Ok(false),
        }
        Ok(true)
    }
}

collector_plugin::export!(Json as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
