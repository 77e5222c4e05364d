//! Applies operations to the fields of one event, and refuses what a host would refuse.

use super::{Fields, Outcome};
use crate::Changes;
use crate::abi::{self, FORKS_MAX, JSON_DEPTH_MAX, NAME_BYTES_MAX, NAME_SEGMENTS_MAX, whole};
use serde_json::Value;
use serde_json::value::RawValue;

/// The words that are left, and what they refer to.
struct Reader<'c> {
    ops: &'c [u32],
    arena: &'c [u8],
    names: &'c [String],
    text: &'c str,
}

/// What became of the one event of `changes`.
///
/// # Errors
/// The rule that the plugin broke.
pub(super) fn apply(
    changes: &Changes<'_>,
    names: &[String],
    text: &str,
    before: &Fields,
    forks: bool,
) -> Result<Outcome, String> {
    let mut reader = Reader { ops: changes.ops, arena: changes.arena, names, text };
    let mut kept = Vec::new();
    let mut fields = before.clone();
    let outcome = loop {
        let word = reader.word()?;
        match word & 15 {
            abi::NEXT => {
                kept.push(fields);
                break Outcome::Kept(kept);
            }
            abi::DROP if kept.is_empty() => break Outcome::Dropped,
            abi::DROP => break Outcome::Kept(kept),
            abi::REJECT => break Outcome::Rejected(reader.reason()?),
            abi::FORK if forks && kept.len() < FORKS_MAX => kept.push(std::mem::take(&mut fields)),
            _ => reader.change(word, &mut fields)?,
        }
    };
    if reader.ops.is_empty() { Ok(outcome) } else { Err("operations after the last event".to_owned()) }
}

impl<'c> Reader<'c> {
    fn word(&mut self) -> Result<u32, String> {
        let (word, rest) = self.ops.split_first().ok_or("the operations are cut short")?;
        self.ops = rest;
        Ok(*word)
    }

    fn change(&mut self, word: u32, fields: &mut Fields) -> Result<(), String> {
        let name = self.name(word >> 8)?.to_owned();
        match word & 15 {
            abi::SET => {
                let value = self.value(word >> 4 & 15)?;
                fields.insert(name, value);
            }
            abi::APPEND => {
                let value = self.value(word >> 4 & 15)?;
                append(fields, name, value);
            }
            abi::REMOVE => {
                let below = format!("{name}.");
                fields.retain(|key, _| *key != name && !key.starts_with(&below));
            }
            op => return Err(format!("operation {op} is not allowed")),
        }
        Ok(())
    }

    fn name(&self, id: u32) -> Result<&'c str, String> {
        let name = self.names.get(id as usize).ok_or_else(|| format!("no name has the id {id}"))?;
        let mut segments = name.split('.');
        let first = segments.clone().next().unwrap_or_default();
        let legal = segments.all(|s| !s.is_empty())
            && name.len() <= NAME_BYTES_MAX
            && name.split('.').count() <= NAME_SEGMENTS_MAX
            && !["_id", "@meta", "collector"].contains(&first);
        if legal { Ok(name) } else { Err(format!("the name `{name}` cannot be written")) }
    }

    fn value(&mut self, kind: u32) -> Result<Value, String> {
        let (a, b) = (self.word()?, self.word()?);
        let (text, arena) = (self.text.as_bytes(), self.arena);
        match kind {
            abi::TEXT => Ok(span(text, a, b)?.into()),
            abi::ARENA => Ok(span(arena, a, b)?.into()),
            abi::I64 | abi::TIME => Ok(whole(a, b).cast_signed().into()),
            abi::F64 if f64::from_bits(whole(a, b)).is_finite() => Ok(f64::from_bits(whole(a, b)).into()),
            abi::BOOL if a <= 1 => Ok(Value::Bool(a == 1)),
            abi::NULL => Ok(Value::Null),
            abi::JSON => json(span(text, a, b)?),
            abi::ARENA_JSON => json(span(arena, a, b)?),
            _ => Err(format!("a value of kind {kind} with the words {a}, {b}")),
        }
    }

    fn reason(&mut self) -> Result<String, String> {
        let (a, b) = (self.word()?, self.word()?);
        span(self.arena, a, b).map(str::to_owned)
    }
}

fn append(fields: &mut Fields, name: String, value: Value) {
    let array = match fields.remove(&name) {
        None => vec![value],
        Some(Value::Array(mut array)) => {
            array.push(value);
            array
        }
        Some(single) => vec![single, value],
    };
    fields.insert(name, Value::Array(array));
}

fn span(bytes: &[u8], a: u32, b: u32) -> Result<&str, String> {
    let all = std::str::from_utf8(bytes).map_err(|_| "the arena is not UTF-8")?;
    let end = a as usize + b as usize;
    all.get(a as usize..end).ok_or_else(|| format!("the span {a}+{b} lies outside or cuts a character"))
}

/// A JSON value; one with a number beyond f64, which is strict JSON all the same, stands for itself as a text.
fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str::<&RawValue>(text).map_err(|error| format!("{text:?} is not JSON: {error}"))?;
    let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    if depth(&value) > JSON_DEPTH_MAX { Err(format!("a JSON value deeper than {JSON_DEPTH_MAX}")) } else { Ok(value) }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
