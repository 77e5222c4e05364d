use super::Plugin;
use collector_plugin::testing::{Fields, Outcome, Session, check_samples};
use proptest::prelude::*;

const SLOW: &str = "# Time: 260301 11:15:04\n# User@Host: a[b] @ h [10.0.0.7]  Id: 8\n# Query_time: 2.25  Lock_time: 0.1 Rows_sent: 1\nuse db;\nSET timestamp=1772360102;\nSELECT 'é';";
const ERROR: &str = "2026-03-01T10:15:04.250000Z 7 [Note] [MY-010926] [Server] Access denied for user 'é'@'203.0.113.7' (using password: NO)";
const JSON: &str = r#"{"prio":3,"err_code":10926,"subsystem":"Server","msg":"Access denied for user 'eve'@'203.0.113.7'","time":"2026-03-01T10:15:04.250000Z","thread":7,"label":"Note"}"#;
const GENERAL: &str = "2026-03-01T10:15:04.250000Z\t   14 Connect\té@web1 on orders using TCP/IP";

fn outcome(config: &str, line: &str) -> Outcome {
    Session::<Plugin>::open(config).unwrap().line(line)
}

fn parse(line: &str) -> Fields {
    outcome("", line).kept()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn durations_are_exact() {
    let took =
        |time: &str| parse(&format!("# User@Host: a[a] @ h []\n# Query_time: {time}\nx;"))["event.duration"].clone();
    assert_eq!(took("178.306017"), 178_306_017_000i64);
    assert_eq!(took("2"), 2_000_000_000i64);
    assert_eq!(took("0.000012"), 12_000);
}

#[test]
fn heads_of_every_server_are_read() {
    let fields = parse(
        "# Time: 071218 11:48:27 # User@Host: [SLAVE] @  []\n# Thread_id: 10  Id: 11\n# Query_time: 1  Lock_time: 0\n# explain: id\tselect_type: x\n#\nSET last_insert_id=7,insert_id=8,timestamp=1197996507;\nBEGIN;",
    );
    assert_eq!(fields.get("user.name"), None);
    assert_eq!(fields["mysql.slowlog.current_user"], "SLAVE");
    assert_eq!(fields["mysql.thread_id"], 10);
    assert_eq!(fields["@timestamp"], 1_197_996_507_000_000_000i64);
    assert_eq!(fields["mysql.slowlog.query"], "BEGIN;");
    let fields = parse("# User@Host: o'neil[x] @ 10.0.0.9 [10.0.0.9] Id: 3\n# Query_time: 1\nuSe `my db`;\nUSE other;");
    assert_eq!(fields["user.name"], "o'neil");
    assert_eq!(fields["mysql.slowlog.schema"], "my db");
    assert_eq!(fields["mysql.slowlog.query"], "USE other;");
    assert_eq!(fields.get("@timestamp"), None);
}

#[test]
fn the_time_of_the_log_stands_in_where_the_statement_has_none() {
    let line = "# Time: 2026-03-01T10:15:04.5Z\n# User@Host: a[a] @ h []\n# Query_time: 1\nx;";
    assert_eq!(parse(line)["@timestamp"], 1_772_360_104_500_000_000i64);
}

#[test]
fn the_head_of_a_file_is_no_part_of_a_statement() {
    let line = "# User@Host: a[a] @ h []\n# Query_time: 1\nSELECT 1;\n/usr/sbin/mysqld, Version: 8.0.36 (x). started with:\nTcp port: 3306  Unix socket: x\nTime                 Id Command    Argument";
    assert_eq!(parse(line)["mysql.slowlog.query"], "SELECT 1;");
}

#[test]
fn the_general_log_is_told_from_the_error_log() {
    for (line, dataset) in [
        ("2026-03-01T10:15:04.250000Z\t   14 Query\tSELECT 1", "mysql.general"),
        ("260301 11:15:04\t   14 Init DB\torders", "mysql.general"),
        ("\t\t   14 Quit\t", "mysql.general"),
        ("2026-03-01T10:15:04.250000Z 14 [Note] Query cache is disabled", "mysql.error"),
        ("2026-03-01 11:15:04 7f3e2c8d9740  InnoDB: x", "mysql.error"),
        ("260301 11:15:04 mysqld_safe Starting mysqld daemon", "mysql.error"),
    ] {
        assert_eq!(parse(line)["event.dataset"], dataset, "{line}");
    }
}

#[test]
fn users_and_addresses_of_messages_are_found() {
    let line = |text: &str| parse(&format!("2026-03-01 11:15:04 0 [Note] {text}"));
    let denied = line("Access denied for user ''@'web1' (using password: NO)");
    assert_eq!((denied.get("user.name"), &denied["source.domain"]), (None, &"web1".into()));
    assert_eq!(denied["event.outcome"], "failure");
    assert_eq!(line("/usr/sbin/mysqld: Forcing close of thread 14  user: 'eve'")["user.name"], "eve");
    assert_eq!(line("Server socket created on IP: '::'.")["source.ip"], "::");
    let unresolved = line("IP address '10.0.0.9' could not be resolved: Name or service not known");
    assert_eq!(unresolved["source.ip"], "10.0.0.9");
    assert_eq!(unresolved["event.category"], serde_json::json!(["database", "network"]));
    assert_eq!(line("the IP address 'x' could not be resolved").get("source.ip"), None);
}

#[test]
fn what_is_missing_is_named() {
    for (config, line, reason) in [
        ("", "mysqld got signal 11 ;", "no time at the beginning of the line"),
        ("", "", "no time at the beginning of the line"),
        ("", "2026-03-01 11:15:04", "no text behind the time"),
        ("", "# User@Host: a[a] @ h []", "no Query_time in the head of the entry"),
        ("", "# Time: 260301 11:15:04\nselect 1;", "no Query_time in the head of the entry"),
        (r#"{"format":"general"}"#, ERROR, "no command behind the connection"),
        (r#"{"format":"general"}"#, "260301 11:15:04 x", "no number of a connection behind the time"),
    ] {
        assert_eq!(outcome(config, line).rejected(), reason, "{line}");
    }
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused() {
    for (config, part) in [(r#"{"format":"binlog"}"#, "binlog"), (r#"{"zone":"UTC"}"#, "`zone`")] {
        let error = Session::<Plugin>::open(config).err().unwrap();
        assert!(error.contains(part), "{config}: {error}");
    }
}

#[test]
fn a_line_of_half_a_megabyte_is_read() {
    let long = "# x: y' started with:\n".repeat(25_000);
    assert_eq!(parse(&format!("# User@Host: a[a] @ h []\n# Query_time: 1\nx {long}"))["event.duration"], 1_000_000_000);
    outcome("", &format!("# User@Host: {long}"));
    parse(&format!("2026-03-01 11:15:04 0 [Note] Access denied for user '{long}"));
}

#[test]
fn the_error_log_may_be_json() {
    let fields = parse(JSON);
    assert_eq!((&fields["event.code"], &fields["event.provider"]), (&"MY-010926".into(), &"Server".into()));
    assert_eq!((&fields["user.name"], &fields["mysql.thread_id"]), (&"eve".into(), &7.into()));
    assert_eq!(fields["@timestamp"], 1_772_360_104_250_000_000i64);
    let fields = parse(r#"{"time":"2026-03-01T10:15:04Z","prio":1,"msg":"a \"b\""}"#);
    assert_eq!((&fields["log.level"], &fields["message"]), (&"Error".into(), &"a \"b\"".into()));
    assert_eq!(fields["event.type"], serde_json::json!(["error", "info"]));
    for (line, reason) in [
        ("{", "no JSON object of the error log"),
        ("{}", "no `time` in the object"),
        (r#"{"time":"2026-03-01T10:15:04Z"}"#, "no `msg` in the object"),
    ] {
        assert_eq!(outcome("", line).rejected(), reason, "{line}");
    }
}

proptest! {
    #[test]
    fn any_line_keeps_the_contract(line in r#"((# User@Host: |# Time: |# |Query_time: 1\.5 |\n|SET timestamp=1|use |260301 11:15:04|2026-03-01T10:15:04Z|\t|[ '@\[\]:;a-z0-9é])([ ;:é]|[0-9]){0,2}){0,30}"#) {
        for config in ["", r#"{"format":"slow"}"#, r#"{"format":"error"}"#, r#"{"format":"general"}"#] {
            outcome(config, &line);
        }
    }

    #[test]
    fn any_break_in_a_good_line_keeps_the_contract(which in 0usize..4, at in 0usize..190, with in any::<char>(), cut in any::<bool>()) {
        let good = [SLOW, ERROR, GENERAL, JSON][which];
        let broken: String = good.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        outcome("", &broken);
    }
}
