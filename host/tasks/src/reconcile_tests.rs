use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Values are texts; those that start with `bad` are refused.
fn reconciler() -> Reconciler<String> {
    Reconciler::new(Box::new(
        |_, text| {
            if text.starts_with("bad") { Err(format!("{text} is bad")) } else { Ok(text.to_owned()) }
        },
    ))
}

fn seen(cluster_id: u64, revision: i64, values: &[(&str, &str, i64)]) -> Observed {
    let value = |text: &str, revision| ObservedValue { bytes: text.as_bytes().to_vec(), revision };
    let values = values.iter().map(|(key, text, revision)| ((*key).to_owned(), value(text, *revision))).collect();
    Observed { cluster_id, revision, values, deleted: Vec::new() }
}

fn running(reconciler: &Reconciler<String>) -> Vec<(&str, &str)> {
    reconciler.running().map(|(key, text)| (key, text.as_str())).collect()
}

#[test]
fn a_bad_value_keeps_what_ran_and_is_said_once() {
    let mut it = reconciler();
    assert!(it.observe(&seen(1, 5, &[("a", "one", 5)])).apply);
    let decision = it.observe(&seen(1, 6, &[("a", "bad", 6)]));
    assert!(!decision.apply);
    assert_eq!(decision.refused[0].reason, "bad is bad");
    assert_eq!(running(&it), [("a", "one")]);
    assert_eq!(it.observe(&seen(1, 6, &[("a", "bad", 6)])).refused, []);
    assert_eq!(it.refusals().count(), 1, "the status goes on saying why");
    it.observe(&seen(1, 7, &[("a", "two", 7)]));
    assert_eq!((running(&it), it.refusals().count()), (vec![("a", "two")], 0));
}

#[test]
fn a_deleted_key_stops_what_it_configured() {
    let mut it = reconciler();
    it.observe(&seen(1, 5, &[("a", "one", 5), ("b", "two", 5)]));
    assert!(it.observe(&seen(1, 6, &[("b", "two", 5)])).apply, "the delete event was missed, the list shows it");
    let mut deleted = seen(1, 7, &[]);
    deleted.deleted = vec!["b".to_owned()];
    assert!(it.observe(&deleted).apply);
    assert_eq!(running(&it), []);
}

#[test]
fn a_wiped_store_takes_nothing_away_then_or_later() {
    let mut it = reconciler();
    it.observe(&seen(1, 500, &[("a", "one", 5)]));
    let decision = it.observe(&seen(2, 1, &[]));
    assert!(!decision.apply && decision.save);
    assert_eq!(decision.refused.len(), 1);
    assert_eq!(it.observe(&seen(2, 9, &[])).refused, [], "the new cluster continues, and still never had the key");
    assert_eq!(running(&it), [("a", "one")]);

    let mut restarted = reconciler();
    restarted.restore(&it.last_good());
    restarted.observe(&seen(2, 10, &[]));
    assert_eq!(running(&restarted), [("a", "one")], "not after a restart either");

    restarted.observe(&seen(2, 11, &[("a", "two", 11)]));
    restarted.observe(&seen(2, 12, &[]));
    assert_eq!(running(&restarted), [], "written and deleted in the new cluster");
}

#[test]
fn a_restored_backup_counts_although_its_revisions_are_lower() {
    let mut it = reconciler();
    it.observe(&seen(1, 100, &[("a", "new", 90), ("b", "kept", 95)]));
    let decision = it.observe(&seen(1, 50, &[("a", "old", 40)]));
    assert!(decision.apply);
    assert_eq!(running(&it), [("a", "old"), ("b", "kept")]);
}

#[test]
fn an_older_picture_of_a_key_is_not_taken() {
    let mut it = reconciler();
    it.observe(&seen(1, 10, &[("a", "new", 10)]));
    assert_eq!(it.observe(&seen(1, 10, &[("a", "old", 9)])), Decision::default());
    assert_eq!(running(&it), [("a", "new")]);
}

#[test]
fn a_restart_takes_up_what_ran_while_the_store_shows_a_bad_value() {
    let mut it = reconciler();
    it.observe(&seen(1, 5, &[("a", "one", 5)]));
    let mut restarted = reconciler();
    assert!(restarted.restore(&it.last_good()).apply);
    restarted.observe(&seen(1, 8, &[("a", "bad", 8)]));
    assert_eq!(running(&restarted), [("a", "one")]);
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, bool, u8),
    Delete(u8),
    Wipe,
    Look,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3u8, any::<bool>(), 0..3u8).prop_map(|(key, good, value)| Step::Put(key, good, value)),
        2 => (0..3u8).prop_map(Step::Delete),
        1 => Just(Step::Wipe),
        4 => Just(Step::Look),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    /// I9: whatever happens to the store, a bad value and a wipe change nothing that runs; a good value runs; a deletion stops.
    #[test]
    fn a_bad_configuration_never_changes_what_runs(steps in steps()) {
        let (mut it, mut cluster_id, mut revision) = (reconciler(), 1, 1);
        let mut store: BTreeMap<String, ObservedValue> = BTreeMap::new();
        // Keys that the reconciler last saw in the cluster as it is.
        let mut known: BTreeSet<String> = BTreeSet::new();
        for step in steps {
            revision += 1;
            match step {
                Step::Put(key, good, value) => {
                    let text = format!("{}{value}", if good { "good" } else { "bad" });
                    store.insert(key.to_string(), ObservedValue { bytes: text.into_bytes(), revision });
                }
                Step::Delete(key) => { store.remove(&key.to_string()); }
                Step::Wipe => {
                    (cluster_id, revision) = (cluster_id + 1, 1);
                    store.clear();
                    known.clear();
                }
                Step::Restart => {
                    let last_good = it.last_good();
                    it = reconciler();
                    it.restore(&last_good);
                }
                Step::Look => {
                    let before: BTreeMap<String, String> = it.running().map(|(k, v)| (k.to_owned(), v.clone())).collect();
                    let decision = it.observe(&Observed { cluster_id, revision, values: store.clone(), deleted: Vec::new() });
                    let after: BTreeMap<String, String> = it.running().map(|(k, v)| (k.to_owned(), v.clone())).collect();
                    prop_assert_eq!(decision.apply, before != after);
                    for key in ["0", "1", "2"] {
                        let text = store.get(key).map(|value| String::from_utf8(value.bytes.clone()).unwrap());
                        match text {
                            Some(text) if text.starts_with("good") => prop_assert_eq!(after.get(key), Some(&text)),
                            Some(_) => prop_assert_eq!(after.get(key), before.get(key), "a bad value changed what runs"),
                            None if known.contains(key) => prop_assert_eq!(after.get(key), None, "a deletion was missed"),
                            None => prop_assert_eq!(after.get(key), before.get(key), "a wipe changed what runs"),
                        }
                    }
                    known = store.keys().cloned().collect();
                }
            }
        }
    }
}
