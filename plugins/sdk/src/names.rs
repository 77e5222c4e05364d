//! The guest's name table: what the plugin declared, then every name met in the data.

use crate::abi::{NAME_BYTES_MAX, NAME_SEGMENTS_MAX, NAMES_MAX};
use crate::plugin::Naming;
use crate::scan::{BLOCK_BYTES, Block};
use crate::{Field, Reject};

/// Parent of a name at the top: no field has this id.
const TOP: u32 = 1 << 24;
/// Set in the parent of a key that is not renamed.
const OWN: u32 = 1 << 31;
/// A slot of the index that holds nothing, a place behind every entry.
const FREE: u32 = u32::MAX;

/// A key below a parent, the field that it names, and the key that followed it last time.
struct Entry {
    parent: u32,
    field: u32,
    next: u32,
    key: Box<[u8]>,
    start: Start,
}

/// A key and what ends it, for a comparison in one step.
struct Start {
    bytes: [u8; BLOCK_BYTES],
    length: usize,
    /// The bits of a block behind them; none for a key that is not foretold.
    behind: u32,
}

impl Start {
    /// Of a key and what ends it.
    fn of(key: &[u8], end: &[u8]) -> Self {
        let plain = |byte: &u8| *byte > b' ' && !matches!(byte, b'"' | b'\\' | b'=');
        let length = key.len() + end.len();
        // No text has such bytes.
        let mut bytes = [0xff; BLOCK_BYTES];
        if key.is_empty() || end.is_empty() || length > BLOCK_BYTES || !key.iter().all(plain) {
            return Self { bytes, length: 0, behind: 0 };
        }
        bytes[..key.len()].copy_from_slice(key);
        bytes[key.len()..length].copy_from_slice(end);
        Self { bytes, length, behind: (0xffff << length) & 0xffff }
    }

    /// Whether `text` begins with the key and what ends it.
    #[inline(always)]
    fn begins(&self, text: &[u8]) -> bool {
        match text.first_chunk() {
            Some(block) => self.begins_block(block),
            None => self.begins_short(text),
        }
    }

    /// As [`begins`](Self::begins), for a whole block.
    #[inline(always)]
    fn begins_block(&self, block: &[u8; BLOCK_BYTES]) -> bool {
        Block::load(block).same(Block::load(&self.bytes)).bits() | self.behind == 0xffff
    }

    /// As [`begins`](Self::begins), for a text of less than a block.
    #[inline(never)]
    fn begins_short(&self, text: &[u8]) -> bool {
        self.length > 0 && self.bytes.get(..self.length).is_some_and(|start| text.starts_with(start))
    }
}

/// Fields by (parent, key), so that a nested key needs no joining of strings to be found.
pub(crate) struct Names {
    entries: Vec<Entry>,
    full: Vec<String>,
    /// Open addressing, a power of two, at most half full.
    index: Vec<u32>,
    naming: Naming,
    fresh_from: usize,
    /// The entry that was found last, and the one that is expected now.
    last: u32,
    expected: u32,
}

impl Names {
    pub(crate) fn new(declared: &[String], naming: &Naming) -> Self {
        let mut names = Self {
            entries: Vec::new(),
            full: declared.to_vec(),
            index: vec![FREE; 64],
            naming: naming.clone(),
            fresh_from: declared.len(),
            last: FREE,
            expected: FREE,
        };
        // What lies below a prefix is met by the rest of its name only.
        let keys = declared.iter().enumerate().filter(|_| naming.prefix.is_none());
        for (field, key) in keys {
            names.insert(TOP, key.as_bytes(), field as u32);
        }
        names
    }

    /// Forgets which names are new: the batch before has handed them over.
    pub(crate) fn begin_batch(&mut self) {
        self.fresh_from = self.full.len();
    }

    /// The names that this batch added.
    pub(crate) fn fresh(&self) -> &[String] {
        &self.full[self.fresh_from..]
    }

    /// The field whose key came next last time, where `text` begins with that key and what ends it: with the bytes of both. Lines of one source repeat their keys in order.
    #[inline(always)]
    pub(crate) fn foretold(&mut self, parent: Option<Field>, text: &[u8]) -> Option<(Field, usize)> {
        let guess = self.entries.get(self.expected as usize)?;
        if !guess.start.begins(text) || guess.parent != parent.map_or(TOP, Field::id) {
            return None;
        }
        self.last = self.expected;
        self.expected = guess.next;
        Some((Field::nth(guess.field), guess.start.length))
    }

