//! A compressed file as if it were not: offsets, sizes and bytes are those of what it holds.

use std::{
    io::{self, Read},
    sync::Arc,
};

use flate2::read::MultiGzDecoder;
use parking_lot::Mutex;

use crate::{
    disk::{FileMeta, OpenFile},
    identity::{Fingerprint, Mark},
};

/// How many bytes of a compressed file are passed over in one go; what is further away takes several.
const SKIP_BYTES_MAX: u64 = 4 << 20;
/// How many bytes a compressed file is taken to have beyond those that were unpacked, until its end is met.
const AHEAD_BYTES: u64 = 256 << 10;

/// A file being unpacked. Going on where the last bytes ended is cheap; going back further than those begins anew.
pub(crate) struct Gunzip(Mutex<Unpacking>);

struct Unpacking {
    file: Arc<dyn OpenFile>,
    decoder: MultiGzDecoder<FromStart>,
    /// Where the decoder stands.
    at: u64,
    /// The bytes that were given last, which end there.
    last: Vec<u8>,
    end: End,
    /// How far it was ever unpacked.
    seen: u64,
}

/// Whether the end was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ahead,
    Reached,
    /// The packed bytes stop in the middle, or make no sense from some place on; so many they were.
    Broken {
        packed_bytes: u64,
    },
}

/// Reads a file from its first byte on, whoever else reads it.
struct FromStart {
    file: Arc<dyn OpenFile>,
    at: u64,
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.read_at(self.at, buffer.len())?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}

impl Gunzip {
    /// Begins at the first byte.
    pub(crate) fn open(file: Arc<dyn OpenFile>) -> Self {
        Gunzip(Mutex::new(Unpacking::from_start(file, 0)))
    }

    /// Whether the unpacked bytes are those of a known file, up to where it was read; `give_up` is asked now and then. Stands
    /// there afterwards.
    pub(crate) fn fits(&self, mark: &Mark, give_up: impl Fn() -> bool) -> io::Result<bool> {
        let head = self.patiently(0, usize::from(mark.head.len), &give_up)?;
        if Fingerprint::of(&head) != mark.head {
            return Ok(false);
        }
        let len = usize::from(mark.before.len);
        let before = self.patiently(mark.offset.saturating_sub(len as u64), len, &give_up)?;
        Ok(Fingerprint::of(&before) == mark.before && self.0.lock().at >= mark.offset)
    }

    fn patiently(&self, offset: u64, len: usize, give_up: impl Fn() -> bool) -> io::Result<Vec<u8>> {
        loop {
            match self.read_at(offset, len) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !give_up() => {}
                read => return read,
            }
        }
    }
}

impl OpenFile for Gunzip {
    /// The file's, but for the size: how many bytes there are unpacked, which is more than are known until the end was met.
    fn metadata(&self) -> io::Result<FileMeta> {
        let unpacking = self.0.lock();
        let meta = unpacking.file.metadata()?;
        Ok(FileMeta { size_bytes: unpacking.size_bytes(meta.size_bytes), ..meta })
    }

    /// `WouldBlock` where a lot has to be unpacked first: asking again goes on with that.
    fn read_at(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.0.lock().read_at(offset, len)
    }

    fn is_compressed(&self) -> bool {
        true
    }
}

impl Unpacking {
    fn from_start(file: Arc<dyn OpenFile>, seen: u64) -> Self {
        let decoder = MultiGzDecoder::new(FromStart { file: Arc::clone(&file), at: 0 });
        Unpacking { file, decoder, at: 0, last: vec![], end: End::Ahead, seen }
    }

    fn size_bytes(&self, packed_bytes_now: u64) -> u64 {
        let more = match self.end {
            End::Ahead => true,
            End::Reached => false,
            End::Broken { packed_bytes } => packed_bytes_now != packed_bytes,
        };
        self.seen + if more { AHEAD_BYTES } else { 0 }
    }

    fn read_at(&mut self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let has_changed =
            matches!(self.end, End::Broken { packed_bytes } if self.file.metadata()?.size_bytes != packed_bytes);
        if has_changed || offset < self.at - self.last.len() as u64 {
            *self = Unpacking::from_start(Arc::clone(&self.file), self.seen);
        }
        if !self.skip_to(offset)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let kept_from = self.last.len() - (self.at.saturating_sub(offset) as usize).min(self.last.len());
        if self.last.len() - kept_from >= len {
            return Ok(self.last[kept_from..kept_from + len].to_vec());
        }
        let mut bytes = self.last[kept_from..].to_vec();
        let mut filled = bytes.len();
        bytes.resize(len, 0);
        while filled < len {
            match self.unpack(&mut bytes[filled..])? {
                0 => break,
                more => filled += more,
            }
        }
        bytes.truncate(filled);
        self.last.clone_from(&bytes);
        Ok(bytes)
    }

