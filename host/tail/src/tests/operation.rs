//! Tasks that come and go, files that appear, limits.

use std::time::{Duration, Instant};

use collector_model::{LineFlags, Topic, metrics};
use collector_tasks::{StartAt, Task};

use super::harness::Bench;

#[test]
fn lines_come_out_as_they_were_written() {
    let bench = Bench::new();
    bench.append("a.log", "one\n\ntwo\r\n\u{e9}\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    assert_eq!(run.lines(4), ["one", "", "two\r", "\u{e9}"]);
    bench.append("a.log", b"bad \xff\n");
    run.lines(5);
    let label = metrics::of(&Topic::new("t").unwrap());
    // What was handed on is counted when it is gone.
    run.stop();
    assert_eq!(bench.metrics.lines_invalid_utf8.get_or_create(&label).get(), 1);
    assert_eq!(bench.metrics.lines_read.get_or_create(&label).get(), 5);
}

#[test]
fn a_missing_file_and_missing_directories_are_waited_for() {
    let bench = Bench::new();
    let mut run = bench.start(&[bench.task("x/y/a.log"), bench.task("z/**/b.log")]);
    run.wait_for("no file", <[_]>::is_empty);
    std::fs::create_dir_all(bench.path("x/y")).unwrap();
    bench.append("x/y/a.log", "one\n");
    run.lines(1);
    std::fs::create_dir_all(bench.path("z/deep/er")).unwrap();
    bench.append("z/deep/er/b.log", "two\n");
    assert_eq!(run.lines(2), ["one", "two"]);
}

#[test]
fn a_new_line_in_an_idle_file_is_seen_soon() {
    let bench = Bench::new();
    for n in 0..200 {
        bench.append(&format!("{n}.log"), "");
    }
    let mut run = bench.start(&[bench.task("*.log")]);
    run.wait_for("all files", |files| files.len() == 200);
    let began = Instant::now();
    bench.append("77.log", "here\n");
    run.lines(1);
    // The next search through everything would come after ten seconds.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn polling_finds_what_the_system_does_not_tell_of() {
    let bench = Bench::new();
    let mut run = bench.start(&[Task { poll: true, ..bench.task("*.log") }]);
    bench.append("a.log", "one\n");
    run.lines(1);
    bench.append("a.log", "two\n");
    run.lines(2);
    bench.rename("a.log", "a.1");
    bench.append("a.log", "three\n");
    assert_eq!(run.lines(3), ["one", "two", "three"]);
}

#[test]
fn start_at_the_end_skips_what_was_there_and_nothing_that_comes() {
    let bench = Bench::new();
    let task = Task { start_at: StartAt::End, ..bench.task("*.log") };
    bench.append("old.log", "before\nbegun ");
    let mut run = bench.start(std::slice::from_ref(&task));
    run.wait_for("the old file", |files| files.len() == 1);
    bench.append("old.log", "after\n");
    bench.append("new.log", "new\n");
    let mut texts = run.lines(2);
    texts.sort();
    assert_eq!(texts, ["begun after", "new"]);
    run.stop();
    // What appears while nobody reads is new, too.
    bench.append("later.log", "later\n");
    bench.append("old.log", "more\n");
    let mut run = bench.start(&[task]);
    let mut texts = run.lines(2);
    texts.sort();
    assert_eq!(texts, ["later", "more"]);
}

#[test]
fn a_file_that_was_skipped_stays_skipped_over_a_restart() {
    let bench = Bench::new();
    let task = Task { start_at: StartAt::End, ..bench.task("a.log") };
    bench.append("a.log", "before\n");
    let mut run = bench.start(std::slice::from_ref(&task));
    run.wait_for("the file", |files| files.len() == 1 && files[0].uid.is_some());
    run.stop();
    bench.append("a.log", "meanwhile\n");
    let mut run = bench.start(&[task]);
    assert_eq!(run.lines(1), ["meanwhile"]);
}

#[test]
fn two_topics_read_one_file_with_two_identities() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let other = Task { topic: Topic::new("other").unwrap(), ..bench.task("a.log") };
    let mut run = bench.start(&[bench.task("a.log"), other]);
    run.lines(2);
    assert_ne!(run.got[0].id.file(), run.got[1].id.file());
}

#[test]
fn two_tasks_of_one_topic_read_one_file_once() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log"), bench.task("*.log")]);
    run.lines(1);
    bench.append("a.log", "two\n");
    assert_eq!(run.lines(2), ["one", "two"]);
}

#[test]
fn tasks_are_added_removed_and_brought_back() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[]);
    run.wait_for("no file", <[_]>::is_empty);
    run.set_tasks(&[bench.task("a.log")]);
    run.lines(1);
    run.set_tasks(&[]);
    run.wait_for("the file to be let go", <[_]>::is_empty);
    bench.append("a.log", "two\n");
    run.set_tasks(&[bench.task("*.log")]);
    assert_eq!(run.lines(2), ["one", "two"], "what was read by one task is not read again by another");
}

#[test]
fn lines_under_way_when_their_task_goes_are_acknowledged_afterwards() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(1);
    run.set_tasks(&[]);
    run.wait_for("the file to be left", |files| files.len() == 1 && !files[0].is_named);
    run.set_tasks(&[bench.task("*.log")]);
    run.wait_for("the file to be taken up again", |files| files.len() == 1 && files[0].is_named);
    run.complete();
    run.wait_for("the acknowledgement", |files| files[0].acknowledged_bytes == 4);
    bench.append("a.log", "two\n");
    assert_eq!(run.lines(2), ["one", "two"]);
}

