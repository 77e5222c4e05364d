//! Starting and stopping.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, SyncSender},
    },
    thread::JoinHandle,
    time::Duration,
};

use collector_model::{Batch, BucketDay, Budget, FileUid, Metrics, Topic};
use collector_tasks::TaskSet;
use jiff::tz::TimeZone;
use tokio::sync::{oneshot, watch};

use crate::{
    StateDir, StateError, TailSettings,
    continuation::Hunter,
    discover::{Discovery, Rhythm},
    disk::{Disk, MachineDisk},
    engine::{Checkpointer, Engine, EngineParts},
    inbox::{Inbox, Stop},
};

/// What an index already holds, so that a file goes on after it.
pub trait Coverage: Send + Sync {
    /// Up to which byte (excluded) all of the file's lines of that day are in the index, from a byte on; none when that byte's
    /// is not.
    fn covered(&self, uid: FileUid, day: BucketDay, from: u64) -> Option<u64>;
}

/// No index: the checkpoint alone says where files go on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCoverage;

impl Coverage for NoCoverage {
    fn covered(&self, _: FileUid, _: BucketDay, _: u64) -> Option<u64> {
        None
    }
}

/// Where batches go: to one of several workers. All batches of a file go to the same one.
pub type Outlets = Vec<SyncSender<Batch>>;

/// What the reading shares with the rest of the process.
pub struct Surroundings {
    /// What to collect, now and from each change on.
    pub tasks: watch::Receiver<TaskSet>,
    /// The memory that lines under way may occupy.
    pub budget: Budget,
    /// What the index already holds.
    pub coverage: Arc<dyn Coverage>,
    /// Where things are counted.
    pub metrics: Metrics,
    /// Where batches go; at least one. They are closed when reading has ended.
    pub out: Outlets,
}

/// How one file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// Where it is.
    pub path: PathBuf,
    /// What it is collected for.
    pub topic: Topic,
    /// Its identity; none before its first event.
    pub uid: Option<FileUid>,
    /// Everything before this byte is acknowledged.
    pub acknowledged_bytes: u64,
    /// Everything before this byte was read.
    pub read_bytes: u64,
    /// Its size when last looked at.
    pub size_bytes: u64,
    /// Whether its path leads to it; otherwise it was rotated away and is read to its end.
    pub is_named: bool,
}

impl FileStatus {
    /// What is not acknowledged yet, in bytes.
    pub fn lag_bytes(&self) -> u64 {
        self.size_bytes.saturating_sub(self.acknowledged_bytes)
    }
}

/// Following files.
pub struct Tail;

impl Tail {
    /// Starts reading.
    ///
    /// # Errors
    /// When the state cannot be read, or the system gives no threads.
    pub fn start(settings: TailSettings, state: StateDir, around: Surroundings) -> Result<TailHandle, TailError> {
        Self::start_on(Arc::new(MachineDisk), settings, state, around)
    }

    /// The same on any disk.
    pub(crate) fn start_on(
        disk: Arc<dyn Disk>,
        settings: TailSettings,
        state: StateDir,
        around: Surroundings,
    ) -> Result<TailHandle, TailError> {
        if around.out.is_empty() {
            return Err(TailError::NoOutlet);
        }
        let journal = state.load(&disk)?;
        let inbox = Arc::new(Inbox::default());
        let rhythm = Rhythm {
            rescan_interval: settings.rescan_interval,
            poll_interval: settings.poll_interval,
            watched_dirs_max: settings.watched_dirs_max,
        };
        let discovery = Discovery::start(rhythm, Arc::clone(&inbox)).map_err(TailError::Thread)?;
        let (stop_tasks, stopped) = oneshot::channel();
        let task_thread = watch_tasks(around.tasks, stopped, Arc::clone(&inbox)).map_err(TailError::Thread)?;
        let (path, now) = (state.checkpoint_path(), settings.clock.instant());
        let checkpointer =
            Checkpointer::start(Arc::clone(&disk), path, Arc::clone(&inbox), now).map_err(TailError::Thread)?;
        let hunter = Hunter::start(Arc::clone(&disk), Arc::clone(&inbox)).map_err(TailError::Thread)?;
        let parts = EngineParts {
            settings,
            disk,
            timezone: TimeZone::system(),
            checkpointer,
            state,
            journal,
            inbox: Arc::clone(&inbox),
            discovery,
            hunter,
            budget: around.budget,
            coverage: around.coverage,
            metrics: around.metrics,
            out: around.out,
        };
        let engine = Engine::new(parts);
        let builder = std::thread::Builder::new().name("tail".into());
        let thread = builder.spawn(move || engine.run()).map_err(TailError::Thread)?;
        Ok(TailHandle { inbox, thread: Some(thread), tasks: Some((stop_tasks, task_thread)) })
    }
}

/// Passes each set of tasks on until told to stop.
fn watch_tasks(
    mut tasks: watch::Receiver<TaskSet>,
    mut stopped: oneshot::Receiver<()>,
    inbox: Arc<Inbox>,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let follow = async move {
        loop {
            let set = tasks.borrow_and_update().clone();
            inbox.post(|mail| mail.tasks = Some(set));
            tokio::select! {
                changed = tasks.changed() => if changed.is_err() { return },
                _ = &mut stopped => return,
            }
        }
    };
    std::thread::Builder::new().name("tail-tasks".into()).spawn(move || runtime.block_on(follow))
}

/// Reading under way. Dropping it without [`TailHandle::stop`] ends the reading at once and writes nothing more, as a crash would.
pub struct TailHandle {
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<Drained>>,
    tasks: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// How a stop went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// How many files had lines under way that were not acknowledged in time; they are read again at the next start.
    pub files_unacknowledged: usize,
}

impl TailHandle {
    /// Stops reading, waits (for as long as the settings allow) until the lines under way are acknowledged, and writes a
    /// last checkpoint. Whoever takes the batches must go on until this returns.
    pub fn stop(mut self) -> Drained {
        self.end(Stop::Drain)
    }

    /// How every file stands. Empty when the reading thread does not answer.
    pub fn files(&self) -> Vec<FileStatus> {
        let (ask, answer) = mpsc::channel();
        self.inbox.post(|mail| mail.status.push(ask));
        answer.recv_timeout(Duration::from_secs(5)).unwrap_or_default()
    }

    fn end(&mut self, stop: Stop) -> Drained {
        self.inbox.post(|mail| mail.stop = Some(stop));
        if let Some((stop_tasks, thread)) = self.tasks.take() {
            drop(stop_tasks);
            let _ = thread.join();
        }
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for TailHandle {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.end(Stop::Abort);
        }
    }
}

/// Why reading cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The state directory cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The system gave no thread.
    #[error("starting a thread for reading files: {0}; raise the limit on threads or free some memory")]
    Thread(#[source] std::io::Error),
    /// Nobody takes the batches.
    #[error("starting to read files: there is no outlet for batches (a fault of the program)")]
    NoOutlet,
}
