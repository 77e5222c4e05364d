//! Lines and what is expected of them.

use serde_json::Value;

/// One line.
#[derive(Clone, Debug)]
pub struct Case {
    /// Where it is from, for a person: the file, and where in it.
    pub place: String,
    /// Its bytes; an event of several lines has line feeds inside.
    pub line: Vec<u8>,
    /// Instead of the configuration of the chain's first plugin.
    pub config: Option<Value>,
    /// What is to become of it.
    pub expected: Expected,
}

impl Case {
    /// A line with the chain's own configuration.
    pub fn new(place: String, line: impl Into<Vec<u8>>, expected: Expected) -> Self {
        Case { place, line: line.into(), config: None, expected }
    }
}

/// What is to become of a line.
#[derive(Clone, Debug)]
pub enum Expected {
    /// It parses, and has these fields.
    Fields(Vec<ExpectedField>),
    /// It parses.
    Parses,
    /// It is rejected.
    Rejected,
    /// It parses or is rejected, as the parser likes; it must not fault.
    Either,
    /// It forks into events with these fields, in order.
    Events(Vec<Vec<ExpectedField>>),
}

impl Expected {
    /// All fields that are expected, of whatever event.
    pub fn fields(&self) -> impl Iterator<Item = &ExpectedField> {
        let events: &[Vec<ExpectedField>] = match self {
            Expected::Fields(fields) => std::slice::from_ref(fields),
            Expected::Events(events) => events,
            Expected::Parses | Expected::Rejected | Expected::Either => &[],
        };
        events.iter().flatten()
    }

    /// The same, to be changed.
    pub fn events_mut(&mut self) -> &mut [Vec<ExpectedField>] {
        match self {
            Expected::Fields(fields) => std::slice::from_mut(fields),
            Expected::Events(events) => events,
            Expected::Parses | Expected::Rejected | Expected::Either => &mut [],
        }
    }
}

/// One expected field.
#[derive(Clone, Debug)]
pub struct ExpectedField {
    /// Its dotted name; what the corpus calls it until the source's `names` were applied.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// How much of the value the corpus means.
    pub form: Form,
}

/// How much of an expected value the corpus means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Type and value.
    Typed,
    /// The corpus has nothing but text: a number is compared by how it is written.
    Text,
    /// The field's text begins with the value.
    Prefix,
    /// The field's text has the value somewhere.
    Substring,
    /// The field's text, without a line break at its end, is somewhere in the value.
    PartOf,
    /// The field must not be there, nor one below it.
    Not,
}

impl ExpectedField {
    /// A field whose type counts.
    pub fn typed(name: impl Into<String>, value: Value) -> Self {
        ExpectedField { name: name.into(), value, form: Form::Typed }
    }

    /// A field of a corpus that has nothing but text.
    pub fn text(name: impl Into<String>, value: impl Into<String>) -> Self {
        ExpectedField { name: name.into(), value: Value::String(value.into()), form: Form::Text }
    }
}
