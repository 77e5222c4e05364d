//! Files that are written anew, or fail, in the middle of being looked at: what was known of one content is never taken for
//! known of another. Each of these was a line lost or doubled in a schedule of the simulator.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use collector_model::{Batch, FileUid};

use super::{
    doubles::WatchedDisk,
    stepwise::{Stepwise, write},
};
use crate::{TailSettings, pattern::tests::task};

const OLD: &str = "old 1\nold 2\n";
const NEW: &str = "new 1\nnew 2\nnew 3\nnew 4\n";

/// First words of the lines of each file.
type Contents = BTreeMap<FileUid, String>;

fn enter(batches: &[Batch], contents: &mut Contents) {
    for batch in batches {
        for line in &batch.lines {
            let word = String::from_utf8_lossy(&batch.raw_of(line)[..3]).into_owned();
            let known = contents.entry(line.id.file().unwrap()).or_default();
            if !known.contains(&word) {
                known.push_str(&word);
            }
        }
    }
}

/// A first life that reads the old content (and has it acknowledged or not), and a second one in which the file is written anew
/// just before one of its calls. Answers whether there were as many calls.
fn written_anew_before(call: usize, is_acknowledged: bool) -> bool {
    let (dir, disk) = (tempfile::tempdir().unwrap(), WatchedDisk::default());
    let path = dir.path().join("a.log");
    let tasks = [task(path.to_str().unwrap(), "t")];
    write(&path, OLD);
    let mut first = Stepwise::start(dir.path(), &disk);
    first.tasks(&tasks);
    let (sent, mut contents) = (first.take(), Contents::new());
    enter(&sent, &mut contents);
    if is_acknowledged {
        sent.into_iter().for_each(|batch| batch.ticket.complete());
        first.leave();
    }
    write(&path, "old 3\n");
    let mut second = Stepwise::start(dir.path(), &disk);
    disk.meddle_before(call, move || std::fs::write(&path, NEW).unwrap());
    second.tasks(&tasks);
    (0..3).for_each(|_| second.look(&tasks));
    enter(&second.take(), &mut contents);
    let mixed = contents.values().any(|words| words.len() > 3);
    assert!(!mixed, "before call {call}, acknowledged {is_acknowledged}: {contents:?}");
    let reached = disk.has_meddled();
    assert!(!reached || contents.values().any(|words| words == "new"), "before call {call}: {contents:?}");
    reached
}

#[test]
fn a_file_written_anew_at_any_moment_is_not_taken_for_what_it_was() {
    for is_acknowledged in [true, false] {
        let calls = (0..).take_while(|&call| written_anew_before(call, is_acknowledged)).count();
        assert!(calls > 10, "{calls} calls were met");
    }
}

#[test]
fn a_file_that_was_renamed_and_cannot_be_looked_at_is_not_taken_for_a_deleted_one() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), WatchedDisk::default());
    let (path, renamed) = (dir.path().join("a.log"), dir.path().join("a.log.1"));
    let tasks = [task(path.to_str().unwrap(), "t")];
    write(&path, OLD);
    let mut tail = Stepwise::start(dir.path(), &disk);
    tail.tasks(&tasks);
    tail.take().into_iter().for_each(|batch| batch.ticket.complete());
    std::fs::rename(&path, &renamed).unwrap();
    disk.reading_fails.store(true, Ordering::Relaxed);
    tail.look(&tasks);
    disk.reading_fails.store(false, Ordering::Relaxed);
    std::fs::rename(&renamed, &path).unwrap();
    (0..2).for_each(|_| tail.look(&tasks));
    assert_eq!(Stepwise::texts(&tail.take()), "", "it is read a second time");
}

#[test]
fn a_file_without_a_name_that_can_never_be_looked_at_again_is_let_go_and_goes_on_should_it_come_back() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), WatchedDisk::default());
    let (path, renamed) = (dir.path().join("a.log"), dir.path().join("a.log.1"));
    let tasks = [task(path.to_str().unwrap(), "t")];
    write(&path, OLD);
    let mut tail = Stepwise::start_with(|settings| settings.deleted_hold_max = Duration::ZERO, dir.path(), &disk);
    tail.tasks(&tasks);
    tail.take().into_iter().for_each(|batch| batch.ticket.complete());
    std::fs::rename(&path, &renamed).unwrap();
    disk.reading_fails.store(true, Ordering::Relaxed);
    tail.look(&tasks);
    assert_eq!(tail.followed(), 0);
    disk.reading_fails.store(false, Ordering::Relaxed);
    std::fs::rename(&renamed, &path).unwrap();
    write(&path, "old 3\n");
    (0..2).for_each(|_| tail.look(&tasks));
    assert_eq!(Stepwise::texts(&tail.take()), "old 3");
}

#[test]
fn a_file_without_a_name_that_grew_after_its_lines_were_given_up_waits_without_haste() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), WatchedDisk::default());
    let (path, renamed) = (dir.path().join("a.log"), dir.path().join("a.log.1"));
    let tasks = [task(path.to_str().unwrap(), "t")];
    write(&path, OLD);
    let patient = |settings: &mut TailSettings| {
        (settings.retry_after, settings.poll_interval) = (Duration::from_secs(3600), Duration::from_secs(3600));
    };
    let mut tail = Stepwise::start_with(patient, dir.path(), &disk);
    tail.tasks(&tasks);
    std::fs::rename(&path, &renamed).unwrap();
    tail.look(&tasks);
    write(&renamed, "old 3\n");
    // Their tickets are dropped, so that they count as lost.
    drop(tail.take());
    disk.meddle_before(10, || {});
    tail.rounds(50);
    assert!(!disk.has_meddled(), "it is looked at in every round");
}

