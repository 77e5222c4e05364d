//! Tests: every line is in the index once, whatever happens.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use collector_model::{
    BucketDay, Metrics, Topic, metrics,
    search::{Search, SearchRequest},
};
use proptest::prelude::*;

use crate::{
    Index, IndexReader, IndexSettings,
    testing::{FILE, Seen, from_elsewhere, part_of, tracked},
};

/// Commits only when told: at the end, or when that many documents wait.
fn settings(commit_documents_max: usize) -> IndexSettings {
    IndexSettings { commit_interval: Duration::from_secs(3600), commit_documents_max, ..IndexSettings::default() }
}

fn everything() -> SearchRequest {
    SearchRequest { query: String::new(), topic: None, since_ms: None, until_ms: None, hits_max: 10_000 }
}

/// `message` → how many documents have it.
fn found(reader: &IndexReader) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for hit in reader.search(&everything()).unwrap().hits {
        *found.entry(hit.document["message"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    found
}

fn once(messages: &[&str]) -> BTreeMap<String, usize> {
    messages.iter().map(|message| ((*message).to_owned(), 1)).collect()
}

fn line(message: &str) -> String {
    format!(r#"{{"message":"{message}"}}"#)
}

fn day(number: u32) -> BucketDay {
    BucketDay::from_days(number).unwrap()
}

/// Submits lines (of a day each) at `from` and returns where they end.
fn submit(index: &Index, seen: &Arc<Seen>, from: u64, lines: &[(u32, &str)]) -> u64 {
    let lines: Vec<(u32, String)> = lines.iter().map(|(day, message)| (*day, message_or_filtered(message))).collect();
    let lines: Vec<(u32, &str)> = lines.iter().map(|(day, line)| (*day, line.as_str())).collect();
    let batch = tracked(from, &lines, seen);
    let to = batch.ticket.position().unwrap().to;
    index.writer().submit(part_of(batch)).unwrap();
    to
}

fn message_or_filtered(message: &str) -> String {
    if message.starts_with('#') { message.to_owned() } else { line(message) }
}

/// As a process that dies: whatever is not committed is gone.
fn crash(mut index: Index) {
    index.writer.abandon();
    index.thread.take().unwrap().join().unwrap();
}

#[test]
fn a_ticket_is_completed_after_the_commit_and_searches_see_it_then() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), settings(1), Metrics::default()).unwrap();
    let seen = Arc::new(Seen::default());
    let end = submit(&index, &seen, 0, &[(20_000, "one"), (20_000, "two")]);
    assert_eq!(seen.wait(1), (vec![(0, end)], vec![]));
    assert_eq!(found(&index.reader()), once(&["one", "two"]));
    assert_eq!(index.covered(FILE, day(20_000), 0), Some(end));
}

#[test]
fn a_crash_before_the_commit_and_a_replay_leave_every_line_once() {
    let dir = tempfile::tempdir().unwrap();
    let seen = Arc::new(Seen::default());
    let index = Index::open(dir.path(), settings(2), Metrics::default()).unwrap();
    let first = submit(&index, &seen, 0, &[(20_000, "a"), (20_001, "b")]);
    seen.wait(1);
    submit(&index, &seen, first, &[(20_001, "c")]);
    crash(index);
    assert_eq!(seen.wait(2).1.len(), 1, "what was not committed counts as lost");

    let metrics = Metrics::default();
    let again = Index::open(dir.path(), settings(1), metrics.clone()).unwrap();
    assert_eq!(found(&again.reader()), once(&["a", "b"]));
    let seen = Arc::new(Seen::default());
    let first = submit(&again, &seen, 0, &[(20_000, "a"), (20_001, "b")]);
    submit(&again, &seen, first, &[(20_001, "c")]);
    seen.wait(2);
    assert_eq!(found(&again.reader()), once(&["a", "b", "c"]));
    let topic = metrics::of(&Topic::new("web").unwrap());
    assert_eq!(metrics.documents_conflicted.get_or_create(&topic).get(), 2);
    assert_eq!(metrics.documents_indexed.get_or_create(&topic).get(), 1);
}

