//! go-logfmt's decoder tests: inputs with the pairs of each record, or with an error.

use std::path::Path;

use base64::Engine as _;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    cases::{Case, Expected, ExpectedField},
    source::{Kind, read_json},
};

/// The source's settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GoLogfmt {
    /// Beginnings of errors of the decoder there that are none here, each with its reason.
    #[serde(default)]
    lenient: Vec<Lenient>,
    /// What a key without a value is here; `null` there.
    #[serde(default)]
    bare: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lenient {
    error: String,
    /// Read by people.
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
struct Vector {
    input: Text,
    want_records: Option<Vec<Vec<Pair>>>,
    want_error: Option<WantedError>,
}

/// A key with its value, where it has one.
type Pair = (Text, Option<Text>);

#[derive(Deserialize)]
struct WantedError {
    #[serde(rename = "Msg")]
    message: String,
}

/// Text, or bytes that are none.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Coded { base64: String },
}

impl Text {
    fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        Ok(match self {
            Text::Plain(text) => text.clone().into_bytes(),
            Text::Coded { base64 } => base64::engine::general_purpose::STANDARD.decode(base64)?,
        })
    }

    fn text(&self) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&self.bytes()?).into_owned())
    }
}

impl Kind for GoLogfmt {
    fn cases(&self, path: &Path, shown: &str) -> anyhow::Result<Vec<Case>> {
        let vectors: Vec<Vector> = read_json(path)?;
        let mut cases = vec![];
        for (number, vector) in vectors.iter().enumerate() {
            self.add(&format!("{shown} {number}"), vector, &mut cases)?;
        }
        Ok(cases)
    }
}

impl GoLogfmt {
    /// A record is a line.
    fn add(&self, place: &str, vector: &Vector, cases: &mut Vec<Case>) -> anyhow::Result<()> {
        let input = vector.input.bytes()?;
        if let Some(error) = &vector.want_error {
            let is_lenient = self.lenient.iter().any(|lenient| error.message.starts_with(&lenient.error));
            let expected = if is_lenient { Expected::Either } else { Expected::Rejected };
            cases.push(Case::new(format!("{place} ({})", error.message), input, expected));
            return Ok(());
        }
        let records = vector.want_records.as_deref().unwrap_or_default();
        for (line, record) in input.split(|&byte| byte == b'\n').zip(records) {
            let fields = record.iter().map(|(key, value)| self.field(key, value.as_ref()));
            cases.push(Case::new(place.to_owned(), line, Expected::Fields(fields.collect::<anyhow::Result<_>>()?)));
        }
        Ok(())
    }

    fn field(&self, key: &Text, value: Option<&Text>) -> anyhow::Result<ExpectedField> {
        Ok(match value {
            Some(value) => ExpectedField::text(key.text()?, value.text()?),
            None => ExpectedField::typed(key.text()?, self.bare.clone()),
        })
    }
}
