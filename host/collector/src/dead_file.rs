//! Dead letters in local files, where there is no Kafka: `STATE/dead/TOPIC.dead`.
//!
//! A file is a sequence of records, all numbers big-endian: length of the rest u32 · time i64 (ms since the epoch) · then key, value,
//! `error.type`, `error.reason` and stage, each as u32 length and bytes. A record that a crash cut short is cut off before the next is
//! written.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use collector_model::{DeadLetter, DeadLetters, Metrics, Ticket, Topic, metrics::of};
use parking_lot::Mutex;

/// How long a write that failed (a full disk) is left alone before it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// What the name of a file of dead letters ends in.
const ENDING: &str = ".dead";

/// The directory with the dead letters of this machine.
pub struct DeadFiles {
    directory: PathBuf,
    metrics: Metrics,
    /// Where the whole records of each file end.
    ends: Mutex<HashMap<Topic, u64>>,
}

impl DeadFiles {
    /// Makes the directory where it is missing.
    pub fn open(directory: &Path, metrics: Metrics) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(DeadFiles { directory: directory.to_owned(), metrics, ends: Mutex::default() })
    }

    fn append(&self, letters: &[DeadLetter], ends: &mut HashMap<Topic, u64>) -> io::Result<()> {
        for of_topic in letters.chunk_by(|a, b| a.topic == b.topic) {
            let topic = &of_topic[0].topic;
            let path = self.directory.join(format!("{topic}{ENDING}"));
            let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
            // Known again only when all is written: what a failure left is cut off then.
            let end = match ends.remove(topic) {
                Some(end) if file.metadata()?.len() == end => end,
                _ => end_of_whole_records(&mut file)?,
            };
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            let records: Vec<u8> = of_topic.iter().flat_map(encode).collect();
            file.write_all(&records)?;
            file.sync_all()?;
            ends.insert(topic.clone(), end + records.len() as u64);
        }
        File::open(&self.directory)?.sync_all()
    }
}

impl DeadLetters for DeadFiles {
    fn bury(&self, letters: Vec<DeadLetter>, ticket: Ticket) {
        let mut ends = self.ends.lock();
        while let Err(error) = self.append(&letters, &mut ends) {
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

/// A letter as a record.
pub fn encode(letter: &DeadLetter) -> Vec<u8> {
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

/// The topics that have a file of dead letters in the directory, and those files.
pub fn files(directory: &Path) -> io::Result<Vec<(Topic, PathBuf)>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries?,
    };
    let mut found = vec![];
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(topic) = name.strip_suffix(ENDING).and_then(|topic| Topic::new(topic).ok()) {
            found.push((topic, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// The whole records of a file of one topic's letters, each with the place where it begins.
pub struct Records {
    topic: Topic,
    reader: io::BufReader<File>,
    at: u64,
    size: u64,
}

impl Records {
    /// Those that are in the file now.
    pub fn open(topic: &Topic, path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(Records { topic: topic.clone(), reader: io::BufReader::new(file), at: 0, size })
    }

    fn read(&mut self) -> io::Result<Option<(u64, DeadLetter)>> {
        let mut len = [0; 4];
        if self.size - self.at < 4 {
            return Ok(None);
        }
        self.reader.read_exact(&mut len)?;
        let end = self.at + 4 + u64::from(u32::from_be_bytes(len));
        if end > self.size {
            return Ok(None);
        }
        let mut record = vec![0; u32::from_be_bytes(len) as usize];
        self.reader.read_exact(&mut record)?;
        let letter = decode(&self.topic, &record);
        let letter = letter.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a record is damaged"))?;
        Ok(Some((std::mem::replace(&mut self.at, end), letter)))
    }
}

impl Iterator for Records {
    type Item = io::Result<(u64, DeadLetter)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// A record without its length; none where it is not one.
fn decode(topic: &Topic, record: &[u8]) -> Option<DeadLetter> {
    let (time, mut rest) = record.split_first_chunk()?;
    let mut part = || {
        let (len, after) = rest.split_first_chunk()?;
        let (part, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        rest = after;
        Some(part)
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(DeadLetter {
        topic: topic.clone(),
        key: part()?.to_vec(),
        value: Bytes::copy_from_slice(part()?),
        error_type: text(part()?),
        error_reason: text(part()?),
        stage: text(part()?).parse().ok()?,
        time_ms: i64::from_be_bytes(*time),
    })
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
        reader.seek_relative((next - end - 4) as i64)?;
        end = next;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use collector_model::Stage;

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

    fn found(directory: &Path) -> Vec<DeadLetter> {
        let files = files(directory).unwrap();
        files
            .iter()
            .flat_map(|(topic, path)| Records::open(topic, path).unwrap())
            .map(|record| record.unwrap().1)
            .collect()
    }

    #[test]
    fn letters_are_appended_and_read_back_as_they_were() {
        let home = tempfile::tempdir().unwrap();
        let dead = DeadFiles::open(home.path(), Metrics::default()).unwrap();
        dead.bury(vec![letter(b"a\xff"), letter(b"")], Ticket::untracked());
        dead.bury(vec![letter(b"c")], Ticket::untracked());
        assert_eq!(found(home.path()), [letter(b"a\xff"), letter(b""), letter(b"c")]);
    }

    #[test]
    fn a_record_that_a_crash_cut_short_is_passed_over_and_cut_off() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("web.dead");
        let dead = DeadFiles::open(home.path(), Metrics::default()).unwrap();
        dead.bury(vec![letter(b"whole")], Ticket::untracked());
        let mut bytes = fs::read(&path).unwrap();
        let torn = encode(&letter(b"torn"));
        bytes.extend_from_slice(&torn[..torn.len() - 3]);
        fs::write(&path, &bytes).unwrap();
        assert_eq!(found(home.path()), [letter(b"whole")]);
        dead.bury(vec![letter(b"next")], Ticket::untracked());
        assert_eq!(found(home.path()), [letter(b"whole"), letter(b"next")]);
    }
}
