use super::Plugin;
use collector_plugin::testing::{Fields, Outcome, Session, check_samples};
use proptest::prelude::*;
use serde_json::json;

const GOOD: [&str; 4] = [
    "4018:M 01 Mar 2026 11:15:04.250 * Ready é",
    "4018:signal-handler (1772360104) Received SIGTERM é",
    "pid=4018 role=primary timestamp=\"01 Mar 2026 11:15:04.250\" level=notice message=\"é\"",
    "1772360104.107412 [0 10.0.0.7:60866] \"set\" \"é\"",
];

fn outcome(line: &str) -> Outcome {
    let meta = json!({"@meta.timezone": -120, "@meta.day": "2026-03-02"});
    Session::<Plugin>::open("").unwrap().event(line, meta.as_object().unwrap())
}

fn parse(line: &str) -> Fields {
    outcome(line).kept()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn every_generation_of_lines_is_read() {
    for line in [
        "7:S 01 Mar 2026 08:15:04.250 # text",
        "7:S 01 Mar 08:15:04.250 # text",
        "[7] 01 Mar 08:15:04.250 # text",
        "01 Mar 08:15:04.250 # text",
        "7:S 2026-03-01T10:15:04.250Z # text",
        "7:S 1772360104250 # text",
    ] {
        let fields = parse(line);
        assert_eq!(fields["@timestamp"], 1_772_360_104_250_000_000i64, "{line}");
        assert_eq!((&fields["log.level"], &fields["message"]), (&"warning".into(), &"text".into()), "{line}");
        assert_eq!(fields.get("process.pid").is_some(), line.contains('7') && !line.starts_with('0'), "{line}");
    }
}

#[test]
fn roles_and_levels_have_names() {
    for (letter, role) in [("M", "master"), ("S", "slave"), ("C", "child"), ("X", "sentinel"), ("Q", "Q")] {
        assert_eq!(parse(&format!("7:{letter} 01 Mar 2026 08:15:04 . x"))["redis.log.role"], role);
    }
    for (mark, level) in [(".", "debug"), ("-", "verbose"), ("*", "notice"), ("#", "warning")] {
        assert_eq!(parse(&format!("7:M 01 Mar 2026 08:15:04 {mark} x"))["log.level"], level);
    }
}

#[test]
fn without_a_reference_for_the_year_there_is_no_time() {
    let fields = Session::<Plugin>::open("").unwrap().line("7:M 01 Mar 08:15:04.250 * text").kept();
    assert_eq!(fields.get("@timestamp"), None);
    assert_eq!(fields["message"], "text");
}

#[test]
fn clients_of_monitor_are_addresses_or_sockets() {
    let fields = parse("1772360104.107412 [15 [::1]:60866] \"GET\" \"a\\\"b\" \"c\"");
    assert_eq!((&fields["client.ip"], &fields["client.port"]), (&"::1".into(), &60866.into()));
    assert_eq!(fields["redis.monitor.arguments"], "\"a\\\"b\" \"c\"");
    let fields = parse("1772360104.107412 [0 lua] \"ping\"");
    assert_eq!((fields.get("client.ip"), fields.get("redis.monitor.arguments")), (None, None));
    assert_eq!(fields["redis.monitor.command"], "ping");
}

#[test]
fn the_picture_of_a_starting_server_is_dropped() {
    for line in
        ["", "   ", "                _._   ", " (    '      ,       .-`  | `,    )     Running in standalone mode"]
    {
        assert_eq!(outcome(line), Outcome::Dropped, "{line}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (line, reason) in [
        ("hello", "no time such as `30 May 2017 12:50:13.457`"),
        ("7:M hello", "no time such as `30 May 2017 12:50:13.457`"),
        ("7:M 01 Mar 2026 08:15:04.250 hello", "no level (. - * #) behind the time"),
        ("7:signal-handler (x) hello", "no time of the signal handler"),
        ("7:signal-handler (1", "no text behind the signal handler's time"),
        ("pid=7 level=notice", "no message in the line"),
        ("pid=7 message=\"x", "a pair of logfmt has no end"),
        ("1.5 [0 x] ping", "no command behind the client"),
    ] {
        assert_eq!(outcome(line).rejected(), reason, "{line}");
    }
}

#[test]
fn an_unknown_key_of_the_configuration_is_named() {
    let error = Session::<Plugin>::open(r#"{"zone":"UTC"}"#).err().unwrap();
    assert!(error.contains("`zone`"), "{error}");
}

#[test]
fn a_line_of_half_a_megabyte_is_read() {
    let long = "x=\"] \" ".repeat(75_000);
    assert_eq!(parse(&format!("7:M 01 Mar 2026 08:15:04.250 * {long}"))["message"], long.as_str());
    outcome(&format!("pid=7 {long}"));
    outcome(&format!("1.5 [0 {long}"));
}

proptest! {
    #[test]
    fn any_line_keeps_the_contract(line in r#"(7:M |\[7\] |01 Mar (2026 )?11:15:04(\.25)?| [*.#-] |signal-handler \(|pid=|message=|1\.5 \[|[0-9a-z é"\]\[=()'-]){0,30}"#) {
        outcome(&line);
    }

    #[test]
    fn any_break_in_a_good_line_keeps_the_contract(which in 0usize..4, at in 0usize..90, with in any::<char>(), cut in any::<bool>()) {
        let broken: String = GOOD[which].chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        outcome(&broken);
    }
}
