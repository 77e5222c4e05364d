//! What the chain entry of such a plugin may say.

use crate::time::Zone;
use serde::Deserialize;

/// Which log it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Log {
    /// Told from each line: one that begins as the error log does is of that.
    #[default]
    Auto,
    /// The access log.
    Access,
    /// The error log.
    Error,
}

/// Configuration of a parser of access and error logs.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which log it is.
    pub log: Log,
    /// The layout of access lines, as the server's own configuration has it; `combined` and its relatives where nothing is said.
    pub log_format: Option<String>,
    /// Also set `event.kind`, `event.category`, `event.type`, `event.outcome`, `event.module`, `event.dataset`, `event.timezone`, `service.type`, `related.*`, and the
    /// list of addresses where there is but one.
    pub event_fields: bool,
    /// The zone of the error log's times, which name none.
    pub timezone: Zone,
}

impl Default for Config {
    fn default() -> Self {
        Self { log: Log::Auto, log_format: None, event_fields: true, timezone: Zone::Local }
    }
}
