use super::Plugin;
use collector_plugin::testing::{Fields, Session, check_samples};
use collector_plugin::time::rfc3339;
use proptest::prelude::*;
use serde_json::{Value, json};

fn bare(text: &str) -> Fields {
    Session::<Plugin>::open(r#"{"event_fields":false}"#).unwrap().line(text).kept()
}

/// Level, thread, logger and message.
fn parts(text: &str) -> [String; 4] {
    let fields = bare(text);
    ["log.level", "process.thread.name", "log.logger", "message"]
        .map(|name| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned())
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

const AT: &str = "2026-02-12 14:10:21,123";

/// Lines, and the parts that they have.
fn assert_parts<const N: usize>(lines: [(String, [&str; 4]); N]) {
    for (line, expected) in lines {
        assert_eq!(parts(&line), expected, "{line}");
    }
}

#[test]
fn layouts_of_logback_log4j_and_spring_boot_are_told_apart() {
    assert_parts([
        (format!("{AT} [main] INFO  o.e.Main - text"), ["INFO", "main", "o.e.Main", "text"]),
        (format!("{AT} INFO [main] o.e.Main: text"), ["INFO", "main", "o.e.Main", "text"]),
        (format!("{AT} INFO  o.e.Main:42 - text"), ["INFO", "", "o.e.Main", "text"]),
        (format!("{AT} DEBUG Main - a - b"), ["DEBUG", "", "Main", "a - b"]),
        (format!("{AT} o.e.Main INFO text"), ["INFO", "", "o.e.Main", "text"]),
        (format!("[{AT}] [INFO] [main] o.e.Main - text"), ["INFO", "main", "o.e.Main", "text"]),
        (format!("[{AT}] INFO [main] o.e.Main - text"), ["INFO", "main", "o.e.Main", "text"]),
        (
            "14:10:21.123 [pool-1-thread-2] WARN o.e.Main -- text".into(),
            ["WARN", "pool-1-thread-2", "o.e.Main", "text"],
        ),
        ("[main] INFO o.e.Main - text".into(), ["INFO", "main", "o.e.Main", "text"]),
        ("250 [main] INFO Main - text".into(), ["INFO", "main", "Main", "text"]),
        (format!("{AT} -0800 | ERROR | o.e.Main - text"), ["ERROR", "", "o.e.Main", "text"]),
        // Spring Boot
        (
            format!("{AT}  INFO 7 --- [           main] o.e.Main                 : text"),
            ["INFO", "main", "o.e.Main", "text"],
        ),
        (
            format!("{AT}  INFO [shop,4bf92f,00f067] 7 --- [nio-8080-exec-1] o.e.Main : text"),
            ["INFO", "nio-8080-exec-1", "o.e.Main", "text"],
        ),
    ]);
}

#[test]
fn layouts_of_servers_and_tools_are_told_apart() {
    assert_parts([
        (format!("{AT} INFO  org.e.FSNamesystem: text"), ["INFO", "", "org.e.FSNamesystem", "text"]),
        (format!("{AT} INFO FSNamesystem: text"), ["INFO", "", "FSNamesystem", "text"]),
        (
            format!("{AT} [myid:1] - WARN  [Worker-3:NIOServerCnxn@514] - text"),
            ["WARN", "Worker-3", "NIOServerCnxn", "text"],
        ),
        (
            format!("{AT} [myid:2] - ERROR [QuorumPeer[myid=2](plain):QuorumPeer@1520] - text"),
            ["ERROR", "QuorumPeer[myid=2](plain)", "QuorumPeer", "text"],
        ),
        (format!("INFO  [main] {AT} Daemon.java:687 - text"), ["INFO", "main", "", "text"]),
        (format!("{AT} INFO  org.e.Job [] - text"), ["INFO", "", "org.e.Job", "text"]),
        (format!("{AT} INFO  (qtp-7) [c:a s:b] o.e.j.u.log text"), ["INFO", "qtp-7", "o.e.j.u.log", "text"]),
        (
            "14:10:21,123 INFO  [org.jboss.as] (MSC service thread 1-7) text".into(),
            ["INFO", "MSC service thread 1-7", "org.jboss.as", "text"],
        ),
        (
            "2026-02-12 14:10:21.123:INFO :oejs.Server:main: text: more".into(),
            ["INFO", "main", "oejs.Server", "text: more"],
        ),
        ("12-Feb-2026 14:10:21.123 INFO [main] org.a.Host.deploy text".into(), ["INFO", "main", "org.a.Host", "text"]),
        ("12-Feb-2026 14:10:21.123 INFO [main] org.a.Host text".into(), ["INFO", "main", "org.a.Host", "text"]),
        (
            "[2026-02-12T14:10:21,123][INFO ][o.e.n.Node               ] [n1] text".into(),
            ["INFO", "", "o.e.n.Node", "text"],
        ),
        (
            format!("[{AT}] INFO [Controller 0]: text (kafka.Controller)"),
            ["INFO", "", "kafka.Controller", "[Controller 0]: text"],
        ),
        (
            format!("{AT} [main] ERROR o.a.c.C.[.[.[/].[servlet] - text"),
            ["ERROR", "main", "o.a.c.C.[.[.[/].[servlet]", "text"],
        ),
        (format!("{AT} | WARN  | a | b | org.a.Broker | main"), ["WARN", "main", "org.a.Broker", "a | b"]),
        ("[ERROR] text of Maven".into(), ["ERROR", "", "", "text of Maven"]),
        (format!("{AT} INFO a message (with parentheses)"), ["INFO", "", "", "a message (with parentheses)"]),
    ]);
}

#[test]
fn where_it_was_logged_is_told() {
    let fields = bare("INFO  [main] 2026-02-12 14:10:21,001 Daemon.java:687 - text");
    assert_eq!(
        (&fields["log.origin.file.name"], &fields["log.origin.file.line"]),
        (&json!("Daemon.java"), &json!(687))
    );
    let fields = bare("[2026-02-12T14:10:21,123][INFO ][o.e.n.Node] [n1] text");
    assert_eq!(fields["service.node.name"], "n1");
    let fields = bare("12-Feb-2026 14:10:21.123 INFO [main] org.a.Host.deploy text");
    assert_eq!(fields["log.origin.function"], "deploy");
    let fields = bare("2026-02-12 14:10:21,123 INFO [main] (Main.java:42) - text");
    assert_eq!((&fields["log.origin.file.name"], &fields["message"]), (&json!("Main.java"), &json!("text")));
}

#[test]
fn a_time_of_day_alone_is_no_time() {
    assert_eq!(bare("14:10:21,123 INFO  [a.B] (main) text").get("@timestamp"), None);
    let fields = bare("2026-02-12 14:10:21,123 INFO text");
    assert_eq!(fields["@timestamp"].as_i64(), rfc3339(b"2026-02-12T14:10:21.123Z"));
}

#[test]
fn stack_traces_are_found_wherever_they_begin() {
    const FRAMES: &str = "\n\tat o.e.Main.run(Main.java:42)\n\tat o.e.Main.main(Native Method)";
    for (head, class, said, message) in [
        ("2026-02-12 14:10:21,123 ERROR o.e.Main - failed\no.e.Bad: one\ntwo", "o.e.Bad", "one\ntwo", "failed"),
        ("2026-02-12 14:10:21,123 ERROR o.e.Main - failed\n\to.e.BadException", "o.e.BadException", "", "failed"),
        (
            "2026-02-12 14:10:21,123 ERROR o.e.Main - failed: o.e.BadException: one",
            "o.e.BadException",
            "one",
            "failed: o.e.BadException: one",
        ),
        ("o.e.BadException: one", "o.e.BadException", "one", "o.e.BadException: one"),
        ("o.e.Bad: one", "o.e.Bad", "one", "o.e.Bad: one"),
        ("Caused by: o.e.BadException: one", "o.e.BadException", "one", "Caused by: o.e.BadException: one"),
    ] {
        let fields = bare(&format!("{head}{FRAMES}"));
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        assert_eq!([text("error.type"), text("error.message"), text("message")], [class, said, message], "{head}");
        assert!(text("error.stack_trace").starts_with(class) && text("error.stack_trace").ends_with(FRAMES), "{head}");
    }
}

#[test]
fn what_is_no_stack_trace_stays_in_the_message() {
    let text = "2026-02-12 14:10:21,123 DEBUG o.e.Main - settings:\n\ta.b = c\n\tError: none";
    let fields = bare(text);
    assert_eq!((fields.get("error.type"), &fields["message"]), (None, &json!("settings:\n\ta.b = c\n\tError: none")));
}

#[test]
fn frames_without_an_exception_are_a_trace_all_the_same() {
    let fields = bare("2026-02-12 14:10:21,123 INFO o.e.Main - dump\n  at o.e.Main.run(Main.java:42)");
    assert_eq!(
        (fields.get("error.type"), &fields["error.stack_trace"]),
        (None, &json!("  at o.e.Main.run(Main.java:42)"))
    );
}

#[test]
fn what_has_none_of_it_is_rejected() {
    for text in ["", "hello", "hello: world\nsecond line", "[x] y"] {
        let reason = Session::<Plugin>::open("").unwrap().line(text).rejected();
        assert_eq!(reason, "neither a time, a level nor a stack trace", "{text}");
    }
}

#[test]
fn a_huge_event_takes_linear_time() {
    let frames = "\tat o.e.Main.run(Main.java:42)\n".repeat(16_000);
    let fields = bare(&format!("2026-02-12 14:10:21,123 ERROR o.e.Main - x\no.e.BadException: y\n{frames}"));
    assert_eq!(fields["error.message"], "y");
    let fields = bare(&format!("2026-02-12 14:10:21,123 ERROR {}", "[ ( - a.B ".repeat(50_000)));
    assert_eq!(fields["log.level"], "ERROR");
}

proptest! {
    #[test]
    fn any_text_keeps_the_contract(text in any::<String>()) {
        Session::<Plugin>::open("").unwrap().line(&text);
    }

    #[test]
    fn any_event_keeps_the_contract(text in r"(2026-02-12 14:10:21,123| INFO |\[main\]|\[|\]|\(a\.B\)| - |---|: |o\.e\.Main|7|\n|\tat a\.B\(C\.java:1\)|Caused by: |a\.BadException|é|\|| ){0,16}") {
        Session::<Plugin>::open("").unwrap().line(&text);
    }

    #[test]
    fn any_break_in_a_good_event_keeps_the_contract(at in 0usize..150, with in any::<char>(), cut in any::<bool>()) {
        let good = "2026-02-12 14:10:21,123 ERROR [worker-3] com.example.shop.Cart - cannot save\njava.sql.SQLException: lost\n\tat com.example.shop.Cart.save(Cart.java:42)";
        let broken: String = good.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        Session::<Plugin>::open("").unwrap().line(&broken);
    }
}
