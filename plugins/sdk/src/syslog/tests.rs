use super::*;
use crate::Value;
use crate::time::{SECOND_NS, days};
use proptest::prelude::*;

fn day(year: u32, month: u32, day: u32) -> i64 {
    days(year, month, day).unwrap() * 86_400
}

fn clues() -> Clues<'static> {
    Clues { timezone: Value::Int(-120), day: Value::TimeNs(day(2026, 3, 1) * SECOND_NS) }
}

fn read(line: &str) -> Header<'_> {
    Reader::new(Zone::Local).read(line.as_bytes(), clues()).unwrap_or_else(|e| panic!("{line}: {}", e.0))
}

fn parts(line: &str) -> [&str; 4] {
    let header = read(line);
    [header.host, header.program, header.pid, header.message(line.as_bytes())]
        .map(|part| std::str::from_utf8(part).unwrap())
}

#[test]
fn times_are_read_in_every_form() {
    let at = |seconds: i64, ms: i64| {
        Some((day(2026, 2, 2) + 14 * 3600 + 10 * 60 + 21 + seconds) * SECOND_NS + ms * 1_000_000)
    };
    for (line, expected) in [
        ("Feb  2 14:10:21 h p: m", at(7200, 0)),
        ("Feb 2 14:10:21 h p: m", at(7200, 0)),
        ("Feb 02 14:10:21.25 h p: m", at(7200, 250)),
        ("Feb 02 2026 14:10:21 h p: m", at(7200, 0)),
        ("2026 Feb 02 14:10:21 h p: m", at(7200, 0)),
        ("2026-02-02T14:10:21 h p: m", at(7200, 0)),
        ("2026-02-02T14:10:21Z h p: m", at(0, 0)),
        ("2026-02-02 14:10:21,250+01:00 h p: m", at(-3600, 250)),
        ("<189>29: *Feb  2 14:10:21.250 UTC: p: m", at(0, 250)),
    ] {
        assert_eq!(read(line).time_ns, expected, "{line}");
        assert_eq!(parts(line)[3].trim_start_matches("p: "), "m", "{line}");
    }
}

#[test]
fn a_year_that_nobody_knows_leaves_the_time_away() {
    let line = b"Feb  2 14:10:21 h p: m";
    let header = Reader::new(Zone::Local).read(line, Clues::default()).unwrap();
    assert_eq!((header.time_ns, header.host), (None, &b"h"[..]));
}

#[test]
fn the_year_follows_the_day_of_each_line() {
    let mut reader = Reader::new(Zone::East(0));
    let mut year = |reference: i64| {
        let clues = Clues { timezone: Value::Absent, day: Value::TimeNs(reference * SECOND_NS) };
        reader.read(b"Dec 31 00:00:00 h p: m", clues).unwrap().time_ns.unwrap() / SECOND_NS
    };
    assert_eq!(year(day(2026, 12, 30)), day(2026, 12, 31));
    assert_eq!(year(day(2027, 1, 1)), day(2026, 12, 31));
    assert_eq!(year(day(2026, 1, 1)), day(2025, 12, 31));
}

#[test]
fn host_program_and_message_are_told_apart() {
    for (rest, expected) in [
        ("web1 sshd[16378]: text", ["web1", "sshd", "16378", "text"]),
        ("web1 sudo:   alice : TTY", ["web1", "sudo", "", "  alice : TTY"]),
        ("su: 'su root' failed", ["", "su", "", "'su root' failed"]),
        ("sshd[7]: text", ["", "sshd", "7", "text"]),
        ("mail postfix/smtpd[17]:text", ["mail", "postfix/smtpd", "17", "text"]),
        ("web1 kernel:[ 1.5] x", ["web1", "kernel", "", "[ 1.5] x"]),
        (
            "mac com.apple.xpc.launchd[1] (com.apple.x): text",
            ["mac", "com.apple.xpc.launchd", "1", "(com.apple.x): text"],
        ),
        ("mac Google Chrome Helper[77]: text", ["mac", "Google Chrome Helper", "77", "text"]),
        ("win Service Event: read, [7]: x", ["win", "", "", "Service Event: read, [7]: x"]),
        ("10.0.0.1  {\"a\": 1}", ["10.0.0.1", "", "", " {\"a\": 1}"]),
        ("2001:db8::7 app[1.2]: text", ["2001:db8::7", "app", "1.2", "text"]),
        ("--- last message repeated 1 time ---", ["", "", "", "--- last message repeated 1 time ---"]),
        ("last message repeated 3 times", ["", "", "", "last message repeated 3 times"]),
        ("Message forwarded from aix7: su: text", ["aix7", "su", "", "text"]),
        ("fw1 %ASA-6-302014: Teardown", ["fw1", "", "", "%ASA-6-302014: Teardown"]),
        ("web1 CEF:0|vendor|x[1]: y", ["web1", "", "", "CEF:0|vendor|x[1]: y"]),
        ("gw gw sshd[7]: text", ["gw", "sshd", "7", "text"]),
        ("asa1 : %ASA-6-302014: Teardown", ["asa1", "", "", "%ASA-6-302014: Teardown"]),
        ("10.0.0.1 2099: %LINK-3-UPDOWN: up", ["10.0.0.1", "", "", "2099: %LINK-3-UPDOWN: up"]),
        ("web1", ["web1", "", "", ""]),
    ] {
        assert_eq!(parts(&format!("Feb  2 14:10:21 {rest}")), expected, "{rest}");
    }
}

#[test]
fn devices_put_numbers_and_names_before_the_time() {
    let line = "<189>29: router1: *Feb  2 14:10:21.123 UTC: %SYS-5-CONFIG_I: Configured";
    let header = read(line);
    assert_eq!((header.priority, header.sequence, header.host), (Some(189), Some(29), &b"router1"[..]));
    assert_eq!(header.message(line.as_bytes()), b"%SYS-5-CONFIG_I: Configured");
    assert_eq!(parts("<187>: 2026 Feb  2 14:10:21 EST: %X-3-Y: z")[3], "%X-3-Y: z");
}

#[test]
fn a_priority_alone_is_enough() {
    assert_eq!(parts("<13>hello world"), ["", "", "", "hello world"]);
    assert_eq!(parts("<30>dockerd[5]: hello"), ["", "dockerd", "5", "hello"]);
    assert_eq!(read("<0>x").priority, Some(0));
}

#[test]
fn what_is_no_syslog_is_refused() {
    let mut reader = Reader::new(Zone::Local);
    let mut reason = |line: &str| reader.read(line.as_bytes(), clues()).err().map(|reject| reject.0);
    for line in [
        "",
        "hello",
        "Feb 30 14:10:21 h p: m",
        "Feb  2 24:10:21 h p: m",
        "2026-02-02T14:10:21+9 x",
        "Fex  2 14:10:21 h",
    ] {
        assert_eq!(reason(line), Some("no timestamp of syslog"), "{line}");
    }
    for line in ["<", "<192>x", "<007>x", "<1", "<a>x", "<>x"] {
        assert_eq!(reason(line), Some("no priority from <0> to <191>"), "{line}");
    }
}

proptest! {
    #[test]
    fn any_line_is_read_or_refused(line in r#"(<13>|[0-9]{1,4}|: |\*|Feb  2|14:10:21|2026-02-02T|\.5|Z|\+01:00| |[a-z%é]{1,5}|\[|\]|:){0,12}"#) {
        if let Ok(header) = Reader::new(Zone::Local).read(line.as_bytes(), clues()) {
            prop_assert!(line.is_char_boundary(header.message));
            prop_assert!(std::str::from_utf8(header.program).is_ok());
        }
    }
}
