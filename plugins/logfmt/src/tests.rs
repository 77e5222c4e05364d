use super::Plugin;
use collector_plugin::testing::{Fields, Outcome, Session, check_samples};
use proptest::prelude::*;
use serde_json::{Value, json};

fn outcome(config: &str, line: &str) -> Outcome {
    Session::<Plugin>::open(config).unwrap().line(line)
}

fn parse(line: &str) -> Value {
    outcome("", line).kept().into()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn values_have_types_unless_they_are_quoted() {
    let line = r#"a=1 b=-2.50 c=true d=false e="1" f=007 g=1e5 h=12ms i=99999999999999999999 j=0.5 k=-0 l=1. m=truee"#;
    let expected = json!({
        "a": 1, "b": -2.5, "c": true, "d": false, "e": "1", "f": "007", "g": "1e5", "h": "12ms", "i": "99999999999999999999",
        "j": 0.5, "k": "-0", "l": "1.", "m": "truee",
    });
    assert_eq!(parse(line), expected);
    let texts = outcome(r#"{"types":false}"#, "a=1 b=true").kept();
    assert_eq!(Value::from(texts), json!({"a": "1", "b": "true"}));
}

#[test]
fn keys_without_a_value_are_null() {
    assert_eq!(parse("a= b c=\"\" d"), json!({"a": null, "b": null, "c": null, "d": null}));
    let flags = outcome(r#"{"valueless":"true"}"#, "a= b c=1").kept();
    assert_eq!(Value::from(flags), json!({"a": null, "b": true, "c": 1}));
}

#[test]
fn a_pair_may_follow_a_quote_at_once() {
    assert_eq!(parse("  a=\"x y\"b=2\t\u{1e} ƒ=é  "), json!({"a": "x y", "b": 2, "ƒ": "é"}));
    assert_eq!(parse("y=f y=g"), json!({"y": "g"}));
}

#[test]
fn malformed_lines_are_rejected_with_what_is_wrong() {
    for (line, reason) in [
        ("", "the line is empty"),
        ("  \t", "the line is empty"),
        ("goroutine 1 running", "no key=value in the line"),
        ("a=1 =2", "a = without a key"),
        ("k\"ey=1", "a quote in a key"),
        ("\"key\"=1", "a quote in a key"),
        ("k=b=c", "a = in a value without quotes"),
        ("k=b\"c", "a quote in a value without quotes"),
        ("k=\"b", "a quoted value has no end"),
        ("k=\"b\\", "a quoted value has no end"),
        ("k=\"\\x\"", "a quoted value has a backslash that escapes nothing"),
        ("t=\"\\x\"", "a quoted value has a backslash that escapes nothing"),
        ("\u{fffd}=1", "a key that is not UTF-8"),
    ] {
        assert_eq!(outcome(r#"{"timestamp":"t"}"#, line).rejected(), reason, "{line}");
    }
}

#[test]
fn the_usual_keys_get_the_names_of_ecs() {
    let line = "ts=2026-01-02T03:04:05.5Z caller=main.go:7 level=warn msg=\"a \\\"b\\\"\" err=EOF n=1";
    let expected = json!({
        "@timestamp": 1_767_323_045_500_000_000i64, "log.origin.file.name": "main.go", "log.origin.file.line": 7,
        "log.level": "warn", "message": "a \"b\"", "error.message": "EOF", "n": 1,
    });
    let fields: Fields = outcome(r#"{"ecs":true}"#, line).kept();
    assert_eq!(Value::from(fields), expected);
}

#[test]
fn lines_after_each_other_do_not_mix() {
    let mut session = Session::<Plugin>::open("").unwrap();
    for (line, expected) in [
        ("a=1 bb=2 ccc=3", json!({"a": 1, "bb": 2, "ccc": 3})),
        ("a=1 bbb=2 ccc=3", json!({"a": 1, "bbb": 2, "ccc": 3})),
        ("a=1 bb ccc", json!({"a": 1, "bb": null, "ccc": null})),
        (
            "a=1 bb=2 ccc=3 a_key_of_more_than_sixteen_bytes=4 d=5",
            json!({"a": 1, "bb": 2, "ccc": 3, "a_key_of_more_than_sixteen_bytes": 4, "d": 5}),
        ),
        ("bb=2", json!({"bb": 2})),
    ] {
        assert_eq!(Value::from(session.line(line).kept()), expected, "{line}");
    }
}

#[test]
fn a_long_line_is_read_in_linear_time() {
    let line = "key=value ".repeat(52_000);
    assert_eq!(parse(&line), json!({"key": "value"}));
    assert_eq!(outcome("", &format!("a=\"{}", "\\\"".repeat(260_000))).rejected(), "a quoted value has no end");
}

proptest! {
    #[test]
    fn what_was_written_comes_back(
        pairs in proptest::collection::vec(("[a-z_]{1,20}|_id_?", "\\PC{0,30}|[a-z\"\\\\\n= ]{1,12}"), 1..8),
    ) {
        let line: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={}", serde_json::to_string(value).unwrap())).collect();
        // `_id` alone of these keys belongs to the host.
        let name = |key: String| if key == "_id" { "_id_".to_owned() } else { key };
        let expected: Fields = pairs.into_iter().map(|(key, value)| (name(key), if value.is_empty() { Value::Null } else { value.into() })).collect();
        prop_assert_eq!(parse(&line.join(" ")), Value::from(expected));
    }

    #[test]
    fn a_line_reads_the_same_where_its_keys_are_foretold(
        values in proptest::collection::vec("[a-z]{0,6}|-?[0-9]{1,19}|[0-9]{0,4}\\.[0-9]{0,3}|true|false|[a-f0-9]{16}|\"[a-z =\\\\]{0,50}\"", 1..9),
        rest in "( ?[a-z]{0,9}=?[a-z \"]{0,9}){0,6}",
        types: bool,
    ) {
        let config = json!({"types": types, "timestamp": "k2"}).to_string();
        let keyed = |value: &dyn Fn(usize) -> String| (0..values.len()).map(|i| format!("k{i}={} ", value(i))).collect::<String>();
        let line = keyed(&|i| values[i].clone()) + &rest;
        let mut session = Session::<Plugin>::open(&config).unwrap();
        for _ in 0..2 {
            let _ = session.line(&keyed(&|i| i.to_string()));
        }
        prop_assert_eq!(session.line(&line), outcome(&config, &line), "{}", line);
    }

    #[test]
    fn any_line_keeps_the_contract(line in "\\PC{0,60}|([a-c]{0,3}=?(\"[a-z \\\\\"]{0,5}\"?)?[0-9.]{0,4} ?){0,8}", cut in 0usize..40) {
        let mut session = Session::<Plugin>::open(r#"{"ecs":true,"timestamp":"a"}"#).unwrap();
        let cut = line.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(line.len());
        let _ = (session.line(&line), session.line(&line[..cut]), session.line(&line));
    }
}
