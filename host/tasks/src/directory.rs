//! Tasks from a watched directory of `*.json` files. A changed file takes effect in under a second.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use notify::{RecursiveMode, Watcher};
use tokio::sync::watch;

use crate::{
    Bounds, Defaults, Task, TaskSet,
    last_good::LastGood,
    merge,
    parse::VALUE_BYTES_MAX,
    parse_tasks,
    reconcile::{Observed, ObservedValue, Parse, Reconciler, Refusal},
};

/// Looking again where the system tells of changes, in case it did not.
const RESCAN: Duration = Duration::from_secs(5);
/// Looking again where it does not, or where the directory is missing.
const POLL: Duration = Duration::from_millis(400);
/// A file that is being written has settled when nothing happened for so long.
const SETTLE: Duration = Duration::from_millis(50);
/// It is read after so long even if something keeps happening.
const SETTLE_MAX: Duration = Duration::from_millis(300);
/// The most files in the directory.
const FILES_MAX: usize = 10_000;

/// How the tasks of a directory are read.
#[derive(Clone, Debug)]
pub struct DirectorySource {
    /// The directory. It may come into being later.
    pub dir: PathBuf,
    /// What may be asked for.
    pub bounds: Bounds,
    /// What holds where a task is silent.
    pub defaults: Defaults,
    /// Where the last good tasks are kept, so that a file that is bad at a restart does not stop what ran.
    pub last_good: Option<PathBuf>,
}

/// How it goes; said at the start and whenever it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceStatus {
    /// Counts the changes that were applied.
    pub revision: i64,
    /// How many files are in the directory.
    pub files: usize,
    /// How many tasks run.
    pub tasks: usize,
    /// Files that were refused; what they asked for before goes on.
    pub refusals: Vec<Refusal>,
    /// What is wrong with the directory itself.
    pub trouble: Option<String>,
}

/// A directory that is being watched. Dropping it ends the watch.
pub struct DirectoryWatch {
    stop: SyncSender<Wake>,
    thread: Option<JoinHandle<()>>,
}

enum Wake {
    Changed,
    Stop,
}