#[test]
fn a_file_deleted_while_its_task_was_gone_and_lines_were_under_way_is_read_to_its_end() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(1);
    run.set_tasks(&[]);
    run.wait_for("the file to be left", |files| files.len() == 1 && !files[0].is_named);
    bench.append("a.log", "two\n");
    std::fs::remove_file(bench.path("a.log")).unwrap();
    run.set_tasks(&[bench.task("a.log")]);
    assert_eq!(run.lines(2), ["one", "two"]);
    run.wait_for("the deleted file to be let go", <[_]>::is_empty);
}

#[test]
fn a_file_excluded_by_a_changed_task_is_let_go() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    bench.append("b.log", "two\n");
    let mut run = bench.start(&[bench.task("*.log")]);
    run.lines(2);
    run.set_tasks(&[Task { exclude: vec!["b.*".into()], ..bench.task("*.log") }]);
    run.wait_for("the excluded file to be let go", |files| files.len() == 1 && files[0].path.ends_with("a.log"));
}

#[test]
fn an_excluded_file_with_lines_under_way_is_not_read_further_when_the_tasks_change_again() {
    let bench = Bench::new();
    bench.append("b.log", "one\n");
    let mut run = bench.start(&[bench.task("*.log")]);
    run.hold(1);
    let excluding = Task { exclude: vec!["b.*".into()], ..bench.task("*.log") };
    run.set_tasks(std::slice::from_ref(&excluding));
    run.wait_for("the file to be left", |files| files.len() == 1 && !files[0].is_named);
    bench.append("b.log", "two\n");
    run.set_tasks(&[Task { line_bytes_max: 1000, ..excluding }]);
    run.complete();
    run.wait_for("the excluded file to be let go", <[_]>::is_empty);
    assert_eq!(run.texts(), ["one"]);
}

#[test]
fn a_line_longer_than_a_batch_is_a_batch_alone_and_one_over_the_limit_is_cut() {
    let mut bench = Bench::new();
    bench.settings.batch_bytes_max = 1000;
    let task = Task { line_bytes_max: 50_000, ..bench.task("a.log") };
    let long = "x".repeat(50_000);
    bench.append("a.log", format!("short\n{long}\n{long}yz\nshort\n"));
    let mut run = bench.start(&[task]);
    let texts = run.lines(5);
    assert_eq!(
        [texts[0].len(), texts[1].len(), texts[2].len(), texts[3].len(), texts[4].len()],
        [5, 50_000, 50_000, 2, 5]
    );
    assert!(run.got[2].has(LineFlags::CUT) && run.got[3].has(LineFlags::CUT) && !run.got[1].has(LineFlags::CUT));
    run.stop();
    let label = metrics::of(&Topic::new("t").unwrap());
    assert_eq!(bench.metrics.lines_cut.get_or_create(&label).get(), 2);
}

#[test]
fn a_topic_without_room_stops_alone() {
    let mut bench = Bench::new();
    bench.budget_bytes = 1;
    bench.settings.batch_lines_max = 1;
    bench.append("a.log", format!("{}\n", "a".repeat(200_000)).repeat(4));
    bench.append("b.log", "other\n");
    let other = Task { topic: Topic::new("other").unwrap(), ..bench.task("b.log") };
    let mut run = bench.start(&[bench.task("a.log"), other]);
    while !run.texts().contains(&"other".to_owned()) {
        assert!(run.take(super::harness::DEADLINE));
    }
    assert!(run.got.len() < 5, "the first topic's budget holds it back");
    assert_eq!(run.drained(5).len(), 5);
}

#[test]
fn idle_files_beyond_the_limit_are_closed_and_opened_again() {
    let mut bench = Bench::new();
    bench.settings.open_files_max = Some(4);
    for n in 0..20 {
        bench.append(&format!("{n}.log"), format!("first {n}\n"));
    }
    let mut run = bench.start(&[bench.task("*.log")]);
    run.lines(20);
    for n in 0..20 {
        bench.append(&format!("{n}.log"), format!("second {n}\n"));
    }
    run.lines(40);
    bench.append("x.log", "last\n");
    run.lines(41);
    run.wait_for("all files", |files| files.len() == 21 && files.iter().all(|file| file.lag_bytes() == 0));
}

#[test]
fn what_is_gone_for_long_is_forgotten() {
    let mut bench = Bench::new();
    bench.settings.forget_after = Duration::from_millis(50);
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(1);
    run.stop();
    std::fs::remove_file(bench.path("a.log")).unwrap();
    let run = bench.start(&[bench.task("a.log")]);
    let until = Instant::now() + super::harness::DEADLINE;
    let journal = || std::fs::read(bench.state.join("journal")).unwrap();
    let mut known = usize::MAX;
    while known > 0 {
        assert!(Instant::now() < until);
        let mut all = crate::state::known::Known::default();
        crate::state::journal::replay(&journal(), |record| all.apply(&record));
        known = all.files().count();
        std::thread::yield_now();
    }
    run.stop();
}