    /// What is foretold at the top, key by key.
    #[inline(always)]
    pub(crate) fn foretelling(&self) -> Foretelling<'_> {
        Foretelling { entries: &self.entries, last: self.last, expected: self.expected }
    }

    /// Goes on behind the keys that were met as they were foretold.
    #[inline(always)]
    pub(crate) fn came_true(&mut self, (last, expected): (u32, u32)) {
        (self.last, self.expected) = (last, expected);
    }

    /// The field `key` below `parent`.
    #[inline(always)]
    pub(crate) fn get(&mut self, parent: Option<Field>, key: &[u8]) -> Result<Field, Reject> {
        let parent = parent.map_or(TOP, Field::id);
        if let Some(guess) = self.entries.get(self.expected as usize)
            && guess.parent == parent
            && same(&guess.key, key)
        {
            self.last = self.expected;
            self.expected = guess.next;
            return Ok(Field::nth(guess.field));
        }
        self.look_up(parent, key)
    }

    /// The field `key` below `parent`, whatever that key is renamed to.
    pub(crate) fn own(&mut self, parent: Option<Field>, key: &[u8]) -> Result<Field, Reject> {
        self.look_up(parent.map_or(TOP, Field::id) | OWN, key)
    }

    #[inline(never)]
    fn look_up(&mut self, parent: u32, key: &[u8]) -> Result<Field, Reject> {
        let place = match self.find(parent, key) {
            Ok(place) => place,
            Err(_) => self.add(parent, key)?,
        };
        if let Some(last) = self.entries.get_mut(self.last as usize) {
            last.next = place;
        }
        let found = &self.entries[place as usize];
        self.last = place;
        self.expected = found.next;
        Ok(Field::nth(found.field))
    }

    /// The entry, or the slot where it belongs.
    fn find(&self, parent: u32, key: &[u8]) -> Result<u32, usize> {
        let mask = self.index.len() - 1;
        let mut slot = hash(parent, key) as usize & mask;
        loop {
            let place = self.index[slot];
            let Some(entry) = self.entries.get(place as usize) else {
                return Err(slot);
            };
            if entry.parent == parent && *entry.key == *key {
                return Ok(place);
            }
            slot = (slot + 1) & mask;
        }
    }

    #[cold]
    fn add(&mut self, parent: u32, key: &[u8]) -> Result<u32, Reject> {
        if self.full.len().max(self.entries.len()) >= NAMES_MAX {
            return Err(Reject("more field names than a plugin may have"));
        }
        let above = match parent & !OWN {
            TOP => self.naming.prefix.as_deref(),
            id => self.full.get(id as usize).map(String::as_str),
        };
        let full = legal(above, &String::from_utf8_lossy(key))?;
        let renamed = if parent & OWN == 0 { self.naming.renamed(&full) } else { None };
        let field = renamed.unwrap_or_else(|| {
            self.full.push(full);
            Field::nth(self.full.len() as u32 - 1)
        });
        Ok(self.insert(parent, key, field.id()))
    }

    fn insert(&mut self, parent: u32, key: &[u8], field: u32) -> u32 {
        let place = self.entries.len() as u32;
        if (self.entries.len() + 1) * 2 > self.index.len() {
            self.grow();
        }
        // A name declared twice keeps its first id in the index and has both in the table.
        if let Err(slot) = self.find(parent, key) {
            self.index[slot] = place;
        }
        self.entries.push(Entry {
            parent,
            field,
            next: FREE,
            key: key.into(),
            start: Start::of(key, self.naming.key_end),
        });
        place
    }

    fn grow(&mut self) {
        self.index = vec![FREE; self.index.len() * 2];
        for place in 0..self.entries.len() {
            let entry = &self.entries[place];
            if let Err(slot) = self.find(entry.parent, &entry.key) {
                self.index[slot] = place as u32;
            }
        }
    }
}

/// Keys in the order in which they came last time.
pub(crate) struct Foretelling<'n> {
    entries: &'n [Entry],
    last: u32,
    expected: u32,
}

impl Foretelling<'_> {
    /// The id of the field whose key is expected now, where `block` begins with that key and what ends it: with the bytes of both, at most those of a block.
    #[inline(always)]
    pub(crate) fn met(&self, block: &[u8; BLOCK_BYTES]) -> Option<(u32, usize)> {
        let entry = self.entries.get(self.expected as usize)?;
        let met = entry.start.begins_block(block) && entry.parent == TOP;
        met.then_some((entry.field, entry.start.length.min(BLOCK_BYTES)))
    }

    /// Steps over the key that was met.
    #[inline(always)]
    pub(crate) fn step(&mut self) {
        self.last = self.expected;
        self.expected = self.entries.get(self.expected as usize).map_or(FREE, |entry| entry.next);
    }

    /// For [`Names::came_true`].
    #[inline(always)]
    pub(crate) fn reached(&self) -> (u32, u32) {
        (self.last, self.expected)
    }
}

