//! The guest's name table: what the plugin declared, then every name met in the data.

use crate::abi::{NAME_BYTES_MAX, NAME_SEGMENTS_MAX, NAMES_MAX};
use crate::{Field, Reject};

/// Parent of a name at the top.
const TOP: u32 = u32::MAX;
/// A slot of the index that holds nothing.
const FREE: u32 = u32::MAX;

/// A key below a parent, and the key that followed it last time.
struct Entry {
    parent: u32,
    next: u32,
    key: Box<[u8]>,
}

/// Ids by (parent, key), so that a nested key needs no joining of strings to be found.
pub(crate) struct Names {
    entries: Vec<Entry>,
    full: Vec<String>,
    /// Open addressing, a power of two, at most half full.
    index: Vec<u32>,
    fresh_from: usize,
    last: usize,
}

impl Names {
    pub(crate) fn new(declared: &[String]) -> Self {
        let mut names = Self { entries: Vec::new(), full: Vec::new(), index: vec![FREE; 64], fresh_from: 0, last: 0 };
        for name in declared {
            names.insert(TOP, name.as_bytes(), name.clone());
        }
        names.begin_batch();
        names
    }

    /// Forgets which names are new: the batch before has handed them over.
    pub(crate) fn begin_batch(&mut self) {
        self.fresh_from = self.full.len();
        self.last = 0;
    }

    /// The names that this batch added.
    pub(crate) fn fresh(&self) -> &[String] {
        &self.full[self.fresh_from..]
    }

    /// The field `key` below `parent`. Lines of one source repeat their keys in order: the one that followed last time is tried first.
    #[inline(always)]
    pub(crate) fn get(&mut self, parent: Option<Field>, key: &[u8]) -> Result<Field, Reject> {
        let parent = parent.map_or(TOP, Field::id);
        if let Some(last) = self.entries.get(self.last) {
            let next = last.next;
            if let Some(guess) = self.entries.get(next as usize)
                && guess.parent == parent
                && same(&guess.key, key)
            {
                self.last = next as usize;
                return Ok(Field::nth(next));
            }
        }
        self.look_up(parent, key)
    }

    #[inline(never)]
    fn look_up(&mut self, parent: u32, key: &[u8]) -> Result<Field, Reject> {
        let id = match self.find(parent, key) {
            Ok(id) => id,
            Err(_) => self.add(parent, key)?,
        };
        if let Some(last) = self.entries.get_mut(self.last) {
            last.next = id;
        }
        self.last = id as usize;
        Ok(Field::nth(id))
    }

    /// The id, or the slot where it belongs.
    fn find(&self, parent: u32, key: &[u8]) -> Result<u32, usize> {
        let mask = self.index.len() - 1;
        let mut slot = hash(parent, key) as usize & mask;
        loop {
            let id = self.index[slot];
            let Some(entry) = self.entries.get(id as usize) else {
                return Err(slot);
            };
            if entry.parent == parent && *entry.key == *key {
                return Ok(id);
            }
            slot = (slot + 1) & mask;
        }
    }

    fn add(&mut self, parent: u32, key: &[u8]) -> Result<u32, Reject> {
        if self.full.len() >= NAMES_MAX {
            return Err(Reject("more field names than a plugin may have"));
        }
        let full = legal(self.full.get(parent as usize).map(String::as_str), &String::from_utf8_lossy(key))?;
        Ok(self.insert(parent, key, full))
    }

    fn insert(&mut self, parent: u32, key: &[u8], full: String) -> u32 {
        let id = self.entries.len() as u32;
        if (self.entries.len() + 1) * 2 > self.index.len() {
            self.grow();
        }
        // A name declared twice keeps its first id in the index and has both in the table.
        if let Err(slot) = self.find(parent, key) {
            self.index[slot] = id;
        }
        self.entries.push(Entry { parent, next: 0, key: key.into() });
        self.full.push(full);
        id
    }

    fn grow(&mut self) {
        self.index = vec![FREE; self.index.len() * 2];
        for id in 0..self.entries.len() {
            let entry = &self.entries[id];
            if let Err(slot) = self.find(entry.parent, &entry.key) {
                self.index[slot] = id as u32;
            }
        }
    }
}

