//! The agent's reading, driven step by step, and the threads around it as a model: what finds files, what tells of changes.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    time::Duration,
};

use collector_model::{Batch, Budget, FileUid, Line, LineFlags, Metrics, Topic, budget::BudgetLimits, metrics};
use collector_tail::{Coverage, Happening, Scene, Steps, TailSettings};
use collector_tasks::TaskSet;
use jiff::tz::TimeZone;

use crate::{
    disk::{Machine, STATE_DIR},
    logs::Told,
    time::Time,
    trace::Trace,
};

const AGENT_ID: &str = "0123456789abcdef0123456789abcdef";
const RESCAN_MS: i64 = 10_000;
/// How many things told of are waiting at most before they are dropped, as the system does.
const TOLD_MAX: usize = 200;

/// The agent.
pub(crate) struct Agent {
    machine: Machine,
    time: Time,
    trace: Trace,
    settings: TailSettings,
    timezone: TimeZone,
    running: Option<Running>,
    /// How often it was started.
    pub(crate) starts: u64,
}

/// One life of it.
struct Running {
    steps: Steps,
    out: Vec<Receiver<Batch>>,
    tasks: TaskSet,
    told: Vec<Happening>,
    scan: u64,
    rescan_ms: i64,
    metrics: Metrics,
    budget: Budget,
    /// What came out, for comparing with what is counted.
    came_out: Volume,
}

/// How much came out of the reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Volume {
    lines: u64,
    bytes: u64,
    lines_cut: u64,
    lines_invalid_utf8: u64,
}

impl Volume {
    fn add(&mut self, batch: &Batch) {
        self.lines += batch.lines.len() as u64;
        self.bytes += batch.ticket.position().map_or(0, |position| position.to - position.from);
        self.lines_cut += batch.lines.iter().filter(|line| line.flags.has(LineFlags::CUT)).count() as u64;
        let is_invalid = |line: &&Line| std::str::from_utf8(batch.raw_of(line)).is_err();
        self.lines_invalid_utf8 += batch.lines.iter().filter(is_invalid).count() as u64;
    }

    fn counted(metrics: &Metrics) -> Self {
        let label = metrics::of(&Topic::new("t").expect("legal"));
        Volume {
            lines: metrics.lines_read.get_or_create(&label).get(),
            bytes: metrics.bytes_read.get_or_create(&label).get(),
            lines_cut: metrics.lines_cut.get_or_create(&label).get(),
            lines_invalid_utf8: metrics.lines_invalid_utf8.get_or_create(&label).get(),
        }
    }
}

impl Agent {
    pub(crate) fn new(machine: Machine, time: Time, trace: Trace, dice: &mut fastrand::Rng) -> Self {
        let settings = TailSettings {
            host_name: "host".into(),
            batch_bytes_max: [64, 300, 4096][dice.usize(..3)],
            batch_lines_max: [2, 5, 100][dice.usize(..3)],
            open_files_max: Some([3, 64][dice.usize(..2)]),
            journal_compact_bytes_min: [600, 4000][dice.usize(..2)],
            forget_after: Duration::from_secs(24 * 3600),
            clock: time.clock(),
            ..TailSettings::default()
        };
        let timezone = if dice.bool() { TimeZone::UTC } else { summer_time_ends() };
        Agent { machine, time, trace, settings, timezone, running: None, starts: 0 }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Starts it, unless its state cannot be read now.
    pub(crate) fn start(&mut self, tasks: TaskSet, coverage: Arc<dyn Coverage>, dice: &mut fastrand::Rng) {
        let outlets = dice.usize(1..=2);
        let (senders, out) = (0..outlets).map(|_| sync_channel(dice.usize(1..4))).unzip();
        let metrics = Metrics::default();
        let budget = Budget::new(BudgetLimits::of_total([2_000, 1 << 20][dice.usize(..2)]));
        let scene = Scene {
            disk: Arc::new(self.machine.clone()),
            state_dir: STATE_DIR.into(),
            agent_id: AGENT_ID.to_owned(),
            timezone: self.timezone.clone(),
            budget: budget.clone(),
            coverage,
            metrics: metrics.clone(),
            out: senders,
        };
        self.machine.inside().logs.told.clear();
        match Steps::start(self.settings.clone(), scene) {
            Ok(steps) => {
                self.starts += 1;
                self.machine.inside().logs.is_watched = !tasks.tasks.is_empty();
                self.trace.note(format_args!("the agent starts"));
                let rescan_ms = self.time.passed_ms();
                let running = Running {
                    steps,
                    out,
                    tasks: TaskSet::default(),
                    told: vec![],
                    scan: 0,
                    rescan_ms,
                    metrics,
                    budget,
                    came_out: Volume::default(),
                };
                self.running = Some(running);
                self.set_tasks(tasks);
            }
            Err(error) => self.trace.note(format_args!("the agent does not start: {error}")),
        }
    }

    /// Other tasks, which are looked for at once.
    pub(crate) fn set_tasks(&mut self, tasks: TaskSet) {
        let Some(running) = &mut self.running else { return };
        running.tasks = tasks.clone();
        running.told.push(Happening::Tasks(tasks));
        self.scan();
    }

    /// Looks for the files of all tasks; what it finds is told later.
    fn scan(&mut self) {
        let Some(running) = &mut self.running else { return };
        let paths: Vec<PathBuf> = self.machine.inside().logs.paths().cloned().collect();
        running.scan += 1;
        for task in running.tasks.tasks.iter() {
            let found = paths.iter().filter(|path| means(&task.path, path));
            let found = found.map(|path| Happening::Found { task: task.key(), path: path.clone(), scan: running.scan });
            running.told.extend(found);
            running.told.push(Happening::Searched { task: task.key(), scan: running.scan });
        }
        running.rescan_ms = self.time.passed_ms() + RESCAN_MS;
    }

    /// Collects what the system told of.
    fn listen(&mut self, dice: &mut fastrand::Rng, is_calm: bool) {
        let told = std::mem::take(&mut self.machine.inside().logs.told);
        let Some(running) = &mut self.running else { return };
        for told in told {
            if !is_calm && (dice.u8(..100) < 3 || running.told.len() > TOLD_MAX) {
                continue;
            }
            match told {
                Told::Grew(path) => running.told.push(Happening::Grew(path)),
                Told::Renamed(path) => {
                    for task in running.tasks.tasks.iter().filter(|task| means(&task.path, &path)) {
                        let found = Happening::Found { task: task.key(), path: path.clone(), scan: 0 };
                        running.told.push(found);
                    }
                    running.told.push(Happening::Renamed(path));
                }
            }
        }
    }

    /// One round: some of what was told arrives, not always in the order in which it happened.
    pub(crate) fn round(&mut self, dice: &mut fastrand::Rng, is_calm: bool) {
        self.listen(dice, is_calm);
        let is_due = self.running.as_ref().is_some_and(|running| running.rescan_ms <= self.time.passed_ms());
        if is_due {
            self.scan();
        }
        let Some(running) = &mut self.running else { return };
        let arriving = if is_calm { running.told.len() } else { dice.usize(..=running.told.len()) };
        let mut arrived: Vec<Happening> = running.told.drain(..arriving).collect();
        if !is_calm && arrived.len() > 1 && dice.u8(..4) == 0 {
            let (a, b) = (dice.usize(..arrived.len()), dice.usize(..arrived.len()));
            let both_told = |n: usize| matches!(arrived[n], Happening::Grew(_) | Happening::Renamed(_));
            if both_told(a) && both_told(b) {
                arrived.swap(a, b);
            }
        }
        self.trace.note(format_args!("round with {arriving} told"));
        arrived.into_iter().for_each(|happening| running.steps.tell(happening));
        running.steps.round();
        let trace = self.trace.clone();
        trace.explain(|| self.standing());
    }

    /// What came out for a worker.
    pub(crate) fn take_batch(&mut self, dice: &mut fastrand::Rng) -> Option<Batch> {
        let running = self.running.as_mut()?;
        let at = dice.usize(..running.out.len());
        let batch = running.out[at].try_recv().ok()?;
        running.came_out.add(&batch);
        Some(batch)
    }

    /// The thread that writes checkpoints has its turn.
    pub(crate) fn write_checkpoint(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| running.steps.write_checkpoint())
    }

