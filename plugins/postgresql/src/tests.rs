use super::Plugin;
use collector_plugin::testing::{Fields, Outcome, Session, check_samples};
use proptest::prelude::*;

const STDERR: &str =
    "2026-07-01 10:15:00.250 CEST [4712] shop@orders LOG:  duration: 1250.5 ms  execute S_2: SELECT 'é'\n\tFROM t";
const CSV: &str = "2026-07-01 10:15:03.114 UTC,\"shop\",\"orders\",90,\"10.0.0.7:51022\",68639e1f.5a,3,\"SELECT\",2026-07-01 10:14:55 UTC,4/12,0,ERROR,42P01,\"relation \"\"é\"\" does not exist\",,,,,,\"SELECT\n1\",15,,\"api\",\"client backend\",,0";
const JSON: &str = r#"{"timestamp":"2026-07-01 10:15:05.700 UTC","user":"shop","pid":91,"error_severity":"ERROR","state_code":"23505","message":"a \"b\" é"}"#;

fn outcome(config: &str, line: &str) -> Outcome {
    Session::<Plugin>::open(config).unwrap().line(line)
}

fn parse(line: &str) -> Fields {
    outcome("", line).kept()
}

fn prefixed(prefix: &str, line: &str) -> Outcome {
    outcome(&serde_json::json!({ "log_line_prefix": prefix, "event_fields": false }).to_string(), line)
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn the_usual_prefixes_are_recognised() {
    for prefix in [
        "2026-07-01 10:15:00.250 UTC [7] u@d ",
        "2026-07-01 10:15:00 UTC [7-1] u@d ",
        "2026-07-01 10:15:00 UTC [7-1] [u]@[d] ",
        "2026-07-01 10:15:00 UTC [7]: user=u,db=d,app=a b,client=10.0.0.1 ",
        "2026-07-01 10:15:00 UTC [7]: [1-1] db=d,user=u ",
        "2026-07-01 10:15:00 UTC [7] user=u db=d ",
        "2026-07-01 10:15:00 UTC:2001:db8::1(4711):u@d:[7]:",
        "2026-07-01 10:15:00.250 UTC [7] [queryid=-12] u@d ",
    ] {
        let fields = parse(&format!("{prefix}LOG:  text"));
        assert_eq!(fields["user.name"], "u", "{prefix}");
        assert_eq!(fields["postgresql.log.database"], "d", "{prefix}");
        assert_eq!(fields["process.pid"], 7, "{prefix}");
        assert_eq!(fields["message"], "text", "{prefix}");
    }
}

#[test]
fn a_line_without_a_time_needs_a_level() {
    let fields = parse("[3-1] db=d,user=u LOG:  text");
    assert_eq!(fields["user.name"], "u");
    assert_eq!(fields.get("@timestamp"), None);
    assert_eq!(fields.get("process.pid"), None);
    assert_eq!(outcome("", "pg_ctl: could not start server").rejected(), "no level such as `LOG: `");
}

#[test]
fn every_escape_of_a_prefix_is_read() {
    let prefix = "%m|%s|%a|%u|%d|%r|%h|%L|%b|%p|%P|%i|%e|%c|%l|%v|%x|%Q|%% ";
    let line = "2026-07-01 10:15:00.25 UTC|2026-07-01 10:00:00 UTC|my app|u|d|10.0.0.1(4711)|10.0.0.1|10.0.0.9|client backend|7|6|SELECT|42P01|68.5a|3|4/12|812|-99|% ERROR:  text";
    let fields = prefixed(prefix, line).kept();
    for (name, value) in [
        ("application_name", "my app"),
        ("database", "d"),
        ("client_addr", "10.0.0.1"),
        ("local_addr", "10.0.0.9"),
        ("backend_type", "client backend"),
        ("command_tag", "SELECT"),
        ("sql_state_code", "42P01"),
        ("session_id", "68.5a"),
        ("virtual_transaction_id", "4/12"),
        ("timestamp", "2026-07-01 10:15:00.25 UTC"),
    ] {
        assert_eq!(fields[&format!("postgresql.log.{name}")], value);
    }
    for (name, value) in [
        ("process.pid", 7),
        ("postgresql.log.leader_pid", 6),
        ("postgresql.log.session_line_number", 3),
        ("postgresql.log.transaction_id", 812),
        ("postgresql.log.query_id", -99),
    ] {
        assert_eq!(fields[name], value);
    }
}

#[test]
fn values_may_be_padded() {
    let fields = prefixed("%m [%6p] %-8u|%q%d ", "2026-07-01 10:15:00.25 UTC [    12] bob     |d LOG:  x").kept();
    assert_eq!((&fields["process.pid"], &fields["user.name"]), (&12.into(), &"bob".into()));
}

#[test]
fn a_process_without_a_session_stops_where_the_prefix_says() {
    let fields = prefixed("%n [%p] %q%u@%d ", "1782900900.250 [12] LOG:  checkpoint starting: time").kept();
    assert_eq!(fields["@timestamp"], 1_782_900_900_250_000_000i64);
    assert_eq!(fields["message"], "checkpoint starting: time");
    let reason = prefixed("%m [%p] %u@%d ", "2026-07-01 10:15:00.25 UTC [12] LOG:  x").rejected();
    assert_eq!(reason, "the line does not begin as log_line_prefix says");
}

#[test]
fn csvlog_is_told_from_a_prefix_with_commas() {
    let both = r#"{"log_line_prefix":"%m,%u,"}"#;
    assert_eq!(outcome(both, "2026-07-01 10:15:00.25 UTC,bob,LOG:  x").kept()["user.name"], "bob");
    assert_eq!(outcome(both, CSV).kept()["postgresql.log.application_name"], "api");
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused() {
    for (config, part) in [
        (r#"{"log_line_prefix":"%m [%p] %u%d "}"#, "no text behind it"),
        (r#"{"log_line_prefix":"%m %y "}"#, "`%y` is none"),
        (r#"{"log_line_prefix":"%m %"}"#, "ends with a `%`"),
        (r#"{"format":"xml"}"#, "xml"),
        (r#"{"prefix":"%m"}"#, "`prefix`"),
        (r#"{"timezone":"Mars"}"#, "Mars"),
    ] {
        let error = Session::<Plugin>::open(config).err().unwrap();
        assert!(error.contains(part), "{config}: {error}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (line, reason) in [
        ("2026-07-01 10:15:03.114 UTC,\"a", "a quoted column has no end"),
        ("2026-07-01 10:15:03.114 UTC,a,b", "fewer columns than csvlog has"),
        ("2026-07-01 10:15:03.114 UTC,\"a\"b", "text behind the closing quote of a column"),
        ("{}", "no `timestamp` in the object"),
        (r#"{"timestamp":"2026-07-01 10:15:03 UTC"}"#, "no `error_severity` in the object"),
        ("{1", "no JSON object as jsonlog has it"),
        ("", "no level such as `LOG: `"),
    ] {
        assert_eq!(outcome("", line).rejected(), reason, "{line}");
    }
}

#[test]
fn a_zone_without_a_meaning_is_the_one_of_the_machine() {
    let with = |line: &str| {
        let meta = serde_json::json!({"@meta.timezone": -180});
        Session::<Plugin>::open("").unwrap().event(line, meta.as_object().unwrap()).kept()
    };
    let unknown = with("2026-07-01 10:15:00 QQQ [1] LOG:  x");
    let none = with("2026-07-01 10:15:00 [1] LOG:  x");
    assert_eq!(unknown["@timestamp"], none["@timestamp"]);
    assert_eq!((&unknown["event.timezone"], &none["event.timezone"]), (&"QQQ".into(), &"-03:00".into()));
}

proptest! {
    #[test]
    fn any_line_keeps_the_contract(line in r#"(2026-07-01 10:15:00(\.2)? (UTC|é)?|[,":@\[\]%{}a-z0-9 é\n-]|LOG:  |duration: 1\.5 ms  |execute |timestamp){0,40}"#) {
        outcome("", &line);
        prefixed("%m [%p] %q%u@%d ", &line);
    }

    #[test]
    fn any_break_in_a_good_line_keeps_the_contract(which in 0usize..3, at in 0usize..260, with in any::<char>(), cut in any::<bool>()) {
        let good = [STDERR, CSV, JSON][which];
        let broken: String = good.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        outcome("", &broken);
        for format in ["stderr", "csvlog", "jsonlog"] {
            outcome(&format!(r#"{{"format":"{format}"}}"#), &broken);
        }
    }
}

#[test]
fn a_line_of_half_a_megabyte_is_read() {
    let long = "x, \"\" ".repeat(80_000);
    assert_eq!(parse(&format!("2026-07-01 10:15:00 UTC [1] LOG:  {long}"))["message"], long.as_str());
    outcome("", &format!("2026-07-01 10:15:00 UTC,\"{long}"));
    outcome(r#"{"log_line_prefix":"%u: %m"}"#, &long);
}
