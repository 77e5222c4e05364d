//! The file system as the agent's code sees it: each call can be the last one before a crash, and others write in between.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use collector_tail::{DirEntry, Disk, FileMeta, OpenFile, OwnFile};
use parking_lot::{Mutex, MutexGuard};

use crate::{Plant, logs::Logs, state::State, trace::Trace, writers::Writers};

/// Where the agent's state is.
pub(crate) const STATE_DIR: &str = "/state";

/// The machine's disks and those who write logs to it. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Machine(Arc<Mutex<Inside>>);

/// What the lock protects.
pub(crate) struct Inside {
    pub(crate) logs: Logs,
    pub(crate) state: State,
    pub(crate) writers: Writers,
    pub(crate) dice: fastrand::Rng,
    pub(crate) trace: Trace,
    /// How likely it is, in percent, that somebody writes in the middle of a call.
    pub(crate) meddling_percent: u8,
    /// How likely a call fails although nothing is wrong, in percent.
    pub(crate) failing_percent: u8,
    /// After how many calls the agent ends.
    pub(crate) ends_after: Option<u32>,
    /// It has ended: nothing that it still does has any effect.
    pub(crate) has_ended: bool,
    plant: Option<Plant>,
    calls: u64,
}

impl Machine {
    pub(crate) fn new(logs: Logs, writers: Writers, dice: fastrand::Rng, trace: Trace, plant: Option<Plant>) -> Self {
        Machine(Arc::new(Mutex::new(Inside {
            logs,
            state: State::default(),
            writers,
            dice,
            trace,
            meddling_percent: 0,
            failing_percent: 0,
            ends_after: None,
            has_ended: false,
            plant,
            calls: 0,
        })))
    }

    /// Looks inside, from outside of the agent.
    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock()
    }

    /// A call of the agent's code.
    fn enter(&self) -> io::Result<MutexGuard<'_, Inside>> {
        let mut inside = self.0.lock();
        inside.calls += 1;
        if let Some(left) = inside.ends_after.as_mut() {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => inside.has_ended = true,
            }
        }
        if inside.has_ended {
            return Err(io::Error::other("the agent has ended"));
        }
        let percent = inside.meddling_percent;
        if percent > 0 && inside.dice.u8(..100) < percent {
            inside.write_logs();
        }
        Ok(inside)
    }

    /// A call about logs, which may fail for no reason.
    fn enter_logs(&self) -> io::Result<MutexGuard<'_, Inside>> {
        let mut inside = self.enter()?;
        let percent = inside.failing_percent;
        if percent > 0 && inside.dice.u8(..100) < percent {
            const EIO: i32 = 5;
            const EMFILE: i32 = 24;
            let code = if inside.dice.bool() { EIO } else { EMFILE };
            inside.trace.note(format_args!("  a call fails with {code}"));
            return Err(io::Error::from_raw_os_error(code));
        }
        Ok(inside)
    }
}

impl Inside {
    /// One of those who write logs does something.
    pub(crate) fn write_logs(&mut self) {
        self.writers.step(&mut self.logs, &mut self.dice, &self.trace);
    }
}

