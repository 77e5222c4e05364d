//! Changes the type of fields: `{"fields":{"http.response.status_code":"int","took":"float"}}`.

use collector_plugin::{Event, Field, Filter, Input, Manifest, Reject, Value, Verdict, time};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a field is to become.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// True or false.
    Bool,
    /// A text.
    Text,
    /// A time: RFC 3339 or Unix.
    Time,
}

/// What becomes of a value that cannot be converted.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It stays as it is.
    #[default]
    Keep,
    /// The field goes.
    Remove,
    /// The event could not be treated.
    Reject,
}

/// What the chain entry may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Names and what they become.
    pub fields: BTreeMap<String, Kind>,
    /// What becomes of a value that is none of its new type.
    pub on_failure: OnFailure,
}

/// The filter.
pub struct Convert {
    names: Vec<String>,
    kinds: Vec<Kind>,
    on_failure: OnFailure,
    text: String,
}

impl Filter for Convert {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        if config.fields.is_empty() {
            return Err(r#"`fields` is empty: give names and types, such as {"took":"float"}"#.to_owned());
        }
        if let Some(wrong) = config.fields.keys().find(|name| name.contains('*') || name.split('.').any(str::is_empty))
        {
            return Err(format!("`fields`: `{wrong}` is not the name of one field"));
        }
        let (names, kinds) = config.fields.into_iter().unzip();
        Ok(Self { names, kinds, on_failure: config.on_failure, text: String::new() })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(&self.names).writing(&self.names)
    }

    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        for (column, kind) in self.kinds.iter().enumerate() {
            let (field, value) = (Field::nth(column as u32), input.value(column));
            if is(value, *kind) {
                continue;
            }
            match convert(value, *kind, &mut self.text) {
                Some(converted) => event.value(field, converted),
                None if self.on_failure == OnFailure::Reject => return Err(Reject("a field has no value of its type")),
                None if self.on_failure == OnFailure::Remove => event.remove(field),
                None => {}
            }
        }
        Ok(Verdict::Keep)
    }
}

/// Whether there is nothing to do.
fn is(value: Value<'_>, kind: Kind) -> bool {
    match value {
        Value::Absent | Value::Null => true,
        Value::Text(_) => kind == Kind::Text,
        Value::Int(_) => matches!(kind, Kind::Int),
        Value::Float(_) => kind == Kind::Float,
        Value::Bool(_) => kind == Kind::Bool,
        Value::TimeNs(_) => kind == Kind::Time,
        Value::Json(_) => false,
    }
}

/// The value as another kind; `text` holds what a text is made of.
fn convert<'a>(value: Value<'a>, kind: Kind, text: &'a mut String) -> Option<Value<'a>> {
    match kind {
        Kind::Int => int(value).map(Value::Int),
        Kind::Float => float(value).map(Value::Float),
        Kind::Bool => bool(value).map(Value::Bool),
        Kind::Time => time_ns(value).map(Value::TimeNs),
        Kind::Text => {
            *text = match value {
                Value::Int(int) => int.to_string(),
                Value::Float(float) => float.to_string(),
                Value::Bool(bool) => bool.to_string(),
                Value::Json(json) => String::from_utf8_lossy(json).into_owned(),
                _ => return None,
            };
            Some(Value::Text(text.as_bytes()))
        }
    }
}

fn parsed<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// A number without a fraction; hexadecimal where it says `0x`.
fn int(value: Value<'_>) -> Option<i64> {
    let whole = |float: f64| (float.fract() == 0.0 && float.abs() < 9.0e18).then_some(float as i64);
    match value {
        Value::Text([b'0', b'x' | b'X', digits @ ..]) => {
            i64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        }
        Value::Text(text) => parsed::<i64>(text).or_else(|| parsed::<f64>(text).and_then(whole)),
        Value::Float(float) => whole(float),
        Value::Bool(bool) => Some(i64::from(bool)),
        _ => None,
    }
}

