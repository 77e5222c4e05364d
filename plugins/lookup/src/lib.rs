//! Adds fields from a table, by the value of a field: `{"field":"user.id","key":"id","columns":{"name":"user.full_name","team":"user.group.name"}}`.
//!
//! The table is the asset `table` of the chain entry, CSV with a header or a JSON object, or stands in the configuration itself.

mod table;

use collector_plugin::{Event, Field, Filter, Input, Manifest, Reject, Value, Verdict, host};
use serde::Deserialize;
use std::collections::BTreeMap;
use table::{Cell, Table};

/// Name of the data file, as the chain entry has it under `assets`.
pub const ASSET: &str = "table";

/// How the table is written.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Comma-separated values; the first line names the columns.
    Csv,
    /// One object; its members are the rows, each an object of columns.
    Json,
}

/// What becomes of an event whose value is not in the table.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is filtered out.
    Drop,
    /// It could not be treated.
    Reject,
}

/// What the chain entry may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The field whose value is looked up.
    pub field: Option<String>,
    /// Columns of the table and the fields that they become.
    pub columns: BTreeMap<String, String>,
    /// How the table is written; told from its first byte where nothing is said.
    pub format: Option<Form>,
    /// CSV: the column that is looked up; the first where nothing is said.
    pub key: Option<String>,
    /// The table itself, as JSON: then no data file is needed.
    pub table: Option<BTreeMap<String, serde_json::Value>>,
    /// Capital letters do not count in what is looked up.
    pub ignore_case: bool,
    /// What becomes of an event whose value is not in the table.
    pub on_missing: OnMissing,
}

/// The filter.
pub struct Lookup {
    field: String,
    targets: Vec<String>,
    table: Table,
    on_missing: OnMissing,
}

impl Filter for Lookup {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let field = config.field.clone().ok_or("`field` is missing: name the field whose value is looked up")?;
        if config.columns.is_empty() {
            let example = r#"{"name":"user.full_name"}"#;
            return Err(format!("`columns` is empty: say which columns become which fields, such as {example}"));
        }
        let targets: Vec<String> = config.columns.values().cloned().collect();
        if let Some(wrong) =
            targets.iter().chain([&field]).find(|name| name.contains('*') || name.split('.').any(str::is_empty))
        {
            return Err(format!("`{wrong}` is not the name of one field"));
        }
        let columns: Vec<String> = config.columns.into_keys().collect();
        let table = match config.table {
            Some(rows) => Table::from_rows(rows, &columns, config.ignore_case)?,
            None => {
                let bytes = host::asset(ASSET)?;
                let form = config.format.unwrap_or_else(|| form_of(&bytes));
                Table::read(&bytes, form, config.key.as_deref(), &columns, config.ignore_case)
                    .map_err(|error| format!("the asset `{ASSET}`: {error}"))?
            }
        };
        Ok(Self { field, targets, table, on_missing: config.on_missing })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading([self.field.as_str()]).writing(&self.targets)
    }

    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        let number;
        let row = match input.value(0) {
            Value::Text(text) => self.table.row(text),
            Value::Int(int) => {
                number = int.to_string();
                self.table.row(number.as_bytes())
            }
            Value::Bool(bool) => self.table.row(if bool { b"true" } else { b"false" }),
            // What is not there is not missing from the table.
            Value::Absent | Value::Null => return Ok(Verdict::Keep),
            _ => None,
        };
        match (row, self.on_missing) {
            (Some(row), _) => set(row, event),
            (None, OnMissing::Keep) => {}
            (None, OnMissing::Drop) => return Ok(Verdict::Drop),
            (None, OnMissing::Reject) => return Err(Reject("the value is not in the table")),
        }
        Ok(Verdict::Keep)
    }
}

fn set(row: &[Cell], event: &mut Event<'_>) {
    for (index, cell) in row.iter().enumerate() {
        let field = Field::nth(index as u32);
        match cell {
            Cell::Missing => {}
            Cell::Text(text) => event.text(field, text),
            Cell::Int(int) => event.int(field, *int),
            Cell::Float(float) => event.float(field, *float),
            Cell::Bool(bool) => event.bool(field, *bool),
            Cell::Json(json) => event.json(field, json),
        }
    }
}

/// JSON begins with a brace, and no sensible column does.
fn form_of(bytes: &[u8]) -> Form {
    if bytes.trim_ascii_start().first() == Some(&b'{') { Form::Json } else { Form::Csv }
}

collector_plugin::export!(Lookup as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
