//! The machine's disk, as somebody who watches it and can make it fail.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;

use crate::disk::{DirEntry, Disk, FileMeta, MachineDisk, OpenFile, OwnFile};

/// What is done to files of ours, in order, and whether logs can be read.
#[derive(Clone, Default)]
pub(crate) struct WatchedDisk {
    pub(super) done: Arc<Mutex<Vec<&'static str>>>,
    pub(super) reading_fails: Arc<AtomicBool>,
    pub(super) syncing_dirs_fails: Arc<AtomicBool>,
    listed: Arc<AtomicUsize>,
    meddler: Arc<Mutex<Option<Meddler>>>,
    /// Which of the next calls about logs fail.
    failing: Arc<Mutex<Range<usize>>>,
    open: Arc<OpenLogs>,
}

/// How many logs are open, were so at most, and how often logs were looked at by their paths and opened.
#[derive(Default)]
struct OpenLogs {
    now: AtomicUsize,
    most: AtomicUsize,
    looks: AtomicUsize,
    openings: AtomicUsize,
}

/// Somebody who does something to the logs in the middle of what is being done with them.
struct Meddler {
    after_calls: usize,
    act: Box<dyn FnOnce() + Send>,
}

impl WatchedDisk {
    /// How often a directory was listed.
    pub(crate) fn listed(&self) -> usize {
        self.listed.load(Ordering::Relaxed)
    }

    /// How many logs are open.
    pub(super) fn open_now(&self) -> usize {
        self.open.now.load(Ordering::Relaxed)
    }

    /// How many logs were open at most.
    pub(super) fn open_at_most(&self) -> usize {
        self.open.most.load(Ordering::Relaxed)
    }

    /// How often logs were looked at by their paths, and how often opened.
    pub(super) fn looks_and_openings(&self) -> (usize, usize) {
        (self.open.looks.load(Ordering::Relaxed), self.open.openings.load(Ordering::Relaxed))
    }

    /// Has something done just before one of the next calls about logs, which are counted from 0.
    pub(super) fn meddle_before(&self, call: usize, act: impl FnOnce() + Send + 'static) {
        *self.meddler.lock() = Some(Meddler { after_calls: call, act: Box::new(act) });
    }

    /// From now on nothing is done. Answers whether it was.
    pub(super) fn has_meddled(&self) -> bool {
        self.meddler.lock().take().is_none()
    }

    /// Has those of the next calls about logs fail, which are counted from 0.
    pub(super) fn fail_calls(&self, calls: Range<usize>) {
        *self.failing.lock() = calls;
    }

    /// From now on none fails. Answers whether all that were to fail have done so.
    pub(super) fn have_failed(&self) -> bool {
        std::mem::take(&mut *self.failing.lock()).end == 0
    }

    fn enter(&self) -> io::Result<()> {
        self.meddle();
        let mut failing = self.failing.lock();
        let fails = failing.contains(&0);
        *failing = failing.start.saturating_sub(1)..failing.end.saturating_sub(1);
        if fails { Err(io::Error::other("it does not answer")) } else { Ok(()) }
    }

    fn meddle(&self) {
        let mut meddler = self.meddler.lock();
        match meddler.as_mut() {
            Some(Meddler { after_calls: 0, .. }) => {
                if let Some(meddler) = meddler.take() {
                    (meddler.act)();
                }
            }
            Some(waiting) => waiting.after_calls -= 1,
            None => {}
        }
    }
}

fn check(fails: &AtomicBool) -> io::Result<()> {
    if fails.load(Ordering::Relaxed) { Err(io::Error::other("it does not answer")) } else { Ok(()) }
}

impl Disk for WatchedDisk {
    fn metadata(&self, path: &Path) -> io::Result<FileMeta> {
        self.enter()?;
        self.open.looks.fetch_add(1, Ordering::Relaxed);
        MachineDisk.metadata(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.enter()?;
        let file = MachineDisk.open(path)?;
        self.open.openings.fetch_add(1, Ordering::Relaxed);
        let now = self.open.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.open.most.fetch_max(now, Ordering::Relaxed);
        Ok(Box::new(WatchedLog { file, disk: self.clone() }))
    }

    fn entries(&self, dir: &Path) -> Vec<DirEntry> {
        self.listed.fetch_add(1, Ordering::Relaxed);
        MachineDisk.entries(dir)
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        MachineDisk.link_target(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        MachineDisk.read(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OwnFile>> {
        MachineDisk.create(path)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn OwnFile>> {
        Ok(Box::new(WatchedFile { file: MachineDisk.append(path)?, done: Arc::clone(&self.done) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        MachineDisk.rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        check(&self.syncing_dirs_fails)?;
        self.done.lock().push("sync directory");
        MachineDisk.sync_dir(dir)
    }
}

struct WatchedLog {
    file: Box<dyn OpenFile>,
    disk: WatchedDisk,
}

impl Drop for WatchedLog {
    fn drop(&mut self) {
        self.disk.open.now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl OpenFile for WatchedLog {
    fn metadata(&self) -> io::Result<FileMeta> {
        self.disk.enter()?;
        check(&self.disk.reading_fails)?;
        self.file.metadata()
    }

    fn read_at(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.disk.enter()?;
        check(&self.disk.reading_fails)?;
        self.file.read_at(offset, len)
    }
}

struct WatchedFile {
    file: Box<dyn OwnFile>,
    done: Arc<Mutex<Vec<&'static str>>>,
}

impl OwnFile for WatchedFile {
    fn read_all(&mut self) -> io::Result<Vec<u8>> {
        self.done.lock().push("read");
        self.file.read_all()
    }

    fn size_bytes(&self) -> io::Result<u64> {
        self.file.size_bytes()
    }

    fn cut(&mut self, size_bytes: u64) -> io::Result<()> {
        self.file.cut(size_bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.done.lock().push("sync file");
        self.file.sync()
    }
}
