//! What a restart reads again, and under which ids.

use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering},
};

use collector_model::{BucketDay, FileUid, LineFlags};
use parking_lot::Mutex;

use super::harness::{Bench, by_id};
use crate::Coverage;

const DAY_MS: i64 = 86_400_000;

#[test]
fn after_a_crash_exactly_the_unacknowledged_lines_come_again_with_the_same_ids() {
    let mut bench = Bench::new();
    bench.settings.batch_lines_max = 10;
    let text: String = (0..100).map(|n| format!("line {n}\n")).collect();
    bench.append("a.log", &text);
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(100);
    // The third batch stays open: what was completed after it does not count.
    let open = run.open.remove(2);
    run.complete();
    let acknowledged = 20;
    let bytes: u64 = text.lines().take(acknowledged).map(|line| line.len() as u64 + 1).sum();
    run.wait_for("the prefix to count", |files| files[0].acknowledged_bytes == bytes);
    bench.wait_for_checkpoint(bytes);
    let first = run.crash();
    drop(open);
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(100 - acknowledged);
    assert_eq!(run.got, first[acknowledged..]);
    run.complete();
    run.stop();
    bench.append("a.log", "last\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    assert_eq!(run.lines(1), ["last"], "a stop in good order leaves nothing to read again");
}

#[test]
fn a_crash_before_the_first_checkpoint_reads_everything_again_with_the_same_ids() {
    let mut bench = Bench::new();
    bench.settings.checkpoint_interval = std::time::Duration::from_secs(3600);
    bench.append("a.log", "one\ntwo\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(2);
    let first = run.crash();
    let mut run = bench.start(&[bench.task("a.log")]);
    assert_eq!(run.hold(2), first);
}

#[test]
fn a_lost_state_directory_gives_a_file_of_the_same_beginning_other_ids_for_the_agent_is_another() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(1);
    let first = run.crash();
    std::fs::remove_dir_all(&bench.state).unwrap();
    let mut run = bench.start(&[bench.task("a.log")]);
    assert_ne!(run.hold(1)[0].id, first[0].id);
}

#[test]
fn lines_given_up_on_their_way_are_read_again() {
    let bench = Bench::new();
    bench.append("a.log", "one\ntwo\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(2);
    let first = run.got.clone();
    run.open.clear();
    run.hold(4);
    assert_eq!(run.got[2..], first);
    run.complete();
    run.wait_for("the acknowledgement", |files| files[0].acknowledged_bytes == 8);
}

#[test]
fn an_unfinished_line_waits_then_goes_and_what_follows_is_another_line() {
    let bench = Bench::new();
    let task = collector_tasks::Task { flush_after: std::time::Duration::from_millis(30), ..bench.task("a.log") };
    bench.append("a.log", "one\nhalf");
    let mut run = bench.start(std::slice::from_ref(&task));
    assert_eq!(run.hold(2)[1].text, "half");
    assert!(run.got[1].has(LineFlags::UNFINISHED) && !run.got[0].has(LineFlags::UNFINISHED));
    bench.append("a.log", " rest\nnext\n");
    assert_eq!(run.hold(4)[2].text, " rest");
    let first = run.crash();
    // A replay finds the whole line there, and still cuts it where it was cut.
    let mut run = bench.start(&[task]);
    assert_eq!(run.hold(4), first);
}

#[test]
fn the_newline_of_a_line_that_was_sent_without_it_is_no_line() {
    let bench = Bench::new();
    let task = collector_tasks::Task { flush_after: std::time::Duration::from_millis(10), ..bench.task("a.log") };
    bench.append("a.log", "half");
    let mut run = bench.start(&[task]);
    run.lines(1);
    bench.append("a.log", "\n");
    run.wait_for("the newline to be acknowledged", |files| files[0].acknowledged_bytes == 5);
    bench.append("a.log", "next\n");
    assert_eq!(run.lines(2), ["half", "next"]);
}

#[test]
fn a_replay_on_another_day_keeps_the_day_and_new_lines_get_the_new_one() {
    let bench = Bench::new();
    let first_day = BucketDay::from_unix_ms(bench.now_ms.load(Ordering::Relaxed));
    let line = "x".repeat(70 << 10);
    bench.append("a.log", format!("{line}\n{line}\n"));
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(2);
    let first = run.crash();
    bench.now_ms.fetch_add(DAY_MS, Ordering::Relaxed);
    let mut run = bench.start(&[bench.task("a.log")]);
    assert_eq!(run.hold(2), first);
    // While running, the day changes at the line that is first read on it.
    bench.now_ms.fetch_add(DAY_MS, Ordering::Relaxed);
    run.complete();
    bench.append("a.log", format!("{line}\n{line}\n"));
    run.hold(4);
    bench.now_ms.fetch_add(DAY_MS, Ordering::Relaxed);
    bench.append("a.log", "fifth\n");
    run.hold(5);
    let days: Vec<_> = run.got.iter().map(|got| got.id.day().days() - first_day.days()).collect();
    assert_eq!(days[..2], [0, 0]);
    assert_eq!(days[4], 3);
    let second = run.crash();
    let mut run = bench.start(&[bench.task("a.log")]);
    while !by_id(&[&run.got]).contains_key(&second[4].id) {
        assert!(run.take(super::harness::DEADLINE));
    }
    assert_eq!(by_id(&[&first, &second, &run.got]).len(), 5);
}

#[test]
fn after_a_stop_in_good_order_lines_belong_to_the_day_on_which_they_are_read() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(1);
    let first = run.stop();
    bench.append("a.log", "two\n");
    bench.now_ms.fetch_add(DAY_MS, Ordering::Relaxed);
    let mut run = bench.start(&[bench.task("a.log")]);
    assert_eq!(run.hold(1)[0].id.day().days(), first[0].id.day().days() + 1);
    assert_eq!(run.got[0].id.file(), first[0].id.file());
}

#[test]
fn another_limit_cuts_only_lines_that_were_not_sent_before() {
    let bench = Bench::new();
    let short = collector_tasks::Task { line_bytes_max: 4, ..bench.task("a.log") };
    bench.append("a.log", "abcdefgh\n");
    let mut run = bench.start(std::slice::from_ref(&short));
    run.hold(2);
    let first = run.crash();
    let long = collector_tasks::Task { line_bytes_max: 6, ..short };
    let mut run = bench.start(std::slice::from_ref(&long));
    assert_eq!(run.hold(2), first);
    run.complete();
    run.stop();
    bench.append("a.log", "abcdefgh\n");
    let mut run = bench.start(&[long]);
    assert_eq!(run.lines(2), ["abcdef", "gh"]);
    assert!(run.got.iter().all(|got| got.has(LineFlags::CUT)));
}

#[derive(Default)]
struct Covered(Mutex<Option<(FileUid, BucketDay, Range<u64>)>>);

impl Coverage for Covered {
    fn covered(&self, uid: FileUid, day: BucketDay, from: u64) -> Option<u64> {
        let covered = self.0.lock().clone();
        covered.filter(|known| (known.0, known.1) == (uid, day) && known.2.contains(&from)).map(|known| known.2.end)
    }
}

#[test]
fn a_file_goes_on_after_what_the_index_has() {
    let mut bench = Bench::new();
    let covered = Arc::new(Covered::default());
    bench.coverage = Arc::clone(&covered) as Arc<dyn Coverage>;
    bench.append("a.log", "one\ntwo\nthree\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(3);
    let first = run.crash();
    *covered.0.lock() = Some((first[0].id.file().unwrap(), first[0].id.day(), 0..8));
    let mut run = bench.start(&[bench.task("a.log")]);
    assert_eq!(run.hold(1), &first[2..]);
}

#[test]
fn a_line_that_ends_behind_where_the_next_day_begins_is_not_read_again_from_there() {
    let mut bench = Bench::new();
    let covered = Arc::new(Covered::default());
    bench.coverage = Arc::clone(&covered) as Arc<dyn Coverage>;
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(1);
    run.crash();
    // Half of a line is there when another day begins: bytes up to there may have been sent on the day before.
    bench.append("a.log", "two");
    bench.now_ms.fetch_add(DAY_MS, Ordering::Relaxed);
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(1);
    bench.append("a.log", " and more\nthree\n");
    run.hold(3);
    let sent = run.crash();
    assert_eq!(sent[0].id.day(), sent[1].id.day());
    assert_ne!(sent[1].id.day(), sent[2].id.day());
    *covered.0.lock() = Some((sent[0].id.file().unwrap(), sent[0].id.day(), 0..17));
    let mut run = bench.start(&[bench.task("a.log")]);
    assert_eq!(run.hold(1), &sent[2..]);
}

#[test]
fn a_damaged_checkpoint_costs_repetition_only() {
    let bench = Bench::new();
    bench.append("a.log", "one\ntwo\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(2);
    let first = run.stop();
    std::fs::write(bench.state.join("checkpoint"), "torn").unwrap();
    let mut run = bench.start(&[bench.task("a.log")]);
    assert_eq!(run.hold(2), first);
}
