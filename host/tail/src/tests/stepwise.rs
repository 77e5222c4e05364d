//! A tail in steps: nothing happens but what a test says.

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    time::Duration,
};

use collector_model::{Batch, Budget, Metrics, budget::BudgetLimits};
use collector_tasks::{Task, TaskSet};
use jiff::tz::TimeZone;

use super::doubles::WatchedDisk;
use crate::{Happening, NoCoverage, Scene, Steps, TailSettings};

/// A tail in steps over real files.
pub(super) struct Stepwise {
    steps: Steps,
    batches: Receiver<Batch>,
    scans: u64,
}

impl Stepwise {
    pub(super) fn start(dir: &Path, disk: &WatchedDisk) -> Self {
        Self::start_with(|_| {}, dir, disk)
    }

    /// The same with other settings than those by which nothing waits.
    pub(super) fn start_with(set: impl FnOnce(&mut TailSettings), dir: &Path, disk: &WatchedDisk) -> Self {
        let (out, batches) = sync_channel(16);
        let scene = Scene {
            disk: Arc::new(disk.clone()),
            state_dir: dir.to_owned(),
            agent_id: "0".repeat(32),
            timezone: TimeZone::UTC,
            budget: Budget::new(BudgetLimits::of_total(1 << 20)),
            coverage: Arc::new(NoCoverage),
            metrics: Metrics::default(),
            out: vec![out],
        };
        let mut settings = TailSettings {
            linger: Duration::ZERO,
            retry_after: Duration::ZERO,
            rotate_grace: Duration::ZERO,
            poll_interval: Duration::ZERO,
            ..TailSettings::default()
        };
        set(&mut settings);
        Stepwise { steps: Steps::start(settings, scene).unwrap(), batches, scans: 0 }
    }

    pub(super) fn tasks(&mut self, tasks: &[Task]) {
        self.steps.tell(Happening::Tasks(TaskSet { tasks: tasks.into(), revision: 1 }));
        self.steps.round();
        self.look(tasks);
    }

    /// A search that finds the tasks' files where they are.
    pub(super) fn look(&mut self, tasks: &[Task]) {
        self.scans += 1;
        for task in tasks {
            let (key, path, scan) = (task.key(), task.path.clone().into(), self.scans);
            if Path::new(&path).exists() {
                self.steps.tell(Happening::Found { task: key.clone(), path, scan });
            }
            self.steps.tell(Happening::Searched { task: key, scan });
        }
        (0..3).for_each(|_| self.steps.round());
    }

    pub(super) fn texts(batches: &[Batch]) -> String {
        batches
            .iter()
            .flat_map(|batch| batch.lines.iter().map(|line| String::from_utf8_lossy(batch.raw_of(line))))
            .collect()
    }

    /// Where the files are that paths of tasks lead to.
    pub(super) fn named(&mut self) -> Vec<PathBuf> {
        self.steps.files().into_iter().filter(|file| file.is_named).map(|file| file.path).collect()
    }

    /// How many files it has.
    pub(super) fn followed(&mut self) -> usize {
        self.steps.files().len()
    }

    pub(super) fn rounds(&mut self, rounds: usize) {
        (0..rounds).for_each(|_| self.steps.round());
    }

    /// Ends in good order.
    pub(super) fn leave(mut self) {
        self.steps.settle();
        self.steps.leave();
    }

    pub(super) fn take(&self) -> Vec<Batch> {
        self.batches.try_iter().collect()
    }
}

/// Appends to a file.
pub(super) fn write(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}
