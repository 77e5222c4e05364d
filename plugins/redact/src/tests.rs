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
