//! The identity of a line, which is also the `_id` of its document.
//!
//! 36 bytes, big-endian: kind (1) · bucket day (3) · 16 · 8 · 8. A line of a file that an agent read is named by the file's
//! uid, the offset of its first byte and a hash of its bytes. A Kafka record of another producer is named by its cluster,
//! topic and partition, its offset, and a hash of its timestamp and value.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Length of an encoded [`EventId`], in bytes.
pub const EVENT_ID_BYTES: usize = 36;
/// Length of an [`EventId`] as text (base64url without padding), in characters.
pub const EVENT_ID_CHARS: usize = 48;

const KIND_OURS: u8 = 1;
const KIND_FOREIGN: u8 = 2;
const SECONDS_PER_DAY: i64 = 86_400;
const DAY_MAX: i64 = (1 << 24) - 1;

/// Days since 1970-01-01 (UTC) on which a line's bytes were first read: it chooses the index, and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct BucketDay(u32);

impl BucketDay {
    /// 1970-01-01.
    pub const EPOCH: BucketDay = BucketDay(0);

    /// The first of so many days that end with this one: the oldest that is kept where `days` are, today included.
    #[must_use]
    pub fn first_of(self, days: u32) -> Self {
        BucketDay(self.0.saturating_sub(days.saturating_sub(1)))
    }

    /// The day that contains the given time (milliseconds since the epoch). Times outside of 24 bits of days are clamped.
    pub fn from_unix_ms(ms: i64) -> Self {
        let days = ms.div_euclid(SECONDS_PER_DAY * 1000);
        BucketDay(days.clamp(0, DAY_MAX) as u32)
    }

    /// The day of that number, where it fits into 24 bits.
    pub fn from_days(days: u32) -> Option<Self> {
        (i64::from(days) <= DAY_MAX).then_some(BucketDay(days))
    }

    /// Days since 1970-01-01.
    pub fn days(self) -> u32 {
        self.0
    }

    /// The first millisecond of the day, since the epoch.
    pub fn start_unix_ms(self) -> i64 {
        i64::from(self.0) * SECONDS_PER_DAY * 1000
    }

    /// Year, month (1-12) and day of month, by Howard Hinnant's `civil_from_days`.
    pub fn civil(self) -> (i32, u32, u32) {
        let shifted = self.0 + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + u32::from(month <= 2);
        (year as i32, month, day)
    }
}

/// Written as `YYYY.MM.DD`, as it stands in the names of indices and partitions.
impl fmt::Display for BucketDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}.{month:02}.{day:02}")
    }
}

impl std::str::FromStr for BucketDay {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let bad = || IdError::BadDay(text.to_owned());
        let mut parts = text.split('.');
        let mut part = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length)?;
            part.parse::<u32>().ok()
        };
        let (Some(year), Some(month), Some(day)) = (part(4), part(2), part(2)) else { return Err(bad()) };
        if parts.next().is_some() || !(1..=12).contains(&month) || year < 1970 {
            return Err(bad());
        }
        // Howard Hinnant's `days_from_civil`; the round trip refuses the 31st of June.
        let (shifted_year, shifted_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let era = shifted_year / 400;
        let year_of_era = shifted_year % 400;
        let day_of_year = (153 * shifted_month + 2) / 5 + day.max(1) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = (era * 146_097 + day_of_era).checked_sub(719_468).ok_or_else(bad)?;
        let found = BucketDay::from_days(days).ok_or_else(bad)?;
        if found.civil() == (year as i32, month, day) { Ok(found) } else { Err(bad()) }
    }
}

/// The identity of a file's content for one topic, over renames and restarts (16 bytes).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileUid(pub u128);

/// What a [`FileUid`] is minted from.
#[derive(Clone, Copy, Debug)]
pub struct FileUidSeed<'a> {
    /// The agent's own id, made once and kept in its state directory.
    pub agent_id: &'a str,
    /// The topic the file is collected for.
    pub topic: &'a str,
    /// The inode number.
    pub inode: u64,
    /// Birth time in nanoseconds since the epoch, 0 where the file system keeps none.
    pub birth_ns: i64,
    /// Counts up when the same inode starts afresh (truncation).
    pub generation: u32,
    /// The first bytes of the file (up to 1 KiB) at the time of minting.
    pub head: &'a [u8],
}

