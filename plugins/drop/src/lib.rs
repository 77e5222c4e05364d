//! Drops events by a condition on their fields: `{"field":"http.response.status_code","op":"lt","value":400}`, or several of them under `any` or `all`.
//!
//! A condition on a field that an event does not have is false, except for `missing`. So is one whose value is of another kind: a text is never less than a number.

mod condition;

use collector_plugin::{Event, Filter, Input, Manifest, Reject, Verdict};
use condition::Condition;
pub use condition::Op;
use serde::Deserialize;

/// Configuration of the filter: one condition, or a list of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The field of a single condition.
    pub field: Option<String>,
    /// What a single condition asks.
    pub op: Option<Op>,
    /// What it compares with.
    pub value: Option<serde_json::Value>,
    /// Drop where one of these holds.
    pub any: Vec<Rule>,
    /// Drop where all of these hold.
    pub all: Vec<Rule>,
    /// Keep what would be dropped, and drop the rest.
    pub invert: bool,
}

/// One condition of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The field.
    pub field: String,
    /// What is asked of it.
    pub op: Op,
    /// What it is compared with.
    #[serde(default)]
    pub value: Option<serde_json::Value>,
}

/// The filter.
pub struct Drop {
    fields: Vec<String>,
    /// Column and condition.
    conditions: Vec<(usize, Condition)>,
    all: bool,
    invert: bool,
}

impl Filter for Drop {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let (invert, all) = (config.invert, !config.all.is_empty());
        let mut filter = Self { fields: Vec::new(), conditions: Vec::new(), all, invert };
        for rule in rules(config)? {
            let condition =
                Condition::new(rule.op, rule.value).map_err(|error| format!("`{}`: {error}", rule.field))?;
            let column = filter.column(rule.field)?;
            filter.conditions.push((column, condition));
        }
        Ok(filter)
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(self.fields.iter().map(String::as_str))
    }

    #[inline(always)]
    fn filter<'a>(&mut self, input: Input<'a>, _: &mut Event<'a>) -> Result<Verdict, Reject> {
        let mut conditions = self.conditions.iter();
        let holds = |(column, condition): &(usize, Condition)| condition.holds(input.value(*column));
        let drops = if self.all { conditions.all(holds) } else { conditions.any(holds) };
        Ok(if drops == self.invert { Verdict::Keep } else { Verdict::Drop })
    }
}

impl Drop {
    /// The column of a field; conditions on the same field share it.
    fn column(&mut self, field: String) -> Result<usize, String> {
        if field.is_empty() || field == "*" || field.ends_with(".*") {
            return Err(format!("`field`: `{field}` is not the name of one field"));
        }
        if let Some(column) = self.fields.iter().position(|known| *known == field) {
            return Ok(column);
        }
        self.fields.push(field);
        Ok(self.fields.len() - 1)
    }
}

/// The conditions of the configuration, which has them in exactly one of three forms.
fn rules(config: Config) -> Result<Vec<Rule>, String> {
    let single = config.field.is_some() || config.op.is_some() || config.value.is_some();
    match (single, config.any.is_empty(), config.all.is_empty()) {
        (true, true, true) => match (config.field, config.op) {
            (Some(field), Some(op)) => Ok(vec![Rule { field, op, value: config.value }]),
            (None, _) => Err("`field` is missing: name the field that decides".to_owned()),
            (_, None) => {
                Err("`op` is missing: say what is asked of the field, such as \"lt\" or \"exists\"".to_owned())
            }
        },
        (false, false, true) => Ok(config.any),
        (false, true, false) => Ok(config.all),
        (false, true, true) => Err(
            r#"there is no condition: give one such as {"field":"http.response.status_code","op":"lt","value":400}"#
                .to_owned(),
        ),
        _ => Err("give one of: a condition, `any`, `all`".to_owned()),
    }
}

collector_plugin::export!(Drop as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