/// A file that was closed (or left by an agent that ended) and then renamed is renamed once more, and so is the one after it, just
/// before one of the calls. Answers whether there were as many calls.
fn rotated_again_before(call: usize, restarts: bool) -> bool {
    let (dir, disk) = (tempfile::tempdir().unwrap(), WatchedDisk::default());
    let at = |name: &str| dir.path().join(name);
    let (path, other) = (at("a.log"), at("b.log"));
    let tasks = [task(path.to_str().unwrap(), "t"), task(other.to_str().unwrap(), "t")];
    write(&path, "one\n");
    write(&other, "other\n");
    let mut tail = Stepwise::start_with(|settings| settings.open_files_max = Some(1), dir.path(), &disk);
    tail.tasks(&tasks);
    tail.take().into_iter().for_each(|batch| batch.ticket.complete());
    if restarts {
        tail.leave();
        tail = Stepwise::start(dir.path(), &disk);
    }
    write(&path, "two\n");
    std::fs::rename(&path, at("a.log.1")).unwrap();
    write(&path, "three\n");
    let (first, second) = (at("a.log.1"), at("a.log.2"));
    disk.meddle_before(call, move || {
        std::fs::rename(&first, second).unwrap();
        std::fs::rename(&path, &first).unwrap();
        write(&path, "four\n");
    });
    tail.tasks(&tasks);
    (0..3).for_each(|_| tail.look(&tasks));
    let reached = disk.has_meddled();
    (0..4).for_each(|_| tail.look(&tasks));
    // What is left of a file elsewhere is found again after a crash only by the path of its task.
    assert!(tail.named().iter().all(|path| path.ends_with("a.log") || path.ends_with("b.log")), "before call {call}");
    let mut lines: Vec<String> = tail.take().iter().map(|batch| Stepwise::texts(std::slice::from_ref(batch))).collect();
    lines.sort();
    let wanted = if reached { &["four", "three", "two"][..] } else { &["three", "two"] };
    assert_eq!(lines, wanted, "before call {call}");
    reached
}

#[test]
fn a_closed_file_that_is_rotated_twice_at_any_moment_is_read_to_its_end() {
    for restarts in [false, true] {
        let calls = (0..).take_while(|&call| rotated_again_before(call, restarts)).count();
        assert!(calls > 10, "{calls} calls were met");
    }
}

/// A known file that was not read to its end is opened again, and two calls in a row fail. Then it is rotated away. Answers whether
/// there were as many calls.
fn rotated_after_failed(call: usize) -> bool {
    let (dir, disk) = (tempfile::tempdir().unwrap(), WatchedDisk::default());
    let path = dir.path().join("a.log");
    let tasks = [task(path.to_str().unwrap(), "t")];
    write(&path, "one\n");
    let mut tail = Stepwise::start(dir.path(), &disk);
    tail.tasks(&tasks);
    tail.take().into_iter().for_each(|batch| batch.ticket.complete());
    tail.leave();
    write(&path, "two\n");
    let mut tail = Stepwise::start(dir.path(), &disk);
    disk.fail_calls(call..call + 2);
    tail.tasks(&tasks);
    let reached = disk.have_failed();
    std::fs::rename(&path, dir.path().join("a.log.1")).unwrap();
    write(&path, "three\n");
    (0..4).for_each(|_| tail.look(&tasks));
    let mut lines: Vec<String> = tail.take().iter().map(|batch| Stepwise::texts(std::slice::from_ref(batch))).collect();
    lines.sort();
    assert_eq!(lines, ["three", "two"], "where calls fail from {call} on");
    reached
}

#[test]
fn a_known_file_that_could_not_be_opened_and_was_rotated_away_since_is_read_to_its_end() {
    let calls = (0..).take_while(|&call| rotated_after_failed(call)).count();
    assert!(calls > 5, "{calls} calls were met");
}

/// A file that was closed is renamed, and what then lies under the new name is `content`. Answers what is read of it.
fn read_after_renaming(content: &str) -> String {
    let (dir, disk) = (tempfile::tempdir().unwrap(), WatchedDisk::default());
    let at = |name: &str| dir.path().join(name);
    let tasks = ["a.log", "b.log"].map(|name| task(at(name).to_str().unwrap(), "t"));
    write(&at("a.log"), OLD);
    write(&at("b.log"), "other\n");
    let mut tail = Stepwise::start_with(|settings| settings.open_files_max = Some(1), dir.path(), &disk);
    tail.tasks(&tasks);
    tail.take().into_iter().for_each(|batch| batch.ticket.complete());
    std::fs::rename(at("a.log"), at("copy")).unwrap();
    std::fs::write(at("copy"), content).unwrap();
    (0..3).for_each(|_| tail.look(&tasks));
    Stepwise::texts(&tail.take())
}

#[test]
fn a_closed_file_is_found_under_another_name_by_what_it_holds_for_its_inode_may_be_used_again() {
    assert_eq!(read_after_renaming(&format!("{OLD}old 3\n")), "old 3");
    assert_eq!(read_after_renaming(NEW), "");
}
