//! What a corpus calls a field, and what it is here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::cases::{Case, ExpectedField};

/// What becomes of a name of the corpus.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Renaming {
    /// The field has another name here.
    To(String),
    /// The field has another name here, and other values.
    Mapped(Mapped),
    /// The field is not compared. Counts as an exclusion.
    Skipped(Skipped),
}

/// Another name and other values.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapped {
    to: String,
    /// The corpus's text to the value here; what is not listed stays as it is.
    #[serde(default)]
    values: BTreeMap<String, Value>,
    /// What a number of the corpus is multiplied by.
    factor: Option<f64>,
    /// What is before the first of these, and it too, is not part of the value.
    behind: Option<String>,
    /// Only the first line of the value is compared.
    #[serde(default)]
    first_line: bool,
    /// It is a number there and a text here.
    #[serde(default)]
    text: bool,
}

/// A field that is not compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    /// Why.
    pub skip: String,
}

/// Gives the expected fields of a case the names that they have here. Adds to `skipped` those that are not compared.
pub fn apply(names: &BTreeMap<String, Renaming>, case: &mut Case, skipped: &mut BTreeMap<String, u64>) {
    for event in case.expected.events_mut() {
        event.retain_mut(|field| match names.get(&field.name) {
            None => {
                if let Some(name) = below(names, &field.name) {
                    field.name = name;
                }
                true
            }
            Some(Renaming::To(name)) if !name.is_empty() => {
                field.name.clone_from(name);
                true
            }
            Some(Renaming::Mapped(mapped)) => {
                mapped.apply(field);
                true
            }
            Some(Renaming::To(_) | Renaming::Skipped(_)) => {
                *skipped.entry(field.name.clone()).or_default() += 1;
                false
            }
        });
    }
}

/// What a name becomes by a renaming of everything below another, `"A.*" = "b.*"`.
fn below(names: &BTreeMap<String, Renaming>, name: &str) -> Option<String> {
    names.iter().find_map(|(from, to)| {
        let Renaming::To(to) = to else { return None };
        Some(format!("{}{}", to.strip_suffix('*')?, name.strip_prefix(from.strip_suffix('*')?)?))
    })
}

impl Mapped {
    fn apply(&self, field: &mut ExpectedField) {
        field.name.clone_from(&self.to);
        if self.text && field.value.is_number() {
            field.value = field.value.to_string().into();
        }
        if let Some(part) = field.value.as_str().map(|text| self.part(text).to_owned()) {
            field.value = part.into();
        }
        if let Some(value) = field.value.as_str().and_then(|text| self.values.get(text)) {
            field.value = value.clone();
        }
        if let Some(factor) = self.factor
            && let Some(number) = number(&field.value)
        {
            field.value = Value::from((number * factor).round());
        }
    }
}

impl Mapped {
    /// What is compared of a text.
    fn part<'a>(&self, text: &'a str) -> &'a str {
        let text = match &self.behind {
            Some(mark) => text.split_once(mark.as_str()).map_or(text, |(_, rest)| rest),
            None => text,
        };
        if self.first_line { text.lines().next().unwrap_or_default() } else { text }
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}
