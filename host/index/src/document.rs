//! A rendered document, as tantivy takes it.

use serde_json::Value;
use tantivy::{TantivyDocument, schema::OwnedValue};

use crate::schema::Fields;

/// What is known of a document beside its JSON.
pub(crate) struct About<'a> {
    pub(crate) id: &'a str,
    pub(crate) topic: &'a str,
    /// Stands in where the document has no `@timestamp`, in ms.
    pub(crate) read_time_ms: i64,
    pub(crate) sequence: u64,
}

/// Makes tantivy's document of a rendered one. What is not JSON is kept as it is and found by its words.
pub(crate) fn build(fields: &Fields, about: &About<'_>, json: &str) -> TantivyDocument {
    let parsed: Option<Value> = serde_json::from_str(json).ok();
    let mut leaves = Leaves::default();
    match &parsed {
        Some(document) => leaves.collect(document, &mut String::new()),
        None => leaves.text.push(json),
    }
    let mut out = TantivyDocument::with_capacity(json.len() * 3);
    out.add_text(fields.id, about.id);
    out.add_text(fields.topic, about.topic);
    out.add_i64(fields.timestamp, leaves.timestamp_ms.unwrap_or(about.read_time_ms));
    out.add_u64(fields.sequence, about.sequence);
    for text in &leaves.text {
        out.add_text(fields.text, text);
    }
    leaves.names.sort_unstable();
    leaves.names.dedup();
    for name in &leaves.names {
        out.add_text(fields.names, name);
    }
    for (field, leaves) in [(fields.values, leaves.values), (fields.numbers, leaves.numbers)] {
        if !leaves.is_empty() {
            out.add_field_value(field, &OwnedValue::Object(leaves));
        }
    }
    out.add_text(fields.document, json);
    out
}

/// Whether the field's words are the ones that are searched without naming a field.
pub(crate) fn is_line(name: &str) -> bool {
    matches!(name, "message" | "event.original" | "data")
}

#[derive(Default)]
struct Leaves<'a> {
    text: Vec<&'a str>,
    timestamp_ms: Option<i64>,
    values: Vec<(String, OwnedValue)>,
    numbers: Vec<(String, OwnedValue)>,
    names: Vec<String>,
}

impl<'a> Leaves<'a> {
    fn collect(&mut self, value: &'a Value, name: &mut String) {
        match value {
            Value::Null => {}
            Value::Object(members) => {
                for (key, value) in members {
                    let len = name.len();
                    if len > 0 {
                        name.push('.');
                    }
                    name.push_str(key);
                    self.collect(value, name);
                    name.truncate(len);
                }
            }
            Value::Array(elements) => elements.iter().for_each(|element| self.collect(element, name)),
            Value::String(text) => self.string(text, name),
            Value::Bool(value) => self.leaf(name, OwnedValue::Bool(*value), None),
            Value::Number(number) => {
                let value = number.as_i64().map(OwnedValue::I64).or_else(|| number.as_u64().map(OwnedValue::U64));
                if let Some(value) = value.or_else(|| number.as_f64().map(OwnedValue::F64)) {
                    self.leaf(name, value.clone(), Some(value));
                }
            }
        }
    }

    fn string(&mut self, text: &'a str, name: &str) {
        let time = time_of(text);
        if name == "@timestamp" {
            self.timestamp_ms = time.map(|time| time.as_millisecond());
        } else if is_line(name) {
            self.text.push(text);
            self.names.push(name.to_owned());
        } else {
            let date = |time: jiff::Timestamp| {
                let ns = i64::try_from(time.as_nanosecond()).ok()?;
                Some(OwnedValue::Date(tantivy::DateTime::from_timestamp_nanos(ns)))
            };
            self.leaf(name, OwnedValue::Str(text.to_owned()), time.and_then(date));
        }
    }

    fn leaf(&mut self, name: &str, value: OwnedValue, number: Option<OwnedValue>) {
        self.values.push((name.to_owned(), value));
        self.numbers.extend(number.map(|number| (name.to_owned(), number)));
        self.names.push(name.to_owned());
    }
}

/// The time that a text is, where it has the form of RFC 3339.
pub(crate) fn time_of(text: &str) -> Option<jiff::Timestamp> {
    let bytes = text.as_bytes();
    let has_form = (20..=40).contains(&bytes.len()) && bytes[4] == b'-' && bytes[0].is_ascii_digit();
    has_form.then(|| text.parse().ok()).flatten()
}
