use super::Plugin;
use collector_plugin::testing::{Session, check_samples};
use collector_plugin::time::SECOND_NS;
use serde_json::{Value, json};

/// 2026-01-02T03:04:05Z
const EXPECTED_NS: i64 = 1_767_323_045 * SECOND_NS;

fn read(format: &str, text: &Value) -> Value {
    let config = json!({"field": "t", "formats": [format], "timezone": "UTC"});
    let mut session = Session::<Plugin>::open(&config.to_string()).unwrap();
    session.event("line", json!({"t": text}).as_object().unwrap()).kept().remove("@timestamp").unwrap_or(Value::Null)
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn formats_of_all_kinds_are_read() {
    for (format, text) in [
        ("rfc3339", json!("2026-01-02 03:04:05")),
        ("unix", json!(1_767_323_045)),
        ("unix", json!(1_767_323_045.0)),
        ("%Y-%m-%d %H:%M:%S", json!("2026-01-02 03:04:05")),
        ("%d/%b/%Y:%H:%M:%S %z", json!("02/Jan/2026:04:04:05 +0100")),
        ("%A %d %B %y %I:%M:%S %p", json!("Friday 02 January 26 03:04:05 AM")),
        ("%FT%T%.f%:z", json!("2026-01-01T21:34:05-05:30")),
        ("%s", json!("1767323045")),
        ("%Y %j %H%M%S", json!("2026 002 030405")),
    ] {
        assert_eq!(read(format, &text), json!(EXPECTED_NS), "{format} of {text}");
    }
    assert_eq!(read("%F %T,%f", &json!("2026-01-02 03:04:05,250")), json!(EXPECTED_NS + 250_000_000));
    assert_eq!(read("%F %T", &json!("2026-01-02T03:04:05")), Value::Null);
    assert_eq!(read("unix", &json!([1])), Value::Null);
}

#[test]
fn the_first_format_that_fits_is_taken() {
    let config = json!({"field": "t", "formats": ["%d.%m.%Y %H:%M:%S", "%F %T"], "timezone": "UTC"});
    let mut session = Session::<Plugin>::open(&config.to_string()).unwrap();
    for text in ["02.01.2026 03:04:05", "2026-01-02 03:04:05"] {
        let kept = session.event("line", json!({"t": text}).as_object().unwrap()).kept();
        assert_eq!(kept["@timestamp"], json!(EXPECTED_NS), "{text}");
    }
}

#[test]
fn what_can_be_no_time_is_refused() {
    for (config, part) in [
        ("", "`field` is missing"),
        (r#"{"field":"t","formats":["%H:%M"]}"#, "needs a day"),
        (r#"{"field":"t","formats":["%Y-%m-%d"]}"#, "and an hour"),
        (r#"{"field":"t","formats":["iso"]}"#, "rfc3339"),
        (r#"{"field":"t","timezone":"CET"}"#, "no time zone"),
        (r#"{"field":"t.*"}"#, "`t.*`"),
    ] {
        let error = Session::<Plugin>::open(config).err().unwrap();
        assert!(error.contains(part), "{config}: {error}");
    }
}
