//! Lines by grok patterns: `%{NAME:field:type}` stands for a pattern of the dictionary whose text becomes a field.
//!
//! The dictionary is the usual one with the field names of ECS. Nothing backtracks: a pattern that would need it is refused when the
//! plugin is opened, and no line takes more than linear time.

mod dialect;
mod dictionary;
mod expansion;
mod value;

use std::collections::BTreeMap;

use collector_captures::{Anchors, Expression};
use collector_plugin::{Event, Field, Manifest, Parser, Reject};
use serde::Deserialize;

use crate::{
    dictionary::Dictionary,
    value::{Kind, Value},
};

/// Configuration: `{"patterns": ["%{HTTPD_COMBINEDLOG}"]}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Patterns; the first that matches counts.
    patterns: Patterns,
    /// More patterns by name; they go before those of the dictionary.
    custom: BTreeMap<String, String>,
    /// The field that is read.
    field: String,
    /// Which names the dictionary gives to fields: those of ECS, or those that it had before.
    names: Names,
}

/// One pattern or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Patterns {
    One(String),
    Several(Vec<String>),
}

/// Which names the dictionary gives to fields.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Names {
    #[default]
    Ecs,
    Legacy,
}

impl Default for Config {
    fn default() -> Self {
        let patterns = Patterns::Several(vec![]);
        Config { patterns, custom: BTreeMap::new(), field: "message".to_owned(), names: Names::Ecs }
    }
}

/// The parser.
pub struct Grok {
    field: String,
    patterns: Vec<Pattern>,
    /// The names of all fields, by id.
    names: Vec<String>,
    /// By field: the number of the event in which it was set last.
    set: Vec<u64>,
    event: u64,
}

struct Pattern {
    expression: Expression,
    captures: Vec<Capture>,
}

/// What becomes of a group.
struct Capture {
    field: u32,
    kind: Kind,
    /// `-` means that there is none.
    dash_is_absent: bool,
}

impl Parser for Grok {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let patterns = match config.patterns {
            Patterns::One(pattern) => vec![pattern],
            Patterns::Several(patterns) => patterns,
        };
        if patterns.is_empty() {
            return Err("`patterns` is empty: give at least one, such as [\"%{HTTPD_COMBINEDLOG}\"]".to_owned());
        }
        let dictionary = Dictionary::new(config.names == Names::Ecs, config.custom)?;
        let mut grok = Grok { field: config.field, patterns: vec![], names: vec![], set: vec![], event: 0 };
        for pattern in &patterns {
            grok.add(&dictionary, pattern)?;
        }
        grok.set = vec![0; grok.names.len()];
        Ok(grok)
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading([&self.field]).writing(&self.names)
    }

    #[inline(always)]
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        self.event += 1;
        for pattern in &mut self.patterns {
            let Some(groups) = pattern.expression.find(line) else {
                continue;
            };
            for (group, capture) in pattern.captures.iter().enumerate() {
                // A group that took no part, or captured nothing, gives no field.
                let Some(span) = groups.get(group).filter(|span| !span.is_empty()) else {
                    continue;
                };
                capture.emit(&line[span], &mut self.set[capture.field as usize], self.event, event);
            }
            return Ok(());
        }
        Err(Reject("no pattern matches"))
    }
}

impl Grok {
    fn add(&mut self, dictionary: &Dictionary, pattern: &str) -> Result<(), String> {
        let expanded = expansion::expand(dictionary, pattern)?;
        let expression = Expression::new(&expanded.expression, Anchors::Lines)
            .map_err(|problem| format!("the pattern `{pattern}`, written out, {problem}"))?;
        let mut captures = vec![];
        for group in expanded.groups {
            let known = self.names.iter().position(|name| *name == group.field);
            let field = known.unwrap_or_else(|| {
                self.names.push(group.field);
                self.names.len() - 1
            });
            captures.push(Capture { field: field as u32, kind: group.kind, dash_is_absent: group.dash_is_absent });
        }
        self.patterns.push(Pattern { expression, captures });
        Ok(())
    }
}

impl Capture {
    /// Sets the field; where another group of the same field took part, both are kept.
    #[inline(always)]
    fn emit<'a>(&self, text: &'a [u8], set: &mut u64, number: u64, event: &mut Event<'a>) {
        if self.dash_is_absent && text == b"-" {
            return;
        }
        let field = Field::nth(self.field);
        let again = *set == number;
        match self.kind.of(text) {
            Some(Value::Text(text)) if again => event.append(field, text),
            Some(Value::Text(text)) => event.text(field, text),
            Some(Value::Int(int)) => event.int(field, int),
            Some(Value::Float(float)) => event.float(field, float),
            Some(Value::Bool(bool)) => event.bool(field, bool),
            None => return,
        }
        *set = number;
    }
}

collector_plugin::export!(Grok as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
