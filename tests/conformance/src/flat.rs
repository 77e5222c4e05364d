//! Nested documents to dotted names.

use serde_json::{Map, Value};

/// A document by dotted names. Arrays are values, whatever they hold; so are empty objects.
pub type Flat = Map<String, Value>;

/// Flattens a document.
pub fn flatten(document: Map<String, Value>) -> Flat {
    let mut flat = Flat::new();
    for (name, value) in document {
        put(name, value, &mut flat);
    }
    flat
}

fn put(name: String, value: Value, flat: &mut Flat) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                put(format!("{name}.{key}"), value, flat);
            }
        }
        value => {
            flat.insert(name, value);
        }
    }
}
