use super::Plugin;
use collector_plugin::testing::{Fields, Outcome, Session, check_samples};
use proptest::prelude::*;
use serde_json::{Value, json};

fn outcome(config: &Value, line: &str) -> Outcome {
    Session::<Plugin>::open(&config.to_string()).unwrap().line(line)
}

fn parse(config: &Value, line: &str) -> Value {
    outcome(config, line).kept().into()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn quoted_values_may_have_anything_in_them() {
    let config = json!({"columns": ["a", "b", "c"]});
    for (line, expected) in [
        ("1,\"x, y\",3", json!({"a": "1", "b": "x, y", "c": "3"})),
        ("\"say \"\"hi\"\"\",\"\"\"\",\"two\nlines\"", json!({"a": "say \"hi\"", "b": "\"", "c": "two\nlines"})),
        ("1,\"\",", json!({"a": "1", "b": ""})),
        (",,\"\"\r", json!({"c": ""})),
        ("a\"b, c ,é", json!({"a": "a\"b", "b": " c ", "c": "é"})),
    ] {
        assert_eq!(parse(&config, line), expected, "{line}");
    }
}

#[test]
fn delimiter_quote_and_escape_are_configurable() {
    let config = json!({"columns": ["a", "b"], "delimiter": "\t", "quote": "'", "escape": "\\"});
    assert_eq!(parse(&config, "'it\\'s\\n \\é \\\\'\tx,y"), json!({"a": "it's\\n \\é \\", "b": "x,y"}));
    let config = json!({"columns": ["a", "b"], "delimiter": ";", "quote": "", "trim": true});
    assert_eq!(parse(&config, " \"x\" ;\ty "), json!({"a": "\"x\"", "b": "y"}));
    let config = json!({"columns": ["a", "b"], "trim": true});
    assert_eq!(parse(&config, "  \"x \"  , y"), json!({"a": "x ", "b": "y"}));
}

#[test]
fn columns_have_types() {
    let config = json!({
        "columns": ["when", "n", "f", "b", "", "t"], "nulls": ["-", "N/A"],
        "types": {"when": "timestamp", "n": "integer", "f": "float", "b": "boolean"},
    });
    let expected = json!({"@timestamp": 1_767_323_045_000_000_000i64, "n": -7, "f": 1.5, "b": true, "t": "08"});
    assert_eq!(parse(&config, "2026-01-02T03:04:05Z,-7,1.5e0,Yes,left out,08"), expected);
    assert_eq!(parse(&config, "\"\",-,N/A,,x,-"), json!({}));
    for line in [",x,,,,", ",,nan,,,", ",,,maybe,,", "soon,,,,,", ",,1e999,,,"] {
        assert_eq!(outcome(&config, line).rejected(), "a value is not of the type of its column", "{line}");
    }
    let null = json!({"columns": ["a", "n"], "types": {"n": "integer"}, "empty": "null"});
    assert_eq!(parse(&null, ","), json!({"a": null, "n": null}));
    let text = json!({"columns": ["a", "n"], "types": {"n": "integer"}, "empty": "text"});
    assert_eq!(parse(&text, ","), json!({"a": "", "n": null}));
}

#[test]
fn the_line_with_the_names_is_dropped() {
    let config = json!({"columns": ["a", "b"]});
    assert_eq!(outcome(&config, "a,b\r"), Outcome::Dropped);
    let config = json!({"columns": ["source.ip", "b"], "header": "IP,B"});
    assert_eq!(outcome(&config, "IP,B"), Outcome::Dropped);
    assert_eq!(parse(&config, "source.ip,b"), json!({"source.ip": "source.ip", "b": "b"}));
}

#[test]
fn malformed_lines_are_rejected_with_what_is_wrong() {
    let config = json!({"columns": ["a", "b"]});
    for (line, reason) in [
        ("", "fewer values than columns"),
        ("1", "fewer values than columns"),
        ("1,2,3", "more values than columns"),
        ("1,2,", "more values than columns"),
        ("1,\"2", "a quoted value has no end"),
        ("1,\"2\"\"", "a quoted value has no end"),
        ("\"1\"x,2", "something between a closing quote and the next delimiter"),
        ("\"1\" ,2", "something between a closing quote and the next delimiter"),
    ] {
        assert_eq!(outcome(&config, line).rejected(), reason, "{line}");
    }
    let ragged = json!({"columns": ["a", "b"], "ragged": true, "target": "row"});
    assert_eq!(parse(&ragged, "1"), json!({"row.a": "1"}));
    assert_eq!(parse(&ragged, "1,2,3"), json!({"row.a": "1", "row.b": "2"}));
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    for (config, word) in [
        (json!({}), "`columns` is missing"),
        (json!({"columns": ["a..b"]}), "`columns`: `a..b`"),
        (json!({"columns": ["a"], "types": {"b": "integer"}}), "`b` is not among"),
        (json!({"columns": ["a"], "types": {"a": "number"}}), "unknown variant `number`"),
        (json!({"columns": ["a"], "delimiter": ",,"}), "`delimiter`"),
        (json!({"columns": ["a"], "delimiter": "é"}), "`delimiter`"),
        (json!({"columns": ["a"], "quote": ","}), "same as `delimiter`"),
        (json!({"columns": ["@timestamp"]}), "`@timestamp` is a `timestamp`"),
    ] {
        let error = Session::<Plugin>::open(&config.to_string()).err().unwrap();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn a_long_line_is_read_in_linear_time() {
    let config = json!({"columns": ["a"], "ragged": true});
    assert_eq!(parse(&config, &"x,".repeat(260_000)), json!({"a": "x"}));
    let text = format!("\"{}\"", "\"\"".repeat(200_000));
    assert_eq!(parse(&config, &text)["a"].as_str().map(str::len), Some(200_000));
}

proptest! {
    #[test]
    fn what_was_written_comes_back(values in proptest::collection::vec("\\PC{0,12}|[\",\n ]{1,4}", 3)) {
        let config = json!({"columns": ["a", "b", "c"], "header": ""});
        let line: Vec<String> = values.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
        let expected: Fields = ["a", "b", "c"].into_iter().map(str::to_owned).zip(values.into_iter().map(Value::from)).collect();
        prop_assert_eq!(parse(&config, &line.join(",")), Value::from(expected));
    }

    #[test]
    fn any_line_keeps_the_contract(line in "\\PC{0,40}|[a,\"\\\\é \t]{0,16}", trim in any::<bool>(), escape in any::<bool>()) {
        let config = json!({"columns": ["a", "b", "c"], "trim": trim, "escape": if escape { "\\" } else { "" }, "ragged": true});
        let _ = outcome(&config, &line);
    }
}
