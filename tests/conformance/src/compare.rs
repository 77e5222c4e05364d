//! Whether a value is the one that was expected.

use serde_json::Value;

use crate::{
    cases::{ExpectedField, Form},
    flat::Flat,
};

/// Fields that are compared for no format: they are made on the server, by the program that read the lines, or by the host.
const NEVER: [&str; 9] = [
    "input.type",
    "fileset.name",
    "ecs.version",
    "log.offset",
    "log.file.path",
    "log.flags",
    "host.name",
    "host.ip",
    "collector.chain",
];

/// Whether a field is compared at all.
pub fn is_compared(name: &str) -> bool {
    let enriched = (name.starts_with("user_agent.") && name != "user_agent.original")
        || name.split('.').any(|part| part == "geo" || part == "as");
    !enriched && !NEVER.contains(&name) && !name.starts_with("agent.")
}

/// What the document has for a field. The line has one copy: where no plugin set `message`, it stands there and not under
/// `event.original`.
pub fn found<'a>(document: &'a Flat, name: &str) -> Option<&'a Value> {
    let fallback = || (name == "event.original").then(|| document.get("message")).flatten();
    document.get(name).or_else(fallback)
}

/// Whether the document has what was expected.
pub fn agrees(document: &Flat, expected: &ExpectedField) -> bool {
    let found = found(document, &expected.name);
    let text = || Some((found?.as_str()?, expected.value.as_str()?));
    match expected.form {
        Form::Typed => found.is_some_and(|found| same(found, &expected.value, &expected.name)),
        Form::Text => found.is_some_and(|found| same_text(found, &expected.value, &expected.name)),
        Form::Prefix => text().is_some_and(|(found, expected)| found.starts_with(expected)),
        Form::Substring => text().is_some_and(|(found, expected)| found.contains(expected)),
        Form::PartOf => text().is_some_and(|(found, expected)| expected.contains(found.trim_end_matches('\n'))),
        Form::Not => found.is_none() && !document.keys().any(|name| is_below(name, &expected.name) && is_parsed(name)),
    }
}

/// Whether a field is there because the line was parsed.
fn is_parsed(name: &str) -> bool {
    is_compared(name) && name != "event.original"
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'))
}

fn same(found: &Value, expected: &Value, name: &str) -> bool {
    match (found, expected) {
        (Value::Number(found), Value::Number(expected)) => {
            found == expected || found.as_f64().is_some_and(|found| expected.as_f64() == Some(found))
        }
        (Value::String(found), Value::String(expected)) => {
            found == expected || is_time(name) && same_instant(found, expected)
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(found, expected)| same(found, expected, name))
        }
        (Value::Object(found), Value::Object(expected)) => {
            let is_same =
                |(key, value): (&String, &Value)| expected.get(key).is_some_and(|expected| same(value, expected, key));
            found.len() == expected.len() && found.iter().all(is_same)
        }
        (found, expected) => found == expected,
    }
}

/// A corpus that has nothing but text: a number agrees with how it is written, and an array of one value with that value.
fn same_text(found: &Value, expected: &Value, name: &str) -> bool {
    match (found, expected) {
        (Value::Number(found), Value::String(expected)) => {
            found.to_string() == *expected || expected.parse().is_ok_and(|expected| found.as_f64() == Some(expected))
        }
        (Value::Bool(found), Value::String(expected)) => found.to_string() == *expected,
        (Value::Array(found), Value::String(_)) => found.len() == 1 && same_text(&found[0], expected, name),
        (found, expected) => same(found, expected, name),
    }
}

fn is_time(name: &str) -> bool {
    const TIMES: [&str; 5] = ["event.created", "event.start", "event.end", "event.ingested", "process.start"];
    name == "@timestamp" || TIMES.contains(&name)
}

/// The same instant, as exactly as the expected one is written: Elasticsearch keeps milliseconds of what the line has.
fn same_instant(found: &str, expected: &str) -> bool {
    let parse = |text: &str| text.parse::<jiff::Timestamp>();
    let (Ok(found), Ok(expected_at)) = (parse(found), parse(expected)) else {
        return false;
    };
    let digits = expected.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    let unit = 10_i128.pow(9_u32.saturating_sub(digits as u32));
    found.as_nanosecond().div_euclid(unit) == expected_at.as_nanosecond().div_euclid(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn agree(found: Value, expected: Value) -> bool {
        same(&found, &expected, "@timestamp")
    }

    #[test]
    fn numbers_agree_by_value_and_not_with_text() {
        assert!(agree(json!(1), json!(1.0)) && agree(json!(0.1), json!(0.1)));
        assert!(!agree(json!(1), json!("1")) && !agree(json!(1), json!(2)));
    }

    #[test]
    fn times_agree_as_instants_as_exactly_as_expected() {
        assert!(agree(json!("2021-01-01T00:00:00Z"), json!("2021-01-01T02:00:00.000+02:00")));
        assert!(agree(json!("2021-01-01T00:00:00.123456Z"), json!("2021-01-01T00:00:00.123Z")));
        assert!(!agree(json!("2021-01-01T00:00:00.123Z"), json!("2021-01-01T00:00:00.124Z")));
    }

    #[test]
    fn arrays_agree_in_order() {
        assert!(agree(json!(["a", 1]), json!(["a", 1.0])));
        assert!(!agree(json!(["a", "b"]), json!(["b", "a"])) && !agree(json!(["a"]), json!("a")));
    }

    #[test]
    fn a_line_without_a_parsed_message_is_its_own_original() {
        let document = [("message".to_owned(), json!("the line"))].into_iter().collect();
        assert!(agrees(&document, &ExpectedField::typed("event.original", json!("the line"))));
    }

    #[test]
    fn enrichment_is_not_compared() {
        for (name, compared) in [
            ("source.geo.x", false),
            ("user_agent.name", false),
            ("user_agent.original", true),
            ("source.as.number", false),
            ("url.path", true),
        ] {
            assert_eq!(is_compared(name), compared, "{name}");
        }
    }
}
