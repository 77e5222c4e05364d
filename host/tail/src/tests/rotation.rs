//! Every way in which a log is rotated.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use collector_model::{Topic, metrics};

use super::{
    doubles::WatchedDisk,
    harness::{Bench, DEADLINE, Got, by_id},
};
use crate::gunzip::tests::packed;

#[test]
fn a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_beginning() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(1);
    bench.append("a.log", "two\n");
    bench.rename("a.log", "a.log.1");
    bench.append("a.log.1", "three\n");
    bench.append("a.log", "four\n");
    let mut texts = run.lines(4);
    texts.sort();
    assert_eq!(texts, ["four", "one", "three", "two"]);
    assert!(run.got.iter().all(|got| got.path.ends_with("a.log")), "lines carry the path of the task");
}

#[test]
fn a_rotated_file_is_closed_after_the_grace() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(1);
    bench.rename("a.log", "a.log.1");
    bench.append("a.log", "two\n");
    run.lines(2);
    run.wait_for("the rotated file to be closed", |files| files.len() == 1 && files[0].is_named);
}

#[test]
fn a_renamed_file_that_still_matches_is_the_same_file() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log*")]);
    run.lines(1);
    bench.rename("a.log", "a.log.1");
    bench.append("a.log.1", "two\n");
    bench.append("a.log", "three\n");
    let mut texts = run.lines(3);
    texts.sort();
    assert_eq!(texts, ["one", "three", "two"]);
    run.wait_for("both files", |files| files.len() == 2 && files.iter().all(|file| file.is_named));
}

#[test]
fn a_truncated_file_begins_anew_with_another_identity() {
    let bench = Bench::new();
    bench.append("a.log", "one\ntwo\nthree\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(3);
    bench.truncate("a.log");
    bench.append("a.log", "one\n");
    assert_eq!(run.lines(4)[3], "one");
    assert_ne!(run.got[0].id, run.got[3].id);
}

#[test]
fn a_file_truncated_and_regrown_past_the_offset_is_noticed() {
    let bench = Bench::new();
    bench.append("a.log", "first 1\nfirst 2\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(2);
    // Written over in one step, so that it is never seen shorter than it was.
    std::fs::write(bench.path("new"), "second 1\nsecond 2\nsecond 3\n").unwrap();
    std::fs::copy(bench.path("new"), bench.path("a.log")).unwrap();
    assert_eq!(run.lines(5)[2..], ["second 1", "second 2", "second 3"]);
}

#[test]
fn bytes_that_were_seen_and_cut_off_unread_are_counted() {
    let mut bench = Bench::new();
    bench.budget_bytes = 1;
    bench.settings.batch_lines_max = 1;
    bench.append("a.log", "one\ntwo\nthree\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(1);
    run.wait_for_size(14);
    bench.truncate("a.log");
    run.complete();
    run.wait_for("the truncation", |files| files.iter().all(|file| file.size_bytes == 0));
    let lost = bench.metrics.file_bytes_lost.get_or_create(&metrics::of(&Topic::new("t").unwrap())).get();
    assert!(lost >= 6, "{lost}");
}

#[test]
fn a_hard_link_is_read_once() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    std::fs::hard_link(bench.path("a.log"), bench.path("b.log")).unwrap();
    let mut run = bench.start(&[bench.task("*.log")]);
    run.lines(1);
    bench.append("b.log", "two\n");
    run.lines(2);
}

#[test]
fn a_rename_across_watched_directories_is_read_once() {
    let bench = Bench::new();
    for dir in ["x", "y"] {
        std::fs::create_dir(bench.path(dir)).unwrap();
    }
    bench.append("x/a.log", "one\n");
    let mut run = bench.start(&[bench.task("x/*.log"), bench.task("y/*.log")]);
    run.lines(1);
    bench.rename("x/a.log", "y/b.log");
    bench.append("y/b.log", "two\n");
    assert_eq!(run.lines(2), ["one", "two"]);
    run.wait_for("the new path", |files| files.len() == 1 && files[0].path.ends_with("y/b.log"));
}

#[test]
fn a_symbolic_link_is_followed_and_may_be_swapped() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("real")).unwrap();
    bench.append("real/1", "one\n");
    bench.append("real/2", "two\n");
    std::os::unix::fs::symlink(bench.path("real/1"), bench.path("now.log")).unwrap();
    let mut run = bench.start(&[bench.task("now.log")]);
    run.lines(1);
    bench.append("real/1", "more\n");
    run.lines(2);
    std::os::unix::fs::symlink(bench.path("real/2"), bench.path("next")).unwrap();
    bench.rename("next", "now.log");
    assert_eq!(run.lines(3), ["one", "more", "two"]);
}

