//! What the chain entry may say.

use collector_plugin::time::Zone;
use serde::Deserialize;

/// Which of the server's log destinations the lines come from.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Told from each line.
    #[default]
    Auto,
    /// `log_destination = stderr` (and what comes through syslog).
    Stderr,
    /// `log_destination = csvlog`.
    Csvlog,
    /// `log_destination = jsonlog`.
    Jsonlog,
}

/// Configuration of the parser.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which log destination the lines come from.
    pub format: Format,
    /// The server's `log_line_prefix`, as `SHOW log_line_prefix` has it. Without it the usual ones are recognised.
    pub log_line_prefix: Option<String>,
    /// The zone of timestamps whose zone is not known.
    pub timezone: Zone,
    /// Also set `event.kind`, `event.category`, `event.type`, `event.module`, `event.dataset`, `service.type`, `related.user` and `related.hosts`.
    pub event_fields: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { format: Format::Auto, log_line_prefix: None, timezone: Zone::Local, event_fields: true }
    }
}
