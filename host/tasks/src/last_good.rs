//! The last good configuration on disk: it starts a process while the store is down.
//!
//! The file is one line (`collector-tasks VERSION CHECKSUM`, the checksum being xxh3_64 of what follows, 16 hexadecimal digits) and a
//! JSON object. It is replaced by writing a temporary file, syncing it, renaming it and syncing the directory.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::xxh3_64;

const MAGIC: &str = "collector-tasks";
const VERSION: u32 = 1;
/// No good configuration is larger, in bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// What ran last, as it was written, with where it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LastGood {
    /// The cluster it came from.
    pub cluster_id: u64,
    /// The revision that was seen last.
    pub revision: i64,
    /// The values that were good.
    pub entries: Vec<LastEntry>,
}

/// A value that was good.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LastEntry {
    /// Its key.
    pub key: String,
    /// The revision at which it was written.
    pub revision: i64,
    /// The store was wiped or restored without it, so that its absence there says nothing.
    pub orphaned: bool,
    /// The value.
    pub value: String,
}

/// Why the last good configuration could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LastGoodError {
    /// The file cannot be read.
    #[error("reading the last good configuration from {path:?}: {source}; make the state directory readable")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is damaged, or of another version.
    #[error("reading the last good configuration from {path:?}: {reason}; delete the file to start without it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file cannot be written.
    #[error(
        "writing the last good configuration to {path:?}: {source}; make room, or make the state directory writable"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl LastGood {
    /// Reads the file; `None` where there is none.
    pub fn load(path: &Path) -> Result<Option<Self>, LastGoodError> {
        let damaged = |reason: String| LastGoodError::Damaged { path: path.to_owned(), reason };
        let bytes = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Ok(found) if found.len() > FILE_BYTES_MAX => return Err(damaged(format!("it has {} bytes", found.len()))),
            _ => fs::read(path).map_err(|source| LastGoodError::Read { path: path.to_owned(), source })?,
        };
        let text = String::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8".to_owned()))?;
        decode(&text).map(Some).map_err(damaged)
    }

    /// Replaces the file, so that a crash leaves the old one or the new one.
    pub fn save(&self, path: &Path) -> Result<(), LastGoodError> {
        self.replace(path).map_err(|source| LastGoodError::Write { path: path.to_owned(), source })
    }

    fn replace(&self, path: &Path) -> io::Result<()> {
        let body = serde_json::to_string(self).map_err(io::Error::other)?;
        let temporary = path.with_extension("last.new");
        let mut file = create_private(&temporary)?;
        write!(file, "{MAGIC} {VERSION} {:016x}\n{body}", xxh3_64(body.as_bytes()))?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        match path.parent() {
            Some(dir) if cfg!(unix) => fs::File::open(dir)?.sync_all(),
            _ => Ok(()),
        }
    }
}

/// Values may carry secrets of plugins: only the owner reads them.
fn create_private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn decode(text: &str) -> Result<LastGood, String> {
    let (head, body) = text.split_once('\n').ok_or("it is cut short")?;
    let mut words = head.split(' ');
    if words.next() != Some(MAGIC) {
        return Err("it is not such a file".to_owned());
    }
    let version = words.next().unwrap_or_default();
    if version != VERSION.to_string() {
        return Err(format!("its version is {version:?}, this program knows {VERSION}"));
    }
    if words.next() != Some(format!("{:016x}", xxh3_64(body.as_bytes())).as_str()) {
        return Err("its checksum is wrong: it was cut short or changed".to_owned());
    }
    serde_json::from_str(body).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> LastGood {
        let entry = LastEntry { key: "/k".into(), revision: 7, orphaned: true, value: "[{\"path\":\"/ä\"}]\n".into() };
        LastGood { cluster_id: u64::MAX, revision: 9, entries: vec![entry] }
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tasks.last");
        assert_eq!(LastGood::load(&path).unwrap(), None);
        LastGood::default().save(&path).unwrap();
        example().save(&path).unwrap();
        assert_eq!(LastGood::load(&path).unwrap(), Some(example()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn every_truncation_and_every_changed_byte_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tasks.last");
        example().save(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(LastGood::load(&path).is_err(), "cut to {length} bytes");
            let mut changed = whole.clone();
            changed[length] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(LastGood::load(&path).is_err(), "byte {length} changed");
        }
    }

    #[test]
    fn a_failure_to_write_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tasks.last");
        example().save(&path).unwrap();
        fs::create_dir(path.with_extension("last.new")).unwrap();
        let message = LastGood::default().save(&path).unwrap_err().to_string();
        assert!(message.contains("writing the last good configuration to"), "{message}");
        assert_eq!(LastGood::load(&path).unwrap(), Some(example()));
    }
}
