//! Which configuration runs: decided from what a store shows, without I/O.
//!
//! The rules: a bad value never changes what runs. A key that somebody deleted stops what it configured. A store that was wiped or
//! restored (another cluster, or a revision that went backwards) takes nothing away: what ran goes on until the key is written or
//! deleted there.

use std::collections::BTreeMap;

use crate::last_good::{LastEntry, LastGood};

/// Reads the value of a key; the error says what is wrong with it.
pub type Parse<T> = Box<dyn Fn(&str, &str) -> Result<T, String> + Send + Sync>;

/// What a store shows: all watched keys at a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The cluster that shows it; another number after a wipe.
    pub cluster_id: u64,
    /// The revision at which it shows it.
    pub revision: i64,
    /// The keys that exist.
    pub values: BTreeMap<String, ObservedValue>,
    /// Keys that are known to have been deleted by somebody (delete events of a watch).
    pub deleted: Vec<String>,
}

/// The value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedValue {
    /// The value as it was written.
    pub bytes: Vec<u8>,
    /// The revision at which it was written.
    pub revision: i64,
}

/// A key whose value was not taken, or whose absence was not believed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// The key.
    pub key: String,
    /// The revision of the refused value.
    pub revision: i64,
    /// Why, and what to do.
    pub reason: String,
}

/// What follows from an observation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What is to run has changed: apply [`Reconciler::running`].
    pub apply: bool,
    /// What must survive a restart has changed: save [`Reconciler::last_good`].
    pub save: bool,
    /// What was refused by this observation and not before: what ran for these keys goes on.
    pub refused: Vec<Refusal>,
}

/// Holds what runs, per key, and decides what an observation changes. `T` is what a value means: tasks, or a transfer's rule.
pub struct Reconciler<T> {
    parse: Parse<T>,
    baseline: Option<Baseline>,
    held: BTreeMap<String, Held<T>>,
    refusals: BTreeMap<String, Refusal>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Baseline {
    cluster_id: u64,
    revision: i64,
}

struct Held<T> {
    meaning: T,
    text: String,
    revision: i64,
    /// The store was wiped or restored without it: its absence says nothing.
    orphaned: bool,
}

const ORPHANED: &str = "the store was wiped or restored and does not have this key any more: what it configured goes on; write the \
                        key anew, or write an empty value ([] for tasks) to stop it";

impl<T: PartialEq> Reconciler<T> {
    /// Nothing runs yet.
    pub fn new(parse: Parse<T>) -> Self {
        Reconciler { parse, baseline: None, held: BTreeMap::new(), refusals: BTreeMap::new() }
    }

    /// Takes up what ran before a restart. Call it once, before the first observation.
    pub fn restore(&mut self, last_good: &LastGood) -> Decision {
        let mut decision = Decision::default();
        self.baseline = Some(Baseline { cluster_id: last_good.cluster_id, revision: last_good.revision });
        for entry in &last_good.entries {
            match (self.parse)(&entry.key, &entry.value) {
                Ok(meaning) => {
                    let (text, revision, orphaned) = (entry.value.clone(), entry.revision, entry.orphaned);
                    self.held.insert(entry.key.clone(), Held { meaning, text, revision, orphaned });
                    decision.apply = true;
                }
                Err(reason) => self.refuse(&entry.key, entry.revision, reason, &mut decision),
            }
        }
        decision
    }

    /// Decides what an observation changes.
    pub fn observe(&mut self, seen: &Observed) -> Decision {
        let mut decision = Decision::default();
        let continues = self.continues(seen);
        if !continues {
            // Revisions of before say nothing about the order of what is there now.
            self.held.values_mut().for_each(|held| held.revision = 0);
        }
        for (key, value) in &seen.values {
            self.take(key, value, continues, &mut decision);
        }
        self.miss(seen, continues, &mut decision);
        let baseline = Some(Baseline { cluster_id: seen.cluster_id, revision: seen.revision });
        decision.save |= self.baseline != baseline;
        self.baseline = baseline;
        decision
    }

