//! Values that every event of a plugin has: kept as finished operations, so that an event gets all of them by one copy.

use crate::Field;
use crate::abi::{self, halves, op_word};

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
    /// The operations, with offsets as if the bytes were all that is in the arena.
    made: Vec<[u32; 3]>,
    bytes: Vec<u8>,
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
        self.with_bytes(abi::ARENA, field, text)
    }

    /// And this field with one JSON value.
    #[must_use]
    pub fn json(self, field: Field, value: &str) -> Self {
        self.with_bytes(abi::ARENA_JSON, field, value)
    }

    /// And this field with an integer.
    #[must_use]
    pub fn int(self, field: Field, value: i64) -> Self {
        self.with(abi::I64, field, halves(value.cast_unsigned()))
    }

    /// And this field with a number; null where it is not finite, because JSON has no other way to say so.
    #[must_use]
    pub fn float(self, field: Field, value: f64) -> Self {
        match value.is_finite() {
            true => self.with(abi::F64, field, halves(value.to_bits())),
            false => self.with(abi::NULL, field, [0, 0]),
        }
    }

    fn with_bytes(mut self, kind: u32, field: Field, value: &str) -> Self {
        let offset = self.bytes.len() as u32;
        self.bytes.extend_from_slice(value.as_bytes());
        self.with(kind, field, [offset, value.len() as u32])
    }

    fn with(mut self, kind: u32, field: Field, [a, b]: [u32; 2]) -> Self {
        self.made.push([op_word(abi::SET, kind, field.id()), a, b]);
        self.batch = 0;
        self
    }

    /// The same for fields of which each event has others, out of many.
    #[must_use]
    pub fn into_bundle(self) -> Bundle {
        Bundle { made: self.made.into(), bytes: self.bytes.into() }
    }

    /// Puts the bytes into the arena, where this batch does not have them yet. Batches are counted from 1.
    #[inline(always)]
    pub(crate) fn prepare(&mut self, batch: u64, arena: &mut Vec<u8>) {
        if self.batch != batch {
            self.write(batch, arena);
        }
    }

    #[inline(never)]
    fn write(&mut self, batch: u64, arena: &mut Vec<u8>) {
        self.batch = batch;
        let start = arena.len() as u32;
        arena.extend_from_slice(&self.bytes);
        self.words.resize(3 * self.made.len(), 0);
        for (words, made) in self.words.as_chunks_mut().0.iter_mut().zip(&self.made) {
            *words = moved(*made, start);
        }
    }

    /// The operations in pieces of a size that is known when this is compiled, and what is left.
    #[inline(always)]
    pub(crate) fn pieces(&self) -> (&[[u32; COPIED_WORDS]], &[[u32; 3]]) {
        let (pieces, rest) = self.words.as_chunks();
        (pieces, rest.as_chunks().0)
    }
}

/// Fields with their values, of which there are many different sets: the places of addresses, the rows of a table. Made by [`Constants::into_bundle`], and as small as can be.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    made: Box<[[u32; 3]]>,
    bytes: Box<[u8]>,
}

impl Bundle {
    /// Its bytes, for the arena.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its operations, once the bytes lie at `start` of the arena.
    #[inline(always)]
    pub(crate) fn operations(&self, start: u32) -> impl Iterator<Item = [u32; 3]> + '_ {
        self.made.iter().map(move |made| moved(*made, start))
    }
}

/// An operation whose bytes, if it has any, lie that much further behind.
#[inline(always)]
fn moved([word, a, b]: [u32; 3], by: u32) -> [u32; 3] {
    let is_offset = matches!(word >> 4 & 15, abi::ARENA | abi::ARENA_JSON);
    [word, a + if is_offset { by } else { 0 }, b]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_move_with_the_arena_and_numbers_do_not() {
        let field = Field::nth;
        let mut constants =
            Constants::new().text(field(0), "ab").int(field(1), 7).json(field(2), "[1]").float(field(3), 0.5);
        let (set, mut arena) = (|kind, name| op_word(abi::SET, kind, name), b"before".to_vec());
        let half = halves(0.5f64.to_bits());
        let expected = [
            set(abi::ARENA, 0),
            6,
            2,
            set(abi::I64, 1),
            7,
            0,
            set(abi::ARENA_JSON, 2),
            8,
            3,
            set(abi::F64, 3),
            half[0],
            half[1],
        ];
        constants.prepare(1, &mut arena);
        constants.prepare(1, &mut arena);
        assert_eq!((constants.words.as_slice(), arena.as_slice()), (&expected[..], &b"beforeab[1]"[..]));
        let bundle = constants.into_bundle();
        assert_eq!(
            (bundle.operations(6).flatten().collect::<Vec<_>>(), bundle.bytes()),
            (expected.to_vec(), &b"ab[1]"[..])
        );
    }

    #[test]
    fn a_number_that_is_not_finite_is_null() {
        let constants = Constants::new().float(Field::nth(0), f64::NAN);
        assert_eq!(constants.made, [[op_word(abi::SET, abi::NULL, 0), 0, 0]]);
    }
}
