use collector_plugin::testing::{Session, check_samples};
use proptest::prelude::*;
use serde_json::json;

use super::Plugin;

fn open(config: serde_json::Value) -> Session<Plugin> {
    Session::open(&config.to_string()).unwrap()
}

fn refusal(config: serde_json::Value) -> String {
    Session::<Plugin>::open(&config.to_string()).err().unwrap()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn groups_become_fields_by_their_own_names_or_by_others() {
    let mut session = open(json!({
        "expressions": r"^(?<took>\d+)ms (?<url.path>\S+) (?P<ok>true|false) (?<at>\S+)",
        "fields": { "took": { "to": "[http][took]", "type": "int" }, "ok": { "type": "bool" }, "at": { "to": "@timestamp", "type": "time" } },
    }));
    let fields = session.line("12ms /a true 2026-01-02T03:04:05Z").kept();
    let expected =
        json!({ "http.took": 12, "url.path": "/a", "ok": true, "@timestamp": 1_767_323_045_000_000_000_i64 });
    assert_eq!(json!(fields), expected);
}

#[test]
fn the_first_expression_that_matches_counts() {
    let mut session =
        open(json!({ "expressions": ["^a (?<n>\\d+)$", "^a (?<w>.*)"], "fields": { "n": { "type": "int" } } }));
    assert_eq!(json!(session.line("a 7").kept()), json!({ "n": 7 }));
    assert_eq!(json!(session.line("a 7\nb").kept()["w"]), json!("7\nb"));
    assert_eq!(session.line("b").rejected(), "no expression matches");
}

#[test]
fn what_open_refuses_is_named() {
    for (config, words) in [
        (json!({}), vec!["`expressions` is empty"]),
        (json!({ "expressions": "a+" }), vec!["`a+`", "no named group"]),
        (json!({ "expressions": "(?<a>b)(?=c)" }), vec!["look-around"]),
        (json!({ "expressions": "(?<a>b)", "fields": { "c": "d" } }), vec!["`c`"]),
        (json!({ "expressions": "(?<a>b)", "fields": { "a": { "type": "number" } } }), vec!["`number`", "float"]),
        (json!({ "expressions": "(?<a>b)", "fields": { "a": "c..d" } }), vec!["`c..d`"]),
        (json!({ "expressions": "(?<a>b)", "feilds": {} }), vec!["`feilds`"]),
    ] {
        let refusal = refusal(config);
        assert!(words.iter().all(|word| refusal.contains(word)), "{refusal}");
    }
}

#[test]
fn a_long_line_is_treated_in_time() {
    let mut session = open(json!({ "expressions": ["(?<a>.*)=(?<b>.*)=(?<c>.*)!$", "^(?<d>(?:a|ab)*)c"] }));
    session.line(&"ab=".repeat(170 << 10));
}

proptest! {
    #[test]
    fn any_text_keeps_the_contract(line in "\\PC{0,200}") {
        let mut session = open(json!({ "expressions": ["(?<a>.)(?<b>..).*?(?<c>[^x]{2})$", "(?<d>\\w+)"] }));
        session.line(&line);
    }
}
