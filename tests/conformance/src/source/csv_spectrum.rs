//! csv-spectrum: `csvs/X.csv` beside `json/X.json`, an array of objects by the names of the first line.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    cases::{Case, Expected, ExpectedField},
    source::{Kind, read, read_json},
};

/// The source's settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CsvSpectrum {
    /// The key of the plugin's configuration that takes the names of the columns.
    #[serde(default = "columns")]
    columns_key: String,
    /// More of the configuration.
    #[serde(default)]
    config: Map<String, Value>,
    /// Before the names of the columns.
    #[serde(default)]
    prefix: String,
}

fn columns() -> String {
    "columns".to_owned()
}

impl Kind for CsvSpectrum {
    fn cases(&self, path: &Path, shown: &str) -> anyhow::Result<Vec<Case>> {
        let stem = path.file_stem().context("a file without a name")?;
        let folder = path.parent().and_then(Path::parent).context("a file without a folder")?;
        let rows: Vec<Map<String, Value>> = read_json(&folder.join("json").join(stem).with_extension("json"))?;
        let bytes = read(path)?;
        let mut records = records(&bytes).into_iter();
        let header = records.next().with_context(|| format!("{shown} has no first line"))?;
        let names: Vec<String> =
            String::from_utf8_lossy(header).split(',').map(|name| name.trim_matches('"').to_owned()).collect();
        let records: Vec<&[u8]> = records.collect();
        ensure!(records.len() == rows.len(), "{shown} has {} records and {} rows", records.len(), rows.len());
        let mut config = self.config.clone();
        config.insert(self.columns_key.clone(), json!(names));
        let case = |(number, (record, row)): (usize, (&[u8], Map<String, Value>))| {
            let field = |(name, value): (String, Value)| ExpectedField {
                form: crate::cases::Form::Text,
                ..ExpectedField::typed(format!("{}{name}", self.prefix), value)
            };
            let expected = Expected::Fields(row.into_iter().map(field).collect());
            Case {
                config: Some(Value::Object(config.clone())),
                ..Case::new(format!("{shown} {number}"), record, expected)
            }
        };
        Ok(records.into_iter().zip(rows).enumerate().map(case).collect())
    }
}

/// The records of a file: line breaks inside quotes are part of a record.
fn records(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut records, mut start, mut quoted) = (vec![], 0, false);
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                records.push(&bytes[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    records.push(&bytes[start..]);
    let ended = records.into_iter().map(|record| record.strip_suffix(b"\r").unwrap_or(record));
    ended.filter(|record| !record.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_in_quotes_ends_no_record() {
        assert_eq!(records(b"a,b\r\n1,\"x\ny\"\n2,3\n"), [&b"a,b"[..], b"1,\"x\ny\"", b"2,3"]);
    }
}
