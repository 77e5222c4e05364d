//! What the chain entry may say.

use collector_plugin::time::Zone;
use serde::Deserialize;

/// Configuration of the parser: `{"format": "auto", "timezone": "local", "event_fields": true}`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which of the two forms the lines have.
    pub format: Format,
    /// The zone of times that name none.
    pub timezone: Zone,
    /// Also set `event.kind`, `event.module`, `event.dataset`, `event.timezone`, `service.type` and `related.hosts`.
    pub event_fields: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { format: Format::Auto, timezone: Zone::Local, event_fields: true }
    }
}

/// The form of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 5424 where a version follows the priority, and read with some lenience; otherwise the older form.
    Auto,
    /// The older form alone: RFC 3164, and files.
    Rfc3164,
    /// RFC 5424 to the letter.
    Rfc5424,
}
