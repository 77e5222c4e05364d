use super::config::unix_in;
use super::*;
use crate::Parser;
use crate::testing::{Fields, Outcome, Session};
use serde_json::{Value, json};

/// Lines such as `a=1 b=x`; a value in brackets stands for an object.
struct Pairs(Members);

impl Parser for Pairs {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        Members::open(config).map(Self)
    }

    fn manifest(&self) -> Manifest {
        self.0.manifest()
    }

    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        self.0.begin();
        for pair in line.split(|byte| *byte == b';').filter(|pair| !pair.is_empty()) {
            let (key, value) = crate::scan::cut(pair, b'=').ok_or(Reject("no ="))?;
            let object = value.starts_with(b"{");
            let mut field = event.name(None, key)?;
            let value = Scalar { bytes: value, bare: value.first().is_some_and(u8::is_ascii_digit) };
            if self.0.is_special(field) && self.0.treat(field, (!object).then_some(value), event)? {
                continue;
            }
            if object && self.0.is_for_scalars(field) {
                field = event.own_name(None, key)?;
            }
            event.text(field, value.bytes);
        }
        Ok(())
    }
}

fn outcome(config: &Value, line: &str, fields: &Value) -> Outcome {
    let fields: Fields = fields.as_object().cloned().unwrap_or_default();
    Session::<crate::Parsing<Pairs>>::open(&config.to_string()).unwrap().event(line, &fields)
}

fn parse(config: &Value, line: &str) -> Value {
    outcome(config, line, &Value::Null).kept().into()
}

#[test]
fn members_stay_as_they_are_by_default() {
    let line = "level=info;msg=x;time=2026-01-02T03:04:05Z;caller=a.go:1";
    let expected = json!({"level": "info", "msg": "x", "time": "2026-01-02T03:04:05Z", "caller": "a.go:1"});
    assert_eq!(parse(&json!({}), line), expected);
}

#[test]
fn usual_members_get_the_names_of_ecs_where_asked_for() {
    let line = "level=30;msg=x;time=2026-01-02T03:04:05Z;caller=net/a.go:12;traceID=7;other=1;log.level=warn";
    let expected = json!({
        "log.level": "warn", "message": "x", "@timestamp": 1_767_323_045_000_000_000i64, "log.origin.file.name": "net/a.go",
        "log.origin.file.line": 12, "trace.id": "7", "other": "1",
    });
    assert_eq!(parse(&json!({"ecs": true}), line), expected);
    let line = "level=info;caller=main;t=soon;error={};host=h";
    let expected =
        json!({"log.level": "info", "log.origin.file.name": "main", "t": "soon", "error": "{}", "host.hostname": "h"});
    assert_eq!(parse(&json!({"ecs": true}), line), expected);
}

#[test]
fn a_target_takes_what_is_not_renamed() {
    let config = json!({"ecs": true, "target": "app", "rename": {"user": "user.name", "level": "app.severity"}});
    let line = "level=info;msg=x;user=u;a.b=1;ts=1767323045;time=late";
    let expected = json!({
        "app.severity": "info", "message": "x", "user.name": "u", "app.a.b": "1", "@timestamp": 1_767_323_045_000_000_000i64,
        "app.time": "late",
    });
    assert_eq!(parse(&config, line), expected);
    let own = json!({"@timestamp": 1_767_323_045_000_000_000i64});
    assert_eq!(parse(&json!({"target": "app"}), "@timestamp=1767323045"), own);
    assert_eq!(parse(&json!({"target": "app"}), "@timestamp=soon"), json!({"app.@timestamp": "soon"}));
}

#[test]
fn the_first_member_with_a_time_counts() {
    let config = json!({"timestamp": ["a", "b"]});
    let second = |n: i64| json!((1_767_323_045 + n) * 1_000_000_000);
    assert_eq!(parse(&config, "b=1767323045;a=1767323046"), json!({"@timestamp": second(0), "a": "1767323046"}));
    assert_eq!(parse(&config, "a=x;b=1767323045"), json!({"@timestamp": second(0), "a": "x"}));
    assert_eq!(parse(&config, "@timestamp=1767323045;b=1767323046"), json!({"@timestamp": second(1)}));
    assert_eq!(parse(&config, "b=1767323046;@timestamp=1767323045"), json!({"@timestamp": second(1)}));
    assert_eq!(outcome(&config, "@timestamp=x", &Value::Null).rejected(), "`@timestamp` is not a time");
}

#[test]
fn a_time_without_a_zone_is_of_the_machine_or_as_configured() {
    let config = json!({"timestamp": "t"});
    let meta = json!({"@meta.timezone": -120});
    let fields = outcome(&config, "t=2026-01-02 01:04:05", &meta).kept();
    assert_eq!(Value::from(fields), json!({"@timestamp": 1_767_323_045_000_000_000i64, "event.timezone": "-02:00"}));
    let fields = outcome(&json!({"timestamp": "t", "timezone": "+01:00"}), "t=2026-01-02 04:04:05", &meta).kept();
    assert_eq!(Value::from(fields), json!({"@timestamp": 1_767_323_045_000_000_000i64, "event.timezone": "+01:00"}));
    let utc = json!({"@timestamp": 1_767_323_045_000_000_000i64});
    assert_eq!(parse(&config, "t=2026-01-02 03:04:05"), utc);
    assert_eq!(Value::from(outcome(&config, "t=2026-01-02T03:04:05Z", &meta).kept()), utc);
}

#[test]
fn times_are_read_in_the_format_given() {
    let time = |format: &str, text: &str| {
        let fields = json!({"@meta.day": "2026-01-03"});
        outcome(&json!({"timestamp": "t", "timestamp_format": format}), &format!("t={text}"), &fields).kept()
    };
    let expected = json!({"@timestamp": 1_767_323_045_500_000_000i64});
    for (format, text) in [
        ("auto", "2026-01-02T03:04:05.5Z"),
        ("rfc3339", "2026-01-02T03:04:05.5Z"),
        ("unix", "1767323045.5"),
        ("unix_ms", "1767323045500"),
        ("unix_us", "1767323045500000"),
        ("unix_ns", "1767323045500000000"),
        ("%b %d %T.%f", "Jan 02 03:04:05.5"),
    ] {
        assert_eq!(Value::from(time(format, text)), expected, "{format}");
    }
    assert_eq!(Value::from(time("unix_ms", "2026-01-02T03:04:05.5Z")), json!({"t": "2026-01-02T03:04:05.5Z"}));
    assert_eq!(unix_in(b"-1.5", 1_000_000), Some(-1_500_000));
}

#[test]
fn options_that_make_no_sense_are_named() {
    let refused = |config: Value| Session::<crate::Parsing<Pairs>>::open(&config.to_string()).err().unwrap();
    for (config, word) in [
        (json!({"target": "a..b"}), "`target`: `a..b`"),
        (json!({"target": "collector"}), "`target`: `collector`"),
        (json!({"rename": {"a": ""}}), "`rename`"),
        (json!({"rename": {"a": "@timestamp"}}), "\"timestamp\": \"a\""),
        (json!({"timestamp_format": "%Q"}), "`%Q`"),
        (json!({"timestamp_format": "iso"}), "`iso` is no format"),
        (json!({"timestamp": 1}), "a name or a list of names"),
        (json!({"timezone": "Mars"}), "no time zone"),
        (json!({"field": ""}), "`field`"),
    ] {
        let error = refused(config);
        assert!(error.contains(word), "{error}");
    }
}
