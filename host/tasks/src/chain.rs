//! Which plugins treat the lines of a task, as its writer named them.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;

/// A chain of plugins, in the order in which lines pass them. Empty means that lines go on as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChainSpec {
    /// The plugins.
    pub plugins: Vec<PluginSpec>,
}

/// One plugin of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginSpec {
    /// A path to a `.wasm` file, or a bare name (`nginx`) that is looked up as `NAME.wasm` in the plugin directories.
    pub path: PathBuf,
    /// The sha256 that the file must have, lower-case hexadecimal.
    pub sha256: Option<String>,
    /// What the plugin's `open` is given, as JSON; `Null` when the writer gave none.
    pub config: Value,
    /// Data files by the name under which the plugin asks for them.
    pub assets: BTreeMap<String, PathBuf>,
    /// What happens to an event that the plugin could not treat; `None` takes the plugin's own default (`keep`, or
    /// `dead_letter` where its manifest says `required`).
    pub on_error: Option<OnError>,
}

/// What happens to an event that a plugin rejected, faulted on, or met in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// It goes on as it was, tagged.
    Keep,
    /// It is dropped and counted.
    Drop,
    /// Its line goes to the dead letters.
    DeadLetter,
}