/// The full name, made such that the host takes it: an empty segment becomes `_`, and what belongs to the host gets a `_` behind it.
fn legal(parent: Option<&str>, key: &str) -> Result<String, Reject> {
    let joined = match parent {
        Some(parent) => format!("{parent}.{key}"),
        None => key.to_owned(),
    };
    let mut segments: Vec<&str> = joined.split('.').map(|s| if s.is_empty() { "_" } else { s }).collect();
    let own = match segments[0] {
        "_id" => "_id_",
        "@meta" => "@meta_",
        "collector" => "collector_",
        other => other,
    };
    segments[0] = own;
    if segments.len() > NAME_SEGMENTS_MAX {
        return Err(Reject("a field nested too deep"));
    }
    let name = segments.join(".");
    if name.len() > NAME_BYTES_MAX {
        return Err(Reject("a field name that is too long"));
    }
    Ok(name)
}

fn hash(parent: u32, key: &[u8]) -> u32 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = u64::from(parent).wrapping_mul(MULTIPLIER) ^ key.len() as u64;
    for chunk in key.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = (state.rotate_left(29) ^ u64::from_le_bytes(word)).wrapping_mul(MULTIPLIER);
    }
    (state >> 32) as u32
}

/// Equality without a call for keys of up to sixteen bytes: two reads that overlap cover them.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    fn ends<const N: usize>(s: &[u8]) -> Option<([u8; N], [u8; N])> {
        Some((*s.first_chunk()?, *s.last_chunk()?))
    }
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        8..=16 => ends::<8>(a) == ends::<8>(b),
        4..=7 => ends::<4>(a) == ends::<4>(b),
        2..=3 => ends::<2>(a) == ends::<2>(b),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn full(names: &mut Names, parent: Option<Field>, key: &str) -> String {
        let id = names.get(parent, key.as_bytes()).unwrap().id();
        names.full[id as usize].clone()
    }

    #[test]
    fn a_name_is_new_in_the_batch_that_brings_it() {
        let mut names = Names::new(&["declared".to_owned()]);
        assert_eq!(names.get(None, b"declared").unwrap().id(), 0);
        assert!(names.fresh().is_empty());
        let http = names.get(None, b"http").unwrap();
        names.get(Some(http), b"status").unwrap();
        assert_eq!(names.fresh(), ["http", "http.status"]);
        names.begin_batch();
        assert_eq!(names.get(None, b"http").unwrap(), http);
        assert!(names.fresh().is_empty());
    }

    #[test]
    fn names_that_the_host_would_refuse_are_made_legal() {
        let mut names = Names::new(&[]);
        for (key, legal) in [
            ("", "_"),
            ("a..b", "a._.b"),
            (".", "_._"),
            ("_id", "_id_"),
            ("collector.chain", "collector_.chain"),
            ("@meta", "@meta_"),
        ] {
            assert_eq!(full(&mut names, None, key), legal);
        }
    }

    #[test]
    fn a_name_without_end_is_refused() {
        let mut names = Names::new(&[]);
        assert!(names.get(None, &[b'a'; 513]).is_err());
        assert!(names.get(None, &[b'.'; 20]).is_err());
        assert!(names.get(None, &[b'a'; 512]).is_ok());
    }

    #[test]
    fn a_full_table_refuses_new_names_only() {
        let mut names = Names::new(&[]);
        for i in 0..NAMES_MAX {
            names.get(None, i.to_string().as_bytes()).unwrap();
        }
        assert!(names.get(None, b"one more").is_err());
        assert_eq!(names.get(None, b"77").unwrap().id(), 77);
    }

    proptest! {
        #[test]
        fn one_key_has_one_id(keys in proptest::collection::vec((0usize..3, "[ab]{0,18}"), 0..300)) {
            let mut names = Names::new(&["p".to_owned(), "q".to_owned()]);
            let mut seen = HashMap::new();
            for (parent, key) in keys {
                let parent = [None, Some(Field::nth(0)), Some(Field::nth(1))][parent];
                let id = names.get(parent, key.as_bytes()).unwrap().id();
                prop_assert_eq!(*seen.entry((parent.map(Field::id), key)).or_insert(id), id);
            }
        }
    }
}
