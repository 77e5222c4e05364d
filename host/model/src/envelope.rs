//! What travels beside a line's bytes: the key of a Kafka record, and of a dead letter.
//!
//! Layout, big-endian: magic `LC` · version 1 · flags · id (36) · fork path (count u8, then u16 each) · read time i64 (ms) ·
//! timezone i16 (minutes) · host, ip, path, chain hash, each as u16 length and bytes. Flag 16 says that the name of the value's encoding
//! follows, as another such text; without it, the value is UTF-8.

pub mod many;

use crate::{Encoding, EventId, ForkPath, LineFlags, Origin, id::EVENT_ID_BYTES};

const MAGIC: [u8; 2] = *b"LC";
const VERSION: u8 = 1;
/// Among the flags: the value is not UTF-8.
const ENCODED: u8 = 16;
/// Bytes before the fork path.
const HEAD_BYTES: usize = 4 + EVENT_ID_BYTES;
/// How many steps a fork path may have on the wire.
pub const FORK_STEPS_MAX: usize = u8::MAX as usize;

/// The decoded key. Borrows from the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The identity of the line.
    pub id: EventId,
    /// Which fork of the line.
    pub fork: ForkPath,
    /// What is special about it.
    pub flags: LineFlags,
    /// When the bytes were first read, in ms since the epoch.
    pub read_time_ms: i64,
    /// The reader's offset from UTC, in minutes.
    pub timezone_minutes: i16,
    /// The reader's host name.
    pub host_name: &'a str,
    /// The reader's address.
    pub host_ip: &'a str,
    /// The file.
    pub path: &'a str,
    /// The hash of the chain that the agent ran; empty when none.
    pub chain: &'a str,
    /// How the value's bytes become text.
    pub encoding: Encoding,
}

/// Appends the encoded key to `out`. Texts longer than 65,535 bytes are cut at a character.
pub fn encode(id: &EventId, fork: &ForkPath, flags: LineFlags, origin: &Origin, out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.push(VERSION);
    let is_encoded = !origin.encoding.is_utf8();
    out.push(flags.0 | if is_encoded { ENCODED } else { 0 });
    out.extend_from_slice(id.as_bytes());
    put_fork(fork, out);
    out.extend_from_slice(&origin.read_time_ms.to_be_bytes());
    out.extend_from_slice(&origin.timezone_minutes.to_be_bytes());
    for text in [&*origin.host_name, &*origin.host_ip, &*origin.path, &*origin.chain] {
        put_text(text, out);
    }
    if is_encoded {
        put_text(origin.encoding.name(), out);
    }
}

fn put_fork(fork: &ForkPath, out: &mut Vec<u8>) {
    let steps = fork.steps();
    let steps = &steps[..steps.len().min(FORK_STEPS_MAX)];
    out.push(steps.len() as u8);
    for step in steps {
        out.extend_from_slice(&step.to_be_bytes());
    }
}

/// Appends a text, cut at a character where it is too long.
fn put_text(text: &str, out: &mut Vec<u8>) {
    let mut len = text.len().min(usize::from(u16::MAX));
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    out.extend_from_slice(&(len as u16).to_be_bytes());
    out.extend_from_slice(&text.as_bytes()[..len]);
}

impl<'a> Envelope<'a> {
    /// Whether a record's key begins as one of ours. What does not is another producer's record.
    pub fn is_ours(key: &[u8]) -> bool {
        key.starts_with(&MAGIC) && key.len() > HEAD_BYTES
    }

    /// Reads a key.
    pub fn decode(key: &'a [u8]) -> Result<Self, EnvelopeError> {
        let mut rest = Rest(key);
        if rest.array::<2>()? != MAGIC {
            return Err(EnvelopeError::NotOurs);
        }
        let [version, flags] = rest.array::<2>()?;
        if version != VERSION {
            return Err(EnvelopeError::UnknownVersion(version));
        }
        let id = EventId::from_bytes(rest.array()?)?;
        let envelope = Envelope {
            id,
            fork: rest.fork()?,
            flags: LineFlags(flags & !ENCODED),
            read_time_ms: i64::from_be_bytes(rest.array()?),
            timezone_minutes: i16::from_be_bytes(rest.array()?),
            host_name: rest.text()?,
            host_ip: rest.text()?,
            path: rest.text()?,
            chain: rest.text()?,
            encoding: if flags & ENCODED == 0 { Encoding::UTF_8 } else { rest.encoding()? },
        };
        if rest.0.is_empty() { Ok(envelope) } else { Err(EnvelopeError::TooLong) }
    }

    /// Whether the line was read at that origin (so that consecutive lines can share it).
    pub fn is_from(&self, origin: &Origin) -> bool {
        self.read_time_ms == origin.read_time_ms
            && self.timezone_minutes == origin.timezone_minutes
            && self.host_name == &*origin.host_name
            && self.host_ip == &*origin.host_ip
            && self.path == &*origin.path
            && self.chain == &*origin.chain
            && self.encoding == origin.encoding
    }

