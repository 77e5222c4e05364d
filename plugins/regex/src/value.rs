//! The types of fields.

use collector_plugin::time;

/// What the text of a group becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
    Float,
    Bool,
    Time,
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Text(&'a [u8]),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Nanoseconds since 1970.
    Time(i64),
}

impl Kind {
    /// The type of that name.
    pub(crate) fn named(name: &str) -> Option<Kind> {
        match name {
            "text" | "string" => Some(Kind::Text),
            "int" | "long" => Some(Kind::Int),
            "float" | "double" => Some(Kind::Float),
            "bool" | "boolean" => Some(Kind::Bool),
            "time" => Some(Kind::Time),
            _ => None,
        }
    }

    /// The value of a text; `None` where the text is none of this type.
    #[inline(always)]
    pub(crate) fn of(self, text: &[u8]) -> Option<Value<'_>> {
        match self {
            Kind::Text => Some(Value::Text(text)),
            Kind::Int => int(text).map(Value::Int),
            Kind::Float => float(text).map(Value::Float),
            Kind::Time => time::rfc3339(text).or_else(|| time::unix(text)).map(Value::Time),
            Kind::Bool => match text {
                b"true" | b"TRUE" | b"True" => Some(Value::Bool(true)),
                b"false" | b"FALSE" | b"False" => Some(Value::Bool(false)),
                _ => None,
            },
        }
    }
}

/// An integer; of a number with a fraction, the whole part.
#[inline(always)]
fn int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let mut number: i64 = 0;
    for (at, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => number = number.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?,
            b'.' if at > 0 => return float(text).map(|_| if negative { -number } else { number }),
            _ => return None,
        }
    }
    (!digits.is_empty()).then_some(if negative { -number } else { number })
}

fn float(text: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_whole_and_within_bounds() {
        for (text, value) in [
            ("12", Some(12)),
            ("-7", Some(-7)),
            ("+3", Some(3)),
            ("1.9", Some(1)),
            ("-1.9", Some(-1)),
            ("", None),
            ("-", None),
            ("0x1", None),
            ("1.x", None),
            ("9223372036854775808", None),
        ] {
            assert_eq!(int(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_no_value() {
        assert_eq!(Kind::Float.of(b"1.5"), Some(Value::Float(1.5)));
        assert_eq!(Kind::Float.of(b"inf"), None);
        assert_eq!(Kind::Bool.of(b"yes"), None);
    }
}