#[test]
fn a_rotation_while_nobody_reads_loses_nothing() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(1);
    run.stop();
    bench.append("a.log", "two\n");
    bench.rename("a.log", "a.log.1");
    bench.append("a.log", "three\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    let mut texts = run.lines(2);
    texts.sort();
    assert_eq!(texts, ["three", "two"]);
}

#[test]
fn three_rotations_while_nobody_reads_lose_nothing() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(1);
    run.stop();
    bench.append("a.log", "1 rest\n");
    for round in 2..=4 {
        for n in (1..4).rev().filter(|n| bench.path(&format!("a.log.{n}")).exists()) {
            bench.rename(&format!("a.log.{n}"), &format!("a.log.{}", n + 1));
        }
        bench.rename("a.log", "a.log.1");
        bench.append("a.log", format!("{round} all\n"));
    }
    bench.append("a.log.bak", "a copy that somebody made\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    let mut texts = run.lines(4);
    texts.sort();
    assert_eq!(texts, ["1 rest", "2 all", "3 all", "4 all"]);
    assert!(run.got.iter().all(|got| got.path.ends_with("a.log")));
    // And once only.
    run.stop();
    let mut run = bench.start(&[bench.task("a.log")]);
    bench.append("a.log", "5\n");
    assert_eq!(run.lines(1), ["5"]);
}

#[test]
fn a_truncation_while_nobody_reads_is_noticed() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(1);
    let first = run.stop();
    bench.truncate("a.log");
    bench.append("a.log", "two and more\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    assert_eq!(run.lines(1), ["two and more"]);
    assert_ne!(run.got[0].id.file(), first[0].id.file());
}

#[test]
fn compressed_files_are_not_read() {
    let bench = Bench::new();
    bench.append("a.log.1.gz", b"\x1f\x8b\x08\x00binary\nbinary\n");
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log*")]);
    assert_eq!(run.lines(1), ["one"]);
    assert_eq!(run.handle().files().len(), 1);
}

#[test]
fn a_file_that_shows_only_after_it_was_found_that_it_is_compressed_is_not_read() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    bench.append("a.log.1.gz", "");
    let mut run = bench.start(&[bench.task("a.log*")]);
    assert_eq!(run.lines(1), ["one"]);
    run.wait_for("both files to be found", |files| files.len() == 2);
    bench.append("a.log.1.gz", b"\x1f\x8b\x08\x00binary\nbinary\n");
    run.wait_for("the compressed one to be let go", |files| files.len() == 1);
    bench.append("a.log", "two\n");
    assert_eq!(run.lines(2), ["one", "two"]);
    let lost = bench.metrics.file_bytes_lost.get_or_create(&metrics::of(&Topic::new("t").unwrap())).get();
    assert_eq!(lost, 0, "it was never a file of lines");
}

#[test]
fn a_file_compressed_before_it_was_read_to_its_end_is_continued_with_the_ids_it_would_have_had() {
    let text: String = (0..3000).map(|n| format!("line {n}\n")).collect();
    let (read, rest) = text.split_at(text.find("line 1000\n").unwrap());
    let plain = Bench::new();
    let crashed_at = |bench: &Bench| {
        bench.append("a.log", read);
        let mut run = bench.start(&[bench.task("a.log")]);
        run.lines(1000);
        bench.wait_for_checkpoint(read.len() as u64);
        bench.append("a.log", rest);
        run.hold(3000);
        // The last lines were sent, and never acknowledged.
        run.crash()
    };
    let first = crashed_at(&plain);
    compress(&plain, "a.log", "a.log.1.gz");
    plain.append("a.log", "new\n");
    let mut run = plain.start(&[plain.task("a.log")]);
    run.hold(2001);
    assert_eq!(by_id(&[&first, &run.got]).len(), 3001, "no line has two ids");
    assert!(run.got.iter().all(|got| got.path.ends_with("a.log")), "lines carry the path of the task");
    run.complete();
    run.wait_for("the compressed file to be closed", |files| files.len() == 1 && files[0].is_named);
    run.stop();
    let mut run = plain.start(&[plain.task("a.log")]);
    plain.append("a.log", "newer\n");
    assert_eq!(run.lines(1), ["newer"], "and once only");
}

