use super::Plugin;
use collector_plugin::testing::{Fields, Session, check_samples};
use collector_plugin::time::rfc3339;
use proptest::prelude::*;
use serde_json::{Value, json};

fn bare(text: &str) -> Fields {
    Session::<Plugin>::open(r#"{"event_fields":false}"#).unwrap().line(text).kept()
}

/// Level, logger, place and message.
fn parts(text: &str) -> [String; 4] {
    let fields = bare(text);
    let get = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let line = fields.get("log.origin.file.line").map(|line| format!(":{line}")).unwrap_or_default();
    [get("log.level"), get("log.logger"), get("log.origin.file.name") + &line, get("message")]
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn forms_are_told_apart() {
    for (line, expected) in [
        // log and slog
        ("2026/02/12 14:10:21 text", ["", "", "", "text"]),
        ("2026/02/12 14:10:21.123456 /srv/a/main.go:42: text", ["", "", "/srv/a/main.go:42", "text"]),
        ("app: 2026/02/12 14:10:21 text", ["", "app", "", "text"]),
        ("[app] 2026/02/12 14:10:21 text", ["", "app", "", "text"]),
        ("ERROR: 2026/02/12 14:10:21 text", ["ERROR", "", "", "text"]),
        ("2026/02/12 14:10:21 INFO text key=1", ["INFO", "", "", "text key=1"]),
        ("2026/02/12 14:10:21 [error] text", ["error", "", "", "text"]),
        ("2026/02/12 14:10:21 Error opening: x", ["", "", "", "Error opening: x"]),
        // glog
        ("I0212 14:10:21.123456       1 a.go:7] text", ["INFO", "", "a.go:7", "text"]),
        // zap
        ("2026-02-12T14:10:21.123Z\tINFO\ttext", ["INFO", "", "", "text"]),
        ("2026-02-12T14:10:21.123Z\tINFO\ta/b.go:7\ttext\t{\"k\": 1}", ["INFO", "", "a/b.go:7", "text\t{\"k\": 1}"]),
        ("2026-02-12T14:10:21.123Z\t\u{1b}[34mINFO\u{1b}[0m\tapp\ta.go:7\ttext", ["INFO", "app", "a.go:7", "text"]),
        ("INFO\tapp\ttext", ["INFO", "app", "", "text"]),
        // zerolog
        ("2:10PM INF text key=1", ["INF", "", "", "text key=1"]),
        ("2026-02-12T14:10:21Z \u{1b}[31mERR\u{1b}[0m main.go:42 > text", ["ERR", "", "main.go:42", "text"]),
        // hclog, logrus, etcd, telegraf
        ("2026-02-12T14:10:21.123Z [INFO]  agent.server: text: more", ["INFO", "agent.server", "", "text: more"]),
        ("INFO[0012] text  key=1", ["INFO", "", "", "text  key=1"]),
        ("2026-02-12 14:10:21.123456 I | etcdmain: text", ["INFO", "etcdmain", "", "text"]),
        ("2026-02-12T14:10:21Z E! [outputs.file] text", ["ERROR", "outputs.file", "", "text"]),
        ("2026-02-12T14:10:21Z I! text", ["INFO", "", "", "text"]),
        ("ERROR text", ["ERROR", "", "", "text"]),
    ] {
        assert_eq!(parts(line), expected, "{line}");
    }
    assert_eq!(bare("2026/02/12 14:10:21.5 x")["@timestamp"].as_i64(), rfc3339(b"2026-02-12T14:10:21.5Z"));
    assert_eq!(bare("2:10PM INF x").get("@timestamp"), None);
}

#[test]
fn panics_are_found_wherever_they_begin() {
    const STACK: &str = "goroutine 24 [running]:\nmain.f(0x1)\n\t/srv/main.go:9 +0x1d";
    for (head, kind, said, message) in [
        ("panic: one", "panic", "one", "panic: one"),
        ("panic: one\n[signal SIGSEGV: x]\n", "panic", "one", "panic: one"),
        (
            "fatal error: all goroutines are asleep - deadlock!\n",
            "fatal error",
            "all goroutines are asleep - deadlock!",
            "fatal error: all goroutines are asleep - deadlock!",
        ),
        (
            "2026/02/12 14:10:21 http: panic serving [::1]:54143: one",
            "panic",
            "one",
            "http: panic serving [::1]:54143: one",
        ),
        ("2026/02/12 14:10:21 panic: one", "panic", "one", "panic: one"),
    ] {
        let fields = bare(&format!("{head}\n{STACK}"));
        let get = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        assert_eq!([get("error.type"), get("error.message"), get("message")], [kind, said, message], "{head}");
        assert_eq!(get("error.stack_trace"), STACK, "{head}");
    }
    assert_eq!(bare("panic: alone")["error.message"], "alone");
    let fields = bare(&format!("2026/02/12 14:10:21 last words\npanic: one\n\n{STACK}"));
    assert_eq!((&fields["message"], &fields["error.message"]), (&json!("last words"), &json!("one")));
}

#[test]
fn stacks_without_a_panic_are_no_part_of_the_message() {
    let fields = bare("2026-02-12T14:10:21Z\tERROR\tfailed\nmain.f\n\t/srv/main.go:9\nmain.main\n\t/srv/main.go:3");
    assert_eq!(fields["message"], "failed");
    assert_eq!(fields["error.stack_trace"], "main.f\n\t/srv/main.go:9\nmain.main\n\t/srv/main.go:3");
    assert_eq!(fields.get("error.type"), None);
    let fields = bare("==================\nWARNING: DATA RACE\nWrite at 0x1 by goroutine 7:\n  main.f()");
    assert_eq!(fields["error.type"], "data race");
    assert_eq!(bare("2026/02/12 14:10:21 a\n  b")["message"], "a\n  b");
}

#[test]
fn what_gin_measures_is_read_in_every_unit() {
    for (took, expected) in [
        ("1m2.5s", json!(62_500_000_000i64)),
        ("900ns", json!(900)),
        ("1.5ms", json!(1_500_000)),
        ("soon", Value::Null),
    ] {
        let fields = bare(&format!("[GIN] 2026/02/12 - 14:10:21 | 200 | {took} | ::1 | GET \"/\""));
        assert_eq!(fields.get("event.duration").cloned().unwrap_or_default(), expected, "{took}");
    }
}

#[test]
fn what_has_none_of_it_is_rejected() {
    for text in ["", "hello", "Error: x", "goroutines are light", "on 2026/02/12 14:10:21 there"] {
        let outcome = Session::<Plugin>::open("").unwrap().line(text);
        if text.starts_with("on ") {
            // A word before a time is a prefix.
            assert_eq!(outcome.kept()["log.logger"], "on");
        } else {
            assert_eq!(outcome.rejected(), "neither a time, a level nor a panic", "{text}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_keeps_the_contract(text in any::<String>()) {
        Session::<Plugin>::open("").unwrap().line(&text);
    }

    #[test]
    fn any_event_keeps_the_contract(text in r"(2026/02/12 14:10:21|I0212 14:10:21\.1|\[GIN\] 2026/02/12 - 14:10:21 \|| INFO |\t|\[|\]|main\.go:42|: | \| |7|\n|panic: |goroutine 1 \[x\]:|é|2:10PM ){0,16}") {
        Session::<Plugin>::open("").unwrap().line(&text);
    }

    #[test]
    fn any_break_in_a_good_event_keeps_the_contract(at in 0usize..130, with in any::<char>(), cut in any::<bool>()) {
        for good in ["2026-02-12T14:10:21.123+0100\tWARN\tstore\tcache/cache.go:17\tevicted\npanic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:9", "[GIN] 2026/02/12 - 14:10:21 | 404 |     52.5µs |       192.0.2.7 | GET      \"/x\""] {
            let broken: String = good.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
            Session::<Plugin>::open("").unwrap().line(&broken);
        }
    }
}
