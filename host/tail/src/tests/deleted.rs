//! Files that are deleted before all of their lines were sent.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use collector_model::{Topic, metrics};

use super::{
    doubles::WatchedDisk,
    harness::{Bench, DEADLINE, Run},
    rotation::compress,
};

#[test]
fn a_deleted_file_is_drained() {
    let mut bench = Bench::new();
    bench.settings.batch_lines_max = 1;
    bench.budget_bytes = 1;
    bench.append("a.log", "one\ntwo\nthree");
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(1);
    std::fs::remove_file(bench.path("a.log")).unwrap();
    assert_eq!(run.drained(3), ["one", "two", "three"]);
    run.wait_for("the deleted file to be let go", <[_]>::is_empty);
}

/// A file of 300 lines, of which two batches were read when it was rotated away, with memory for no more, and that is held for a moment
/// once it is deleted.
fn rotated_and_not_acknowledged(bench: &mut Bench) -> Run {
    bench.settings.deleted_hold_max = Duration::from_millis(50);
    bench.budget_bytes = 1;
    bench.append("a.log", (0..300).map(|n| format!("{n:0999}\n")).collect::<String>());
    let mut run = bench.start(&[bench.task("a.log")]);
    run.hold(262);
    bench.rename("a.log", "a.log.1");
    run
}

fn wait_until_none_is_open(disk: &WatchedDisk) {
    let until = Instant::now() + DEADLINE;
    while disk.open_now() > 0 {
        assert!(Instant::now() < until, "{} files are open", disk.open_now());
        std::thread::yield_now();
    }
}

#[test]
fn a_deleted_file_holds_its_space_for_a_limited_time() {
    let (mut bench, disk) = (Bench::new(), WatchedDisk::default());
    bench.disk = Arc::new(disk.clone());
    let mut run = rotated_and_not_acknowledged(&mut bench);
    std::fs::remove_file(bench.path("a.log.1")).unwrap();
    wait_until_none_is_open(&disk);
    run.complete();
    run.wait_for("the deleted file to be given up", <[_]>::is_empty);
    let lost = bench.metrics.file_bytes_lost.get_or_create(&metrics::of(&Topic::new("t").unwrap())).get();
    // What was in memory was sent.
    assert_eq!((run.got.len(), lost), (262, 38_000));
}

#[test]
fn a_file_that_is_compressed_and_held_for_too_long_is_read_on_in_its_compressed_form() {
    let (mut bench, disk) = (Bench::new(), WatchedDisk::default());
    bench.disk = Arc::new(disk.clone());
    let mut run = rotated_and_not_acknowledged(&mut bench);
    compress(&bench, "a.log.1", "a.log.1.gz");
    wait_until_none_is_open(&disk);
    bench.append("a.log", "new\n");
    let mut found = run.drained(301);
    found.sort_unstable();
    assert!(found.into_iter().eq((0..300).map(|n| format!("{n:0999}")).chain(["new".to_owned()])));
    assert_eq!(run.stop().len(), 301);
}
