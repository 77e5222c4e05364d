use super::Plugin;
use collector_plugin::testing::{Fields, Outcome, Session, check_samples};
use proptest::prelude::*;
use serde_json::{Value, json};

fn outcome(line: &str, fields: &Value) -> Outcome {
    let fields: Fields = fields.as_object().cloned().unwrap_or_default();
    Session::<Plugin>::open("").unwrap().event(line, &fields)
}

fn message(log: &str) -> (Value, bool) {
    let line = format!(r#"{{"log":"{log}","stream":"stdout","time":"2026-01-02T03:04:05Z"}}"#);
    let mut fields = outcome(&line, &Value::Null).kept();
    (fields["message"].take(), fields.contains_key("docker.partial"))
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn gathered_parts_become_the_lines_that_they_were() {
    let part =
        |log: &str, stream: &str| format!(r#"{{"log":"{log}","stream":"{stream}","time":"2026-01-02T03:04:05Z"}}"#);
    let lines =
        [part("one, ", "stdout"), part("oops\\n", "stderr"), part("t\\two, ", "stdout"), part("three\\n", "stdout")];
    let mut session = Session::<Plugin>::open(r#"{"join":true}"#).unwrap();
    let Outcome::Kept(events) = session.line(&lines.join("\n")) else { panic!("not kept") };
    let texts: Vec<_> = events.iter().map(|event| (event["stream"].clone(), event["message"].clone())).collect();
    assert_eq!(texts, [(json!("stdout"), json!("one, t\two, three")), (json!("stderr"), json!("oops"))]);
    assert_eq!(session.line(&lines[1]).kept()["message"], "oops");
    assert_eq!(session.line(&format!("{}\n{{}}", lines[0])).rejected(), "no log");
}

#[test]
fn the_line_break_is_taken_off_and_its_absence_is_told() {
    for (log, text, partial) in [
        (r"text\n", "text", false),
        (r"text\r\n", "text", false),
        ("text\n", "text", false),
        ("text", "text", true),
        (r"text\\n", r"text\n", true),
        (r"text\\\n", r"text\", false),
        (r"\n", "", false),
        ("", "", true),
        (r#"say \"hi\"\t\u00e9 \ud83d\ude00\n"#, "say \"hi\"\té 😀", false),
        (r"a\nb\n", "a\nb", false),
    ] {
        assert_eq!(message(log), (text.into(), partial), "{log}");
    }
}

#[test]
fn attributes_and_the_path_come_with_it() {
    let id = "0123456789ab".repeat(5);
    let meta = json!({"@meta.path": format!("/var/lib/docker/containers/{id}/{id}-json.log")});
    let line = r#"{ "log": "x\n", "attrs": {"com.shop.team": "a\"b", "tag": "web"}, "stream": "stderr", "time": "2026-01-02T03:04:05.5Z" }"#;
    let expected = json!({
        "@timestamp": 1_767_323_045_500_000_000i64, "stream": "stderr", "message": "x", "docker.attrs.com_shop_team": "a\"b",
        "docker.attrs.tag": "web", "container.id": id,
    });
    assert_eq!(Value::from(outcome(line, &meta).kept()), expected);
}

#[test]
fn other_lines_are_rejected_with_what_is_missing() {
    for (line, reason) in [
        ("", "not an object as Docker writes it"),
        ("\"log\":\"x\"}", "not an object as Docker writes it"),
        ("{}", "no log"),
        (r#"{"log":"x\n"}"#, "no time"),
        (r#"{"log":"x\n","time":"soon"}"#, "the time is none"),
        (r#"{"log":1,"time":"2026-01-02T03:04:05Z"}"#, "a value that is no text"),
        (r#"{"log":"x\q","time":"2026-01-02T03:04:05Z"}"#, "an escape that is none"),
        (r#"{"log":"x\n","time":"2026-01-02T03:04:05Z"} x"#, "not an object as Docker writes it"),
        (r#"{"log":"x"#, "a text has no end"),
        (r#"{"log":"x" "time""#, "not an object as Docker writes it"),
    ] {
        assert_eq!(outcome(line, &Value::Null).rejected(), reason, "{line}");
    }
}

#[test]
fn a_long_line_is_read_in_linear_time() {
    let (text, _) = message(&"\\\\".repeat(260_000));
    assert_eq!(text.as_str().map(str::len), Some(260_000));
}

proptest! {
    #[test]
    fn any_text_comes_back(text in "\\PC{0,40}|[a\"\\\\\r\n\t]{0,12}") {
        let log = serde_json::to_string(&format!("{text}\n")).unwrap();
        let expected = text.strip_suffix('\r').unwrap_or(&text);
        prop_assert_eq!(message(&log[1..log.len() - 1]), (expected.into(), false));
    }

    #[test]
    fn any_line_keeps_the_contract(line in "\\PC{0,60}|[{]\"(log|attrs|time)\":[{\"a\\\\:,}]{0,12}", cut in 0usize..90) {
        let good = r#"{"log":"é\u00e9\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-01-02T03:04:05Z"}"#;
        let cut = good.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(good.len());
        let _ = (outcome(&line, &Value::Null), outcome(&good[..cut], &Value::Null));
    }
}
