//! Events of several lines: complete, timed out, read again.

use std::{sync::atomic::Ordering, time::Duration};

use collector_model::LineFlags;
use collector_tasks::{Multiline, MultilineRule, Task};

use super::harness::{Bench, by_id};

const DAY_MS: i64 = 86_400_000;

/// A task whose events begin with a capital letter.
fn task(bench: &Bench, wait: Duration) -> Task {
    let rule = MultilineRule::Start("^[A-Z]".to_owned());
    Task { multiline: Some(Multiline { rule, lines_max: 500, wait }), ..bench.task("a.log") }
}

#[test]
fn the_lines_of_an_event_come_out_as_one_and_the_last_one_after_a_while() {
    let bench = Bench::new();
    bench.append("a.log", "ERROR a\n at x\n at y\nINFO b\n");
    let mut run = bench.start(&[task(&bench, Duration::from_millis(50))]);
    assert_eq!(run.lines(2), ["ERROR a\n at x\n at y", "INFO b"]);
    bench.append("a.log", "WARN c\n");
    bench.append("a.log", " at z\n");
    assert_eq!(run.lines(3)[2], "WARN c\n at z");
}

#[test]
fn an_event_that_timed_out_stays_apart_from_what_came_later_at_every_replay() {
    let bench = Bench::new();
    let task = task(&bench, Duration::from_millis(20));
    bench.append("a.log", "ERROR a\n at x\n");
    let mut run = bench.start(std::slice::from_ref(&task));
    run.hold(1);
    bench.append("a.log", " at y\nINFO b\nhalf");
    run.hold(3);
    assert_eq!(run.texts(), ["ERROR a\n at x", " at y", "INFO b\nhalf"]);
    assert!(run.got[2].has(LineFlags::UNFINISHED));
    bench.append("a.log", " a line\n\nDEBUG\n");
    run.hold(5);
    assert_eq!(run.texts()[3..], [" a line\n", "DEBUG"]);
    let first = run.crash();
    let mut run = bench.start(&[task]);
    assert_eq!(run.hold(5), first);
}

#[test]
fn a_crash_in_the_middle_of_an_event_loses_and_doubles_nothing() {
    let bench = Bench::new();
    let task = task(&bench, Duration::from_millis(20));
    let mut runs = vec![];
    let mut expected = String::new();
    for round in 0..8 {
        let text = format!("E{round}\n at x\n at y\nF{round}\n at z\n");
        bench.append("a.log", &text);
        expected += &text;
        let mut run = bench.start(std::slice::from_ref(&task));
        assert!(run.take(super::harness::DEADLINE));
        runs.push(run.crash());
    }
    let mut run = bench.start(std::slice::from_ref(&task));
    let until = std::time::Instant::now() + super::harness::DEADLINE;
    loop {
        let mut all: Vec<&[_]> = runs.iter().map(Vec::as_slice).collect();
        all.push(&run.got);
        let lines: String = by_id(&all).values().map(|text| text.clone() + "\n").collect();
        if lines == expected {
            break;
        }
        assert!(std::time::Instant::now() < until, "{expected:?} expected, got {lines:?}");
        run.take(Duration::from_millis(20));
    }
}

#[test]
fn a_new_rule_holds_for_what_was_not_sent_before() {
    let bench = Bench::new();
    let gathered = task(&bench, Duration::from_millis(20));
    bench.append("a.log", "A\n x\nB\n");
    let mut run = bench.start(std::slice::from_ref(&gathered));
    assert_eq!(run.lines(2), ["A\n x", "B"]);
    run.wait_for("the lines to count", |files| files[0].acknowledged_bytes == 7);
    run.set_tasks(&[Task { multiline: None, ..gathered }]);
    // What was entered as possibly sent is framed as before: more than that shows the new rule.
    let long = "C\n x\n".repeat(100_000);
    bench.append("a.log", &long);
    let texts = run.drained(2 + 101_000);
    assert!(texts.contains(&"C".to_owned()));
}

#[test]
fn an_event_that_ends_with_its_day_belongs_to_it() {
    let bench = Bench::new();
    let task = task(&bench, Duration::from_secs(3600));
    bench.append("a.log", "A\n x\nB\n x\n");
    let mut run = bench.start(std::slice::from_ref(&task));
    run.hold(1);
    bench.now_ms.fetch_add(DAY_MS, Ordering::Relaxed);
    bench.append("a.log", "C\n");
    run.hold(2);
    assert_eq!(run.texts(), ["A\n x", "B\n x"]);
    let first = run.crash();
    let mut run = bench.start(&[task]);
    assert_eq!(run.hold(2), first);
}

#[test]
fn an_event_that_was_ended_by_its_day_stays_apart_from_what_came_later_at_every_replay() {
    let bench = Bench::new();
    let task = task(&bench, Duration::from_secs(3600));
    bench.append("a.log", "A\nB\n");
    let mut run = bench.start(std::slice::from_ref(&task));
    run.hold(1);
    run.crash();
    bench.now_ms.fetch_add(DAY_MS, Ordering::Relaxed);
    let mut run = bench.start(std::slice::from_ref(&task));
    run.hold(2);
    let first = run.crash();
    bench.append("a.log", " x\nC\nD\n");
    let mut run = bench.start(&[task]);
    run.hold(4);
    assert_eq!((&run.got[..2], &run.texts()[2..]), (&first[..], &[" x".to_owned(), "C".to_owned()][..]));
}
