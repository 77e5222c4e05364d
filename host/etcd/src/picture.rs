//! The watched keys as they are known to be. Pure.

use std::collections::BTreeMap;

/// The watched keys at a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// The cluster that said so. Another one after a wipe or a restore into a new cluster.
    pub cluster_id: u64,
    /// The revision up to which changes are in it.
    pub revision: i64,
    /// The keys that exist. Keys that are not UTF-8 are left out.
    pub entries: BTreeMap<String, Entry>,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    /// The revision at which it was written.
    pub mod_revision: i64,
}

/// One event of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Put(String, Entry),
    Delete { key: String, mod_revision: i64 },
}

impl Picture {
    /// Whether this picture continues an earlier one: the same cluster, not gone back. Only then does a key that is missing here and
    /// was there mean that somebody deleted it; otherwise etcd was wiped or restored.
    pub fn continues(&self, cluster_id: u64, revision: i64) -> bool {
        self.cluster_id == cluster_id && self.revision >= revision
    }

    /// Draws in the changes up to `revision`. What the picture already holds, or holds newer, stays. Returns the keys that changed
    /// and those that were deleted.
    pub(crate) fn apply(&mut self, revision: i64, changes: Vec<Change>) -> (Vec<String>, Vec<String>) {
        let (mut changed, mut deleted) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Put(key, entry) if self.mod_revision(&key).is_none_or(|known| known < entry.mod_revision) => {
                    deleted.retain(|other| *other != key);
                    if !changed.contains(&key) {
                        changed.push(key.clone());
                    }
                    self.entries.insert(key, entry);
                }
                Change::Delete { key, mod_revision }
                    if self.mod_revision(&key).is_some_and(|known| known < mod_revision) =>
                {
                    self.entries.remove(&key);
                    changed.retain(|other| *other != key);
                    deleted.push(key);
                }
                _ => {}
            }
        }
        self.revision = self.revision.max(revision);
        (changed, deleted)
    }

    fn mod_revision(&self, key: &str) -> Option<i64> {
        self.entries.get(key).map(|entry| entry.mod_revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(key: &str, revision: i64) -> Change {
        Change::Put(key.to_owned(), Entry { value: revision.to_string().into_bytes(), mod_revision: revision })
    }

    fn delete(key: &str, mod_revision: i64) -> Change {
        Change::Delete { key: key.to_owned(), mod_revision }
    }

    #[test]
    fn the_last_of_several_changes_of_a_key_counts() {
        let mut picture = Picture::default();
        let (changed, deleted) = picture.apply(4, vec![put("a", 1), put("b", 2), delete("a", 3), put("b", 4)]);
        assert_eq!((changed, deleted), (vec!["b".to_owned()], vec!["a".to_owned()]));
        assert_eq!((picture.entries.len(), picture.revision), (1, 4));
    }

    #[test]
    fn a_wiped_cluster_does_not_continue_the_old_one() {
        let picture = Picture { cluster_id: 1, revision: 10, ..Picture::default() };
        assert!(picture.continues(1, 10));
        assert!(!picture.continues(1, 11) && !picture.continues(2, 3));
    }

    proptest! {
        /// A change that is delivered twice, or that the list already held, changes nothing.
        #[test]
        fn changes_seen_before_change_nothing(kinds in prop::collection::vec((0u8..4, any::<bool>()), 1..30)) {
            let change = |(at, (key, is_put)): (usize, &(u8, bool))| {
                let (key, revision) = (format!("k{key}"), at as i64 + 1);
                if *is_put { put(&key, revision) } else { delete(&key, revision) }
            };
            let changes: Vec<Change> = kinds.iter().enumerate().map(change).collect();
            let mut picture = Picture::default();
            picture.apply(changes.len() as i64, changes.clone());
            let known = picture.clone();
            for change in &changes {
                let key = match change { Change::Put(key, _) | Change::Delete { key, .. } => key };
                if known.entries.contains_key(key) {
                    prop_assert_eq!(picture.apply(0, vec![change.clone()]), (vec![], vec![]));
                }
            }
            prop_assert_eq!(picture, known);
        }
    }
}
