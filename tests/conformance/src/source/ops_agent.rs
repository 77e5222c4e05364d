//! Google's ops-agent: `input.log` beside `output_otel.yaml` and `output_fluentbit.yaml`, which list the entries of two peers.

use std::path::Path;

use anyhow::ensure;
use regex::bytes::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    cases::{Case, Expected, ExpectedField},
    flat::flatten,
    source::{Kind, events, read, read_text},
};

/// What the peers add to every entry.
const PIPELINE: [&str; 3] = ["logName", "resource", "labels"];

/// The source's settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpsAgent {
    /// Whose output is meant: `otel` or `fluentbit`.
    #[serde(default)]
    peer: Peer,
    /// What the first line of an event looks like, where events have several.
    first_line: Option<String>,
    /// Whether the peer's values are nothing but text.
    #[serde(default)]
    text: bool,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Peer {
    #[default]
    Otel,
    Fluentbit,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    entries: Vec<Map<String, Value>>,
}

impl Kind for OpsAgent {
    fn cases(&self, path: &Path, shown: &str) -> anyhow::Result<Vec<Case>> {
        let output = match self.peer {
            Peer::Otel => "output_otel.yaml",
            Peer::Fluentbit => "output_fluentbit.yaml",
        };
        let parts: Vec<Part> = serde_yaml_ng::from_str(&read_text(&path.with_file_name(output))?)?;
        let entries: Vec<_> = parts.into_iter().flat_map(|part| part.entries).collect();
        let bytes = read(path)?;
        let events = events(&bytes, self.first_line.as_deref().map(Regex::new).transpose()?.as_ref());
        ensure!(entries.len() == events.len(), "{shown} has {} events and {} entries", events.len(), entries.len());
        let case = |((number, event), entry): ((usize, Vec<u8>), Map<String, Value>)| {
            Case::new(format!("{shown}:{number}"), event, self.expected(entry))
        };
        Ok(events.into_iter().zip(entries).map(case).collect())
    }
}

impl OpsAgent {
    fn expected(&self, entry: Map<String, Value>) -> Expected {
        // A line that the peer did not parse got the time at which the test ran.
        if entry.get("timestamp").is_none_or(|time| time == "now") {
            return Expected::Either;
        }
        let ours = entry.into_iter().filter(|(name, _)| !PIPELINE.contains(&name.as_str())).collect();
        let field = |(name, value): (String, Value)| match value {
            Value::String(text) if self.text => ExpectedField::text(name, text),
            value => ExpectedField::typed(name, value),
        };
        Expected::Fields(flatten(ours).into_iter().map(field).collect())
    }
}
