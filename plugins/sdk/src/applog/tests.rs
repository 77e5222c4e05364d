use super::*;
use crate::Value;
use crate::syslog::Clues;
use crate::time::{SECOND_NS, Zone, rfc3339};
use proptest::prelude::*;

fn clues() -> Clues<'static> {
    let day = rfc3339(b"2026-03-01T00:00:00Z").unwrap();
    Clues { timezone: Value::Int(60), day: Value::TimeNs(day) }
}

fn read(text: &str) -> Option<Moment> {
    Moments::new(Zone::Local).read(text.as_bytes(), 0, clues())
}

#[test]
fn times_are_read_in_many_forms() {
    for (text, expected, rest) in [
        ("2026-02-12 14:10:21,123 INFO", "2026-02-12T13:10:21.123Z", " INFO"),
        ("2026-02-12T14:10:21.123+0200 INFO", "2026-02-12T12:10:21.123Z", " INFO"),
        ("2026-02-12 14:10:21,123 -0800 | x", "2026-02-12T22:10:21.123Z", " | x"),
        ("2026-02-12 14:10:21 UTC [7]", "2026-02-12T14:10:21Z", " [7]"),
        ("2026-02-12T14:10:21Z: x", "2026-02-12T14:10:21Z", ": x"),
        ("2026/02/12 14:10:21.5 x", "2026-02-12T13:10:21.5Z", " x"),
        ("2026-02-12 14:10:21 - x", "2026-02-12T13:10:21Z", " - x"),
        ("2026-02-12 14:10:21 -12 x", "2026-02-12T13:10:21Z", " -12 x"),
        ("12-Feb-2026 14:10:21.123 INFO", "2026-02-12T13:10:21.123Z", " INFO"),
        ("12/Feb/2026:14:10:21 +0000]", "2026-02-12T14:10:21Z", "]"),
        ("Feb 12, 2026 2:10:21 PM a.B", "2026-02-12T13:10:21Z", " a.B"),
        ("Feb 2, 2026 12:10:21\u{202f}AM a.B", "2026-02-01T23:10:21Z", " a.B"),
    ] {
        let moment = read(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(moment.ns, rfc3339(expected.as_bytes()), "{text}");
        assert_eq!(&text[moment.end..], rest, "{text}");
    }
    assert_eq!(read("14:10:21,123 INFO"), Some(Moment { ns: None, end: 12 }));
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        "2026",
        "2026-02-30 14:10:21",
        "2026-02-12 25:10:21",
        "2026-02/12 14:10:21",
        "12-Feb/2026 14:10:21",
        "Feb 12, 2026 13:10:21 PM",
        "Feb 12, 2026 1:10:21 XM",
        "14:10 x",
        "Info: x",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn glog_s_year_is_the_near_one() {
    let moments = Moments::new(Zone::East(0));
    let moment = moments.glog(b"I1231 14:10:21.000250", 1, clues()).unwrap();
    assert_eq!(moment.ns, rfc3339(b"2025-12-31T14:10:21.00025Z"));
    assert_eq!(moments.glog(b"0230 14:10:21", 0, clues()), None);
    assert_eq!(moment.ns.map(|ns| ns % SECOND_NS), Some(250_000));
}

#[test]
fn lines_of_glog_are_taken_apart() {
    let line = b"W0212 14:10:21.000250   12345 main.go:42] text] more";
    let glog = Glog::read(line, &Moments::new(Zone::East(0)), clues()).unwrap();
    assert_eq!((glog.level, glog.thread, glog.file, glog.line), ("WARNING", 12345, &b"main.go"[..], 42));
    assert_eq!(&line[glog.message..], b"text] more");
    for text in ["W0212 14:10:21.000250 12345 main.go] x", "X0212 14:10:21 1 a:1] x", "W0212", "Well: x"] {
        assert_eq!(Glog::read(text.as_bytes(), &Moments::new(Zone::East(0)), clues()), None, "{text}");
    }
}

#[test]
fn levels_are_words_of_their_own() {
    assert!([&b"INFO"[..], b"warn", b"Error", b"SEVERE", b"WRN", b"dpanic"].into_iter().all(is_level));
    assert!(![&b"InFo"[..], b"information", b"", b"E", b"errors", b"main"].into_iter().any(is_level));
}

#[test]
fn lines_are_told_with_where_they_begin() {
    let event = b"a\r\nbc\n\nd";
    assert_eq!(first_line(event), (&b"a"[..], 3));
    let all: Vec<_> = lines(event, 3).collect();
    assert_eq!(all, [(3, &b"bc"[..]), (6, b""), (7, b"d")]);
}

proptest! {
    #[test]
    fn any_text_is_a_time_or_none(text in r"([0-9]{1,4}|-|/|:|,|\.| |T|Z|Feb|AM|\+01:00|é){0,16}") {
        if let Some(moment) = read(&text) {
            prop_assert!(text.is_char_boundary(moment.end));
        }
        Moments::new(Zone::Local).glog(text.as_bytes(), 0, clues());
    }
}