impl FileUid {
    /// Mints the uid: xxh3_128 over the length-prefixed parts of the seed.
    pub fn mint(seed: &FileUidSeed<'_>) -> Self {
        let mut bytes = Vec::with_capacity(64 + seed.agent_id.len() + seed.topic.len() + seed.head.len());
        for part in [seed.agent_id.as_bytes(), seed.topic.as_bytes()] {
            bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(&seed.inode.to_be_bytes());
        bytes.extend_from_slice(&seed.birth_ns.to_be_bytes());
        bytes.extend_from_slice(&seed.generation.to_be_bytes());
        bytes.extend_from_slice(seed.head);
        FileUid(xxh3_128(&bytes))
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for FileUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for FileUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileUid({self})")
    }
}

impl std::str::FromStr for FileUid {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() != 32 {
            return Err(IdError::BadUid(text.to_owned()));
        }
        u128::from_str_radix(text, 16).map(FileUid).map_err(|_| IdError::BadUid(text.to_owned()))
    }
}

/// The 36 bytes that name one line for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId([u8; EVENT_ID_BYTES]);

impl EventId {
    /// The id of a line that an agent read: `line` is the line's original bytes without its newline.
    pub fn ours(day: BucketDay, uid: FileUid, offset: u64, line: &[u8]) -> Self {
        Self::build(KIND_OURS, day, uid.0, offset, xxh3_64(line))
    }

    /// The id of a record that another producer wrote to Kafka.
    pub fn foreign(partition: ForeignPartition, offset: u64, timestamp_ms: i64, value: &[u8]) -> Self {
        let mut hasher = xxhash_rust::xxh3::Xxh3Default::new();
        hasher.update(&timestamp_ms.to_be_bytes());
        hasher.update(value);
        let day = BucketDay::from_unix_ms(timestamp_ms);
        Self::build(KIND_FOREIGN, day, partition.0, offset, hasher.digest())
    }

    fn build(kind: u8, day: BucketDay, source: u128, offset: u64, hash: u64) -> Self {
        let mut bytes = [0; EVENT_ID_BYTES];
        bytes[0] = kind;
        bytes[1..4].copy_from_slice(&day.0.to_be_bytes()[1..]);
        bytes[4..20].copy_from_slice(&source.to_be_bytes());
        bytes[20..28].copy_from_slice(&offset.to_be_bytes());
        bytes[28..36].copy_from_slice(&hash.to_be_bytes());
        EventId(bytes)
    }

    /// Reads an id back. The kind must be one that this version knows.
    pub fn from_bytes(bytes: [u8; EVENT_ID_BYTES]) -> Result<Self, IdError> {
        match bytes[0] {
            KIND_OURS | KIND_FOREIGN => Ok(EventId(bytes)),
            kind => Err(IdError::UnknownKind(kind)),
        }
    }

    /// The bytes as they go on the wire.
    pub fn as_bytes(&self) -> &[u8; EVENT_ID_BYTES] {
        &self.0
    }

    /// Whether an agent of ours read the line (otherwise it came from another producer).
    pub fn is_ours(&self) -> bool {
        self.0[0] == KIND_OURS
    }

    /// The day that chooses the index.
    pub fn day(&self) -> BucketDay {
        BucketDay(u32::from_be_bytes([0, self.0[1], self.0[2], self.0[3]]))
    }

    /// The file's uid; none for a foreign record.
    pub fn file(&self) -> Option<FileUid> {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.0[4..20]);
        self.is_ours().then_some(FileUid(u128::from_be_bytes(bytes)))
    }

    /// The offset of the line's first byte in its file, or the Kafka offset of a foreign record.
    pub fn offset(&self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0[20..28]);
        u64::from_be_bytes(bytes)
    }

    /// The id as base64url text, into a caller's buffer: the `_id` of a document that is not forked.
    pub fn encode_to(&self, out: &mut [u8; EVENT_ID_CHARS]) {
        // 36 bytes are exactly 48 characters, so the buffer always fits.
        let written = URL_SAFE_NO_PAD.encode_slice(self.0, out);
        debug_assert_eq!(written, Ok(EVENT_ID_CHARS));
    }
}

/// Base64url, 48 characters.
impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; EVENT_ID_CHARS];
        self.encode_to(&mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

impl std::str::FromStr for EventId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = [0; EVENT_ID_BYTES];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(EVENT_ID_BYTES) => Self::from_bytes(bytes),
            _ => Err(IdError::BadText(text.to_owned())),
        }
    }
}

/// Where a foreign record lies: a hash of cluster id, topic and partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignPartition(u128);

