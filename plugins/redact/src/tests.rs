use super::Plugin;
use collector_plugin::testing::{Fields, Session, check_samples};
use proptest::prelude::*;
use serde_json::{Value, json};

fn treat(config: &str, line: &str, fields: &Value) -> Value {
    let mut session = Session::<Plugin>::open(config).unwrap();
    session.event(line, fields.as_object().unwrap()).kept().into()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn the_line_is_hidden_under_both_of_its_names() {
    let line = "login of bob@example.com";
    assert_eq!(treat("", line, &json!({})), json!({"message": "login of [redacted]"}));
    assert_eq!(
        treat("", line, &json!({"message": "login", "user.email": "bob@example.com"})),
        json!({"message": "login", "user.email": "[redacted]", "event.original": "login of [redacted]"})
    );
    let named = r#"{"fields":["message"]}"#;
    assert_eq!(
        treat(named, line, &json!({"message": "bob@example.com"})),
        json!({"message": "[redacted]", "event.original": "login of [redacted]"})
    );
}

#[test]
fn an_address_that_is_a_whole_value_is_hidden_as_any_other() {
    let fields =
        json!({"source.ip": "192.0.2.7", "via": "by 192.0.2.7", "other.ip": "1.1.1.1", "v6.ip": "2001:db8::7"});
    let names = r#""fields":["source.ip","via","other.ip","v6.ip"],"patterns":["ip"]"#;
    for (how, short, long) in [
        (r#""replacement":"0.0.0.0""#, "0.0.0.0", "0.0.0.0"),
        (r#""replacement":"""#, "", ""),
        (r#""mask":true"#, "*.*.*.*", "***.*.*.*"),
    ] {
        let v6 = if how.contains("mask") { "****:***::*" } else { short };
        assert_eq!(
            treat(&format!("{{{names},{how}}}"), "line", &fields),
            json!({"source.ip": long, "via": format!("by {long}"), "other.ip": short, "v6.ip": v6}),
            "{how}"
        );
    }
}

#[test]
fn a_part_of_a_line_is_looked_at_where_the_line_may_hold_something() {
    let config = r#"{"fields":["message","url.query"],"patterns":["email"],"replacement":"x"}"#;
    for (line, query, hidden) in [("GET /?q=1", "q=1", "q=1"), ("GET /?m=a%40b.de", "m=a%40b.de", "m=x")] {
        let mut session = Session::<Plugin>::open(config).unwrap();
        let kept = session.event(line, json!({"url.query": query}).as_object().unwrap()).kept();
        assert_eq!(kept["url.query"], hidden, "{line}");
    }
    // A field that is no part of the line.
    assert_eq!(treat(config, "quiet", &json!({"url.query": "a@b.de"})), json!({"url.query": "x"}));
}

#[test]
fn an_event_with_nothing_to_hide_is_not_touched() {
    let fields = json!({"message": "quiet", "a": 1, "b": ["x", 2.5], "c": null, "d": 1_767_323_045_678i64});
    assert_eq!(treat("", "quiet line", &fields), fields);
}

#[test]
fn values_of_every_kind_are_looked_at() {
    let fields = json!({"a": 4_111_111_111_111_111i64, "b": ["x", "a\"b bob@example.com", {"k": 5_500_000_000_000_004i64}, 1.50]});
    assert_eq!(
        treat(r#"{"replacement":"\"x\""}"#, "line", &fields),
        json!({"a": "\"x\"", "b": ["x", "a\"b \"x\"", {"k": "\"x\""}, 1.5]})
    );
}

#[test]
fn an_escape_does_not_hide_what_it_stands_for() {
    let mut out = Vec::new();
    let patterns = super::Patterns::new(&[super::PatternName::Email]);
    let value = br#"["bob\u0040example.com", 12345678901234567890123]"#;
    assert!(super::json::has(value, &patterns));
    super::json::write(value, &patterns, &super::Hide::Text("#".to_owned()), &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), r##"["#", 12345678901234567890123]"##);
}

#[test]
fn named_fields_alone_are_read() {
    let session = Session::<Plugin>::open(r#"{"fields":["user.email","http.*"]}"#).unwrap();
    assert_eq!(session.manifest().reads(), ["user.email", "http.*"]);
    let session = Session::<Plugin>::open(r#"{"fields":["event.original","a"]}"#).unwrap();
    assert_eq!(session.manifest().reads(), ["message", "event.original", "a"]);
}

#[test]
fn nothing_may_pass_that_was_not_treated() {
    assert!(Session::<Plugin>::open("").unwrap().manifest().is_required());
}

#[test]
fn a_configuration_that_would_hide_nothing_is_refused() {
    for (config, part) in [
        (r#"{"fields":[]}"#, "`fields` is empty"),
        (r#"{"patterns":[]}"#, "`patterns` is empty"),
        (r#"{"patterns":["phone"]}"#, "phone"),
        (r#"{"fields":["a*"]}"#, "`a*`"),
        (r#"{"fields":["_id"]}"#, "`_id`"),
        (r#"{"field":["a"]}"#, "`field`"),
    ] {
        let error = Session::<Plugin>::open(config).err().unwrap();
        assert!(error.contains(part), "{config}: {error}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_the_secret_goes(before in ".{0,20}", after in ".{0,20}", value in any::<i64>()) {
        let secret = "bob@example.com";
        let line = format!("{before} {secret} {after}");
        let mut fields = Fields::new();
        fields.insert("n".to_owned(), value.into());
        fields.insert("list".to_owned(), json!([before, {"deep": line}]));
        let treated = treat("", &line, &fields.into()).to_string();
        prop_assert!(!treated.contains(secret), "{}", treated);
    }
}
