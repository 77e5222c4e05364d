//! What the chain entry may say.

use collector_plugin::time::Zone;
use serde::Deserialize;

/// Which of the server's logs the lines come from.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Told from each line.
    #[default]
    Auto,
    /// The slow query log.
    Slow,
    /// The error log.
    Error,
    /// The general query log.
    General,
}

/// Configuration of the parser.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which log the lines come from.
    pub format: Format,
    /// The zone of timestamps that name none.
    pub timezone: Zone,
    /// Also set `event.kind`, `event.category`, `event.type`, `event.outcome`, `event.module`, `event.dataset`, `service.type` and `related.*`.
    pub event_fields: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { format: Format::Auto, timezone: Zone::Local, event_fields: true }
    }
}