/// Whether a name from the configuration can be that of a field.
///
/// # Errors
/// Text for the operator, which names the option.
pub fn check_name(option: &str, name: &str) -> Result<(), String> {
    if legal(None, name).is_ok_and(|legal| legal == name) {
        return Ok(());
    }
    Err(format!("`{option}`: `{name}` cannot be the name of a field; use one such as `app.user.name`"))
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
        // No index takes an object where it has a time.
        "@timestamp" if segments.len() > 1 => "@timestamp_",
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
        let mut names = Names::new(&["declared".to_owned()], &Naming::default());
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
        let mut names = Names::new(&[], &Naming::default());
        for (key, legal) in [
            ("", "_"),
            ("a..b", "a._.b"),
            (".", "_._"),
            ("_id", "_id_"),
            ("collector.chain", "collector_.chain"),
            ("@meta", "@meta_"),
            ("@timestamp", "@timestamp"),
            ("@timestamp.a", "@timestamp_.a"),
        ] {
            assert_eq!(full(&mut names, None, key), legal);
        }
    }

    #[test]
    fn a_name_without_end_is_refused() {
        let mut names = Names::new(&[], &Naming::default());
        assert!(names.get(None, &[b'a'; 513]).is_err());
        assert!(names.get(None, &[b'.'; 20]).is_err());
        assert!(names.get(None, &[b'a'; 512]).is_ok());
    }

    #[test]
    fn a_full_table_refuses_new_names_only() {
        let mut names = Names::new(&[], &Naming::default());
        for i in 0..NAMES_MAX {
            names.get(None, i.to_string().as_bytes()).unwrap();
        }
        assert!(names.get(None, b"one more").is_err());
        assert_eq!(names.get(None, b"77").unwrap().id(), 77);
    }

    fn json() -> Naming {
        Naming { key_end: b"\":", ..Naming::default() }
    }

    #[test]
    fn what_came_next_last_time_is_foretold() {
        let mut names = Names::new(&[], &json());
        let keys = ["level", "fourteen byt: ", "fourteen_bytes", "fifteen_bytes__", "é"];
        let mut seen = Vec::new();
        for key in keys.iter().chain(&keys).chain(&keys) {
            let text = format!("{key}\":                ");
            let foretold = names.foretold(None, text.as_bytes());
            let field = match foretold {
                Some((field, bytes)) => {
                    assert_eq!(bytes, key.len() + 2);
                    field
                }
                None => names.get(None, key.as_bytes()).unwrap(),
            };
            seen.push((field.id(), foretold.is_some()));
        }
        let expected = [(0, true), (1, false), (2, true), (3, false), (4, true)];
        assert_eq!(seen[10..], expected);
        assert_eq!(names.full, keys);
    }

    #[test]
    fn what_is_foretold_has_the_parent_and_the_whole_key() {
        let mut names = Names::new(&[], &json());
        let a = names.get(None, b"a").unwrap();
        names.get(Some(a), b"bc").unwrap();
        names.get(None, b"a").unwrap();
        let long = "bc:                ";
        for text in [long, "bcd\":               ", "b\":             ", "bc\"", "bd\":", "", "\0\0\":             "] {
            assert_eq!(names.foretold(Some(a), text.as_bytes()), None, "{text}");
        }
        assert_eq!(names.foretold(None, b"bc\":              "), None);
        assert!(names.foretold(Some(a), b"bc\":              ").is_some());
        names.get(None, b"a").unwrap();
        assert!(names.foretold(Some(a), b"bc\":").is_some());
    }

    #[test]
    fn keys_are_renamed_and_put_below_a_prefix() {
        let declared = ["log.level", "app.ctx", "trace.id"].map(str::to_owned);
        let naming = Naming {
            prefix: Some("app".to_owned()),
            renames: vec![("level".to_owned(), Field::nth(0)), ("ids.trace".to_owned(), Field::nth(2))],
            key_end: b"",
        };
        let mut names = Names::new(&declared, &naming);
        assert_eq!(names.get(None, b"level").unwrap().id(), 0);
        assert_eq!(full(&mut names, None, "x"), "app.x");
        assert_eq!(full(&mut names, None, "log.level"), "app.log.level");
        let ids = names.get(None, b"ids").unwrap();
        assert_eq!(names.get(Some(ids), b"trace").unwrap().id(), 2);
        assert_eq!(names.get(None, b"ids.trace").unwrap().id(), 2);
        let own = names.own(None, b"level").unwrap();
        assert_eq!(names.own(None, b"level").unwrap(), own);
        assert_eq!(names.full[own.id() as usize], "app.level");
    }

    proptest! {
        #[test]
        fn one_key_has_one_id(keys in proptest::collection::vec((0usize..3, "[ab]{0,18}"), 0..300)) {
            let mut names = Names::new(&["p".to_owned(), "q".to_owned()], &Naming::default());
            let mut seen = HashMap::new();
            for (parent, key) in keys {
                let parent = [None, Some(Field::nth(0)), Some(Field::nth(1))][parent];
                let id = names.get(parent, key.as_bytes()).unwrap().id();
                prop_assert_eq!(*seen.entry((parent.map(Field::id), key)).or_insert(id), id);
            }
        }
    }
}
