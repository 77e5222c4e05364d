//! The kinds of sources: how the files of a corpus become lines with expectations. One file for each.

mod beats;

use std::path::Path;

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;

use crate::cases::Case;

/// A kind of source with its own settings.
pub trait Kind {
    /// The lines of a file. `shown` is how the file is called in the tables.
    fn cases(&self, path: &Path, shown: &str) -> anyhow::Result<Vec<Case>>;
}

/// A source of the kind of that name with these settings.
pub fn of(kind: &str, settings: toml::Table) -> anyhow::Result<Box<dyn Kind>> {
    match kind {
        "beats" => own::<beats::Beats>(kind, settings),
        _ => bail!("a source is of the kind {kind:?}, which is unknown; there is beats"),
    }
}

fn own<K: Kind + DeserializeOwned + 'static>(kind: &str, settings: toml::Table) -> anyhow::Result<Box<dyn Kind>> {
    let kind: K = settings.try_into().with_context(|| format!("reading a source of the kind {kind:?}"))?;
    Ok(Box::new(kind))
}

/// The bytes of a file.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading {}", path.display()))
}

/// The JSON of a file.
fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    serde_json::from_slice(&read(path)?).with_context(|| format!("reading {} as JSON", path.display()))
}
