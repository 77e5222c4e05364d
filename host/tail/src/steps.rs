//! Reading step by step, without a thread: whoever holds it says what happens next. For simulations.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
    time::Instant,
};

use collector_model::{Budget, FileUid, Metrics, TaskKey};
use collector_tasks::TaskSet;
use jiff::tz::TimeZone;

use crate::{
    Coverage, Disk, FileStatus, Outlets, StateDir, StateError, TailSettings,
    continuation::Hunter,
    discover::Discovery,
    engine::{Checkpointer, Engine, EngineParts},
    inbox::{Finding, Inbox, Touch},
    state::checkpoint,
};

/// What reading is surrounded by, all of it chosen by the caller.
pub struct Scene {
    /// The file system, for what is read and for the state.
    pub disk: Arc<dyn Disk>,
    /// Where the state is on it.
    pub state_dir: PathBuf,
    /// The agent's id.
    pub agent_id: String,
    /// The machine's time zone.
    pub timezone: TimeZone,
    /// The memory that lines under way may occupy.
    pub budget: Budget,
    /// What the index already holds.
    pub coverage: Arc<dyn Coverage>,
    /// Where things are counted.
    pub metrics: Metrics,
    /// Where batches go; at least one.
    pub out: Outlets,
}

/// Something of which the threads around the reading one tell.
#[derive(Clone, Debug)]
pub enum Happening {
    /// These are the tasks now.
    Tasks(TaskSet),
    /// A search found a file; 0 for one that was told of without a search.
    Found {
        /// The task.
        task: TaskKey,
        /// Where the file is.
        path: PathBuf,
        /// The number of the search, ascending.
        scan: u64,
    },
    /// A search has ended.
    Searched {
        /// The task.
        task: TaskKey,
        /// The number of the search.
        scan: u64,
    },
    /// The content at a path changed.
    Grew(PathBuf),
    /// Another file may stand at a path now, or none.
    Renamed(PathBuf),
}

/// The reading thread's work in the caller's hands.
pub struct Steps {
    engine: Engine,
    inbox: Arc<Inbox>,
    disk: Arc<dyn Disk>,
    checkpoint_path: PathBuf,
    checkpoints: Receiver<Vec<u8>>,
}

impl Steps {
    /// Loads the state and begins; nothing is read yet.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn start(settings: TailSettings, scene: Scene) -> Result<Self, StateError> {
        let state = StateDir::unlocked(&scene.state_dir, &scene.agent_id);
        let journal = state.load(&scene.disk)?;
        let inbox = Arc::new(Inbox::default());
        let (checkpointer, checkpoints) = Checkpointer::without_thread(settings.clock.instant());
        let checkpoint_path = state.checkpoint_path();
        let parts = EngineParts {
            settings,
            disk: Arc::clone(&scene.disk),
            timezone: scene.timezone,
            checkpointer,
            state,
            journal,
            inbox: Arc::clone(&inbox),
            discovery: Discovery::none(),
            hunter: Hunter::without_thread(Arc::clone(&scene.disk), Arc::clone(&inbox)),
            budget: scene.budget,
            coverage: scene.coverage,
            metrics: scene.metrics,
            out: scene.out,
        };
        Ok(Steps { engine: Engine::new(parts), inbox, disk: scene.disk, checkpoint_path, checkpoints })
    }

    /// Tells of something; it is taken in with the next round.
    pub fn tell(&self, happening: Happening) {
        self.inbox.post(|mail| match happening {
            Happening::Tasks(set) => mail.tasks = Some(set),
            Happening::Found { task, path, scan } => mail.findings.push(Finding::File { task, path, scan }),
            Happening::Searched { task, scan } => mail.findings.push(Finding::ScanDone { task, scan }),
            Happening::Grew(path) => drop(mail.touched.entry(path).or_default()),
            Happening::Renamed(path) => drop(mail.touched.insert(path, Touch::Name)),
        });
    }

    /// One round of the reading thread.
    pub fn round(&mut self) {
        let mail = self.inbox.take_now();
        self.engine.round(mail);
    }

    /// When the next round is due if nothing happens before.
    pub fn due(&self) -> Option<Instant> {
        self.engine.wait_until()
    }

    /// What the thread that writes checkpoints does next. Answers whether there was something to write.
    pub fn write_checkpoint(&mut self) -> bool {
        match self.checkpoints.try_recv() {
            Ok(bytes) => {
                let result = checkpoint::save(&*self.disk, &self.checkpoint_path, &bytes);
                self.inbox.post(|mail| mail.checkpoint = Some(result));
                true
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => false,
        }
    }

    /// Reads nothing more, and takes in what was acknowledged. Answers how many files have lines under way.
    pub fn settle(&mut self) -> usize {
        let mail = self.inbox.take_now();
        self.engine.settle_all(mail);
        self.engine.files_under_way()
    }

    /// Ends in good order, as after a signal.
    pub fn leave(mut self) {
        self.engine.leave_state();
    }

    /// How every file stands.
    pub fn files(&mut self) -> Vec<FileStatus> {
        self.engine.status()
    }
}

/// How far a checkpoint of these bytes says that each file is acknowledged; none where they are no checkpoint.
pub fn checkpoint_positions(bytes: &[u8]) -> Option<Vec<(FileUid, u64)>> {
    let files = checkpoint::decode(bytes).ok()?;
    Some(files.into_iter().map(|file| (file.uid, file.to)).collect())
}
