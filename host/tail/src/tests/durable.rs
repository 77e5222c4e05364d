//! What must hold when the disk fails for a moment, or the power goes: each of these was a line lost or doubled in a schedule of the
//! simulator.

use std::sync::{Arc, atomic::Ordering};

use super::{
    doubles::WatchedDisk,
    stepwise::{Stepwise, write},
};
use crate::{
    pattern::tests::task,
    state::{journal::Journal, record::Record},
};

#[test]
fn a_journal_that_is_opened_is_on_disk_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let disk = WatchedDisk::default();
        drop(Journal::open(Arc::new(disk.clone()), &dir.path().join("journal")).unwrap());
        assert_eq!(*disk.done.lock(), ["read", "sync file", "sync directory"]);
    }
}

#[test]
fn a_journal_whose_new_file_may_not_have_the_name_is_written_anew_before_anything_counts() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), WatchedDisk::default());
    let (mut journal, _) = Journal::open(Arc::new(disk.clone()), &dir.path().join("journal")).unwrap();
    disk.syncing_dirs_fails.store(true, Ordering::Relaxed);
    assert!(journal.compact().is_err());
    let number = journal.append(&Record::TaskSeen { key: "a".into() });
    assert!(journal.commit().is_err() && journal.synced() < number);
    disk.syncing_dirs_fails.store(false, Ordering::Relaxed);
    journal.commit().unwrap();
    let (journal, _) = Journal::open(Arc::new(disk), &dir.path().join("journal")).unwrap();
    assert!(journal.known().is_task_seen("a"));
}

#[test]
fn a_file_that_cannot_be_read_for_a_moment_is_not_taken_for_another_one() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), WatchedDisk::default());
    let path = dir.path().join("a.log");
    let tasks = [task(path.to_str().unwrap(), "t")];
    write(&path, "one\n");
    let mut first = Stepwise::start(dir.path(), &disk);
    first.tasks(&tasks);
    let sent = first.take();
    drop(first);
    let mut second = Stepwise::start(dir.path(), &disk);
    disk.reading_fails.store(true, Ordering::Relaxed);
    second.tasks(&tasks);
    disk.reading_fails.store(false, Ordering::Relaxed);
    second.look(&tasks);
    let again = second.take();
    assert_eq!(again[0].lines[0].id, sent[0].lines[0].id);
}

#[test]
fn a_file_written_anew_while_nothing_of_it_was_acknowledged_begins_a_generation() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), WatchedDisk::default());
    let path = dir.path().join("a.log");
    let tasks = [task(path.to_str().unwrap(), "t")];
    write(&path, "one\n");
    let mut tail = Stepwise::start(dir.path(), &disk);
    tail.tasks(&tasks);
    let given_up = tail.take();
    let old = given_up[0].lines[0].id.file();
    std::fs::write(&path, "two and more\n").unwrap();
    drop(given_up);
    (0..2).for_each(|_| tail.look(&tasks));
    let batches = tail.take();
    assert_eq!(Stepwise::texts(&batches), "two and more");
    assert_ne!(batches[0].lines[0].id.file(), old);
}

#[test]
fn a_file_rotated_while_its_task_was_gone_is_read_to_its_end_when_the_task_is_back() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), WatchedDisk::default());
    let path = dir.path().join("a.log");
    let tasks = [task(path.to_str().unwrap(), "t")];
    write(&path, "one\n");
    let mut tail = Stepwise::start(dir.path(), &disk);
    tail.tasks(&tasks);
    tail.take().into_iter().for_each(|batch| batch.ticket.complete());
    tail.tasks(&[]);
    write(&path, "two\n");
    std::fs::rename(&path, dir.path().join("a.log.1")).unwrap();
    tail.tasks(&tasks);
    assert_eq!(Stepwise::texts(&tail.take()), "two");
}