#[test]
fn a_crash_while_a_compressed_file_is_read_continues_in_it() {
    let mut bench = Bench::new();
    bench.settings.batch_lines_max = 100;
    let text: String = (0..1000).map(|n| format!("line {n}\n")).collect();
    bench.append("a.log", "line 0\n");
    let mut run = bench.start(&[bench.task("a.log*")]);
    run.lines(1);
    bench.wait_for_checkpoint(7);
    let mut runs = vec![run.crash()];
    bench.append("a.log", &text[7..]);
    compress(&bench, "a.log", "a.log.1.gz");
    let mut run = bench.start(&[bench.task("a.log*")]);
    run.drained(401);
    runs.push(run.crash());
    let mut run = bench.start(&[bench.task("a.log*")]);
    let until = |got: &[Got]| got.last().is_some_and(|got| got.text == "line 999");
    while !until(&run.got) {
        assert!(run.take(DEADLINE));
        run.complete();
    }
    runs.push(run.crash());
    assert_eq!(by_id(&runs.iter().map(Vec::as_slice).collect::<Vec<_>>()).len(), 1000);
}

#[test]
fn three_rotations_two_of_them_compressed_while_nobody_reads_lose_nothing() {
    let bench = Bench::new();
    crash_after_a_line(&bench, "a.log");
    bench.append("a.log", "1 rest");
    compress(&bench, "a.log", "a.log.3.gz");
    bench.append("a.log", "2 all\n");
    compress(&bench, "a.log", "a.log.2.gz");
    bench.append("a.log", "3 all\n");
    bench.rename("a.log", "a.log.1");
    bench.append("a.log", "4 all\n");
    // Older than what is known, and a copy that is just being made.
    bench.append("a.log.4.gz", packed(b"0 all\n"));
    set_changed(&bench, "a.log.4.gz", std::time::SystemTime::UNIX_EPOCH);
    bench.append("a.log.1.gz", packed(b"3 a"));
    let mut run = bench.start(&[bench.task("a.log")]);
    let mut texts = run.lines(4);
    texts.sort();
    assert_eq!(texts, ["1 rest", "2 all", "3 all", "4 all"]);
    run.wait_for("the rotated files to be closed", |files| files.len() == 1);
    run.stop();
    let mut run = bench.start(&[bench.task("a.log")]);
    bench.append("a.log", "5\n");
    assert_eq!(run.lines(1), ["5"]);
}

#[test]
fn what_came_and_was_compressed_while_nobody_read_is_found_beside_a_known_file_that_was_not() {
    for pattern in ["a.log", "a.log*"] {
        let bench = Bench::new();
        crash_after_a_line(&bench, pattern);
        bench.append("a.log", "1 rest\n");
        bench.rename("a.log", "a.log.1");
        bench.append("a.log", "2 all\n");
        compress(&bench, "a.log", "a.log.2.gz");
        bench.append("a.log", "3 all\n");
        // Older than what is known, and a copy that is just being made.
        bench.append("a.log.4.gz", packed(b"0 all\n"));
        set_changed(&bench, "a.log.4.gz", std::time::SystemTime::UNIX_EPOCH);
        bench.append("a.log.1.gz", packed(b"one\n1 r"));
        let mut run = bench.start(&[bench.task(pattern)]);
        let mut texts = run.lines(3);
        texts.sort();
        assert_eq!(texts, ["1 rest", "2 all", "3 all"], "{pattern}");
        run.wait_for("the compressed file to be closed", |files| files.iter().all(|file| file.is_named));
        run.stop();
        let mut run = bench.start(&[bench.task(pattern)]);
        bench.append("a.log", "4\n");
        assert_eq!(run.lines(1), ["4"], "{pattern}: and once only");
    }
}

