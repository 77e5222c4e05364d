use collector_plugin::testing::{Fields, Session, check_samples};
use proptest::prelude::*;
use serde_json::json;

use super::Plugin;

fn open(config: serde_json::Value) -> Session<Plugin> {
    Session::open(&config.to_string()).unwrap()
}

fn parse(pattern: &str, line: &str) -> Fields {
    open(json!({ "patterns": [pattern] })).line(line).kept()
}

fn refusal(config: serde_json::Value) -> String {
    Session::<Plugin>::open(&config.to_string()).err().unwrap()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn the_first_pattern_that_matches_counts() {
    let mut session = open(json!({ "patterns": ["^a %{INT:n:int}", "^a %{WORD:w}"] }));
    assert_eq!(json!(session.line("a 7").kept()), json!({ "n": 7 }));
    assert_eq!(json!(session.line("a b").kept()), json!({ "w": "b" }));
    assert_eq!(session.line("c").rejected(), "no pattern matches");
}

#[test]
fn fields_are_typed_nested_and_written_in_two_ways() {
    let fields =
        parse("%{INT:[a][b]:int} %{NUMBER:a.c:float} %{WORD:d:bool} %{DATA:e} (?<[f][g]>x+)", "-5 1.5 true  xx");
    assert_eq!(json!(fields), json!({ "a.b": -5, "a.c": 1.5, "d": true, "f.g": "xx" }));
}

#[test]
fn a_field_that_is_captured_twice_is_an_array() {
    assert_eq!(json!(parse("%{WORD:a} %{WORD:a}", "x y")), json!({ "a": ["x", "y"] }));
}

#[test]
fn own_patterns_go_before_those_of_the_dictionary() {
    let config = json!({ "patterns": "%{ORDER:id} %{WORD:w}", "custom": { "ORDER": "#%{POSINT}", "WORD": "[a-c]+" } });
    assert_eq!(json!(open(config).line("#12 abcd").kept()), json!({ "id": "#12", "w": "abc" }));
}

#[test]
fn names_before_ecs_are_an_option() {
    let config = json!({ "patterns": "%{COMMONAPACHELOG}", "names": "legacy" });
    let line = r#"10.0.0.1 - bob [12/Jun/2024:10:00:00 +0000] "GET / HTTP/1.1" 200 5"#;
    let fields = open(config).line(line).kept();
    assert_eq!(
        (&fields["clientip"], &fields["auth"], &fields["response"]),
        (&json!("10.0.0.1"), &json!("bob"), &json!("200"))
    );
}

#[test]
fn a_message_of_several_lines_is_one_text() {
    let fields = parse("^%{WORD:log.level} %{GREEDYDATA:message}", "ERROR a\n\tat b\n\tat c");
    assert_eq!(fields["message"], "a\n\tat b\n\tat c");
}

#[test]
fn another_field_can_be_read() {
    let mut session = open(json!({ "patterns": "%{INT:n:int}", "field": "labels.text" }));
    let fields = [("labels.text".to_owned(), json!("7"))].into_iter().collect();
    assert_eq!(session.event("8", &fields).kept()["n"], 7);
}

#[test]
fn what_open_refuses_is_named() {
    for (config, words) in [
        (json!({}), vec!["`patterns` is empty"]),
        (json!({ "patterns": "%{NOSUCH:a}" }), vec!["NOSUCH", "`custom`"]),
        (json!({ "patterns": "%{A}", "custom": { "A": "(?<=x)y" } }), vec!["pattern A", "look-behind"]),
        (json!({ "patterns": "%{A}", "custom": { "A": "%{B}", "B": "%{A}" } }), vec!["refers back to itself"]),
        (json!({ "patterns": "%{INT:a:number}" }), vec!["`number`", "float"]),
        (json!({ "patterns": "%{INT:[a}" }), vec!["`[a`"]),
        (json!({ "patterns": "a(b" }), vec!["`a(b`", "malformed"]),
        (json!({ "patterns": "a", "custom": { "b c": "d" } }), vec!["`b c`"]),
    ] {
        let refusal = refusal(config);
        assert!(words.iter().all(|word| refusal.contains(word)), "{refusal}");
    }
}

proptest! {
    #[test]
    fn any_text_keeps_the_contract(line in "\\PC{0,200}", cut in 0usize..120) {
        let good = r#"10.0.0.1 - bób [12/Jun/2024:10:00:00 +0000] "GET /ä HTTP/1.1" 200 5 "-" "curl""#;
        let mut cut = cut.min(good.len());
        while !good.is_char_boundary(cut) {
            cut -= 1;
        }
        let mut session = open(json!({ "patterns": ["%{HTTPD_COMBINEDLOG}", "%{SYSLOGLINE}"] }));
        session.line(&line);
        session.line(&format!("{}{line}", &good[..cut]));
    }
}

#[test]
fn a_long_line_is_treated_in_time() {
    let mut session = open(json!({ "patterns": ["%{HTTPD_COMBINEDLOG}", "%{DATA:a} %{DATA:b} %{GREEDYDATA:c}!$"] }));
    session.line(&"10.0.0.1 - - [\" ".repeat(32 << 10));
}
