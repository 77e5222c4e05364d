//! Lines by regular expressions: the named groups of the first one that matches become fields.
//!
//! Nothing backtracks: an expression that would need it is refused when the plugin is opened, and no line takes more than linear
//! time.

mod config;
mod value;

use collector_captures::{Anchors, Expression};
use collector_plugin::{Event, Field, Manifest, Parser, Reject};

use crate::{
    config::{Config, Target},
    value::{Kind, Value},
};

/// The parser.
pub struct Regex {
    field: String,
    expressions: Vec<Known>,
    /// The names of all fields, by id.
    names: Vec<String>,
}

struct Known {
    expression: Expression,
    captures: Vec<Capture>,
}

/// What becomes of a group.
struct Capture {
    field: Field,
    kind: Kind,
}

impl Parser for Regex {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        config.check()?;
        let mut regex = Regex { field: config.field.clone(), expressions: vec![], names: vec![] };
        for expression in &config.expressions {
            regex.add(expression, &config)?;
        }
        match config.fields.keys().find(|group| !regex.has_group(group)) {
            Some(group) => Err(format!("`fields` has `{group}`, which no expression has as a group `(?<{group}>…)`")),
            None => Ok(regex),
        }
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading([&self.field]).writing(&self.names)
    }

    #[inline(always)]
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        for known in &mut self.expressions {
            let Some(groups) = known.expression.find(line) else {
                continue;
            };
            for (group, capture) in known.captures.iter().enumerate() {
                // A group that took no part, or captured nothing, gives no field.
                let Some(span) = groups.get(group).filter(|span| !span.is_empty()) else {
                    continue;
                };
                match capture.kind.of(&line[span]) {
                    Some(Value::Text(text)) => event.text(capture.field, text),
                    Some(Value::Int(int)) => event.int(capture.field, int),
                    Some(Value::Float(float)) => event.float(capture.field, float),
                    Some(Value::Bool(bool)) => event.bool(capture.field, bool),
                    Some(Value::Time(ns)) => event.time_ns(capture.field, ns),
                    None => {}
                }
            }
            return Ok(());
        }
        Err(Reject("no expression matches"))
    }
}

impl Regex {
    fn add(&mut self, written: &str, config: &Config) -> Result<(), String> {
        let expression = Expression::new(written, Anchors::Text)
            .map_err(|problem| format!("the expression `{written}` {problem}"))?;
        if expression.names().is_empty() {
            return Err(format!("the expression `{written}` has no named group, such as `(?<user.name>\\S+)`"));
        }
        let mut captures = vec![];
        for group in expression.names() {
            let target = config.fields.get(group).cloned().unwrap_or_else(|| Target::of_group(group));
            let (name, kind) = target.resolve(group)?;
            let known = self.names.iter().position(|known| *known == name);
            let id = known.unwrap_or_else(|| {
                self.names.push(name);
                self.names.len() - 1
            });
            captures.push(Capture { field: Field::nth(id as u32), kind });
        }
        self.expressions.push(Known { expression, captures });
        Ok(())
    }

    fn has_group(&self, group: &str) -> bool {
        self.expressions.iter().any(|known| known.expression.names().iter().any(|name| name == group))
    }
}

collector_plugin::export!(Regex as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
