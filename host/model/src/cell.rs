//! One value of one field of one event.

use crate::schema::{Action, Step};

/// How the two words of a [`Cell`] are to be read. The numbers are those of the plugin ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Text: offset and length in the batch's text.
    Text = 1,
    /// Text: offset and length in the table's arena.
    ArenaText = 2,
    /// i64: low word, high word.
    Int = 3,
    /// A finite f64: low word, high word.
    Float = 4,
    /// bool: 0 or 1.
    Bool = 5,
    /// JSON null.
    Null = 6,
    /// Nanoseconds since 1970-01-01T00:00:00Z, an i64.
    Time = 7,
    /// One JSON value without line breaks: offset and length in the batch's text.
    Json = 8,
    /// One JSON value without line breaks: offset and length in the table's arena.
    ArenaJson = 9,
}

impl Kind {
    /// The kind of that number; `None` for what the ABI does not know.
    #[inline]
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Kind::Text,
            2 => Kind::ArenaText,
            3 => Kind::Int,
            4 => Kind::Float,
            5 => Kind::Bool,
            6 => Kind::Null,
            7 => Kind::Time,
            8 => Kind::Json,
            9 => Kind::ArenaJson,
            _ => return None,
        })
    }
}

/// What is done to one field, and the value where there is one: 12 bytes. An event is a sequence of them, the line first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// `step << 8 | kind`; the kind of a removal is 0.
    key: u32,
    /// First word of the value.
    pub a: u32,
    /// Second word of the value.
    pub b: u32,
}

impl Cell {
    /// A cell that gives the field of `step` a value.
    #[inline]
    pub fn new(step: Step, kind: Kind, a: u32, b: u32) -> Self {
        Cell { key: step.number() << 8 | kind as u32, a, b }
    }

    /// A cell that takes a field away.
    pub fn removal(step: Step) -> Self {
        Cell { key: step.number() << 8, a: 0, b: 0 }
    }

    /// What is done to which field.
    #[inline]
    pub fn step(self) -> Step {
        Step::from_number(self.key >> 8)
    }

    /// Whether it appends: then it stands for one item of an array, even where it is an array itself.
    pub fn appends(self) -> bool {
        self.step().action() == Action::Append
    }

    /// How the words are to be read; `None` for a removal.
    #[inline]
    pub fn kind(self) -> Option<Kind> {
        Kind::from_number(self.key & 0xff)
    }

    /// The two words as one.
    #[inline]
    pub fn bits(self) -> u64 {
        u64::from(self.a) | u64::from(self.b) << 32
    }

    /// The value, its text taken from the batch's text or the table's arena. A span outside of them reads as empty, and a
    /// removal as null.
    pub fn value<'a>(self, text: &'a [u8], arena: &'a [u8]) -> Value<'a> {
        let span = |bytes: &'a [u8]| {
            let start = self.a as usize;
            bytes.get(start..start + self.b as usize).unwrap_or_default()
        };
        match self.kind() {
            Some(Kind::Text) => Value::Text(span(text)),
            Some(Kind::ArenaText) => Value::Text(span(arena)),
            Some(Kind::Int) => Value::Int(self.bits() as i64),
            Some(Kind::Float) => Value::Float(f64::from_bits(self.bits())),
            Some(Kind::Bool) => Value::Bool(self.a != 0),
            Some(Kind::Null) | None => Value::Null,
            Some(Kind::Time) => Value::Time(self.bits() as i64),
            Some(Kind::Json) => Value::Json(span(text)),
            Some(Kind::ArenaJson) => Value::Json(span(arena)),
        }
    }
}

/// The value of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// UTF-8.
    Text(&'a [u8]),
    /// An integer.
    Int(i64),
    /// A finite number.
    Float(f64),
    /// true or false.
    Bool(bool),
    /// null, which is not the same as absent.
    Null,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    Time(i64),
    /// One JSON value.
    Json(&'a [u8]),
}

impl Value<'_> {
    /// Appends the value as JSON. Plain rather than fast: for what is written once in a while.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match *self {
            Value::Text(text) => write_string(text, out),
            Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Value::Float(number) => match serde_json::Number::from_f64(number) {
                Some(number) => out.extend_from_slice(number.to_string().as_bytes()),
                None => out.extend_from_slice(b"null"),
            },
            Value::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            Value::Null => out.extend_from_slice(b"null"),
            Value::Time(ns) => write_string(rfc3339(ns).as_bytes(), out),
            Value::Json(text) => out.extend_from_slice(text),
        }
    }
}

/// Appends a JSON string with its quotes; what is not UTF-8 is replaced.
pub fn write_string(text: &[u8], out: &mut Vec<u8>) {
    // Writing a string into a Vec cannot fail.
    let _ = serde_json::to_writer(out, &String::from_utf8_lossy(text));
}

/// A time as documents have it: milliseconds, or nanoseconds where there are any.
pub fn rfc3339(ns: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(ns)).unwrap_or_default();
    if ns.rem_euclid(1_000_000) == 0 { format!("{time:.3}") } else { format!("{time:.9}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_unless_they_are_finer() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(rfc3339(1_700_000_000_120_000_000), "2023-11-14T22:13:20.120Z");
    }

    #[test]
    fn a_span_outside_of_its_buffer_reads_as_empty() {
        let cell = Cell::new(Step::LINE, Kind::Text, 3, 9);
        assert_eq!(cell.value(b"abc", b""), Value::Text(b""));
    }
}
