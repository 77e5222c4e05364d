//! The journal: an append-only file of records, each with its length and a checksum.
//!
//! What happens when it is not as it was left:
//! * a torn tail (the machine stopped while it was written) is cut off: nothing that depended on it was sent;
//! * damage in the middle is skipped up to the next whole record, counted and logged;
//! * an empty or missing journal means that no file is known: files are read as new ones;
//! * when it cannot be written (disk full, read-only), nothing that depends on it is sent until it can; a half-written
//!   record is cut off before the next attempt.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use xxhash_rust::xxh3::xxh3_64;

use crate::{
    disk::{Disk, OwnFile},
    state::{
        files::replace_file,
        known::Known,
        record::{FileRecord, Record},
    },
};

const MAGIC: &[u8; 4] = b"LCJ1";
const HEAD_BYTES: usize = 8;
const RECORD_BYTES_MAX: usize = 256 << 10;

/// The open journal and everything it says.
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Box<dyn OwnFile>,
    /// What is whole on disk.
    synced_bytes: u64,
    /// What the last compaction left.
    compacted_bytes: u64,
    pending: Vec<u8>,
    /// How many records were ever appended, and how many of them are on disk.
    appended: u64,
    synced: u64,
    /// Writing it anew has failed half-way: which of the two has the name is not certain.
    is_unsure: bool,
    known: Known,
}

/// What was found when a journal was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplayReport {
    /// Whole records.
    pub(crate) records: usize,
    /// Bytes that were skipped because they are no record.
    pub(crate) damaged_bytes: usize,
    /// Bytes at the end that are no whole record.
    pub(crate) torn_bytes: usize,
}

impl Journal {
    /// Opens or creates the journal and reads what it says.
    pub(crate) fn open(disk: Arc<dyn Disk>, path: &Path) -> io::Result<(Self, ReplayReport)> {
        let mut file = disk.append(path)?;
        let bytes = file.read_all()?;
        let mut known = Known::default();
        let report = replay(&bytes, |record| known.apply(&record));
        let mut whole = (bytes.len() - report.torn_bytes) as u64;
        if whole < MAGIC.len() as u64 {
            file.cut(0)?;
            file.write_all(MAGIC)?;
            whole = MAGIC.len() as u64;
        } else {
            file.cut(whole)?;
        }
        // What was read may be in memory alone, where whoever wrote it ended before it was synced; so may the file's name.
        file.sync()?;
        path.parent().map_or(Ok(()), |dir| disk.sync_dir(dir))?;
        let journal = Journal {
            disk,
            path: path.to_owned(),
            file,
            synced_bytes: whole,
            compacted_bytes: whole,
            pending: vec![],
            appended: 0,
            synced: 0,
            is_unsure: false,
            known,
        };
        Ok((journal, report))
    }

    /// What the records add up to, those included that are not on disk yet.
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// The same, for what needs no record (acknowledgements are the checkpoint's).
    pub(crate) fn known_mut(&mut self) -> &mut Known {
        &mut self.known
    }

    /// Appends a record. It is on disk once [`Journal::synced`] has reached the number that is returned.
    pub(crate) fn append(&mut self, record: &Record) -> u64 {
        self.known.apply(record);
        write_record(record, &mut self.pending);
        self.appended += 1;
        self.appended
    }

    /// Appends that a file is known.
    pub(crate) fn append_file(&mut self, file: FileRecord) -> u64 {
        self.append(&Record::File(Box::new(file)))
    }

    /// Whether there is something to bring to disk.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The number of the last record of all.
    pub(crate) fn appended(&self) -> u64 {
        self.appended
    }

    /// The number of the last record that is on disk.
    pub(crate) fn synced(&self) -> u64 {
        self.synced
    }

    /// Brings to disk what was appended: one write and one fsync for all of it.
    pub(crate) fn commit(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.is_unsure {
            return self.compact();
        }
        // What an earlier attempt left half-written goes first.
        if self.file.size_bytes()? != self.synced_bytes {
            self.file.cut(self.synced_bytes)?;
        }
        self.file.write_all(&self.pending)?;
        self.file.sync()?;
        self.synced_bytes += self.pending.len() as u64;
        self.pending.clear();
        self.synced = self.appended;
        Ok(())
    }

    /// Writes the journal anew when it is of some size and most of it no longer matters.
    pub(crate) fn compact_if_worthwhile(&mut self, bytes_min: u64) -> io::Result<()> {
        if self.synced_bytes < bytes_min.max(self.compacted_bytes.saturating_mul(2)) || self.is_dirty() {
            return Ok(());
        }
        self.compact()
    }

    /// Writes the journal anew with what still matters.
    pub(crate) fn compact(&mut self) -> io::Result<()> {
        let mut bytes = MAGIC.to_vec();
        self.known.records().iter().for_each(|record| write_record(record, &mut bytes));
        self.is_unsure = true;
        replace_file(&*self.disk, &self.path, &bytes)?;
        self.file = self.disk.append(&self.path)?;
        self.synced_bytes = bytes.len() as u64;
        self.compacted_bytes = self.synced_bytes;
        self.is_unsure = false;
        self.pending.clear();
        self.synced = self.appended;
        Ok(())
    }
}

fn write_record(record: &Record, out: &mut Vec<u8>) {
    let payload = record.encode();
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    out.extend_from_slice(&checksum(&payload).to_be_bytes());
    out.extend_from_slice(&payload);
}

