//! Values that every event of a plugin has: kept as finished operations, so that an event gets all of them by one copy.

use crate::Field;
use crate::abi::{self, op_word};

/// Words of the operations that are copied at a time.
const COPIED_WORDS: usize = 12;

/// Fields with the same values for many events, such as `event.kind`; see [`Event::constants`](crate::Event::constants).
///
/// ```
/// # collector_plugin::fields! { KIND = "event.kind", CATEGORY = "event.category" }
/// let _web = collector_plugin::Constants::new().text(KIND, "event").json(CATEGORY, r#"["web"]"#);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Constants {
    /// The first word of each operation, and the bytes of its value.
    values: Vec<(u32, Box<str>)>,
    /// The operations, with offsets for the arena of the batch.
    words: Vec<u32>,
    batch: u64,
}

impl Constants {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// And this field with a text.
    #[must_use]
    pub fn text(self, field: Field, text: &str) -> Self {
        self.with(abi::ARENA, field, text)
    }

    /// And this field with one JSON value.
    #[must_use]
    pub fn json(self, field: Field, value: &str) -> Self {
        self.with(abi::ARENA_JSON, field, value)
    }

    fn with(mut self, kind: u32, field: Field, value: &str) -> Self {
        self.values.push((op_word(abi::SET, kind, field.id()), value.into()));
        self.batch = 0;
        self
    }

    /// Puts the bytes into the arena, where this batch does not have them yet. Batches are counted from 1.
    #[inline(always)]
    pub(crate) fn prepare(&mut self, batch: u64, arena: &mut Vec<u8>) {
        if self.batch != batch {
            self.write(batch, arena);
        }
    }

    #[cold]
    #[inline(never)]
    fn write(&mut self, batch: u64, arena: &mut Vec<u8>) {
        self.batch = batch;
        self.words.clear();
        for (word, value) in &self.values {
            self.words.extend([*word, arena.len() as u32, value.len() as u32]);
            arena.extend_from_slice(value.as_bytes());
        }
    }

    /// The operations in pieces of a size that is known when this is compiled, and what is left.
    #[inline(always)]
    pub(crate) fn pieces(&self) -> (&[[u32; COPIED_WORDS]], &[[u32; 3]]) {
        let (pieces, rest) = self.words.as_chunks();
        (pieces, rest.as_chunks().0)
    }
}