fn float(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Text(text) | Value::Json(text) => parsed::<f64>(text).filter(|float| float.is_finite()),
        Value::Int(int) => Some(int as f64),
        _ => None,
    }
}

fn bool(value: Value<'_>) -> Option<bool> {
    match value {
        Value::Text(text) => match text.trim_ascii().to_ascii_lowercase().as_slice() {
            b"true" | b"yes" | b"on" | b"1" => Some(true),
            b"false" | b"no" | b"off" | b"0" => Some(false),
            _ => None,
        },
        Value::Int(int @ (0 | 1)) => Some(int == 1),
        _ => None,
    }
}

fn time_ns(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Text(text) => time::rfc3339(text).or_else(|| time::unix(text)),
        Value::Int(int) => time::unix(int.to_string().as_bytes()),
        Value::Float(float) => time::unix(format!("{float:.9}").as_bytes()),
        _ => None,
    }
}

collector_plugin::export!(Convert as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests {
    use super::Plugin;
    use collector_plugin::testing::{Session, check_samples};
    use serde_json::{Value, json};

    fn converted(kind: &str, value: &Value) -> Value {
        let config = json!({"fields": {"a": kind}, "on_failure": "remove"});
        let mut session = Session::<Plugin>::open(&config.to_string()).unwrap();
        let fields = json!({"a": value});
        let mut kept = session.event("line", fields.as_object().unwrap()).kept();
        kept.remove("a").unwrap_or_else(|| json!("removed"))
    }

    #[test]
    fn the_samples_hold() {
        check_samples::<Plugin>(super::SAMPLES).unwrap();
    }

    #[test]
    fn each_type_takes_what_means_the_same() {
        for (kind, value, expected) in [
            ("int", json!("42"), json!(42)),
            ("int", json!(" -7 "), json!(-7)),
            ("int", json!("0x1F"), json!(31)),
            ("int", json!("12.0"), json!(12)),
            ("int", json!("12.5"), json!("removed")),
            ("int", json!(3.0), json!(3)),
            ("int", json!(true), json!(1)),
            ("int", json!(["1"]), json!("removed")),
            ("int", json!("9223372036854775808"), json!("removed")),
            ("float", json!("1e3"), json!(1000.0)),
            ("float", json!("NaN"), json!("removed")),
            ("float", json!(2), json!(2.0)),
            ("float", json!(u64::MAX), json!(u64::MAX as f64)),
            ("bool", json!("Yes"), json!(true)),
            ("bool", json!(0), json!(false)),
            ("bool", json!("maybe"), json!("removed")),
            ("text", json!(42), json!("42")),
            ("text", json!([1, "a"]), json!("[1,\"a\"]")),
            ("text", json!(u64::MAX), json!(u64::MAX.to_string())),
            ("time", json!("2026-01-02T03:04:05Z"), json!(1_767_323_045_000_000_000i64)),
            ("time", json!(1_767_323_045_678i64), json!(1_767_323_045_678_000_000i64)),
            ("time", json!("soon"), json!("removed")),
            ("int", json!(null), json!(null)),
        ] {
            assert_eq!(converted(kind, &value), expected, "{value} as {kind}");
        }
    }

    #[test]
    fn a_value_of_no_such_type_stays_goes_or_stops_the_event() {
        let run = |on_failure: &str| {
            let config = json!({"fields": {"a": "int"}, "on_failure": on_failure});
            let mut session = Session::<Plugin>::open(&config.to_string()).unwrap();
            session.event("line", json!({"a": "x"}).as_object().unwrap())
        };
        assert_eq!(run("keep").kept()["a"], "x");
        assert!(run("remove").kept().is_empty());
        assert_eq!(run("reject").rejected(), "a field has no value of its type");
    }

    #[test]
    fn an_unknown_type_is_refused_with_the_known_ones() {
        let error = Session::<Plugin>::open(r#"{"fields":{"a":"integer"}}"#).err().unwrap();
        assert!(error.contains("integer") && error.contains("int"), "{error}");
        assert!(Session::<Plugin>::open("").err().unwrap().contains("`fields` is empty"));
    }
}
