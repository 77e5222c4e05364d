//! What the chain entry may say.

use serde::Deserialize;

/// Configuration of the parser: `{"event_fields": false, "extra_fields": []}`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Also set `event.kind`, `event.category`, `event.type` and `event.outcome`: the same for every line but for the outcome (a status below 400 is a success).
    pub event_fields: bool,
    /// Names for the values behind the known ones, in the order of the log format (`$request_time`, `"$http_x_forwarded_for"`). Values without a name are ignored.
    pub extra_fields: Vec<String>,
}

impl Config {
    /// # Errors
    /// The name that no field can have.
    pub(crate) fn check(&self) -> Result<(), String> {
        let illegal = |name: &&String| {
            name.len() > collector_plugin::abi::NAME_BYTES_MAX
                || name.split('.').any(str::is_empty)
                || name.split('.').count() > collector_plugin::abi::NAME_SEGMENTS_MAX
                || matches!(name.split('.').next(), Some("_id" | "@meta" | "collector"))
        };
        match self.extra_fields.iter().find(illegal) {
            Some(name) => Err(format!(
                "`extra_fields`: `{name}` cannot be the name of a field; use one such as `http.request.time`"
            )),
            None => Ok(()),
        }
    }
}