    /// Passes over what is before `offset`. Answers whether that was all of it.
    fn skip_to(&mut self, offset: u64) -> io::Result<bool> {
        let mut passed = vec![0; 64 << 10];
        let stop_at = self.at + SKIP_BYTES_MAX;
        while self.at < offset {
            if self.at >= stop_at {
                return Ok(false);
            }
            self.last.clear();
            let len = passed.len().min((offset - self.at) as usize);
            if self.unpack(&mut passed[..len])? == 0 {
                break;
            }
        }
        Ok(true)
    }

    /// Unpacks some bytes; none at the end.
    fn unpack(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.end != End::Ahead {
            return Ok(0);
        }
        loop {
            match self.decoder.read(into) {
                Ok(0) => self.end = End::Reached,
                Ok(more) => {
                    self.at += more as u64;
                    self.seen = self.seen.max(self.at);
                    return Ok(more);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_of_content(error.kind()) => {
                    tracing::warn!(%error, unpacked_bytes = self.at,
                        "unpacking a rotated file: it is not whole; what was unpacked is read, and the rest once the file grows");
                    self.end = End::Broken { packed_bytes: self.file.metadata()?.size_bytes };
                }
                Err(error) => return Err(error),
            }
            return Ok(0);
        }
    }
}

/// Whether the packed bytes are at fault, and not the system.
fn is_of_content(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(kind, InvalidData | InvalidInput | UnexpectedEof)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::identity::{BEFORE_BYTES_MAX, HEAD_BYTES_MAX};
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::{fs::File, io::Write, os::unix::fs::FileExt};

    /// What gzip makes of it.
    pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(vec![], Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn file_of(bytes: &[u8]) -> Arc<File> {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(bytes, 0).unwrap();
        Arc::new(file)
    }

    fn read_whole(body: &Gunzip, offset: u64, len: usize) -> Vec<u8> {
        body.patiently(offset, len, || false).unwrap()
    }

    proptest! {
        #[test]
        fn any_place_of_a_compressed_file_reads_as_the_plain_one(
            bytes in prop::collection::vec(any::<u8>(), 0..5000), split: prop::sample::Index,
            reads in prop::collection::vec((0u64..6000, 0usize..3000), 1..12),
        ) {
            // Several members behind each other are one file.
            let (first, second) = bytes.split_at(split.index(bytes.len() + 1));
            let body = Gunzip::open(file_of(&[packed(first), packed(second)].concat()));
            for (offset, len) in reads {
                let from = (offset as usize).min(bytes.len());
                prop_assert_eq!(read_whole(&body, offset, len), &bytes[from..(from + len).min(bytes.len())]);
            }
            read_whole(&body, 0, 6000);
            prop_assert_eq!(body.metadata().unwrap().size_bytes, bytes.len() as u64);
        }
    }

    #[test]
    fn a_far_place_takes_several_turns_and_little_memory() {
        let bytes: Vec<u8> = (0..20u32 << 20).map(|n| (n / 1000) as u8).collect();
        let body = Gunzip::open(file_of(&packed(&bytes)));
        let (mut turns, at) = (0, 19 << 20);
        let found = loop {
            match body.read_at(at, 100) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => turns += 1,
                read => break read.unwrap(),
            }
        };
        assert_eq!(found, &bytes[at as usize..at as usize + 100]);
        assert!(turns >= 4 && body.0.lock().last.len() <= 100, "{turns}");
    }

    #[test]
    fn a_file_that_is_not_whole_gives_what_it_has_and_the_rest_when_it_comes() {
        let bytes: Vec<u8> = (0..100_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        let whole = packed(&bytes);
        let file = file_of(&whole[..whole.len() / 2]);
        let body = Gunzip::open(Arc::clone(&file) as Arc<dyn OpenFile>);
        let first = read_whole(&body, 0, bytes.len());
        assert!(!first.is_empty() && first.len() < bytes.len() && bytes.starts_with(&first));
        assert_eq!(body.metadata().unwrap().size_bytes, first.len() as u64);
        file.write_all_at(&whole[whole.len() / 2..], (whole.len() / 2) as u64).unwrap();
        assert_eq!(read_whole(&body, first.len() as u64, bytes.len()), &bytes[first.len()..]);
    }

    #[test]
    fn a_known_file_is_known_again_and_another_is_not() {
        let bytes: Vec<u8> = (0..3000).flat_map(|n: u32| format!("line {n}\n").into_bytes()).collect();
        let mark = |offset: usize| Mark {
            head: Fingerprint::of(&bytes[..HEAD_BYTES_MAX]),
            offset: offset as u64,
            before: Fingerprint::of(&bytes[offset - BEFORE_BYTES_MAX..offset]),
        };
        let fits = |content: &[u8], mark: &Mark| Gunzip::open(file_of(&packed(content))).fits(mark, || false).unwrap();
        assert!(fits(&bytes, &mark(20_000)) && fits(&bytes, &mark(bytes.len())));
        let mut other = bytes.clone();
        other[19_990] ^= 1;
        assert!(!fits(&other, &mark(20_000)));
        assert!(!fits(&bytes[..10_000], &mark(20_000)), "shorter than what was read");
        assert!(!fits(&bytes[1..], &mark(20_000)));
    }
}
