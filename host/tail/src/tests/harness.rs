//! A directory of logs, a state directory, and a tail between them.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    time::{Duration, Instant},
};

use collector_model::{Batch, Budget, EventId, LineFlags, Metrics, Ticket, budget::BudgetLimits};
use collector_tasks::{Task, TaskSet};
use tokio::sync::watch;

use crate::{
    Clock, Coverage, Disk, MachineDisk, NoCoverage, StateDir, Surroundings, Tail, TailHandle, TailSettings,
    pattern::tests::task,
};

/// Longer than anything here takes; reached only by a test that fails.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// One line that came out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Got {
    /// The bytes as they were.
    pub(super) text: String,
    /// What they mean.
    pub(super) decoded: String,
    pub(super) id: EventId,
    pub(super) flags: u8,
    pub(super) path: String,
}

impl Got {
    pub(super) fn has(&self, flags: LineFlags) -> bool {
        LineFlags(self.flags).has(flags)
    }
}

/// Directories and settings that outlive a tail.
pub(super) struct Bench {
    _dir: tempfile::TempDir,
    pub(super) logs: PathBuf,
    pub(super) state: PathBuf,
    pub(super) settings: TailSettings,
    pub(super) coverage: Arc<dyn Coverage>,
    pub(super) metrics: Metrics,
    pub(super) now_ms: Arc<AtomicI64>,
    pub(super) budget_bytes: usize,
    pub(super) disk: Arc<dyn Disk>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let logs = dir.path().join("logs");
        std::fs::create_dir(&logs).unwrap();
        let now_ms = Arc::new(AtomicI64::new(1_700_000_000_000));
        let clock = Arc::clone(&now_ms);
        let settings = TailSettings {
            host_name: "host".into(),
            rotate_grace: Duration::from_millis(100),
            poll_interval: Duration::from_millis(20),
            checkpoint_interval: Duration::from_millis(20),
            retry_after: Duration::from_millis(5),
            clock: Clock::of(move || clock.load(Ordering::Relaxed)),
            ..TailSettings::default()
        };
        Bench {
            logs,
            state: dir.path().join("state"),
            _dir: dir,
            settings,
            coverage: Arc::new(NoCoverage),
            metrics: Metrics::default(),
            now_ms,
            budget_bytes: 64 << 20,
            disk: Arc::new(MachineDisk),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.logs.join(name)
    }

    /// A task that collects a path or glob in the log directory.
    pub(super) fn task(&self, name: &str) -> Task {
        task(self.path(name).to_str().unwrap(), "t")
    }

    pub(super) fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        append(&self.path(name), text.as_ref());
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(super) fn copy(&self, from: &str, to: &str) {
        std::fs::copy(self.path(from), self.path(to)).unwrap();
    }

    pub(super) fn truncate(&self, name: &str) {
        File::create(self.path(name)).unwrap();
    }

    /// Waits until the checkpoint on disk says that some file is acknowledged up to there.
    pub(super) fn wait_for_checkpoint(&self, bytes: u64) {
        let until = Instant::now() + DEADLINE;
        let stands = || {
            let bytes_on_disk = std::fs::read(self.state.join("checkpoint")).unwrap_or_default();
            let files = crate::state::checkpoint::decode(&bytes_on_disk).unwrap_or_default();
            files.iter().any(|file| file.to == bytes)
        };
        while !stands() {
            assert!(Instant::now() < until, "the checkpoint does not reach {bytes}");
            std::thread::yield_now();
        }
    }

    /// Starts a tail over the tasks.
    pub(super) fn start(&self, tasks: &[Task]) -> Run {
        let (to_tail, received) = watch::channel(set_of(tasks));
        let (out, batches) = sync_channel(64);
        let around = Surroundings {
            tasks: received,
            budget: Budget::new(BudgetLimits::of_total(self.budget_bytes)),
            coverage: Arc::clone(&self.coverage),
            metrics: self.metrics.clone(),
            out: vec![out],
        };
        let state = StateDir::open(&self.state).unwrap();
        let handle = Tail::start_on(Arc::clone(&self.disk), self.settings.clone(), state, around).unwrap();
        Run { handle: Some(handle), tasks: to_tail, batches, got: vec![], open: vec![] }
    }
}

pub(super) fn append(path: &Path, text: &[u8]) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text).unwrap();
}

