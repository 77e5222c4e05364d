//! The specifications of Logstash's patterns: a pattern, a message, and what is asserted of the result.

use std::{collections::BTreeMap, path::Path};

use anyhow::bail;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    cases::{Case, Expected, ExpectedField, Form},
    flat::flatten,
    source::{Kind, read_json},
};

/// The source's settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogstashPatterns {
    /// The pattern of samples whose `pattern` is a description.
    #[serde(default)]
    patterns: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Sample {
    pattern: String,
    message: String,
    /// Whether the pattern has to match the whole message.
    exact: bool,
    assertions: Vec<Assertion>,
}

#[derive(Deserialize)]
struct Assertion {
    path: Vec<Value>,
    op: String,
    negate: bool,
    expected: Value,
}

impl Kind for LogstashPatterns {
    fn cases(&self, path: &Path, shown: &str) -> anyhow::Result<Vec<Case>> {
        let samples: Vec<Sample> = read_json(path)?;
        let case = |(number, sample): (usize, &Sample)| {
            let expected = sample.expected()?;
            let config = Some(json!({ "patterns": [self.pattern(sample)] }));
            let place = format!("{shown} {number} {}", sample.pattern);
            Ok(Case { place, line: sample.message.clone().into_bytes(), config, expected })
        };
        samples.iter().enumerate().map(case).collect()
    }
}

impl LogstashPatterns {
    fn pattern(&self, sample: &Sample) -> String {
        let written = self.patterns.get(&sample.pattern).cloned();
        let pattern = written.unwrap_or_else(|| format!("%{{{}}}", sample.pattern));
        if sample.exact { format!(r"\A{pattern}\z") } else { pattern }
    }
}

impl Sample {
    fn expected(&self) -> anyhow::Result<Expected> {
        let mut fields = vec![];
        for assertion in &self.assertions {
            if assertion.op == "no_parse_failure" && assertion.negate {
                return Ok(Expected::Rejected);
            }
            assertion.add_to(&self.message, &mut fields)?;
        }
        Ok(if fields.is_empty() { Expected::Parses } else { Expected::Fields(fields) })
    }
}

impl Assertion {
    fn add_to(&self, message: &str, fields: &mut Vec<ExpectedField>) -> anyhow::Result<()> {
        let (last, parents) = self.path.split_last().map_or((None, &[][..]), |(last, rest)| (last.as_str(), rest));
        let name = |path: &[Value]| path.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(".");
        match (self.op.as_str(), self.negate, &self.expected) {
            ("no_parse_failure" | "matches", false, _) => {}
            ("includes", false, Value::Object(expected)) => included(&name(&self.path), expected, message, fields),
            ("includes", true, Value::String(key)) if last == Some("<keys>") => {
                let parents = name(parents);
                fields.push(absent(if parents.is_empty() { key.clone() } else { format!("{parents}.{key}") }));
            }
            ("is_null" | "be", false, _) => fields.push(absent(name(&self.path))),
            ("equals", false, Value::Array(_)) => fields.push(of_line(name(&self.path), &self.expected, message)),
            // One element of `message`: the line first, then what was captured. Here the line is not among them.
            ("equals", false, _) if self.path.last() == Some(&json!(0)) => {}
            ("start_with", false, Value::String(text)) => fields.push(part(name(&self.path), text, Form::Prefix)),
            ("includes", false, Value::String(text)) => fields.push(part(name(&self.path), text, Form::Substring)),
            (op, negate, expected) => bail!("an assertion is not understood: {op} {negate} {expected}"),
        }
        Ok(())
    }
}

fn absent(name: String) -> ExpectedField {
    ExpectedField { name, value: Value::Null, form: Form::Not }
}

fn part(name: String, text: &str, form: Form) -> ExpectedField {
    ExpectedField { name, value: text.into(), form }
}

fn included(parent: &str, expected: &Map<String, Value>, message: &str, fields: &mut Vec<ExpectedField>) {
    for (name, value) in flatten(expected.clone()) {
        // A part of an object within an object.
        let name = name.replace(".$includes", "").replace("$includes.", "");
        let name = if parent.is_empty() { name } else { format!("{parent}.{name}") };
        fields.push(of_line(name, &value, message));
    }
}

/// Logstash appends to the `message` that is there, the line. Here what was captured takes its place.
fn of_line(name: String, value: &Value, message: &str) -> ExpectedField {
    let captured = match value.as_array().map(Vec::as_slice) {
        Some([line, captured]) if name == "message" && line == message => captured,
        _ => value,
    };
    ExpectedField::typed(name, captured.clone())
}