    /// The origin, for keeping.
    pub fn origin(&self) -> Origin {
        Origin {
            host_name: self.host_name.into(),
            host_ip: self.host_ip.into(),
            path: self.path.into(),
            read_time_ms: self.read_time_ms,
            timezone_minutes: self.timezone_minutes,
            chain: self.chain.into(),
            encoding: self.encoding,
        }
    }
}

#[derive(Debug)]
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], EnvelopeError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(EnvelopeError::TooShort)?;
        self.0 = rest;
        Ok(*head)
    }

    fn fork(&mut self) -> Result<ForkPath, EnvelopeError> {
        let [steps] = self.array::<1>()?;
        let steps = (0..steps).map(|_| self.array().map(u16::from_be_bytes)).collect::<Result<_, _>>()?;
        Ok(ForkPath::from_steps(steps))
    }

    fn varint(&mut self) -> Result<u64, EnvelopeError> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array::<1>()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(EnvelopeError::TooLong)
    }

    fn text(&mut self) -> Result<&'a str, EnvelopeError> {
        let len = usize::from(u16::from_be_bytes(self.array()?));
        let (text, rest) = self.0.split_at_checked(len).ok_or(EnvelopeError::TooShort)?;
        self.0 = rest;
        simdutf8::basic::from_utf8(text).map_err(|_| EnvelopeError::NotText)
    }

    fn encoding(&mut self) -> Result<Encoding, EnvelopeError> {
        let name = self.text()?;
        Encoding::named(name).ok_or_else(|| EnvelopeError::UnknownEncoding(name.to_owned()))
    }
}

/// Why a key is not an envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It does not begin with `LC`.
    #[error("reading a record's key: it does not begin with LC, so another producer wrote it")]
    NotOurs,
    /// A newer collector wrote it.
    #[error(
        "reading a record's key: its version is {0}, this collector knows version 1; update the transfer before the agents"
    )]
    UnknownVersion(u8),
    /// It ends in the middle.
    #[error("reading a record's key: it ends too soon")]
    TooShort,
    /// Something follows it.
    #[error("reading a record's key: something follows its end")]
    TooLong,
    /// Its value is not the one that it was written for.
    #[error(
        "reading a record of many lines: its key tells of other bytes than its value has; something changed one of them"
    )]
    NotTheValue,
    /// A text of it is not UTF-8.
    #[error("reading a record's key: a text in it is not UTF-8")]
    NotText,
    /// Its value is in an encoding that this version does not have.
    #[error(
        "reading a record's key: its value is in the encoding {0:?}, which this collector does not know; update the transfer"
    )]
    UnknownEncoding(String),
    /// Its id is not one.
    #[error(transparent)]
    Id(#[from] crate::id::IdError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BucketDay, FileUid};
    use proptest::prelude::*;

    fn origin() -> Origin {
        let text = |s: &str| s.into();
        Origin {
            host_name: text("web-1"),
            host_ip: text("10.0.0.1"),
            path: text("/var/log/é.log"),
            read_time_ms: -5,
            timezone_minutes: -120,
            chain: text("0a1b2c3d"),
            encoding: Encoding::UTF_8,
        }
    }

    #[test]
    fn an_envelope_reads_back_as_written() {
        let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(3), 9, b"x");
        let fork = ForkPath::NONE.child(3).child(700);
        let mut key = vec![];
        encode(&id, &fork, LineFlags::CUT, &origin(), &mut key);
        let read = Envelope::decode(&key).unwrap();
        assert!(Envelope::is_ours(&key) && read.is_from(&origin()));
        assert_eq!((read.id, read.fork.clone(), read.flags, read.origin()), (id, fork, LineFlags::CUT, origin()));
    }

    #[test]
    fn the_encoding_of_the_value_travels_with_it() {
        let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(3), 9, b"x");
        let origin = Origin { encoding: Encoding::named("gb18030").unwrap(), ..origin() };
        let mut key = vec![];
        encode(&id, &ForkPath::NONE, LineFlags::CUT, &origin, &mut key);
        let read = Envelope::decode(&key).unwrap();
        assert!(read.is_from(&origin) && read.flags == LineFlags::CUT);
        assert_eq!(read.origin(), origin);
    }

    #[test]
    fn every_cut_of_a_key_is_refused() {
        let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(3), 9, b"x");
        let mut key = vec![];
        encode(&id, &ForkPath::NONE.child(1), LineFlags::default(), &origin(), &mut key);
        assert!((0..key.len()).all(|len| Envelope::decode(&key[..len]).is_err()));
        key.push(0);
        assert_eq!(Envelope::decode(&key), Err(EnvelopeError::TooLong));
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(mut bytes: Vec<u8>, ours: bool) {
            if ours { bytes.splice(0..0, *b"LC\x01\x00\x01"); }
            let _ = Envelope::decode(&bytes);
        }
    }
}