#[test]
fn a_file_that_was_read_compressed_and_deleted_is_no_stranger_after_a_restart() {
    let bench = Bench::new();
    crash_after_a_line(&bench, "a.log");
    bench.append("a.log", "1 rest\n");
    compress(&bench, "a.log", "a.log.1.gz");
    bench.append("a.log", "2\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    let mut texts = run.lines(2);
    texts.sort();
    assert_eq!(texts, ["1 rest", "2"]);
    for line in [3, 4] {
        compress(&bench, "a.log", &format!("a.log.{line}.gz"));
        bench.append("a.log", format!("{line}\n"));
        assert_eq!(run.lines(line).last().cloned(), Some(line.to_string()));
        run.wait_for("the deleted file to be closed", |files| files.len() == 1 && files[0].acknowledged_bytes == 2);
    }
    run.stop();
    bench.append("a.log", "5\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    assert_eq!(run.lines(1), ["5"]);
    run.wait_for("what was looked for to be read", |files| files.len() == 1);
    bench.append("a.log", "6\n");
    assert_eq!(run.lines(2), ["5", "6"]);
}

#[test]
fn while_files_are_watched_no_compressed_one_beside_them_is_new() {
    let bench = Bench::new();
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.lines(1);
    bench.append("a.log.9.gz", packed(b"brought back from an archive\n"));
    bench.rename("a.log", "a.log.1");
    bench.append("a.log", "two\n");
    assert_eq!(run.lines(2), ["one", "two"]);
    run.wait_for("the rotated file to be closed", |files| files.len() == 1);
    bench.append("a.log", "three\n");
    assert_eq!(run.lines(3), ["one", "two", "three"]);
}

#[test]
fn a_rotated_file_that_was_read_under_its_own_name_is_no_stranger_once_it_is_compressed() {
    let bench = Bench::new();
    crash_after_a_line(&bench, "a.log*");
    bench.append("a.log", "1 rest\n");
    compress(&bench, "a.log", "a.log.1.gz");
    // Never seen as `a.log`: it has the name by which the task finds it.
    bench.append("a.log.2", "2 all\n");
    bench.append("a.log", "3\n");
    let mut run = bench.start(&[bench.task("a.log*")]);
    let mut texts = run.lines(3);
    texts.sort();
    assert_eq!(texts, ["1 rest", "2 all", "3"]);
    bench.wait_for_checkpoint(6);
    run.crash();
    // The next one that is looked for is older than the compressed copy of what was read.
    bench.append("a.log", "3 rest\n");
    compress(&bench, "a.log", "a.log.3.gz");
    compress(&bench, "a.log.2", "a.log.2.gz");
    set_changed(&bench, "a.log.2.gz", std::time::SystemTime::now() + Duration::from_secs(60));
    bench.append("a.log", "4\n");
    let mut run = bench.start(&[bench.task("a.log*")]);
    let mut texts = run.lines(2);
    texts.sort();
    assert_eq!(texts, ["3 rest", "4"], "and nothing twice");
    bench.append("a.log", "5\n");
    assert_eq!(run.lines(3).last().map(String::as_str), Some("5"));
}

/// A line of `a.log` is read and acknowledged, then whoever reads is killed.
fn crash_after_a_line(bench: &Bench, pattern: &str) {
    bench.append("a.log", "one\n");
    let mut run = bench.start(&[bench.task(pattern)]);
    run.lines(1);
    bench.wait_for_checkpoint(4);
    run.crash();
}

/// Compresses a file as logrotate does: the copy keeps the time of the last change.
pub(super) fn compress(bench: &Bench, from: &str, to: &str) {
    let changed = std::fs::metadata(bench.path(from)).unwrap().modified().unwrap();
    bench.append(to, packed(&std::fs::read(bench.path(from)).unwrap()));
    set_changed(bench, to, changed);
    std::fs::remove_file(bench.path(from)).unwrap();
}

fn set_changed(bench: &Bench, name: &str, at: std::time::SystemTime) {
    std::fs::File::options().write(true).open(bench.path(name)).unwrap().set_modified(at).unwrap();
}

#[test]
fn for_thousands_of_files_that_are_gone_a_directory_is_listed_once() {
    const FILES: usize = 2_000;
    let mut bench = Bench::new();
    let name = |n: usize| format!("f{n}.log");
    (0..FILES).for_each(|n| bench.append(&name(n), "line\n"));
    let mut run = bench.start(&[bench.task("*.log")]);
    run.drained(FILES);
    run.stop();
    (0..FILES).for_each(|n| std::fs::remove_file(bench.path(&name(n))).unwrap());
    let disk = WatchedDisk::default();
    bench.disk = Arc::new(disk.clone());
    let run = bench.start(&[bench.task("*.log")]);
    let until = Instant::now() + DEADLINE;
    while disk.listed() == 0 {
        assert!(Instant::now() < until, "nobody looked for what is gone");
        std::thread::yield_now();
    }
    // Whoever looks for compressed copies has done so when everything has ended.
    run.stop();
    assert_eq!(disk.listed(), 2, "once for renamed files, once for compressed ones");
}
