//! Lines that are not UTF-8.

use std::time::Duration;

use collector_model::{Encoding, EventId, LineFlags, Topic, metrics};
use collector_tasks::{Multiline, MultilineRule, StartAt, Task};

use super::harness::Bench;

fn task(bench: &Bench, encoding: &str) -> Task {
    let flush_after = Duration::from_millis(30);
    Task { encoding: Encoding::named(encoding).unwrap(), flush_after, ..bench.task("a.log") }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn utf16_is_read_by_units_and_ids_are_those_of_the_bytes() {
    let bench = Bench::new();
    bench.append("a.log", utf16("\u{feff}one\r\n\u{a00}\u{0a0a}\nt\u{1d11e}\n"));
    let mut run = bench.start(&[task(&bench, "utf-16")]);
    run.lines(3);
    assert_eq!(run.decoded(), ["one\r", "\u{a00}\u{0a0a}", "t\u{1d11e}"]);
    let (day, file) = (run.got[1].id.day(), run.got[1].id.file().unwrap());
    assert_eq!(run.got[1].id, EventId::ours(day, file, 12, &utf16("\u{a00}\u{0a0a}")));
}

#[test]
fn other_encodings_are_decoded_and_what_means_nothing_is_counted() {
    let bench = Bench::new();
    bench.append("a.log", b"\xd6\xd0\xce\xc4\nbad \xff\n");
    let mut run = bench.start(&[task(&bench, "gb18030")]);
    run.lines(2);
    assert_eq!(run.decoded()[0], "\u{4e2d}\u{6587}");
    assert!(run.decoded()[1].starts_with("bad \u{fffd}"));
    // What was handed on is counted when it is gone.
    run.stop();
    let label = metrics::of(&Topic::new("t").unwrap());
    assert_eq!(bench.metrics.lines_invalid_utf8.get_or_create(&label).get(), 1);
}

#[test]
fn another_encoding_holds_for_lines_that_were_not_sent_before() {
    let bench = Bench::new();
    bench.append("a.log", b"\xd6\xd0\n\xe4\n");
    let mut run = bench.start(&[task(&bench, "gbk")]);
    run.hold(2);
    let first = run.crash();
    let mut run = bench.start(&[task(&bench, "latin1")]);
    assert_eq!(run.hold(2), first, "what was sent before is read as before");
    bench.append("a.log", b"\xe4\n");
    run.hold(3);
    assert_eq!((run.decoded()[0], run.decoded()[2]), ("\u{4e2d}", "\u{e4}"));
    let second = run.crash();
    let mut run = bench.start(&[task(&bench, "latin1")]);
    assert_eq!(run.hold(3), second);
}

#[test]
fn utf16_after_utf8_begins_at_the_next_line() {
    let bench = Bench::new();
    bench.append("a.log", "four\n");
    let mut run = bench.start(&[task(&bench, "utf-8")]);
    run.lines(1);
    bench.append("b.log", "");
    run.set_tasks(&[task(&bench, "utf-16le"), bench.task("b.log")]);
    // Once the second file is there, the first one's settings are the new ones.
    run.wait_for("both files", |files| files.len() == 2 && files[0].acknowledged_bytes == 5);
    bench.append("a.log", utf16("five\nsix\n"));
    run.hold(3);
    assert_eq!(run.decoded(), ["four", "five", "six"]);
    let first = run.crash();
    let mut run = bench.start(&[task(&bench, "utf-16le")]);
    while run.got.len() < 2 {
        assert!(run.take(super::harness::DEADLINE));
    }
    assert!(first.ends_with(&run.got));
}

#[test]
fn an_unfinished_line_of_utf16_is_not_torn_within_a_unit() {
    let bench = Bench::new();
    bench.append("a.log", &utf16("half")[..7]);
    let mut run = bench.start(&[task(&bench, "utf-16le")]);
    run.hold(1);
    assert_eq!(run.decoded(), ["hal"]);
    assert!(run.got[0].has(LineFlags::UNFINISHED));
    bench.append("a.log", &utf16("f way\nnext\n")[1..]);
    run.hold(3);
    assert_eq!(run.decoded(), ["hal", "f way", "next"]);
    let first = run.crash();
    let mut run = bench.start(&[task(&bench, "utf-16le")]);
    assert_eq!(run.hold(3), first);
}

#[test]
fn the_end_of_a_file_in_utf16_is_after_its_last_whole_line() {
    let bench = Bench::new();
    bench.append("a.log", utf16("old\n\u{a00}begun "));
    let task = Task { start_at: StartAt::End, ..task(&bench, "utf-16le") };
    let mut run = bench.start(&[Task { flush_after: Duration::from_secs(60), ..task }]);
    run.wait_for("the file", |files| files.len() == 1 && files[0].uid.is_some());
    bench.append("a.log", utf16("ended\n"));
    run.hold(1);
    assert_eq!(run.decoded(), ["\u{a00}begun ended"]);
}

#[test]
fn patterns_of_events_see_the_text() {
    let bench = Bench::new();
    let rule = MultilineRule::Start("^[0-9]".into());
    let multiline = Some(Multiline { rule, lines_max: 10, wait: Duration::from_millis(30) });
    bench.append("a.log", utf16("1 one\n  more\n2 two\n"));
    let mut run = bench.start(&[Task { multiline, ..task(&bench, "utf-16le") }]);
    run.hold(2);
    assert_eq!(run.decoded(), ["1 one\n  more", "2 two"]);
}
