//! Which place an address had when it was met before. An address is told by the bytes of its text, so that one that is known need not be read.

use std::hash::{BuildHasher, Hasher};

/// Addresses that are remembered; a power of two.
const SLOTS: usize = 32_768;
/// Slots where one of them may be; a power of two.
const WAYS: usize = 4;
/// Shortest text that is told by its bytes.
const TEXT_BYTES_MIN: usize = 4;
/// Longest text that is told by its bytes: any IPv4 address.
const TEXT_BYTES_MAX: usize = 16;
/// In place of a text's length: the address itself.
const BITS: u32 = 17;

/// An address in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    first: u64,
    last: u64,
    /// The length of the text, or [`BITS`]; above them the column.
    kind: u32,
}

impl Key {
    /// The key of a text, if it is neither too short nor too long.
    #[inline(always)]
    pub(crate) fn of(column: u32, text: &[u8]) -> Option<Self> {
        let length = text.len();
        if length > TEXT_BYTES_MAX {
            return None;
        }
        // The first and the last eight bytes overlap; with the length they say all there is.
        let (first, last) = match (text.first_chunk(), text.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => Self::of_few(text)?,
        };
        Some(Self { first, last, kind: column << 8 | length as u32 })
    }

    #[inline(never)]
    fn of_few(text: &[u8]) -> Option<(u64, u64)> {
        let half = |bytes: &[u8; TEXT_BYTES_MIN]| u64::from(u32::from_le_bytes(*bytes));
        Some((half(text.first_chunk()?), half(text.last_chunk()?)))
    }

    /// The key of an address as IPv6.
    pub(crate) fn of_bits(column: u32, bits: u128) -> Self {
        Self { first: bits as u64, last: (bits >> 64) as u64, kind: column << 8 | BITS }
    }

    #[inline(always)]
    fn number(self) -> usize {
        let mixed = (self.first.wrapping_mul(MIX) ^ self.last).wrapping_add(u64::from(self.kind)).wrapping_mul(MIX);
        (mixed >> 40) as usize % (SLOTS / WAYS)
    }
}

/// An address and its place, in as little memory as they need.
#[derive(Clone, Copy, Default)]
struct Slot {
    first: u64,
    last: u64,
    kind: u32,
    place: u32,
}

impl Slot {
    #[inline(always)]
    fn key(&self) -> Key {
        Key { first: self.first, last: self.last, kind: self.kind }
    }
}

/// Places by address: each has a few slots where it may be, of which the first has what came last.
#[derive(Default)]
pub(crate) struct Remembered(Vec<[Slot; WAYS]>);

impl Remembered {
    /// The place of an address, if it is remembered.
    #[inline(always)]
    pub(crate) fn get(&self, key: Key) -> Option<u32> {
        let slots = self.0.get(key.number())?;
        slots.iter().find(|slot| slot.key() == key).map(|slot| slot.place)
    }

    /// Remembers it. The oldest of those that are in its slots is forgotten.
    pub(crate) fn put(&mut self, key: Key, place: u32) {
        // No key has a kind of 0, which is a text of no bytes.
        self.0.resize(SLOTS / WAYS, [Slot::default(); WAYS]);
        let slots = &mut self.0[key.number()];
        slots.rotate_right(1);
        slots[0] = Slot { first: key.first, last: key.last, kind: key.kind, place };
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// An odd number without a pattern in its bits.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hashes numbers that come from the operator's own files, fast.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mixing;

impl BuildHasher for Mixing {
    type Hasher = Mixer;

    fn build_hasher(&self) -> Mixer {
        Mixer(0)
    }
}

/// See [`Mixing`].
pub(crate) struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(size_of::<u64>()) {
            let number = chunk.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
            self.write_u64(number);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(MIX).rotate_left(29);
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(MIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_put_is_found_until_others_took_its_slots() {
        let key = |number: u64| Key { first: number, last: 0, kind: 8 };
        let same: Vec<Key> = (0..).map(key).filter(|other| other.number() == key(7).number()).take(WAYS + 1).collect();
        let mut remembered = Remembered::default();
        assert_eq!(remembered.get(same[0]), None);
        for (number, key) in same.iter().enumerate() {
            remembered.put(*key, number as u32);
        }
        assert_eq!(remembered.get(same[0]), None);
        for (number, key) in same.iter().enumerate().skip(1) {
            assert_eq!(remembered.get(*key), Some(number as u32));
        }
        remembered.clear();
        assert_eq!(remembered.get(same[2]), None);
    }

    #[test]
    fn zeros_are_not_found_where_nothing_was_put() {
        let mut remembered = Remembered::default();
        remembered.put(Key::of(0, b"192.0.2.1").unwrap(), 1);
        assert_eq!(remembered.get(Key::of(0, &[0; 8]).unwrap()), None);
        assert_eq!(remembered.get(Key::of_bits(0, 0)), None);
    }

    proptest! {
        #[test]
        fn different_texts_have_different_keys(a in "[0-9a-f:.]{4,16}", b in "[0-9a-f:.]{4,16}", column in 0u32..3) {
            prop_assert_eq!(Key::of(column, a.as_bytes()) == Key::of(column, b.as_bytes()), a == b);
            prop_assert_ne!(Key::of(column, a.as_bytes()), Key::of(column + 1, a.as_bytes()));
        }
    }
}
