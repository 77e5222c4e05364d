//! The state directory: the lock, the agent's id, the journal and the checkpoint.

pub(crate) mod checkpoint;
mod codec;
mod files;
pub(crate) mod journal;
pub(crate) mod known;
mod lock;
pub(crate) mod record;

use std::{
    hash::{BuildHasher, Hasher},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::disk::{Disk, MachineDisk};
use lock::{Lock, Locking};

/// A state directory that this process has for itself.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    agent_id: Arc<str>,
    _lock: Option<Lock>,
}

impl StateDir {
    /// Makes the directory where it is missing, locks it, and reads the agent's id, which is made at the first time.
    ///
    /// # Errors
    /// Says what stands in the way: not a directory, not writable, in use by another process, or a damaged id.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |doing, source| StateError::Failed { doing, path: path.to_owned(), source };
        if path.exists() && !path.is_dir() {
            return Err(StateError::NotADirectory { path: path.to_owned() });
        }
        std::fs::create_dir_all(path).map_err(|source| failed("creating the state directory", source))?;
        let locking = lock::lock(&path.join("lock")).map_err(|source| failed("locking the state directory", source))?;
        let lock = match locking {
            Locking::Taken(lock) => lock,
            Locking::Held(pid) => return Err(StateError::InUse { path: path.to_owned(), pid: HolderPid(pid) }),
        };
        let agent_id = agent_id(&path.join("agent_id"))?;
        Ok(StateDir { path: path.to_owned(), agent_id: agent_id.into(), _lock: Some(lock) })
    }

    /// A directory on a disk that nobody else can have.
    pub(crate) fn unlocked(path: &Path, agent_id: &str) -> Self {
        StateDir { path: path.to_owned(), agent_id: agent_id.into(), _lock: None }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// This agent's own id: 32 hexadecimal digits, made once. Part of every file's uid.
    pub fn agent_id(&self) -> &str {
        &self.agent_id
    }

    pub(crate) fn journal_path(&self) -> PathBuf {
        self.path.join("journal")
    }

    pub(crate) fn checkpoint_path(&self) -> PathBuf {
        self.path.join("checkpoint")
    }

    /// Opens the journal, and takes in what the checkpoint adds.
    pub(crate) fn load(&self, disk: &Arc<dyn Disk>) -> Result<journal::Journal, StateError> {
        let path = self.journal_path();
        let (mut journal, report) = journal::Journal::open(Arc::clone(disk), &path).map_err(|source| {
            StateError::Failed { doing: "opening the journal in the state directory", path: self.path.clone(), source }
        })?;
        if report.damaged_bytes > 0 {
            tracing::warn!(path = %path.display(), bytes = report.damaged_bytes, records = report.records,
                "reading the journal: damaged bytes were skipped; lines whose day or end stood there may be found twice");
        }
        checkpoint::load(&**disk, &self.checkpoint_path(), journal.known_mut()).map_err(|source| {
            StateError::Failed {
                doing: "reading the checkpoint in the state directory",
                path: self.path.clone(),
                source,
            }
        })?;
        Ok(journal)
    }
}

fn agent_id(path: &Path) -> Result<String, StateError> {
    let failed = |doing, source| StateError::Failed { doing, path: path.to_owned(), source };
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let id = text.trim();
            let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_id { Ok(id.to_owned()) } else { Err(StateError::BadAgentId { path: path.to_owned() }) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = format!("{:016x}{:016x}", random(), random());
            files::replace_file(&MachineDisk, path, id.as_bytes())
                .map_err(|source| failed("keeping the agent's id", source))?;
            Ok(id)
        }
        Err(source) => Err(failed("reading the agent's id", source)),
    }
}

/// 64 random bits: the standard library keys each such hasher from the system's randomness.
pub(crate) fn random() -> u64 {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.write_i128(jiff::Timestamp::now().as_nanosecond());
    hasher.finish()
}

/// The id of the process that holds a lock, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HolderPid(pub Option<u32>);

impl std::fmt::Display for HolderPid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Something else has that name.
    #[error(
        "opening the state directory {}: it is not a directory; name another one with [state] dir or --state-dir",
        path.display()
    )]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// Another process holds the lock.
    #[error(
        "locking the state directory {}: {pid} uses it; stop that one, or give this one its own with [state] dir or --state-dir",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who holds it.
        pid: HolderPid,
    },
    /// The id is not one.
    #[error(
        "reading the agent's id from {}: it is not 32 hexadecimal digits; restore the file from a backup, or delete the whole \
         state directory (every file is then read as a new one)",
        path.display()
    )]
    BadAgentId {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{doing} {}: {source}; {}", path.display(), advice(source))]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn advice(error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::PermissionDenied => {
            "make it writable for the user that runs the collector, or name another one with --state-dir"
        }
        Kind::ReadOnlyFilesystem => "its file system is read-only; name a directory on another one with --state-dir",
        Kind::StorageFull | Kind::QuotaExceeded => "free some space there, or name another one with --state-dir",
        _ => "name another one with [state] dir or --state-dir if this cannot be mended",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_s_id_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("a/b");
        let first = StateDir::open(&state).unwrap().agent_id().to_owned();
        assert_eq!(StateDir::open(&state).unwrap().agent_id(), first);
        assert_ne!(StateDir::open(&dir.path().join("other")).unwrap().agent_id(), first);
    }

    #[test]
    fn a_directory_in_use_is_refused_with_the_holder_s_id() {
        let dir = tempfile::tempdir().unwrap();
        let _held = StateDir::open(dir.path()).unwrap();
        let error = StateDir::open(dir.path()).unwrap_err();
        assert!(matches!(&error, StateError::InUse { pid: HolderPid(Some(pid)), .. } if *pid == std::process::id()));
        assert!(error.to_string().contains(&format!("process {} uses it", std::process::id())), "{error}");
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "").unwrap();
        assert!(StateDir::open(&path).unwrap_err().to_string().contains("is not a directory"));
    }

    #[test]
    fn a_damaged_id_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("agent_id"), "").unwrap();
        assert!(matches!(StateDir::open(dir.path()), Err(StateError::BadAgentId { .. })));
    }
}
