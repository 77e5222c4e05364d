//! What the chain entry may say.

use collector_plugin::time::Zone;
use serde::Deserialize;

/// Configuration of the parser: `{"timezone": "local", "event_fields": true}`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The zone of times that name none.
    pub timezone: Zone,
    /// Also set `event.kind`, `module`, `dataset`, `timezone` and `service.type`.
    pub event_fields: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { timezone: Zone::Local, event_fields: true }
    }
}
