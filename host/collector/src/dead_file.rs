//! Dead letters in local files, where there is no Kafka: `STATE/dead/TOPIC.dead`.
//!
//! A file is a sequence of records, all numbers big-endian: length of the rest u32 · time i64 (ms since the epoch) · then key, value,
//! `error.type`, `error.reason` and stage, each as u32 length and bytes. A record that a crash cut short is cut off before the next is
//! written.

#[cfg(feature = "standalone")]
mod keeping;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use collector_model::{DeadLetter, Topic};
#[cfg(feature = "standalone")]
pub use keeping::{DeadFiles, FileStatus};

/// What the name of a file of dead letters ends in.
const ENDING: &str = ".dead";

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