fn set_of(tasks: &[Task]) -> TaskSet {
    TaskSet { tasks: tasks.into(), revision: 1 }
}

/// A running tail and what came out of it.
pub(super) struct Run {
    pub(super) handle: Option<TailHandle>,
    tasks: watch::Sender<TaskSet>,
    batches: Receiver<Batch>,
    pub(super) got: Vec<Got>,
    /// Tickets that were not completed yet.
    pub(super) open: Vec<Ticket>,
}

impl Run {
    pub(super) fn set_tasks(&self, tasks: &[Task]) {
        self.tasks.send(set_of(tasks)).unwrap();
    }

    pub(super) fn handle(&self) -> &TailHandle {
        self.handle.as_ref().unwrap()
    }

    /// Takes one batch, if one comes within the time.
    pub(super) fn take(&mut self, within: Duration) -> bool {
        match self.batches.recv_timeout(within) {
            Ok(batch) => {
                let got = batch.lines.iter().map(|line| Got {
                    text: String::from_utf8_lossy(batch.raw_of(line)).into_owned(),
                    decoded: String::from_utf8(batch.text_of(line).to_vec()).unwrap(),
                    id: line.id,
                    flags: line.flags.0,
                    path: batch.origin_of(line).path.to_string(),
                });
                self.got.extend(got);
                self.open.push(batch.ticket);
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    /// Takes batches until that many lines have come out in all; keeps their tickets.
    pub(super) fn hold(&mut self, lines: usize) -> &[Got] {
        let until = Instant::now() + DEADLINE;
        while self.got.len() < lines {
            let left = until.saturating_duration_since(Instant::now());
            assert!(self.take(left), "{lines} lines expected, got {}: {:?}", self.got.len(), self.got.last());
        }
        assert_eq!(self.got.len(), lines, "too many: {:?}", &self.got[lines..]);
        &self.got
    }

    /// The same, and completes the tickets.
    pub(super) fn lines(&mut self, lines: usize) -> Vec<String> {
        self.hold(lines);
        self.complete();
        self.texts()
    }

    pub(super) fn decoded(&self) -> Vec<&str> {
        self.got.iter().map(|got| got.decoded.as_str()).collect()
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.got.iter().map(|got| got.text.clone()).collect()
    }

    /// The same where not all of it fits into memory at once: completes each ticket before the next batch is taken.
    pub(super) fn drained(&mut self, lines: usize) -> Vec<String> {
        self.complete();
        while self.got.len() < lines {
            assert!(self.take(DEADLINE), "{lines} lines expected, got {:?}", self.got);
            self.complete();
        }
        self.texts()
    }

    pub(super) fn wait_for_size(&mut self, bytes: u64) {
        let until = Instant::now() + DEADLINE;
        while !self.handle().files().iter().any(|file| file.size_bytes == bytes) {
            assert!(Instant::now() < until);
        }
    }

    pub(super) fn complete(&mut self) {
        self.open.drain(..).for_each(Ticket::complete);
    }

    /// Waits until a file stands as wanted.
    pub(super) fn wait_for(&mut self, what: &str, holds: impl Fn(&[crate::FileStatus]) -> bool) {
        let until = Instant::now() + DEADLINE;
        loop {
            let files = self.handle().files();
            if holds(&files) {
                return;
            }
            assert!(Instant::now() < until, "waited for {what}, but {files:#?}");
            if self.take(Duration::from_millis(5)) {
                self.complete();
            }
        }
    }

    /// Ends without a trace, as a crash does.
    pub(super) fn crash(mut self) -> Vec<Got> {
        drop(self.handle.take());
        std::mem::take(&mut self.got)
    }

    /// Ends in good order.
    pub(super) fn stop(mut self) -> Vec<Got> {
        self.complete();
        let drained = self.handle.take().unwrap().stop();
        assert_eq!(drained.files_unacknowledged, 0);
        std::mem::take(&mut self.got)
    }
}

/// Lines by id: the same id must always mean the same bytes.
pub(super) fn by_id(runs: &[&[Got]]) -> BTreeMap<EventId, String> {
    let mut all = BTreeMap::new();
    for got in runs.iter().copied().flatten() {
        let before = all.insert(got.id, got.text.clone());
        assert!(before.is_none_or(|before| before == got.text));
    }
    all
}
