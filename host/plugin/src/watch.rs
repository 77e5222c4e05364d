//! Notices that a file of a chain was overwritten in place or replaced, and has its slot load it again once it is whole: closed by who
//! wrote it, as far as the system tells, and the same for a while.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Weak,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant, SystemTime},
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;

use crate::{slot::ChainSlot, writers::Writers};

/// How long a file has to stay the same before it is read: a copy may still be under way.
const SETTLE: Duration = Duration::from_millis(200);
/// How often files are looked at while one of them has not settled.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How often files are looked at although nothing was heard: some file systems do not tell.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// What tells one content of a file from another without reading it; `None` where there is no file.
pub(crate) type Stamps = BTreeMap<PathBuf, Option<Stamp>>;

/// Size, time of modification, and the file's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

/// The stamps of files.
pub(crate) fn stamps(files: impl IntoIterator<Item = PathBuf>) -> Stamps {
    files.into_iter().map(|path| (path.clone(), stamp(&path))).collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let inode = 0;
    Some(Stamp { bytes: metadata.len(), modified: metadata.modified().ok(), inode })
}

/// Watches the files of slots on a thread of its own; it ends when this is dropped. Slots are not kept alive.
pub struct FileWatch {
    slots: Arc<Mutex<Vec<Weak<ChainSlot>>>>,
    wake: SyncSender<()>,
}

impl FileWatch {
    /// Starts the thread.
    pub fn start() -> std::io::Result<Self> {
        // One call is enough: whoever is woken looks at everything.
        let (wake, woken) = sync_channel(1);
        let slots: Arc<Mutex<Vec<Weak<ChainSlot>>>> = Arc::default();
        let heard = wake.clone();
        let writers = Arc::<Writers>::default();
        let told = Arc::clone(&writers);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| told.hear(&event)) {
                // The thread may be awake already, or have ended: then nobody needs to know.
                let _ = heard.try_send(());
            }
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, "changes of plugin files are found by looking once a second");
        }
        let thread = WatchThread {
            slots: Arc::downgrade(&slots),
            woken,
            watcher: watcher.ok(),
            watched: BTreeSet::new(),
            writers,
            unsettled: vec![],
        };
        std::thread::Builder::new().name("plugin-watch".to_owned()).spawn(move || thread.run())?;
        Ok(FileWatch { slots, wake })
    }

    /// Watches the files of one more slot, whatever chain it is given.
    pub fn add(&self, slot: &Arc<ChainSlot>) {
        self.slots.lock().push(Arc::downgrade(slot));
        let _ = self.wake.try_send(());
    }
}

struct WatchThread {
    slots: Weak<Mutex<Vec<Weak<ChainSlot>>>>,
    woken: Receiver<()>,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    writers: Arc<Writers>,
    unsettled: Vec<Unsettled>,
}

/// A slot of which a file has changed.
struct Unsettled {
    slot: Weak<ChainSlot>,
    stamps: Stamps,
    since: Instant,
}

impl WatchThread {
    fn run(mut self) {
        loop {
            let wait = if self.unsettled.is_empty() { LOOK_ANYWAY } else { LOOK_AGAIN };
            if let Err(RecvTimeoutError::Disconnected) = self.woken.recv_timeout(wait) {
                return;
            }
            while self.woken.try_recv().is_ok() {}
            let Some(slots) = self.slots.upgrade() else { return };
            let live: Vec<Arc<ChainSlot>> = {
                let mut slots = slots.lock();
                slots.retain(|slot| slot.strong_count() > 0);
                slots.iter().filter_map(Weak::upgrade).collect()
            };
            drop(slots);
            let now = Instant::now();
            live.iter().for_each(|slot| self.look(slot, now));
            self.forget_other_writers(&live);
            self.unsettled.retain(|unsettled| unsettled.slot.strong_count() > 0);
        }
    }

    fn look(&mut self, slot: &Arc<ChainSlot>, now: Instant) {
        let stamps = stamps(slot.files());
        stamps.keys().for_each(|path| self.hear_of(path));
        let known = self.unsettled.iter().position(|unsettled| unsettled.slot.ptr_eq(&Arc::downgrade(slot)));
        if stamps == slot.stamps() {
            known.map(|index| self.unsettled.swap_remove(index));
            return;
        }
        match known {
            Some(index) if self.unsettled[index].stamps != stamps => {
                self.unsettled[index].stamps = stamps;
                self.unsettled[index].since = now;
            }
            Some(index)
                if now.duration_since(self.unsettled[index].since) >= SETTLE
                    && !stamps.keys().any(|path| self.writers.has(path)) =>
            {
                self.unsettled.swap_remove(index);
                // Its error is in the log, the counters and the slot's status.
                let _ = slot.reload();
            }
            Some(_) => {}
            None => self.unsettled.push(Unsettled { slot: Arc::downgrade(slot), stamps, since: now }),
        }
    }

    /// Directories hold other files as well, and somebody may write to those without end.
    fn forget_other_writers(&self, live: &[Arc<ChainSlot>]) {
        let files: BTreeSet<PathBuf> = live.iter().flat_map(|slot| slot.files()).collect();
        let targets: BTreeSet<PathBuf> = files.iter().filter_map(|path| path.canonicalize().ok()).collect();
        self.writers.keep_only(|path| files.contains(path) || targets.contains(path));
    }

    /// Watches a file where it is named, and where it lies if that is a link.
    fn hear_of(&mut self, path: &Path) {
        self.hear_of_dir(path);
        if let Ok(target) = path.canonicalize()
            && target != path
        {
            self.hear_of_dir(&target);
        }
    }

    /// Directories are watched rather than files: a file that is replaced is another one.
    fn hear_of_dir(&mut self, path: &Path) {
        let Some(dir) = path.parent() else { return };
        if self.watched.contains(dir) {
            return;
        }
        if let Some(watcher) = &mut self.watcher
            && watcher.watch(dir, RecursiveMode::NonRecursive).is_ok()
        {
            self.watched.insert(dir.to_owned());
        }
    }
}
