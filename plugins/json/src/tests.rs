use super::Plugin;
use collector_plugin::testing::{Fields, Outcome, Session, check_samples};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(line: &str) -> Fields {
    Session::<Plugin>::open("").unwrap().line(line).kept()
}

fn outcome(line: &str) -> Outcome {
    Session::<Plugin>::open("").unwrap().line(line)
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn numbers_keep_their_value() {
    let fields = parse(
        r#"{"a":9223372036854775807,"b":-9223372036854775807,"c":18446744073709551616,"d":-0,"e":1.50,"f":1E+2,"g":0,"h":-7}"#,
    );
    assert_eq!(fields["a"], i64::MAX);
    assert_eq!(fields["b"], -i64::MAX);
    assert_eq!(fields["c"], json!(18_446_744_073_709_551_616.0));
    assert_eq!(fields["d"].to_string(), "-0.0");
    assert_eq!((&fields["e"], &fields["f"]), (&json!(1.5), &json!(100.0)));
    assert_eq!((&fields["g"], &fields["h"]), (&json!(0), &json!(-7)));
}

#[test]
fn the_time_is_taken_from_the_configured_member() {
    let mut session = Session::<Plugin>::open(r#"{"timestamp":"time"}"#).unwrap();
    let expected = 1_767_323_045_000_000_000i64;
    for value in ["\"2026-01-02T03:04:05Z\"", "1767323045", "1767323045000", "1767323045.0"] {
        let fields = session.line(&format!(r#"{{"a":1,"time":{value}}}"#)).kept();
        assert_eq!(fields["@timestamp"], expected, "{value}");
        assert_eq!(fields.get("time"), None);
    }
    let fields = session.line(r#"{"time":"soon","b":{"time":1}}"#).kept();
    assert_eq!(Value::from(fields), json!({"time": "soon", "b.time": 1}));
}

#[test]
fn a_timestamp_that_is_no_time_is_rejected() {
    assert_eq!(parse(r#"{"@timestamp":"2026-01-02T03:04:05Z"}"#)["@timestamp"], 1_767_323_045_000_000_000i64);
    for line in [
        r#"{"@timestamp":"soon"}"#,
        r#"{"@timestamp":null}"#,
        r#"{"\u0040timestamp":"soon"}"#,
        r#"{"@timestamp":{"a":1}}"#,
    ] {
        assert_eq!(outcome(line).rejected(), "`@timestamp` is not a time", "{line}");
    }
}

#[test]
fn names_that_belong_to_the_host_are_changed() {
    let fields = parse(r#"{"_id":1,"":2,"collector":{"chain":3},"a..b":4}"#);
    assert_eq!(Value::from(fields), json!({"_id_": 1, "_": 2, "collector_.chain": 3, "a._.b": 4}));
}

#[test]
fn what_is_nested_too_deep_is_rejected() {
    let objects = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
    assert_eq!(parse(&objects(20)).len(), 1);
    assert_eq!(outcome(&objects(21)).rejected(), "nested too deep");
    let arrays = |n: usize| format!("{{\"a\":{}1{}}}", "[".repeat(n), "]".repeat(n));
    assert_eq!(parse(&arrays(19)).len(), 1);
    assert_eq!(outcome(&arrays(100_000)).rejected(), "nested too deep");
}

/// A generated JSON value of moderate depth, without numbers that only text can hold.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec(("[a-z\u{e9}\"\\\\]{1,8}", inner), 0..5)
                .prop_map(|members| members.into_iter().collect::<Fields>().into()),
        ]
    })
}

fn flatten(prefix: &str, value: &Value, into: &mut Fields) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                flatten(&format!("{prefix}.{key}"), value, into);
            }
        }
        other => drop(into.insert(prefix.to_owned(), other.clone())),
    }
}

proptest! {
    #[test]
    fn an_object_becomes_its_flattened_members(value in any_json(), pretty in any::<bool>()) {
        let object = json!({"top": value});
        let line = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
        let mut expected = Fields::new();
        flatten("top", &object["top"], &mut expected);
        prop_assert_eq!(parse(&line), expected);
    }

    #[test]
    fn a_line_is_taken_only_if_it_is_strict_json(line in r#"\{"a":[\[\]{}:,"a0-3.eE+\- \\utrlsnf\x01]{0,12}\}"#) {
        let strict = serde_json::from_str::<&serde_json::value::RawValue>(&line).is_ok();
        let taken = matches!(outcome(&line), Outcome::Kept(_));
        prop_assert_eq!(taken, strict, "{}", line);
    }
}

/// The public suite of JSON parsers, where a copy of it is at hand: each file as it is, and inside of an object.
#[test]
fn the_json_test_suite_passes() {
    let Some(folder) = std::env::var_os("COLLECTOR_CORPORA") else {
        eprintln!("skipped: COLLECTOR_CORPORA does not name a folder of corpora");
        return;
    };
    let folder = std::path::Path::new(&folder).join("JSONTestSuite/test_parsing");
    let mut seen = 0;
    for entry in folder.read_dir().unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let content = std::fs::read(entry.path()).unwrap();
        let text = String::from_utf8_lossy(&content);
        let valid = name.starts_with("y_");
        let (bare, inside) = (outcome(&text), outcome(&format!("{{\"v\":{text}}}")));
        if !name.starts_with("i_") {
            let is_object = text.trim_start().starts_with('{');
            assert_eq!(matches!(bare, Outcome::Kept(_)), valid && is_object, "{name}: {bare:?}");
            // Invalid UTF-8 was replaced before, as the host does.
            let repaired = matches!(text, std::borrow::Cow::Owned(_));
            assert!(matches!(inside, Outcome::Kept(_)) == valid || repaired, "{name}: {inside:?}");
        }
        seen += 1;
    }
    assert!(seen > 100, "{seen} files");
}
