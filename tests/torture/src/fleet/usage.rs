//! What a process uses, as the system tells.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

use rustix::process::Pid;

use super::Role;

/// What a process uses, or used at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The most memory that was resident since its start, in bytes.
    pub memory_bytes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// What its state directory takes, in bytes.
    pub state_bytes: u64,
}

impl Usage {
    /// The larger one of each figure.
    pub fn max(self, other: Usage) -> Usage {
        Usage {
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            descriptors: self.descriptors.max(other.descriptors),
            state_bytes: self.state_bytes.max(other.state_bytes),
        }
    }
}

/// A program whose processes, one after the other, can be looked at from another thread.
#[derive(Clone, Debug)]
pub struct Watched {
    /// What it does.
    pub role: Role,
    /// The process that runs now; 0 for none.
    pub(super) process: Arc<AtomicI32>,
    pub(super) state: PathBuf,
}

impl Watched {
    /// What it uses now; nothing where it does not run.
    pub fn usage(&self) -> Option<Usage> {
        let pid = Pid::from_raw(self.process.load(Ordering::Acquire))?;
        Some(Usage {
            memory_bytes: memory_bytes_max(pid)?,
            descriptors: descriptors(pid),
            state_bytes: bytes_below(&self.state),
        })
    }
}

/// The high-water mark tells of what was between two looks, too. One that has ended has none.
fn memory_bytes_max(pid: Pid) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = mark.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: Pid) -> u64 {
    let entries = std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero()));
    entries.map_or(0, |entries| entries.count() as u64)
}

/// Without what grows with the lines that were written, and is to: the documents of the embedded index, and compiled plugins.
fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let of_entry = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() && ["cache", "index"].iter().any(|name| entry.file_name() == *name) => 0,
        Ok(about) if about.is_dir() => bytes_below(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of_entry).sum()
}
