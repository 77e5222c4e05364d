//! What became of an event, as JSON: for the author's examples, and for whoever compares what a plugin does.

use std::collections::BTreeMap;

use collector_model::{
    Schema, Table, Value as CellValue,
    cell::rfc3339,
    fields::{FieldTree, Found, LINE_SLOT},
    table::Event,
};
use serde_json::Value;

/// The fields of an event by dotted name; the line only where somebody set it.
pub fn event_fields(event: &Event, text: &[u8], table: &Table, schema: &Schema) -> BTreeMap<String, Value> {
    let cells = table.cells_of(event);
    let value = |slot: u32| json(cells[slot as usize].value(text, table.arena()));
    let mut fields = BTreeMap::new();
    FieldTree::of(schema, cells).each(|name, found| {
        let value = match found {
            Found::Single(LINE_SLOT) => return,
            Found::Single(slot) => value(slot),
            Found::Array([first, rest @ ..]) => {
                let mut items = match value(*first) {
                    Value::Array(items) if !cells[*first as usize].appends() => items,
                    item => vec![item],
                };
                items.extend(rest.iter().map(|slot| value(*slot)));
                Value::Array(items)
            }
            Found::Array([]) => return,
        };
        fields.insert(name.to_owned(), value);
    });
    fields
}

fn json(value: CellValue<'_>) -> Value {
    match value {
        CellValue::Text(text) => String::from_utf8_lossy(text).into(),
        CellValue::Int(number) => number.into(),
        CellValue::Float(number) => number.into(),
        CellValue::Bool(value) => value.into(),
        CellValue::Null => Value::Null,
        CellValue::Time(ns) => rfc3339(ns).into(),
        CellValue::Json(text) => serde_json::from_slice(text).unwrap_or_default(),
    }
}

/// Whether an event has the fields that somebody wrote down: numbers are compared by value and times by instant.
pub fn same(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => a == b || (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64(),
        (Value::String(a), Value::String(b)) => a == b || instant(a).is_some_and(|a| instant(b) == Some(a)),
        (a, b) => a == b,
    }
}

fn instant(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}