fn checksum(payload: &[u8]) -> u32 {
    xxh3_64(payload) as u32
}

/// Reads all whole records. Bytes that are none are skipped up to the next one, byte by byte.
pub(crate) fn replay(bytes: &[u8], mut take: impl FnMut(Record)) -> ReplayReport {
    let mut report = ReplayReport::default();
    let mut at = if bytes.starts_with(MAGIC) { MAGIC.len() } else { 0 };
    let mut bad_from = None;
    while at < bytes.len() {
        match record_at(&bytes[at..]) {
            Some((record, len)) => {
                take(record);
                report.records += 1;
                report.damaged_bytes += bad_from.take().map_or(0, |from| at - from);
                at += len;
            }
            None => {
                bad_from.get_or_insert(at);
                at += 1;
            }
        }
    }
    report.torn_bytes = bad_from.map_or(0, |from| bytes.len() - from);
    report
}

fn record_at(bytes: &[u8]) -> Option<(Record, usize)> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let len = number(0) as usize;
    if len > RECORD_BYTES_MAX {
        return None;
    }
    let payload = rest.get(..len)?;
    if checksum(payload) != number(4) {
        return None;
    }
    Some((Record::decode(payload)?, HEAD_BYTES + len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MachineDisk;
    use crate::state::record::tests::any_record;
    use collector_model::FileUid;
    use proptest::prelude::*;

    fn open(path: &Path) -> io::Result<(Journal, ReplayReport)> {
        Journal::open(Arc::new(MachineDisk), path)
    }

    fn journal_of(records: &[Record]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        records.iter().for_each(|record| write_record(record, &mut bytes));
        bytes
    }

    fn replayed(bytes: &[u8]) -> (Vec<Record>, ReplayReport) {
        let mut records = vec![];
        let report = replay(bytes, |record| records.push(record));
        (records, report)
    }

    proptest! {
        #[test]
        fn whatever_is_cut_off_the_whole_records_before_it_stand(
            records in prop::collection::vec(any_record(), 1..20),
            cut: prop::sample::Index,
        ) {
            let bytes = journal_of(&records);
            let len = cut.index(bytes.len() + 1);
            let (found, _) = replayed(&bytes[..len]);
            let whole = (0..=records.len()).rev().find(|&n| journal_of(&records[..n]).len() <= len).unwrap_or(0);
            prop_assert_eq!(&found[..], &records[..whole]);
        }

        #[test]
        fn damage_in_the_middle_costs_one_record_only(
            records in prop::collection::vec(any_record(), 3..20),
            at: prop::sample::Index,
        ) {
            let start = journal_of(&records[..1]).len();
            let end = journal_of(&records[..2]).len();
            let mut bytes = journal_of(&records);
            bytes[start + at.index(end - start)] ^= 0x55;
            let (mut found, report) = replayed(&bytes);
            // A flipped bit in the length may let the scan find records inside the damaged one, never lose those after it.
            prop_assert_eq!(found.remove(0), records[0].clone());
            prop_assert_eq!(&found[found.len() - (records.len() - 2)..], &records[2..]);
            prop_assert!(report.damaged_bytes > 0 && report.torn_bytes == 0);
        }
    }

    #[test]
    fn a_torn_tail_is_cut_off_before_more_is_appended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, _) = open(&path).unwrap();
        journal.append(&Record::TaskSeen { key: "a".into() });
        journal.commit().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend_from_slice(&[0, 0, 0, 9, 1, 2]);
        std::fs::write(&path, &bytes).unwrap();
        let (mut journal, report) = open(&path).unwrap();
        assert_eq!(report, ReplayReport { records: 1, damaged_bytes: 0, torn_bytes: 6 });
        journal.append(&Record::TaskSeen { key: "b".into() });
        journal.commit().unwrap();
        let (journal, report) = open(&path).unwrap();
        assert_eq!(report, ReplayReport { records: 2, damaged_bytes: 0, torn_bytes: 0 });
        assert!(journal.known().is_task_seen("b"));
    }

    #[test]
    fn what_could_not_be_written_is_written_later_and_nothing_counts_as_written_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, _) = open(&path).unwrap();
        let number = journal.append(&Record::TaskSeen { key: "a".into() });
        let mut writable = std::mem::replace(&mut journal.file, Box::new(std::fs::File::open(&path).unwrap()));
        assert!(journal.commit().is_err() && journal.is_dirty() && journal.synced() < number);
        // The failed attempt may have left half a record behind.
        writable.write_all(&[0, 0, 0, 40, 7]).unwrap();
        journal.file = writable;
        journal.commit().unwrap();
        assert!(!journal.is_dirty() && journal.synced() == number);
        let (_, report) = open(&path).unwrap();
        assert_eq!(report, ReplayReport { records: 1, damaged_bytes: 0, torn_bytes: 0 });
    }

    #[test]
    fn a_compacted_journal_is_appended_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, _) = open(&path).unwrap();
        for at in 0..50 {
            journal.append(&Record::TaskSeen { key: "a".into() });
            journal.append(&Record::Boundary { uid: FileUid(9), at });
        }
        journal.commit().unwrap();
        journal.compact().unwrap();
        let number = journal.append(&Record::TaskSeen { key: "b".into() });
        journal.commit().unwrap();
        assert_eq!(journal.synced(), number);
        let (journal, report) = open(&path).unwrap();
        assert_eq!((report.records, journal.known().is_task_seen("a")), (2, true));
    }
}
