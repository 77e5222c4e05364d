//! influxdata/go-syslog's vectors: inputs that are valid with these values, or not.

use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    cases::{Case, Expected, ExpectedField},
    flat::flatten,
    source::{Kind, read_json},
};

/// The source's settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GoSyslog {
    /// Inputs that may be accepted though they are listed as invalid.
    #[serde(default)]
    lenient: Vec<Lenient>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lenient {
    /// The beginning of the error that the vector lists.
    error: String,
    /// Why it is accepted here.
    reason: String,
}

#[derive(Deserialize)]
struct Vector {
    input: Option<String>,
    input_base64: Option<String>,
    valid: bool,
    #[serde(default)]
    error: String,
    value: Option<Map<String, Value>>,
}

impl Kind for GoSyslog {
    fn cases(&self, path: &Path, shown: &str) -> anyhow::Result<Vec<Case>> {
        let vectors: Vec<Vector> = read_json(path)?;
        for lenient in &self.lenient {
            anyhow::ensure!(!lenient.reason.trim().is_empty(), "accepting {:?} needs a reason", lenient.error);
        }
        vectors.iter().enumerate().map(|(number, vector)| self.case(&format!("{shown} {number}"), vector)).collect()
    }
}

impl GoSyslog {
    fn case(&self, place: &str, vector: &Vector) -> anyhow::Result<Case> {
        let line = match (&vector.input, &vector.input_base64) {
            (Some(input), _) => input.clone().into_bytes(),
            (None, Some(coded)) => base64::engine::general_purpose::STANDARD.decode(coded)?,
            (None, None) => return Err(anyhow::anyhow!("{place} has no input")),
        };
        let is_lenient = self.lenient.iter().any(|lenient| vector.error.starts_with(&lenient.error));
        let expected = match vector.valid {
            true => Expected::Fields(fields(vector.value.as_ref().context("a valid vector without a value")?)),
            false if is_lenient => Expected::Either,
            false => Expected::Rejected,
        };
        let place = if vector.error.is_empty() { place.to_owned() } else { format!("{place} ({})", vector.error) };
        Ok(Case::new(place, line, expected))
    }
}

/// What is null there is absent.
fn fields(value: &Map<String, Value>) -> Vec<ExpectedField> {
    let present = flatten(value.clone()).into_iter().filter(|(_, value)| !value.is_null());
    let field = |(name, value)| match value {
        Value::String(text) => ExpectedField::text(name, text),
        // A number there, a keyword in ECS.
        version if name == "Version" => ExpectedField::typed(name, version.to_string().into()),
        value => ExpectedField::typed(name, value),
    };
    present.map(field).collect()
}
