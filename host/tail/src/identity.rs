//! Which file is which: inode and birth time, the first bytes, and the bytes before the offset. Decisions only, no I/O.

use std::io;

use xxhash_rust::xxh3::xxh3_64;

/// How many of a file's first bytes tell it from another.
pub(crate) const HEAD_BYTES_MAX: usize = 1024;
/// How many bytes before the offset tell whether the file is still what was read.
pub(crate) const BEFORE_BYTES_MAX: usize = 256;

/// What the file system says of a file's identity. The device is left out: its number changes over reboots and mounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    /// The inode number.
    pub(crate) inode: u64,
    /// Birth time in nanoseconds since the epoch; 0 where the file system keeps none.
    pub(crate) birth_ns: i64,
}

impl Identity {
    /// Whether both can be the same file: inodes are used again, birth times are not.
    pub(crate) fn may_be(self, other: Identity) -> bool {
        let births_agree = self.birth_ns == other.birth_ns || self.birth_ns == 0 || other.birth_ns == 0;
        self.inode == other.inode && births_agree
    }
}

/// A hash of some bytes, and how many they are. Nothing at all fits everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// How many bytes.
    pub(crate) len: u16,
    /// xxh3_64 of them; 0 for none.
    pub(crate) hash: u64,
}

impl Fingerprint {
    /// The fingerprint of at most 64 KiB.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes.len() {
            0 => Fingerprint::default(),
            len => Fingerprint { len: len.min(usize::from(u16::MAX)) as u16, hash: xxh3_64(bytes) },
        }
    }

    /// Whether bytes begin with those that it was made of.
    pub(crate) fn begins(self, bytes: &[u8]) -> bool {
        bytes.get(..usize::from(self.len)).is_some_and(|bytes| Fingerprint::of(bytes) == self)
    }
}

/// What is remembered of a file's content: how it began, and what stood before the offset up to which it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Of the first bytes.
    pub(crate) head: Fingerprint,
    /// How far the file was read.
    pub(crate) offset: u64,
    /// Of the last bytes before `offset`.
    pub(crate) before: Fingerprint,
}

/// The bytes of a file, for looking at a few of them.
pub(crate) trait Content {
    /// Exactly `len` bytes from `offset` on; none when there are fewer. An error says nothing about them.
    fn at(&self, offset: u64, len: usize) -> io::Result<Option<Vec<u8>>>;

    /// The fingerprint of `len` bytes from `offset` on.
    fn fingerprint(&self, offset: u64, len: usize) -> io::Result<Option<Fingerprint>> {
        Ok(self.at(offset, len)?.map(|bytes| Fingerprint::of(&bytes)))
    }
}

impl Content for [u8] {
    fn at(&self, offset: u64, len: usize) -> io::Result<Option<Vec<u8>>> {
        let range = usize::try_from(offset).ok().and_then(|start| Some(start..start.checked_add(len)?));
        Ok(range.and_then(|range| self.get(range)).map(<[u8]>::to_vec))
    }
}

impl Mark {
    /// Whether `content` begins as remembered and holds, up to the offset, what was read.
    pub(crate) fn fits(&self, content: &(impl Content + ?Sized)) -> io::Result<bool> {
        let before_at = self.offset.saturating_sub(u64::from(self.before.len));
        let same = |offset, known: Fingerprint| -> io::Result<bool> {
            Ok(content.fingerprint(offset, usize::from(known.len))? == Some(known))
        };
        Ok(same(0, self.head)? && same(before_at, self.before)?)
    }
}

/// What a file is, compared with one that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The known file: go on at its offset.
    Same,
    /// The known file's inode with other content: it was truncated and written anew, or the inode was used again.
    Restarted,
    /// Another file.
    Other,
}

/// Compares a file with a known one; an error where its bytes cannot be read, which proves nothing.
pub(crate) fn judge(
    known: (Identity, &Mark),
    seen: Identity,
    size: u64,
    content: &(impl Content + ?Sized),
) -> io::Result<Verdict> {
    let (identity, mark) = known;
    if !identity.may_be(seen) {
        return Ok(Verdict::Other);
    }
    if size < mark.offset || !mark.fits(content)? {
        return Ok(Verdict::Restarted);
    }
    Ok(Verdict::Same)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Identity = Identity { inode: 7, birth_ns: 100 };

    fn mark(content: &[u8], offset: usize) -> Mark {
        let head = Fingerprint::of(&content[..content.len().min(HEAD_BYTES_MAX)]);
        let before = Fingerprint::of(&content[offset.saturating_sub(BEFORE_BYTES_MAX)..offset]);
        Mark { head, offset: offset as u64, before }
    }

    fn judged(mark: &Mark, seen: Identity, content: &[u8]) -> Verdict {
        judge((ID, mark), seen, content.len() as u64, content).unwrap()
    }

    #[test]
    fn a_file_that_grew_is_the_same() {
        assert_eq!(judged(&mark(b"one\ntwo\n", 4), ID, b"one\ntwo\nthree\n"), Verdict::Same);
    }

    #[test]
    fn a_file_of_nothing_is_the_same_whatever_it_has_become() {
        assert_eq!(judged(&mark(b"", 0), ID, b"anything"), Verdict::Same);
    }

    #[test]
    fn a_file_that_shrank_below_the_offset_has_restarted() {
        assert_eq!(judged(&mark(b"one\ntwo\n", 8), ID, b"one\n"), Verdict::Restarted);
    }

    #[test]
    fn a_file_that_regrew_past_the_offset_has_restarted() {
        assert_eq!(judged(&mark(b"one\ntwo\n", 8), ID, b"one\nTWO\nthree\nfour\n"), Verdict::Restarted);
    }

    #[test]
    fn an_inode_used_again_is_another_file() {
        let content = b"one\ntwo\n";
        assert_eq!(judged(&mark(content, 8), Identity { birth_ns: 200, ..ID }, content), Verdict::Other);
    }

    #[test]
    fn without_birth_times_the_content_decides() {
        let unborn = Identity { birth_ns: 0, ..ID };
        assert_eq!(judged(&mark(b"one\n", 4), unborn, b"one\ntwo\n"), Verdict::Same);
        assert_eq!(judged(&mark(b"one\n", 4), unborn, b"two\none\n"), Verdict::Restarted);
    }

    #[test]
    fn a_changed_middle_far_before_the_offset_is_not_noticed_but_the_last_bytes_are() {
        let old = vec![b'a'; 5000];
        let mut new = old.clone();
        new[4900] = b'b';
        assert_eq!(judged(&mark(&old, 5000), ID, &new), Verdict::Restarted);
    }
}
