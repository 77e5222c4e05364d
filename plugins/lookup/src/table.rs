//! The table, as it is kept for looking up.

use crate::Form;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Missing,
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// An array or an object, or a number beyond i64.
    Json(String),
}

/// Rows by their key; the cells are in the order of the columns that were asked for.
pub(crate) struct Table {
    rows: HashMap<Vec<u8>, Vec<Cell>>,
    ignore_case: bool,
}

impl Table {
    /// Reads a data file.
    ///
    /// # Errors
    /// Where the file is not what it should be.
    pub(crate) fn read(
        bytes: &[u8],
        form: Form,
        key: Option<&str>,
        columns: &[String],
        ignore_case: bool,
    ) -> Result<Self, String> {
        match form {
            Form::Csv => Self::from_csv(bytes, key, columns, ignore_case),
            Form::Json => {
                let rows: BTreeMap<String, Value> =
                    serde_json::from_slice(bytes).map_err(|error| format!("it is not one JSON object: {error}"))?;
                Self::from_rows(rows, columns, ignore_case)
            }
        }
    }

    fn from_csv(bytes: &[u8], key: Option<&str>, columns: &[String], ignore_case: bool) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let header = reader.headers().map_err(|error| format!("its header cannot be read: {error}"))?.clone();
        let place = |name: &str| {
            let known = || header.iter().collect::<Vec<_>>().join(", ");
            header
                .iter()
                .position(|column| column == name)
                .ok_or_else(|| format!("it has no column `{name}`; there are: {}", known()))
        };
        let key = key.map_or(Ok(0), place)?;
        let places = columns.iter().map(|name| place(name)).collect::<Result<Vec<_>, _>>()?;
        let mut table = Self { rows: HashMap::new(), ignore_case };
        for record in reader.records() {
            let record = record.map_err(|error| format!("a row cannot be read: {error}"))?;
            let cell = |place: &usize| match record.get(*place) {
                None | Some("") => Cell::Missing,
                Some(text) => Cell::Text(text.to_owned()),
            };
            table.add(record.get(key).unwrap_or_default(), places.iter().map(cell).collect())?;
        }
        Ok(table)
    }

    /// Takes rows by their key: objects of columns, or single values as the column of no name.
    ///
    /// # Errors
    /// Two keys that are the same without regard to capital letters.
    pub(crate) fn from_rows(
        rows: BTreeMap<String, Value>,
        columns: &[String],
        ignore_case: bool,
    ) -> Result<Self, String> {
        let mut table = Self { rows: HashMap::with_capacity(rows.len()), ignore_case };
        for (key, row) in rows {
            let cell = |column: &String| match (&row, column.as_str()) {
                (Value::Object(row), column) => row.get(column).map_or(Cell::Missing, cell_of),
                (value, "") => cell_of(value),
                _ => Cell::Missing,
            };
            table.add(&key, columns.iter().map(cell).collect())?;
        }
        Ok(table)
    }

    fn add(&mut self, key: &str, row: Vec<Cell>) -> Result<(), String> {
        let stored = if self.ignore_case { key.to_lowercase() } else { key.to_owned() };
        match self.rows.insert(stored.into_bytes(), row) {
            None => Ok(()),
            Some(_) => Err(format!("two rows have the key `{key}`: remove one of them")),
        }
    }

    /// The row of a key.
    #[inline]
    pub(crate) fn row(&self, key: &[u8]) -> Option<&[Cell]> {
        if self.ignore_case {
            let lower = String::from_utf8_lossy(key).to_lowercase();
            return self.rows.get(lower.as_bytes()).map(Vec::as_slice);
        }
        self.rows.get(key).map(Vec::as_slice)
    }
}

fn cell_of(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Missing,
        Value::String(text) => Cell::Text(text.clone()),
        Value::Bool(bool) => Cell::Bool(*bool),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Cell::Int(int),
            (None, Some(float)) if number.is_f64() => Cell::Float(float),
            _ => Cell::Json(number.to_string()),
        },
        other => Cell::Json(other.to_string()),
    }
}