impl ForeignPartition {
    /// xxh3_128 over the length-prefixed cluster id and topic, and the partition.
    pub fn new(cluster_id: &str, topic: &str, partition: i32) -> Self {
        let mut bytes = Vec::with_capacity(cluster_id.len() + topic.len() + 12);
        for part in [cluster_id, topic] {
            bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes.extend_from_slice(&partition.to_be_bytes());
        ForeignPartition(xxh3_128(&bytes))
    }
}

/// Which fork of its line an event is: empty for an event that was not forked. Numbered before drops, the agent's first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ForkPath(Option<Box<[u16]>>);

impl ForkPath {
    /// The path of an event that was not forked.
    pub const NONE: ForkPath = ForkPath(None);

    /// The path with one more step.
    #[must_use]
    pub fn child(&self, number: u16) -> Self {
        let mut steps = self.steps().to_vec();
        steps.push(number);
        ForkPath(Some(steps.into()))
    }

    /// The steps, outermost first.
    pub fn steps(&self) -> &[u16] {
        self.0.as_deref().unwrap_or_default()
    }

    /// A path of those steps.
    pub fn from_steps(steps: Vec<u16>) -> Self {
        ForkPath((!steps.is_empty()).then(|| steps.into()))
    }
}

/// `.N` per step: what is appended to the `_id`.
impl fmt::Display for ForkPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps().iter().try_for_each(|step| write!(f, ".{step}"))
    }
}

/// Why bytes or text are not an identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The first byte names a kind that this version does not know.
    #[error(
        "reading an event id: its kind is {0}, this version knows 1 (ours) and 2 (foreign); a newer collector wrote it"
    )]
    UnknownKind(u8),
    /// Not 48 characters of base64url.
    #[error("reading the event id {0:?}: it is not 48 characters of base64url")]
    BadText(String),
    /// Not `YYYY.MM.DD`.
    #[error("reading the day {0:?}: it is not a date written as YYYY.MM.DD")]
    BadDay(String),
    /// Not 32 hexadecimal digits.
    #[error("reading the file uid {0:?}: it is not 32 hexadecimal digits")]
    BadUid(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_keeps_its_parts_in_its_id() {
        let day = BucketDay::from_unix_ms(1_700_000_000_000);
        let id = EventId::ours(day, FileUid(7), 4711, b"hello");
        assert_eq!((id.day(), id.file(), id.offset(), id.is_ours()), (day, Some(FileUid(7)), 4711, true));
        assert_ne!(id, EventId::ours(day, FileUid(7), 4711, b"hellO"), "the content is part of the id");
    }

    #[test]
    fn a_foreign_record_has_its_timestamp_s_day_and_no_file() {
        let place = ForeignPartition::new("cluster", "web", 3);
        let id = EventId::foreign(place, 9, 86_400_000 * 3 + 1, b"v");
        assert_eq!((id.day().days(), id.file(), id.offset()), (3, None, 9));
        assert_ne!(place, ForeignPartition::new("clusterw", "eb", 3), "parts are length-prefixed");
    }

    #[test]
    fn days_that_are_kept_include_today() {
        let day = |text: &str| text.parse::<BucketDay>().unwrap();
        assert_eq!(day("2024.03.01").first_of(1), day("2024.03.01"));
        assert_eq!(day("2024.03.01").first_of(2), day("2024.02.29"));
        assert_eq!(day("1970.01.02").first_of(36_500), day("1970.01.01"));
    }

    #[test]
    fn days_are_written_as_dates() {
        assert_eq!(BucketDay::from_unix_ms(0).to_string(), "1970.01.01");
        assert_eq!(BucketDay::from_unix_ms(1_709_164_800_000).to_string(), "2024.02.29");
        assert!("2023.02.29".parse::<BucketDay>().is_err());
        assert!("2023.2.09".parse::<BucketDay>().is_err());
    }

    proptest! {
        #[test]
        fn ids_read_back_as_written(day in 0u32..1 << 24, uid: u128, offset: u64, line: Vec<u8>) {
            let id = EventId::ours(BucketDay::from_days(day).unwrap(), FileUid(uid), offset, &line);
            prop_assert_eq!(id.to_string().len(), EVENT_ID_CHARS);
            prop_assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
            prop_assert_eq!(EventId::from_bytes(*id.as_bytes()).unwrap(), id);
            prop_assert_eq!(FileUid(uid).to_string().parse::<FileUid>().unwrap(), FileUid(uid));
        }

        #[test]
        fn days_read_back_as_written(day in 0u32..2_900_000) {
            let day = BucketDay::from_days(day).unwrap();
            prop_assert_eq!(day.to_string().parse::<BucketDay>().unwrap(), day);
        }
    }
}
