use super::Plugin;
use collector_plugin::testing::{Fields, Session, check_samples};
use collector_plugin::time::rfc3339;
use proptest::prelude::*;
use serde_json::{Value, json};

fn with(config: &str, line: &str) -> Fields {
    Session::<Plugin>::open(config).unwrap().line(line).kept()
}

fn bare(line: &str) -> Fields {
    with(r#"{"event_fields":false}"#, line)
}

fn reason(config: &str, line: &str) -> String {
    Session::<Plugin>::open(config).unwrap().line(line).rejected()
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn day_and_zone_of_the_machine_complete_a_time() {
    let known = json!({"@meta.day": "2026-03-01", "@meta.timezone": -120});
    let known = known.as_object().unwrap();
    let read = |config: &str| {
        let mut fields = Session::<Plugin>::open(config).unwrap().event("Feb  2 14:10:21 web1 app: text", known).kept();
        (fields.remove("@timestamp").unwrap(), fields.remove("event.timezone").unwrap())
    };
    let at = |text: &str| Value::from(rfc3339(text.as_bytes()).unwrap());
    assert_eq!(read(""), (at("2026-02-02T16:10:21Z"), json!("-02:00")));
    assert_eq!(read(r#"{"timezone":"+01:00"}"#), (at("2026-02-02T13:10:21Z"), json!("+01:00")));
}

#[test]
fn a_line_without_priority_has_no_fields_of_the_wire() {
    let fields = bare("2026-02-12T14:10:21Z web1 app[7]: text");
    assert!(fields.keys().all(|name| !name.starts_with("log.syslog.")), "{fields:?}");
}

#[test]
fn a_process_id_that_is_no_number_stays_a_text() {
    let fields = bare("<13>1 - - app worker-7 - - text");
    assert_eq!((fields.get("process.pid"), &fields["log.syslog.procid"]), (None, &json!("worker-7")));
}

#[test]
fn the_head_of_a_stream_is_taken_off() {
    for line in ["25 <13>1 - web1 - - - - text", "\u{feff}<13>1 - web1 - - - - text", "<13>1 - web1 - - - - text"] {
        assert_eq!(bare(line)["host.hostname"], "web1", "{line}");
    }
}

#[test]
fn structured_data_is_taken_apart() {
    let fields = bare(r#"<13>1 - - - - - [a@1 x="1\]\"\\\n" y=""][b][c.d e="é" e="f" e="\""] text"#);
    let data: Fields = fields
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("log.syslog.structured_data.")?.to_owned(), value.clone())))
        .collect();
    let expected = json!({"a@1.x": "1]\"\\\\n", "a@1.y": "", "b": {}, "c.d.e": ["é", "f", "\""]});
    assert_eq!(Value::from(data), expected);
    assert_eq!(fields["message"], "text");
}

#[test]
fn many_parameters_are_told_apart() {
    let names: String = (0..100).map(|n| format!(" k{n}=\"{n}\"")).collect();
    let fields = bare(&format!("<13>1 - - - - - [id{names} k99=\"x\"]"));
    assert_eq!(fields["log.syslog.structured_data.id.k98"], "98");
    assert_eq!(fields["log.syslog.structured_data.id.k99"], json!(["99", "x"]));
}

#[test]
fn lenience_ends_where_the_letter_of_the_rfc_is_asked_for() {
    for (line, text) in [
        ("<13>1 2026-02-12T14:10:21.123456789Z web1 - - - - text", "text"),
        ("<13>1 2026-12-31T23:59:60Z web1 - - - - text", "text"),
        ("<13>1 - web1 - - - [meta sequenceId=10] text", "text"),
        ("<13>1 - web1 named 7 -  info: text", "info: text"),
    ] {
        assert_eq!(bare(line)["message"], text, "{line}");
        assert!(!reason(r#"{"format":"rfc5424"}"#, line).is_empty());
    }
    let strict = r#"{"format":"rfc5424","event_fields":false}"#;
    assert_eq!(with(strict, "<13>1 - - - - - -   text")["message"], "  text");
    assert_eq!(bare("<13>1 - - - - - -   text")["message"], "text");
}

#[test]
fn a_message_that_is_not_there_leaves_the_line_as_the_original() {
    let fields = bare("<13>1 - web1 - - - -");
    assert_eq!((fields.get("message"), &fields["event.original"]), (None, &json!("<13>1 - web1 - - - -")));
}

#[test]
fn what_is_missing_is_named() {
    let strict = r#"{"format":"rfc5424"}"#;
    for (line, expected) in [
        ("text", "no priority from <0> to <191>"),
        ("<192>1 - - - - - -", "no priority from <0> to <191>"),
        ("<13>0 - - - - - -", "no version from 1 to 999"),
        ("<13>1000 - - - - - -", "no version from 1 to 999"),
        ("<13>1", "no version from 1 to 999"),
        ("<13>1 2026-02-30T00:00:00Z - - - - -", "no timestamp of RFC 5424"),
        ("<13>1 2026-02-12t00:00:00Z - - - - -", "no timestamp of RFC 5424"),
        ("<13>1 2026-02-12T00:00:00 - - - - -", "no timestamp of RFC 5424"),
        ("<13>1 2026-02-12T00:00:00.1234567Z - - - - -", "no timestamp of RFC 5424"),
        ("<13>1 - é - - - -", "no host name of up to 255 printable characters"),
        ("<13>1 - - ", "no app name of up to 48 printable characters"),
        ("<13>1 - - -  - -", "no process id of up to 128 printable characters"),
        ("<13>1 - - - - -", "no message id of up to 32 printable characters"),
        ("<13>1 - - - - - x", "no structured data"),
        ("<13>1 - - - - - []", "structured data with an id that is none"),
        ("<13>1 - - - - - [a", "structured data with a parameter that is none"),
        ("<13>1 - - - - - [a b]", "structured data with a parameter that is none"),
        ("<13>1 - - - - - [a b=c]", "structured data with a parameter that is none"),
        ("<13>1 - - - - - [a b=\"c]\"]", "structured data with a value whose `]` has no backslash"),
        ("<13>1 - - - - - [a b=\"c", "structured data with a value that has no end"),
        ("<13>1 - - - - - [a][a]", "structured data with the same id twice"),
        ("<13>1 - - - - - [a]x", "no space between structured data and message"),
        ("<13>1 - - - - - -x", "no space between structured data and message"),
    ] {
        assert_eq!(reason(strict, line), expected, "{line}");
    }
    assert_eq!(reason(r#"{"format":"rfc3164"}"#, "text"), "no timestamp of syslog");
}

proptest! {
    #[test]
    fn any_text_keeps_the_contract(text in any::<String>()) {
        Session::<Plugin>::open("").unwrap().line(&text);
    }

    #[test]
    fn any_line_keeps_the_contract(line in r#"(<13>1?|[0-9]{1,3} |- |\[a|b="|\\|"|\]|\[|=| |é|2026-02-12T14:10:21Z |Feb  2 14:10:21|web1 |app\[7\]: ){0,16}"#) {
        for config in ["", r#"{"format":"rfc5424"}"#, r#"{"format":"rfc3164"}"#] {
            Session::<Plugin>::open(config).unwrap().line(&line);
        }
    }

    #[test]
    fn any_break_in_a_good_line_keeps_the_contract(at in 0usize..90, with in any::<char>(), cut in any::<bool>()) {
        let good = r#"<13>1 2026-02-12T14:10:21.5Z web1 app 7 id [a@1 x="1\]" y="é"][b] text"#;
        let broken: String = good.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        Session::<Plugin>::open("").unwrap().line(&broken);
    }
}

/// The vectors of go-syslog, where a copy of them is at hand.
#[test]
fn the_vectors_of_the_rfc_are_read_and_refused() {
    let Some(folder) = std::env::var_os("COLLECTOR_CORPORA") else {
        eprintln!("skipped: COLLECTOR_CORPORA does not name a folder of corpora");
        return;
    };
    let text = std::fs::read_to_string(std::path::Path::new(&folder).join("extracted/go-syslog-rfc5424-visible.json"));
    let vectors: Vec<Value> = serde_json::from_str(&text.unwrap()).unwrap();
    let mut session = Session::<Plugin>::open(r#"{"format":"rfc5424","event_fields":false}"#).unwrap();
    for vector in vectors {
        let Some(input) = vector["input"].as_str() else { continue };
        let outcome = session.line(input);
        if vector["valid"] == false {
            assert!(!outcome.rejected().is_empty());
            continue;
        }
        let (fields, value) = (outcome.kept(), &vector["value"]);
        let get = |name: &str| fields.get(name).cloned().unwrap_or(Value::Null);
        assert_eq!(get("log.syslog.priority"), value["Priority"], "{input}");
        assert_eq!(get("log.syslog.version"), value["Version"].to_string(), "{input}");
        assert_eq!(get("host.hostname"), value["Hostname"], "{input}");
        assert_eq!(get("process.name"), value["Appname"], "{input}");
        assert_eq!(get("log.syslog.procid"), value["ProcID"], "{input}");
        assert_eq!(get("log.syslog.msgid"), value["MsgID"], "{input}");
        assert_eq!(get("message"), value["Message"], "{input}");
        let time = value["Timestamp"].as_str().map(|text| rfc3339(text.as_bytes()).unwrap());
        assert_eq!(get("@timestamp").as_i64(), time, "{input}");
        for (id, parameters) in value["StructuredData"].as_object().into_iter().flatten() {
            for (key, text) in parameters.as_object().into_iter().flatten() {
                assert_eq!(get(&format!("log.syslog.structured_data.{id}.{key}")), *text, "{input}");
            }
        }
    }
}
