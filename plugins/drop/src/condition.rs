//! One condition, with what it compares made ready when the filter is opened.

use collector_plugin::{Value, time};
use serde::Deserialize;
use std::cmp::Ordering;

/// What a condition asks of a field.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Less than the value.
    Lt,
    /// At most the value.
    Le,
    /// More than the value.
    Gt,
    /// At least the value.
    Ge,
    /// Equal to the value.
    Eq,
    /// There, and not equal to the value.
    Ne,
    /// Equal to one of a list of values.
    In,
    /// There, and equal to none of a list of values.
    NotIn,
    /// A text that has the value in it, or an array that has it as an element.
    Contains,
    /// A text that begins with the value.
    Prefix,
    /// A text that ends with the value.
    Suffix,
    /// There, whatever its value.
    Exists,
    /// Not there.
    Missing,
}

/// What a field is compared with.
#[derive(Clone, Debug)]
enum Operand {
    Int(i64),
    Float(f64),
    /// A text, and the time that it may mean.
    Text(String, Option<i64>),
    Bool(bool),
    Null,
}

/// An operation with its operands.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    op: Op,
    operands: Vec<Operand>,
}

impl Condition {
    /// # Errors
    /// What is wrong with the value, and what the operation takes.
    pub(crate) fn new(op: Op, value: Option<serde_json::Value>) -> Result<Self, String> {
        let name = format!("{op:?}").to_lowercase();
        let values = match (op, value) {
            (Op::Exists | Op::Missing, None) => Vec::new(),
            (Op::Exists | Op::Missing, Some(_)) => return Err(format!("`{name}` takes no `value`")),
            (Op::In | Op::NotIn, Some(serde_json::Value::Array(values))) => values,
            (Op::In | Op::NotIn, _) => return Err("`value` must be a list, such as [404, 499]".to_owned()),
            (_, None) => return Err(format!("`{name}` needs a `value`")),
            (Op::Prefix | Op::Suffix, Some(value)) if !value.is_string() => {
                return Err(format!("`value` of `{name}` must be a text"));
            }
            (_, Some(value)) => vec![value],
        };
        let operands = values.into_iter().map(Operand::new).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { op, operands })
    }

    /// Whether it holds for a field's value.
    #[inline]
    pub(crate) fn holds(&self, value: Value<'_>) -> bool {
        match (self.op, value, self.operands.first()) {
            (Op::Missing, value, _) => value == Value::Absent,
            (_, Value::Absent, _) => false,
            (Op::Exists, ..) => true,
            (Op::In, value, _) => self.operands.iter().any(|operand| operand.is(value)),
            (Op::NotIn, value, _) => !self.operands.iter().any(|operand| operand.is(value)),
            (Op::Eq, value, Some(operand)) => operand.is(value),
            (Op::Ne, value, Some(operand)) => !operand.is(value),
            (Op::Contains, Value::Json(array), Some(operand)) => operand.is_element(array),
            (Op::Contains, Value::Text(text), Some(Operand::Text(part, _))) => has(text, part.as_bytes()),
            (Op::Prefix, Value::Text(text), Some(Operand::Text(part, _))) => text.starts_with(part.as_bytes()),
            (Op::Suffix, Value::Text(text), Some(Operand::Text(part, _))) => text.ends_with(part.as_bytes()),
            (Op::Lt, value, Some(operand)) => operand.order(value).is_some_and(Ordering::is_lt),
            (Op::Le, value, Some(operand)) => operand.order(value).is_some_and(Ordering::is_le),
            (Op::Gt, value, Some(operand)) => operand.order(value).is_some_and(Ordering::is_gt),
            (Op::Ge, value, Some(operand)) => operand.order(value).is_some_and(Ordering::is_ge),
            _ => false,
        }
    }
}

impl Operand {
    fn new(value: serde_json::Value) -> Result<Self, String> {
        match value {
            serde_json::Value::Null => Ok(Self::Null),
            serde_json::Value::Bool(value) => Ok(Self::Bool(value)),
            serde_json::Value::String(text) => {
                let time_ns = time::rfc3339(text.as_bytes());
                Ok(Self::Text(text, time_ns))
            }
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(int), _) => Ok(Self::Int(int)),
                (None, Some(float)) => Ok(Self::Float(float)),
                (None, None) => Err(format!("`value`: {number} is beyond what can be compared")),
            },
            other => Err(format!("`value` must be a text, a number, true, false or null, not {other}")),
        }
    }

    #[inline]
    fn is(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Bool(expected), Value::Bool(value)) => *expected == value,
            (Self::Null, Value::Null) => true,
            _ => self.order(value) == Some(Ordering::Equal),
        }
    }

    /// How the value lies to the operand, where they can be compared.
    #[inline]
    fn order(&self, value: Value<'_>) -> Option<Ordering> {
        match (self, value) {
            (Self::Int(bound), Value::Int(value)) => Some(value.cmp(bound)),
            (Self::Text(bound, _), Value::Text(text)) => Some(text.cmp(bound.as_bytes())),
            (Self::Text(_, Some(bound)), Value::TimeNs(value)) => Some(value.cmp(bound)),
            (Self::Int(bound), value) => number(value)?.partial_cmp(&(*bound as f64)),
            (Self::Float(bound), value) => number(value)?.partial_cmp(bound),
            _ => None,
        }
    }

    /// Whether it is an element of a JSON array.
    fn is_element(&self, array: &[u8]) -> bool {
        let Ok(items) = serde_json::from_slice::<Vec<serde_json::Value>>(array) else {
            return false;
        };
        items.iter().any(|item| match item {
            serde_json::Value::String(text) => self.is(Value::Text(text.as_bytes())),
            serde_json::Value::Bool(value) => self.is(Value::Bool(*value)),
            serde_json::Value::Null => self.is(Value::Null),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(int) => self.is(Value::Int(int)),
                None => number.as_f64().is_some_and(|float| self.is(Value::Float(float))),
            },
            _ => false,
        })
    }
}

/// A number of any kind; those beyond i64 come as JSON.
fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Int(int) => Some(int as f64),
        Value::Float(float) => Some(float),
        Value::Json(text) => serde_json::from_slice(text).ok(),
        _ => None,
    }
}

fn has(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}