#[test]
fn a_lost_batch_is_taken_in_when_it_comes_again_after_later_ones() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), settings(1), Metrics::default()).unwrap();
    let seen = Arc::new(Seen::default());
    let first = submit(&index, &seen, 0, &[(20_000, "a")]);
    let second = first + line("b").len() as u64 + 1;
    submit(&index, &seen, second, &[(20_000, "c")]);
    seen.wait(2);
    assert_eq!(index.covered(FILE, day(20_000), 0), Some(first), "nothing after the gap counts");
    let end = submit(&index, &seen, first, &[(20_000, "b"), (20_000, "c")]);
    seen.wait(3);
    assert_eq!(found(&index.reader()), once(&["a", "b", "c"]));
    assert_eq!(index.covered(FILE, day(20_000), 0), Some(end));
}

#[test]
fn nothing_counts_behind_a_batch_that_was_lost_first() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), settings(1), Metrics::default()).unwrap();
    let seen = Arc::new(Seen::default());
    let first = line("a").len() as u64 + 1;
    let end = submit(&index, &seen, first, &[(20_000, "b")]);
    seen.wait(1);
    assert_eq!((index.covered(FILE, day(20_000), 0), index.covered(FILE, day(20_000), first)), (None, Some(end)));
}

#[test]
fn a_partition_claims_no_byte_of_which_another_day_has_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), settings(1), Metrics::default()).unwrap();
    let seen = Arc::new(Seen::default());
    let end = submit(&index, &seen, 0, &[(20_000, "a"), (20_001, "b")]);
    seen.wait(1);
    assert_eq!(index.covered(FILE, day(20_000), 0), Some(line("a").len() as u64 + 1));
    assert_eq!(index.covered(FILE, day(20_001), end - 1), Some(end));
}

#[test]
fn filtered_lines_are_covered_and_found_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), settings(1), Metrics::default()).unwrap();
    let seen = Arc::new(Seen::default());
    let end = submit(&index, &seen, 0, &[(20_000, "a"), (20_000, "#gone")]);
    index.close();
    assert_eq!(seen.wait(1), (vec![(0, end)], vec![]));
    let index = Index::open(dir.path(), settings(1), Metrics::default()).unwrap();
    assert_eq!(index.covered(FILE, day(20_000), 0), Some(end));
    assert_eq!(found(&index.reader()), once(&["a"]));
}

#[test]
fn closing_commits_what_was_submitted_and_then_refuses_more() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), settings(1000), Metrics::default()).unwrap();
    let seen = Arc::new(Seen::default());
    let end = submit(&index, &seen, 0, &[(20_000, "a")]);
    let writer = index.writer();
    index.close();
    assert_eq!(seen.wait(1), (vec![(0, end)], vec![]));
    assert_eq!(found(&IndexReader::open(dir.path()).unwrap()), once(&["a"]));
    let late = tracked(end, &[(20_000, "{}")], &seen);
    assert!(writer.submit(part_of(late)).is_err());
    assert_eq!(seen.wait(2).1.len(), 1);
}

#[test]
fn while_the_disk_refuses_nothing_is_acknowledged_and_then_everything_is() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Metrics::default();
    let index = Index::open(dir.path(), settings(1), metrics.clone()).unwrap();
    let seen = Arc::new(Seen::default());
    // A file stands where the partition has to be made.
    let obstacle = dir.path().join(day(20_000).to_string());
    std::fs::write(&obstacle, "").unwrap();
    let end = submit(&index, &seen, 0, &[(20_000, "a")]);
    let topic = metrics::of(&Topic::new("web").unwrap());
    while metrics.retries.get_or_create(&topic).get() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(index.covered(FILE, day(20_000), 0), None);
    std::fs::remove_file(&obstacle).unwrap();
    assert_eq!(seen.wait(1), (vec![(0, end)], vec![]));
    assert_eq!(found(&index.reader()), once(&["a"]));
}

