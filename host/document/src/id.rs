//! The `_id` of a document, written fast: twelve bytes at a time, and what it shares with the one before is kept.

use collector_model::{EventId, ForkPath};

use crate::{lanes::Lanes, writer::Writer};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// The characters of every 12 bits.
static PAIRS: [[u8; 2]; 4096] = pairs();
/// Bytes at the beginning that the lines of one file share: kind, day and half of the uid.
const SHARED_BYTES: usize = 12;

const fn pairs() -> [[u8; 2]; 4096] {
    let mut table = [[0; 2]; 4096];
    let mut i = 0;
    while i < table.len() {
        table[i] = [ALPHABET[i >> 6], ALPHABET[i & 63]];
        i += 1;
    }
    table
}

const BEFORE: &[u8; 18] = b"{\"create\":{\"_id\":\"";
const BEHIND: &[u8; 4] = b"\"}}\n";
const ID_CHARS: usize = 48;
/// Where the id ends in an action line.
const ID_END: usize = BEFORE.len() + ID_CHARS;

/// Writes the action lines of bulk requests.
#[derive(Debug)]
pub(crate) struct IdWriter {
    shared: [u8; SHARED_BYTES],
    /// The action line of the document before.
    text: [u8; ID_END + BEHIND.len()],
}

impl Default for IdWriter {
    fn default() -> Self {
        let mut text = [b'A'; ID_END + BEHIND.len()];
        text[..BEFORE.len()].copy_from_slice(BEFORE);
        text[ID_END..].copy_from_slice(BEHIND);
        IdWriter { shared: [0; SHARED_BYTES], text }
    }
}

impl IdWriter {
    /// Appends the action line that creates the document of that id.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    pub(crate) unsafe fn put_action<L: Lanes>(&mut self, id: &EventId, fork: &ForkPath, out: &mut Writer<'_>) {
        let bytes: &[u8; 36] = id.as_bytes();
        let text = &mut self.text[BEFORE.len()..ID_END];
        if bytes[..SHARED_BYTES] != self.shared {
            self.shared.copy_from_slice(&bytes[..SHARED_BYTES]);
            encode(&bytes[..SHARED_BYTES], &mut text[..16]);
        }
        let (mut second, mut third) = ([0; 16], [0; 16]);
        second.copy_from_slice(&bytes[12..28]);
        third.copy_from_slice(&bytes[20..]);
        // SAFETY: the caller's promise.
        unsafe {
            text[16..32].copy_from_slice(&L::base64::<0>(&second));
            text[32..].copy_from_slice(&L::base64::<4>(&third));
        }
        if *fork == ForkPath::NONE {
            out.put(&self.text);
        } else {
            out.put(&self.text[..ID_END]);
            out.put(fork.to_string().as_bytes());
            out.put(BEHIND);
        }
    }
}

/// Base64url of whole groups of three bytes.
#[inline(always)]
pub(crate) fn encode(bytes: &[u8], text: &mut [u8]) {
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
        fn ids_are_written_as_they_are_displayed(ids: Vec<(u32, u128, u64, String, Vec<u16>)>) {
            let mut expected = String::new();
            let mut results = [vec![], vec![]];
            let mut writers = [IdWriter::default(), IdWriter::default()];
            for (day, uid, offset, line, fork) in ids {
                let fork = ForkPath::from_steps(fork);
                let id = EventId::ours(BucketDay::from_unix_ms(i64::from(day) * 1_000_000), FileUid(uid), offset, line.as_bytes());
                // SAFETY: every processor has what the first needs; the other was detected.
                unsafe {
                    writers[0].put_action::<crate::lanes::Portable>(&id, &fork, &mut Writer::new(&mut results[0]));
                    #[cfg(target_arch = "x86_64")]
                    if is_x86_feature_detected!("avx2") {
                        writers[1].put_action::<crate::lanes::Avx2>(&id, &fork, &mut Writer::new(&mut results[1]));
                    }
                }
                expected += &format!("{{\"create\":{{\"_id\":\"{id}{fork}\"}}}}\n");
            }
            for result in results.iter().filter(|result| !result.is_empty()) {
                prop_assert_eq!(std::str::from_utf8(result).unwrap(), &expected);
            }
        }
    }
}
