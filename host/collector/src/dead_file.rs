//! Dead letters in local files, where there is no Kafka: `STATE/dead/TOPIC.dead`.
//!
//! A file is a sequence of records, all numbers big-endian: length of the rest u32 · time i64 (ms since the epoch) · then key, value,
//! `error.type`, `error.reason` and stage, each as u32 length and bytes. A record that a crash cut short is cut off before the next is
//! written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use collector_model::{DeadLetter, DeadLetters, Metrics, Ticket, metrics::of};
use parking_lot::Mutex;

/// How long a write that failed (a full disk) is left alone before it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The directory with the dead letters of this machine.
pub struct DeadFiles {
    directory: PathBuf,
    metrics: Metrics,
    writing: Mutex<()>,
}

impl DeadFiles {
    /// Makes the directory where it is missing.
    pub fn open(directory: &Path, metrics: Metrics) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(DeadFiles { directory: directory.to_owned(), metrics, writing: Mutex::new(()) })
    }

    fn path(&self, letter: &DeadLetter) -> PathBuf {
        self.directory.join(format!("{}.dead", letter.topic))
    }

    fn append(&self, letters: &[DeadLetter]) -> io::Result<()> {
        for letter in letters {
            let path = self.path(letter);
            let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
            let end = end_of_whole_records(&mut file)?;
            file.set_len(end)?;
            io::Seek::seek(&mut file, io::SeekFrom::Start(end))?;
            file.write_all(&encode(letter))?;
            file.sync_all()?;
        }
        File::open(&self.directory)?.sync_all()
    }
}

impl DeadLetters for DeadFiles {
    fn bury(&self, letters: Vec<DeadLetter>, ticket: Ticket) {
        let _one_at_a_time = self.writing.lock();
        while let Err(error) = self.append(&letters) {
            tracing::error!(directory = %self.directory.display(), %error,
                "writing dead letters failed; their lines wait, and it is tried again every second: make room or mend the directory");
            std::thread::sleep(RETRY_AFTER);
        }
        for letter in &letters {
            self.metrics.dead_letters.get_or_create(&of(&letter.topic)).inc();
        }
        ticket.complete();
    }
}

fn encode(letter: &DeadLetter) -> Vec<u8> {
    let stage = letter.stage.to_string();
    let parts: [&[u8]; 5] =
        [&letter.key, &letter.value, letter.error_type.as_bytes(), letter.error_reason.as_bytes(), stage.as_bytes()];
    let len = 8 + parts.iter().map(|part| 4 + part.len()).sum::<usize>();
    let mut record = Vec::with_capacity(4 + len);
    record.extend_from_slice(&(len as u32).to_be_bytes());
    record.extend_from_slice(&letter.time_ms.to_be_bytes());
    for part in parts {
        record.extend_from_slice(&(part.len() as u32).to_be_bytes());
        record.extend_from_slice(part);
    }
    record
}

/// Where the last whole record ends.
fn end_of_whole_records(file: &mut File) -> io::Result<u64> {
    let size = file.metadata()?.len();
    let mut reader = io::BufReader::new(file);
    let mut end = 0;
    while size - end >= 4 {
        let mut len = [0; 4];
        reader.read_exact(&mut len)?;
        let next = end + 4 + u64::from(u32::from_be_bytes(len));
        if next > size {
            break;
        }
        io::Seek::seek_relative(&mut reader, (next - end - 4) as i64)?;
        end = next;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use collector_model::{Stage, Topic};

    fn letter(value: &'static [u8]) -> DeadLetter {
        DeadLetter {
            topic: Topic::new("web").unwrap(),
            key: vec![1, 2, 3],
            value: Bytes::from_static(value),
            error_type: "plugin_rejected".into(),
            error_reason: "no such field".into(),
            stage: Stage::Standalone,
            time_ms: 77,
        }
    }

    /// The values of the whole records.
    fn values(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut found = vec![];
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        while bytes.len() >= 4 {
            let record = &bytes[4..4 + number(bytes)];
            let key = number(&record[8..]);
            let at = 12 + key;
            found.push(record[at + 4..at + 4 + number(&record[at..])].to_vec());
            bytes = &bytes[4 + record.len()..];
        }
        found
    }

    #[test]
    fn letters_are_appended_with_their_bytes() {
        let home = tempfile::tempdir().unwrap();
        let dead = DeadFiles::open(home.path(), Metrics::default()).unwrap();
        dead.bury(vec![letter(b"a\xff"), letter(b"")], Ticket::untracked());
        dead.bury(vec![letter(b"c")], Ticket::untracked());
        assert_eq!(
            values(&fs::read(home.path().join("web.dead")).unwrap()),
            [b"a\xff".to_vec(), vec![], b"c".to_vec()]
        );
    }

    #[test]
    fn a_record_that_a_crash_cut_short_is_cut_off() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("web.dead");
        let dead = DeadFiles::open(home.path(), Metrics::default()).unwrap();
        dead.bury(vec![letter(b"whole")], Ticket::untracked());
        let mut bytes = fs::read(&path).unwrap();
        let torn = encode(&letter(b"torn"));
        bytes.extend_from_slice(&torn[..torn.len() - 3]);
        fs::write(&path, &bytes).unwrap();
        dead.bury(vec![letter(b"next")], Ticket::untracked());
        assert_eq!(values(&fs::read(&path).unwrap()), [b"whole".to_vec(), b"next".to_vec()]);
    }
}
