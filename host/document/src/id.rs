//! The `_id` of a document, written fast: 12 bits at a time, and what it shares with the one before is kept.

use collector_model::EventId;

use crate::writer::Writer;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// The characters of every 12 bits.
static PAIRS: [[u8; 2]; 4096] = pairs();
/// Bytes at the beginning that the lines of one file mostly share: kind, day and most of the uid.
const SHARED_BYTES: usize = 18;
const SHARED_CHARS: usize = SHARED_BYTES / 3 * 4;

const fn pairs() -> [[u8; 2]; 4096] {
    let mut table = [[0; 2]; 4096];
    let mut i = 0;
    while i < table.len() {
        table[i] = [ALPHABET[i >> 6], ALPHABET[i & 63]];
        i += 1;
    }
    table
}

/// Writes ids.
#[derive(Debug)]
pub(crate) struct IdWriter {
    shared: [u8; SHARED_BYTES],
    text: [u8; 48],
}

impl Default for IdWriter {
    fn default() -> Self {
        IdWriter { shared: [0; SHARED_BYTES], text: [b'A'; 48] }
    }
}

impl IdWriter {
    /// Appends the 48 characters of an id.
    #[inline]
    pub(crate) fn put(&mut self, id: &EventId, out: &mut Writer<'_>) {
        let bytes = id.as_bytes();
        if bytes[..SHARED_BYTES] != self.shared {
            self.shared.copy_from_slice(&bytes[..SHARED_BYTES]);
            encode(&bytes[..SHARED_BYTES], &mut self.text[..SHARED_CHARS]);
        }
        encode(&bytes[SHARED_BYTES..], &mut self.text[SHARED_CHARS..]);
        out.put(&self.text);
    }
}

/// Base64url of whole groups of three bytes.
#[inline(always)]
fn encode(bytes: &[u8], text: &mut [u8]) {
    for (group, chars) in bytes.chunks_exact(3).zip(text.chunks_exact_mut(4)) {
        let bits = usize::from(group[0]) << 16 | usize::from(group[1]) << 8 | usize::from(group[2]);
        chars[..2].copy_from_slice(&PAIRS[bits >> 12]);
        chars[2..].copy_from_slice(&PAIRS[bits & 0xfff]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collector_model::{BucketDay, FileUid};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_are_written_as_they_are_displayed(ids: Vec<(u32, u128, u64, String)>) {
            let (mut out, mut writer, mut expected) = (vec![], IdWriter::default(), String::new());
            let mut bytes = Writer::new(&mut out);
            for (day, uid, offset, line) in ids {
                let id = EventId::ours(BucketDay::from_unix_ms(i64::from(day) * 1_000_000), FileUid(uid), offset, line.as_bytes());
                writer.put(&id, &mut bytes);
                expected += &id.to_string();
            }
            drop(bytes);
            prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
