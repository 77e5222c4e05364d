use super::Plugin;
use collector_plugin::testing::{Fields, Session, check_samples};
use collector_plugin::time::rfc3339;
use proptest::prelude::*;
use serde_json::{Value, json};

fn bare(text: &str) -> Fields {
    Session::<Plugin>::open(r#"{"event_fields":false}"#).unwrap().line(text).kept()
}

/// Level, logger, thread and message.
fn parts(text: &str) -> [String; 4] {
    let fields = bare(text);
    ["log.level", "log.logger", "process.thread.name", "message"]
        .map(|name| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned())
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn layouts_are_told_apart() {
    const AT: &str = "2026-02-12 14:10:21,123";
    for (line, expected) in [
        (format!("{AT} - app.web - INFO - a - b"), ["INFO", "app.web", "", "a - b"]),
        (format!("{AT} - INFO - text"), ["INFO", "", "", "text"]),
        (format!("{AT} - INFO - app.web - text"), ["INFO", "app.web", "", "text"]),
        (format!("{AT} | INFO     | text | more"), ["INFO", "", "", "text | more"]),
        (format!("{AT} INFO app.web: text"), ["INFO", "app.web", "", "text"]),
        (format!("{AT} DEBUG    app.pool:456 text"), ["DEBUG", "app.pool", "", "text"]),
        (format!("{AT} INFO app text"), ["INFO", "", "", "app text"]),
        (format!("{AT} app INFO text"), ["INFO", "app", "", "text"]),
        (format!("{AT} app[77] INFO text"), ["INFO", "app", "", "text"]),
        (format!("{AT} [INFO] app.web: text"), ["INFO", "app.web", "", "text"]),
        (format!("{AT} [app.web] INFO: text"), ["INFO", "app.web", "", "text"]),
        (format!("{AT} INFO [app.web:42] text"), ["INFO", "app.web", "", "text"]),
        (format!("{AT} INFO (MainThread) [app.web] text"), ["INFO", "app.web", "MainThread", "text"]),
        (format!("{AT} INFO [Thread-7] text [x]"), ["INFO", "", "Thread-7", "text [x]"]),
        (format!("{AT} 77 INFO shop odoo.modules.loading: text"), ["INFO", "odoo.modules.loading", "", "text"]),
        (format!("[{AT}] INFO in views: text"), ["INFO", "views", "", "text"]),
        (format!("[{AT}: INFO/MainProcess] text"), ["INFO", "", "", "text"]),
        (format!("[{AT}] {{views.py:42}} INFO - text"), ["INFO", "", "", "text"]),
        (format!("[{AT}] WARN {{cps.web:42}} text"), ["WARN", "cps.web", "", "text"]),
        (
            "2026-02-12 14:10:21 [info     ] text                 key=1".into(),
            ["info", "", "", "text                 key=1"],
        ),
        ("[I 2026-02-12 14:10:21.123 ServerApp] text".into(), ["INFO", "ServerApp", "", "text"]),
        ("[W 260212 14:10:21 web:42] text".into(), ["WARNING", "web", "", "text"]),
        ("INFO:     Application startup complete.".into(), ["INFO", "", "", "Application startup complete."]),
        ("INFO:app.web:text: more".into(), ["INFO", "app.web", "", "text: more"]),
        ("INFO - text".into(), ["INFO", "", "", "text"]),
        ("root - ERROR - text".into(), ["ERROR", "root", "", "text"]),
        ("E0212 14:10:21.123456 77 main.py:42] text".into(), ["ERROR", "", "", "text"]),
        ("[12/Feb/2026 14:10:21] \"GET / HTTP/1.1\" 200 17".into(), ["", "", "", "\"GET / HTTP/1.1\" 200 17"]),
        (format!("{AT} ERROR [Errno 2] no such file"), ["ERROR", "", "", "[Errno 2] no such file"]),
        (format!("{AT} ERROR 17 items"), ["ERROR", "", "", "17 items"]),
    ] {
        assert_eq!(parts(&line), expected, "{line}");
    }
}

#[test]
fn places_and_processes_are_told() {
    let fields = bare("[2026-02-12T14:10:21.123+0000] {views.py:42} INFO - text");
    assert_eq!((&fields["log.origin.file.name"], &fields["log.origin.file.line"]), (&json!("views.py"), &json!(42)));
    assert_eq!(fields["@timestamp"].as_i64(), rfc3339(b"2026-02-12T14:10:21.123Z"));
    let fields = bare("[2026-02-12 14:10:21,123: INFO/ForkPoolWorker-1] Task done");
    assert_eq!(fields["process.name"], "ForkPoolWorker-1");
    assert_eq!(bare("2026-02-12 14:10:21,123 app[77] INFO text")["process.pid"], 77);
    assert_eq!(bare("[W 260212 14:10:21 web:42] x")["@timestamp"].as_i64(), rfc3339(b"2026-02-12T14:10:21Z"));
    assert_eq!(bare("E0212 14:10:21.123456 77 main.py:42] text")["process.thread.id"], 77);
}

#[test]
fn the_last_of_several_tracebacks_tells_what_was_raised() {
    let text = "2026-02-12 14:10:21,123 ERROR app: failed\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nKeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 3, in f\n    h()\na.b.Failed: one\n  two";
    let fields = bare(text);
    assert_eq!((&fields["error.type"], &fields["error.message"]), (&json!("a.b.Failed"), &json!("one\n  two")));
    assert_eq!(fields["message"], "failed");
    assert!(text.ends_with(fields["error.stack_trace"].as_str().unwrap()));
    assert!(fields["error.stack_trace"].as_str().unwrap().contains("KeyError"));
}

#[test]
fn tracebacks_may_be_odd() {
    for (end, class, said) in [
        ("KeyboardInterrupt", json!("KeyboardInterrupt"), Value::Null),
        ("something, that is no class: x", Value::Null, json!("something, that is no class: x")),
        ("", Value::Null, Value::Null),
    ] {
        let fields = bare(&format!("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n{end}"));
        let get = |name: &str| fields.get(name).cloned().unwrap_or_default();
        assert_eq!([get("error.type"), get("error.message")], [class, said], "{end}");
    }
    let fields =
        bare("ERROR:app:failed: Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'x'");
    assert_eq!(fields["message"], "failed:");
}

#[test]
fn other_lines_belong_to_the_message() {
    assert_eq!(bare("INFO:app:a\n  b\n  c")["message"], "a\n  b\n  c");
}

#[test]
fn what_has_none_of_it_is_rejected() {
    for text in ["", "hello", "hello world: x", "[x] y", "app - x - y"] {
        let reason = Session::<Plugin>::open("").unwrap().line(text).rejected();
        assert_eq!(reason, "neither a time, a level nor a traceback", "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_keeps_the_contract(text in any::<String>()) {
        Session::<Plugin>::open("").unwrap().line(&text);
    }

    #[test]
    fn any_event_keeps_the_contract(text in r"(2026-02-12 14:10:21,123|260212 14:10:21| INFO |\[I |\[|\]|\{|\}|\(| - |: |app\.web|7|\n|Traceback \(most recent call last\):|KeyError|é|\|| ){0,16}") {
        Session::<Plugin>::open("").unwrap().line(&text);
    }

    #[test]
    fn any_break_in_a_good_event_keeps_the_contract(at in 0usize..150, with in any::<char>(), cut in any::<bool>()) {
        let good = "2026-02-12 14:10:21,123 - shop.cart - ERROR - cannot save\nTraceback (most recent call last):\n  File \"cart.py\", line 42, in save\nsqlite3.OperationalError: locked";
        let broken: String = good.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        Session::<Plugin>::open("").unwrap().line(&broken);
    }
}