    /// Whether the observation continues what was seen before, so that a missing key means a deleted one.
    fn continues(&self, seen: &Observed) -> bool {
        self.baseline.is_none_or(|known| known.cluster_id == seen.cluster_id && seen.revision >= known.revision)
    }

    /// A key that exists.
    fn take(&mut self, key: &str, value: &ObservedValue, continues: bool, decision: &mut Decision) {
        let text = std::str::from_utf8(&value.bytes);
        if let Some(held) = self.held.get_mut(key) {
            let older = continues && !held.orphaned && value.revision < held.revision;
            if older {
                return;
            }
            if text == Ok(held.text.as_str()) {
                decision.save |= held.revision != value.revision || held.orphaned;
                (held.revision, held.orphaned) = (value.revision, false);
                self.refusals.remove(key);
                return;
            }
        }
        let parsed = match text {
            Ok(text) => (self.parse)(key, text).map(|meaning| (meaning, text)),
            Err(error) => Err(format!("the value is not UTF-8 text ({error}); write JSON")),
        };
        match parsed {
            Ok((meaning, text)) => {
                let held = Held { meaning, text: text.to_owned(), revision: value.revision, orphaned: false };
                let before = self.held.insert(key.to_owned(), held);
                let after = self.held.get(key);
                decision.apply |= before.as_ref().map(|held| &held.meaning) != after.map(|held| &held.meaning);
                decision.save = true;
                self.refusals.remove(key);
            }
            Err(reason) => {
                if let Some(held) = self.held.get_mut(key) {
                    // The key is there again, although with a bad value: from now on its absence counts.
                    decision.save |= held.orphaned;
                    held.orphaned = false;
                }
                self.refuse(key, value.revision, reason, decision);
            }
        }
    }

    /// The keys that do not exist.
    fn miss(&mut self, seen: &Observed, continues: bool, decision: &mut Decision) {
        let absent = |key: &String| !seen.values.contains_key(key);
        let gone: Vec<String> = self.held.keys().filter(|key| absent(key)).cloned().collect();
        self.refusals.retain(|key, _| seen.values.contains_key(key) || gone.contains(key));
        for key in gone {
            let Some(held) = self.held.get_mut(&key) else { continue };
            if seen.deleted.contains(&key) || (continues && !held.orphaned) {
                self.held.remove(&key);
                self.refusals.remove(&key);
                (decision.apply, decision.save) = (true, true);
                continue;
            }
            decision.save |= !held.orphaned;
            held.orphaned = true;
            let revision = held.revision;
            self.refuse(&key, revision, ORPHANED.to_owned(), decision);
        }
    }

    fn refuse(&mut self, key: &str, revision: i64, reason: String, decision: &mut Decision) {
        let refusal = Refusal { key: key.to_owned(), revision, reason };
        if self.refusals.get(key) != Some(&refusal) {
            self.refusals.insert(key.to_owned(), refusal.clone());
            decision.refused.push(refusal);
        }
    }

    /// What is to run, by key.
    pub fn running(&self) -> impl Iterator<Item = (&str, &T)> {
        self.held.iter().map(|(key, held)| (key.as_str(), &held.meaning))
    }

    /// What is to run for one key.
    pub fn running_for(&self, key: &str) -> Option<&T> {
        self.held.get(key).map(|held| &held.meaning)
    }

    /// Everything that is refused at the moment.
    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.refusals.values()
    }

    /// The revision that was seen last; 0 before the first observation.
    pub fn revision(&self) -> i64 {
        self.baseline.map_or(0, |baseline| baseline.revision)
    }

    /// What must survive a restart.
    pub fn last_good(&self) -> LastGood {
        let entries = self.held.iter().map(|(key, held)| LastEntry {
            key: key.clone(),
            revision: held.revision,
            orphaned: held.orphaned,
            value: held.text.clone(),
        });
        LastGood {
            cluster_id: self.baseline.map_or(0, |baseline| baseline.cluster_id),
            revision: self.revision(),
            entries: entries.collect(),
        }
    }
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;
