//! fluent-bit's multi-line tests: the pieces of container lines and the texts that they make together.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    cases::{Case, Expected, ExpectedField, Form},
    source::{Kind, read_json},
};

/// The source's settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FluentBitMultiline {
    /// Only pieces that begin so: `{` are Docker's, digits are CRI's.
    #[serde(default)]
    starts_with: Vec<String>,
    /// The field that has a piece's text.
    #[serde(default = "message")]
    field: String,
}

fn message() -> String {
    "message".to_owned()
}

#[derive(Deserialize)]
struct Vectors {
    input_records: Vec<Value>,
    expected_records: Vec<Value>,
}

impl Kind for FluentBitMultiline {
    /// Joining is not the parser's business: each piece has to be a part of some expected text.
    fn cases(&self, path: &Path, shown: &str) -> anyhow::Result<Vec<Case>> {
        let vectors: Vectors = read_json(path)?;
        let whole: String = vectors.expected_records.iter().filter_map(Value::as_str).collect();
        let is_meant = |piece: &&str| {
            self.starts_with.is_empty() || self.starts_with.iter().any(|start| piece.starts_with(start.as_str()))
        };
        let pieces = vectors.input_records.iter().filter_map(Value::as_str).filter(is_meant).enumerate();
        let case = |(number, piece): (usize, &str)| {
            let field = ExpectedField { name: self.field.clone(), value: whole.clone().into(), form: Form::PartOf };
            Case::new(format!("{shown} {number}"), piece, Expected::Fields(vec![field]))
        };
        Ok(pieces.map(case).collect())
    }
}