    /// When it has something to do by itself.
    pub(crate) fn due_ms(&self) -> Option<i64> {
        let running = self.running.as_ref()?;
        let due = running.steps.due().map(|due| due.saturating_duration_since(self.time.instant()));
        let due_ms = due.map_or(RESCAN_MS, |due| due.as_micros().div_ceil(1000) as i64);
        Some((self.time.passed_ms() + due_ms).min(running.rescan_ms))
    }

    /// It ends without a trace.
    pub(crate) fn kill(&mut self) {
        self.machine.inside().has_ended = true;
        self.running = None;
        let mut inside = self.machine.inside();
        (inside.has_ended, inside.ends_after) = (false, None);
        inside.logs.is_watched = false;
        inside.logs.agent_ends();
    }

    /// It ends in good order; what is acknowledged by now counts.
    pub(crate) fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.steps.settle();
            running.steps.leave();
        }
        self.kill();
    }

    /// Everything that it has seen is acknowledged.
    pub(crate) fn is_idle(&mut self) -> bool {
        let Some(running) = &mut self.running else { return false };
        running.steps.files().iter().all(|file| file.acknowledged_bytes == file.size_bytes && file.is_named)
            && running.budget.held_bytes() == 0
    }

    /// How every file stands, in words.
    pub(crate) fn standing(&mut self) -> String {
        let Some(running) = &mut self.running else { return "the agent is not running".to_owned() };
        let files = running.steps.files();
        let stands = files.iter().map(|file| {
            format!(
                "{} uid {:?}: acknowledged {}, read {}, size {}{}",
                file.path.display(),
                file.uid,
                file.acknowledged_bytes,
                file.read_bytes,
                file.size_bytes,
                if file.is_named { "" } else { ", nameless" }
            )
        });
        stands.collect::<Vec<_>>().join("\n")
    }

    /// Whether what was counted is what came out.
    pub(crate) fn check_counters(&self) -> Result<(), String> {
        let Some(running) = &self.running else { return Ok(()) };
        let counted = Volume::counted(&running.metrics);
        if counted == running.came_out {
            return Ok(());
        }
        Err(format!("I8: {counted:?} is counted as read, {:?} came out", running.came_out))
    }

    /// How far a checkpoint says that files are acknowledged.
    pub(crate) fn checkpoint(&self) -> Vec<(FileUid, u64)> {
        let bytes = self.machine.inside().state.read(&Path::new(STATE_DIR).join("checkpoint"));
        bytes.ok().and_then(|bytes| collector_tail::checkpoint_positions(&bytes)).unwrap_or_default()
    }
}

/// Whether a task's path or glob means a file. Globs here have one star.
fn means(pattern: &str, path: &Path) -> bool {
    let path = path.to_string_lossy();
    match pattern.split_once('*') {
        None => pattern == path,
        Some((before, after)) => {
            path.len() >= before.len() + after.len()
                && path.starts_with(before)
                && path.ends_with(after)
                && !path[before.len()..path.len() - after.len()].contains('/')
        }
    }
}

/// A zone in which the clocks go back an hour in the night of the schedule.
fn summer_time_ends() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M5.5.5/2:00:30").unwrap_or(TimeZone::UTC)
}