#[test]
fn days_that_are_not_kept_are_deleted_and_their_late_lines_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let seen = Arc::new(Seen::default());
    let index = Index::open(dir.path(), settings(1), Metrics::default()).unwrap();
    let first = submit(&index, &seen, 0, &[(20_000, "old")]);
    seen.wait(1);
    index.close();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let today = BucketDay::from_unix_ms(now.as_millis() as i64).days();
    let keep_two = IndexSettings { retention_days: Some(2), ..settings(1) };
    let index = Index::open(dir.path(), keep_two, Metrics::default()).unwrap();
    submit(&index, &seen, first, &[(20_000, "late"), (today - 1, "yesterday"), (today, "today")]);
    seen.wait(2);
    index.close();
    assert_eq!(found(&IndexReader::open(dir.path()).unwrap()), once(&["yesterday", "today"]));
    assert!(!dir.path().join(day(20_000).to_string()).exists());
}

#[test]
fn lines_that_come_from_no_file_are_taken_in_once_by_their_ids() {
    let dir = tempfile::tempdir().unwrap();
    let seen = Arc::new(Seen::default());
    let metrics = Metrics::default();
    let index = Index::open(dir.path(), settings(6), metrics.clone()).unwrap();
    // The second line is given up: it is covered, and not in the index.
    submit(&index, &seen, 0, &[(20_000, "a"), (20_000, "#given up"), (20_000, "c")]);
    let again = |seen: &Arc<Seen>| {
        let lines = [line("b"), line("b2")];
        let lines: Vec<(u32, &str)> = lines.iter().map(|line| (20_000, line.as_str())).collect();
        index.writer().submit(part_of(from_elsewhere(2, &lines, seen))).unwrap();
    };
    again(&seen);
    again(&seen);
    seen.wait(3);
    again(&seen);
    index.close();
    assert_eq!(seen.wait(4).1, []);
    assert_eq!(found(&IndexReader::open(dir.path()).unwrap()), once(&["a", "b", "b2", "c"]));
    let topic = metrics::of(&Topic::new("web").unwrap());
    assert_eq!(metrics.documents_conflicted.get_or_create(&topic).get(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Batches of lines of several days, crashes at any place, and replays from any acknowledged place before.
    #[test]
    fn any_crashes_and_replays_leave_every_line_once(
        lines in prop::collection::vec((0u32..3, any::<bool>()), 1..40),
        crashes in prop::collection::vec((0usize..40, 1usize..4, 1usize..3), 0..4),
    ) {
        let days: Vec<u32> = { let mut day = 20_000; lines.iter().map(|(step, _)| { day += step / 2; day }).collect() };
        let text = |i: usize| if lines[i].1 { line(&format!("line{i}")) } else { format!("#{i}") };
        let offsets: Vec<u64> = (0..=lines.len()).map(|end| (0..end).map(|i| text(i).len() as u64 + 1).sum()).collect();
        let dir = tempfile::tempdir().unwrap();
        let mut from = 0;
        for (up_to, batch_lines, back) in crashes {
            let index = Index::open(dir.path(), settings(3), Metrics::default()).unwrap();
            let seen = Arc::new(Seen::default());
            let up_to = up_to.clamp(from, lines.len());
            for start in (from..up_to).step_by(batch_lines) {
                let batch: Vec<(u32, String)> = (start..(start + batch_lines).min(up_to)).map(|i| (days[i], text(i))).collect();
                let batch: Vec<(u32, &str)> = batch.iter().map(|(day, line)| (*day, line.as_str())).collect();
                index.writer().submit(part_of(tracked(offsets[start], &batch, &seen))).unwrap();
            }
            crash(index);
            let acknowledged = seen.wait(0).0.last().map_or(offsets[from], |&(_, to)| to);
            from = offsets.iter().position(|&offset| offset == acknowledged).unwrap() / back;
        }
        let index = Index::open(dir.path(), settings(3), Metrics::default()).unwrap();
        let seen = Arc::new(Seen::default());
        let rest: Vec<(u32, String)> = (from..lines.len()).map(|i| (days[i], text(i))).collect();
        let rest: Vec<(u32, &str)> = rest.iter().map(|(day, line)| (*day, line.as_str())).collect();
        if !rest.is_empty() {
            index.writer().submit(part_of(tracked(offsets[from], &rest, &seen))).unwrap();
        }
        index.close();
        let expected = (0..lines.len()).filter(|&i| lines[i].1).map(|i| (format!("line{i}"), 1)).collect();
        prop_assert_eq!(found(&IndexReader::open(dir.path()).unwrap()), expected);
    }
}