impl Disk for Machine {
    fn metadata(&self, path: &Path) -> io::Result<FileMeta> {
        let inside = self.enter_logs()?;
        let inode = inside.logs.inode(path)?;
        Ok(inside.seen(inside.logs.meta(inode)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let mut inside = self.enter_logs()?;
        let inode = inside.logs.inode(path)?;
        inside.logs.hold(inode);
        inside.trace.note(format_args!("  opens {} (inode {inode})", path.display()));
        Ok(Box::new(OpenLog { machine: self.clone(), inode, has_failed: AtomicBool::new(false) }))
    }

    fn entries(&self, dir: &Path) -> Vec<DirEntry> {
        self.enter().map(|inside| inside.logs.entries(dir)).unwrap_or_default()
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        self.enter().ok()?.logs.link_target(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.enter()?.state.read(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OwnFile>> {
        self.own_file(path, true)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn OwnFile>> {
        self.own_file(path, false)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inside = self.enter()?;
        inside.trace.note(format_args!("  renames to {}", to.display()));
        inside.state.rename(from, to)
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut inside = self.enter()?;
        inside.trace.note(format_args!("  syncs the directory"));
        inside.state.sync_dir()
    }
}

impl Inside {
    /// Planted: the device's number is taken for a part of the identity.
    fn seen(&self, meta: FileMeta) -> FileMeta {
        match self.plant {
            Some(Plant::DeviceInUid) => FileMeta { inode: meta.inode | meta.device << 32, ..meta },
            _ => meta,
        }
    }
}

impl Machine {
    fn own_file(&self, path: &Path, is_emptied: bool) -> io::Result<Box<dyn OwnFile>> {
        let mut inside = self.enter()?;
        let forgets = inside.plant == Some(Plant::UnjournalledBoundary) && path.ends_with("journal");
        let node = inside.state.open(path, is_emptied)?;
        inside.trace.note(format_args!("  opens {} as state file {node}", path.display()));
        Ok(Box::new(StateFile { machine: self.clone(), node, forgets_boundaries: forgets }))
    }
}

/// A log that the agent holds open.
struct OpenLog {
    machine: Machine,
    inode: u64,
    /// The last call about it has failed.
    has_failed: AtomicBool,
}

impl OpenLog {
    fn enter(&self) -> io::Result<MutexGuard<'_, Inside>> {
        let entered = self.machine.enter_logs();
        self.has_failed.store(entered.is_err(), Ordering::Relaxed);
        entered
    }
}

impl OpenFile for OpenLog {
    fn metadata(&self) -> io::Result<FileMeta> {
        let inside = self.enter()?;
        Ok(inside.seen(inside.logs.meta(self.inode)))
    }

    fn read_at(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        Ok(self.enter()?.logs.read_at(self.inode, offset, len))
    }
}

impl Drop for OpenLog {
    fn drop(&mut self) {
        let mut inside = self.machine.inside();
        if self.has_failed.load(Ordering::Relaxed) && !inside.has_ended {
            inside.logs.give_up(self.inode);
        }
        inside.logs.release(self.inode);
    }
}

/// A file of the state.
struct StateFile {
    machine: Machine,
    node: usize,
    forgets_boundaries: bool,
}

impl OwnFile for StateFile {
    fn read_all(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.machine.enter()?.state.bytes(self.node).clone())
    }

    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.machine.enter()?.state.bytes(self.node).len() as u64)
    }

    fn cut(&mut self, size_bytes: u64) -> io::Result<()> {
        let mut inside = self.machine.enter()?;
        inside.trace.note(format_args!("  cuts state file {} to {size_bytes}", self.node));
        inside.state.bytes(self.node).truncate(size_bytes as usize);
        Ok(())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut inside = self.machine.enter()?;
        inside.trace.note(format_args!("  writes {} bytes to state file {}", bytes.len(), self.node));
        if self.forgets_boundaries {
            return inside.state.write(self.node, &without_boundaries(bytes));
        }
        inside.state.write(self.node, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut inside = self.machine.enter()?;
        inside.trace.note(format_args!("  syncs state file {}", self.node));
        inside.state.sync(self.node)
    }
}

/// Planted: records of the journal that say where time ended a line or an event are spoilt.
fn without_boundaries(bytes: &[u8]) -> Vec<u8> {
    const HEAD_BYTES: usize = 8;
    const BOUNDARY: u8 = 4;
    const EVENT_END: u8 = 12;
    let mut bytes = bytes.to_vec();
    let mut at = if bytes.starts_with(b"LCJ1") { 4 } else { 0 };
    while let Some(len) = bytes.get(at..at + 4).map(|len| u32::from_be_bytes([len[0], len[1], len[2], len[3]])) {
        let kind = at + HEAD_BYTES;
        if matches!(bytes.get(kind), Some(&BOUNDARY | &EVENT_END)) {
            bytes[kind] = 0;
        }
        at = kind + len as usize;
    }
    bytes
}
