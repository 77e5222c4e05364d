use super::Plugin;
use collector_plugin::testing::{Fields, Outcome, Session, check_samples};
use proptest::prelude::*;
use serde_json::{Value, json};

fn outcome(line: &str, fields: &Value) -> Outcome {
    let fields: Fields = fields.as_object().cloned().unwrap_or_default();
    Session::<Plugin>::open("").unwrap().event(line, &fields)
}

fn message(line: &str) -> (Value, bool) {
    let mut fields = outcome(line, &Value::Null).kept();
    (fields["message"].take(), fields.contains_key("cri.partial"))
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn gathered_parts_become_the_lines_that_they_were() {
    let time = |second: u32| format!("2026-01-02T03:04:0{second}Z");
    let lines = [
        format!("{} stdout P one, ", time(1)),
        format!("{} stderr F oops", time(2)),
        format!("{} stdout P two, ", time(3)),
        format!("{} stdout F three", time(4)),
    ];
    let mut session = Session::<Plugin>::open(r#"{"join":true}"#).unwrap();
    let Outcome::Kept(events) = session.line(&lines.join("\n")) else { panic!("not kept") };
    let texts: Vec<_> = events.iter().map(|event| (event["stream"].clone(), event["message"].clone())).collect();
    assert_eq!(texts, [(json!("stdout"), json!("one, two, three")), (json!("stderr"), json!("oops"))]);
    assert!(events.iter().all(|event| !event.contains_key("cri.partial")));
    let Outcome::Kept(cut) = session.line(&lines[..2].join("\n")) else { panic!("not kept") };
    assert_eq!((&cut[0]["cri.partial"], &cut[0]["message"]), (&json!(true), &json!("one, ")));
    assert_eq!(session.line(&format!("{}\nno part", lines[0])).rejected(), "the time is none");
    assert!(session.manifest().is_forking() && !Session::<Plugin>::open("").unwrap().manifest().is_forking());
}

#[test]
fn the_text_begins_behind_the_tags() {
    let line = |rest: &str| format!("2026-01-02T03:04:05.1Z stdout{rest}");
    for (rest, text, partial) in [
        (" F text of it", "text of it", false),
        (" P text", "text", true),
        (" F:x:y text", "text", false),
        (" P:x text", "text", true),
        (" F  indented", " indented", false),
        (" F ", "", false),
        (" F", "", false),
        ("", "", false),
        (" Full text", "Full text", false),
        (" P", "", true),
    ] {
        assert_eq!(message(&line(rest)), (text.into(), partial), "{rest}");
    }
}

#[test]
fn the_path_names_the_container() {
    let meta = json!({"@meta.path": "/var/log/pods/shop_web-1_abc/nginx/3.log"});
    let fields = outcome("2026-01-02T04:04:05+01:00 stderr F x", &meta).kept();
    let expected = json!({
        "@timestamp": 1_767_323_045_000_000_000i64, "stream": "stderr", "message": "x", "kubernetes.namespace": "shop",
        "kubernetes.pod.name": "web-1", "kubernetes.pod.uid": "abc", "kubernetes.container.name": "nginx",
    });
    assert_eq!(Value::from(fields), expected);
}

#[test]
fn other_lines_are_rejected_with_what_is_missing() {
    for (line, reason) in [
        ("", "no time"),
        ("text", "no time"),
        ("a text", "the time is none"),
        ("2026-01-02T03:04:05Z", "no time"),
        ("2026-01-02T03:04:05Z stdin F x", "neither stdout nor stderr"),
        ("2026-01-02T03:04:05Z ", "neither stdout nor stderr"),
        ("2026-13-02T03:04:05Z stdout F x", "the time is none"),
    ] {
        assert_eq!(outcome(line, &Value::Null).rejected(), reason, "{line}");
    }
}

proptest! {
    #[test]
    fn any_line_keeps_the_contract(line in "\\PC{0,60}|2026-01-02T03:04:05(Z|[+]01:00)? (stdout|stderr|x) ?[FP]?[ :]\\PC{0,20}", path in "\\PC{0,40}|/var/log/(pods|containers)/[a-f_/.-]{0,20}") {
        let _ = outcome(&line, &json!({"@meta.path": path}));
    }
}