impl DirectorySource {
    /// Watches the directory on a thread of its own: tasks go to `tasks`, and how it goes is told to `on_status`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        self,
        tasks: watch::Sender<TaskSet>,
        on_status: impl Fn(&SourceStatus) + Send + 'static,
    ) -> io::Result<DirectoryWatch> {
        let (wake, woken) = mpsc::sync_channel(16);
        let stop = wake.clone();
        let mut reader = Reader::new(self, tasks);
        let run = move || {
            let mut watching = Watching::new(wake);
            let mut told = None;
            loop {
                let status = reader.look();
                if told.as_ref() != Some(&status) {
                    on_status(&status);
                    told = Some(status);
                }
                let watched = watching.keep(&reader.source.dir);
                if !wait(&woken, if watched { RESCAN } else { POLL }) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("tasks-directory".to_owned()).spawn(run)?;
        Ok(DirectoryWatch { stop, thread: Some(thread) })
    }
}

impl Drop for DirectoryWatch {
    fn drop(&mut self) {
        // A full queue holds changes: the thread takes one and there is room, or it has ended and the send fails.
        let _ = self.stop.send(Wake::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits for a change that has settled, or for the time to look anyway; `false` when asked to stop.
fn wait(woken: &Receiver<Wake>, at_most: Duration) -> bool {
    match woken.recv_timeout(at_most) {
        Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
        Err(RecvTimeoutError::Timeout) => return true,
        Ok(Wake::Changed) => {}
    }
    let deadline = Instant::now() + SETTLE_MAX;
    while Instant::now() < deadline {
        match woken.recv_timeout(SETTLE) {
            Ok(Wake::Changed) => {}
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => return true,
        }
    }
    true
}

/// The system's notifications, where it gives them.
struct Watching {
    wake: SyncSender<Wake>,
    watcher: Option<notify::RecommendedWatcher>,
}

impl Watching {
    fn new(wake: SyncSender<Wake>) -> Self {
        Watching { wake, watcher: None }
    }

    /// Sees to it that the directory is watched; `false` where it can only be polled.
    fn keep(&mut self, dir: &Path) -> bool {
        if !dir.is_dir() {
            // One that comes back is another directory: the old watch would say nothing of it.
            self.watcher = None;
            return false;
        }
        if self.watcher.is_none() {
            let wake = self.wake.clone();
            let handler = move |event: notify::Result<notify::Event>| {
                if event.is_ok_and(|event| !event.kind.is_access()) {
                    // A full queue will wake the reader anyway.
                    let _ = wake.try_send(Wake::Changed);
                }
            };
            let watcher = notify::recommended_watcher(handler).and_then(|mut watcher| {
                watcher.watch(dir, RecursiveMode::NonRecursive)?;
                Ok(watcher)
            });
            self.watcher = watcher
                .inspect_err(|error| tracing::warn!(?dir, %error, "watching the tasks directory: it is polled instead"))
                .ok();
            // Something may have changed between the last look and now.
            let _ = self.wake.try_send(Wake::Changed);
        }
        self.watcher.is_some()
    }
}

/// Reads the directory and decides what runs.
struct Reader {
    source: DirectorySource,
    reconciler: Reconciler<Vec<Task>>,
    tasks: watch::Sender<TaskSet>,
    /// The files as they were read last.
    files: BTreeMap<String, ObservedValue>,
    revision: i64,
}

impl Reader {
    fn new(source: DirectorySource, tasks: watch::Sender<TaskSet>) -> Self {
        let reconciler = Reconciler::new(parser(source.bounds.clone(), source.defaults.clone()));
        let mut reader = Reader { source, reconciler, tasks, files: BTreeMap::new(), revision: 0 };
        reader.restore();
        reader
    }

    /// Remembers what ran before a restart; it is published with the first look, so that removed files stay removed.
    fn restore(&mut self) {
        let Some(path) = &self.source.last_good else { return };
        match LastGood::load(path) {
            Ok(Some(last_good)) => {
                self.reconciler.restore(&last_good);
                self.revision = last_good.revision;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "starting from the files alone"),
        }
    }

    /// Reads what has changed, and publishes what runs.
    fn look(&mut self) -> SourceStatus {
        let trouble = self.read_files().err();
        if trouble.is_none() {
            let values = self.files.clone();
            let seen = Observed { cluster_id: 0, revision: self.revision, values, deleted: Vec::new() };
            let decision = self.reconciler.observe(&seen);
            if decision.save {
                self.save();
            }
        }
        let set = merge(self.reconciler.running().map(|(_, tasks)| tasks.as_slice()), self.revision);
        let count = set.tasks.len();
        self.tasks.send_if_modified(|current| {
            let differs = current.tasks != set.tasks;
            *current = set;
            differs
        });
        SourceStatus {
            revision: self.revision,
            files: self.files.len(),
            tasks: count,
            refusals: self.reconciler.refusals().cloned().collect(),
            trouble,
        }
    }

    fn save(&self) {
        let Some(path) = &self.source.last_good else { return };
        if let Err(error) = self.reconciler.last_good().save(path) {
            tracing::warn!(%error, "the tasks run; after a restart the files alone count");
        }
    }

    /// Brings `files` up to date. A file that cannot be read stays as it was; the error says what is wrong with the directory.
    fn read_files(&mut self) -> Result<(), String> {
        let dir = &self.source.dir;
        let explain = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => {
                format!("there is no directory {dir:?}: make it, and put files of tasks (*.json) into it")
            }
            _ => format!("reading the tasks directory {dir:?}: {error}; make it readable"),
        };
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(dir).map_err(explain)? {
            let path = entry.map_err(explain)?.path();
            if !is_task_file(&path) {
                continue;
            }
            if found.len() == FILES_MAX {
                return Err(format!("{dir:?} holds more than {FILES_MAX} files of tasks: what ran goes on; use globs"));
            }
            let key = path.to_string_lossy().into_owned();
            let before = self.files.get(&key);
            let bytes = match read_limited(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => unreadable(before, &path, &error),
            };
            let value = match before {
                Some(before) if before.bytes == bytes => before.clone(),
                _ => ObservedValue { bytes, revision: self.revision + 1 },
            };
            found.insert(key, value);
        }
        if found != self.files {
            self.revision += 1;
            self.files = found;
        }
        Ok(())
    }
}

/// What stands for a file that cannot be read: what was read of it before, else a text that is refused with the reason.
fn unreadable(before: Option<&ObservedValue>, path: &Path, error: &io::Error) -> Vec<u8> {
    tracing::debug!(?path, %error, "a file of tasks cannot be read");
    before.map_or_else(|| format!("{UNREADABLE}{error}").into_bytes(), |before| before.bytes.clone())
}

/// Begins a text that is no JSON in any file of tasks.
const UNREADABLE: &str = "\u{0}unreadable: ";

/// Reads the values of a [`Reconciler`] as lists of tasks; the key stands in messages.
pub fn parser(bounds: Bounds, defaults: Defaults) -> Parse<Vec<Task>> {
    Box::new(move |key, text| match text.strip_prefix(UNREADABLE) {
        Some(reason) => Err(format!("reading the tasks from {key}: {reason}; make the file readable for this user")),
        None => parse_tasks(text, key, &bounds, &defaults).map_err(|error| error.to_string()),
    })
}

fn is_task_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".json") && !name.starts_with('.')
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if found.len() > VALUE_BYTES_MAX as u64 {
        return Err(io::Error::other(format!("it has {} bytes, {VALUE_BYTES_MAX} at most are read", found.len())));
    }
    fs::read(path)
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
