//! The reading thread: takes what arrived, gives every file its turn, commits the journal, sends.

mod admission;
mod measure;
mod memory;
mod open_files;
mod pacing;
mod parting;
mod rotated;
mod settlement;
mod tasks;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet, VecDeque, hash_map::DefaultHasher},
    hash::BuildHasherDefault,
    path::PathBuf,
    sync::{Arc, mpsc::TrySendError},
    time::{Duration, Instant},
};

use collector_failpoints::{planted, reached};
use collector_model::{Budget, FileUid, Metrics, TaskKey, Topic};
use jiff::tz::TimeZone;

use crate::{
    Coverage, Drained, Outlets, StateDir, TailSettings,
    content::DeviceInode,
    continuation::Hunter,
    discover::Discovery,
    disk::Disk,
    framer::Frame,
    inbox::{Finding, Inbox, Mail, Stop, Touch},
    reader::{Desk, Outcome, Outgoing, Place, Reader, Stage, UnderWay},
    state::journal::Journal,
    work::Work,
};
pub(crate) use settlement::Checkpointer;

/// How many turns are taken before the journal is committed and the inbox looked into.
const TURNS_PER_ROUND: usize = 64;
/// How many files found are looked at between turns.
const FINDINGS_PER_ROUND: usize = 256;
/// How long to wait for room, at first and at most.
const BLOCKED_WAIT: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));
/// How long after a failure (reading, writing the journal) to try again.
const FAILURE_WAIT: Duration = Duration::from_secs(1);

/// A map that is gone through in the same order whenever the same happened before, so that a simulation can be repeated.
pub(crate) type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// What the engine is made of.
pub(crate) struct EngineParts {
    pub(crate) settings: TailSettings,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) timezone: TimeZone,
    pub(crate) checkpointer: Checkpointer,
    pub(crate) state: StateDir,
    pub(crate) journal: Journal,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) discovery: Discovery,
    pub(crate) hunter: Hunter,
    pub(crate) budget: Budget,
    pub(crate) coverage: Arc<dyn Coverage>,
    pub(crate) metrics: Metrics,
    pub(crate) out: Outlets,
}

/// The reading thread's state.
pub(crate) struct Engine {
    settings: TailSettings,
    disk: Arc<dyn Disk>,
    state: StateDir,
    journal: Journal,
    inbox: Arc<Inbox>,
    discovery: Discovery,
    hunter: Hunter,
    budget: Budget,
    coverage: Arc<dyn Coverage>,
    metrics: Metrics,
    out: Outlets,
    timezone: TimeZone,
    tasks: Map<TaskKey, Arc<Work>>,
    readers: Map<u64, Reader>,
    readers_made: u64,
    by_path: Map<PathBuf, Vec<u64>>,
    by_file: Map<(Topic, DeviceInode), u64>,
    /// Files known from before at paths that were not looked at yet.
    left_behind: Map<PathBuf, Vec<FileUid>>,
    /// Known files that nobody has watched for a while: others may have stood at their paths since, and be compressed by now.
    unwatched: HashSet<FileUid>,
    findings: VecDeque<Finding>,
    ready: VecDeque<u64>,
    outgoing: Vec<u64>,
    blocked: memory::Lines,
    paced: pacing::Lines,
    blocked_wait: Duration,
    wakeups: BinaryHeap<Reverse<(Instant, u64)>>,
    frames: Vec<Frame>,
    journal_retry_at: Option<Instant>,
    checkpointer: Checkpointer,
    absent_since: Map<FileUid, Instant>,
    /// Paths of which it was said that they cannot be read.
    unreadable: HashSet<PathBuf>,
    /// Files that are too old to be read, until they change.
    ignored: Map<PathBuf, Vec<TaskKey>>,
    gauges: measure::Gauges,
    forget_check_at: Instant,
    open_files_max: usize,
    /// How many files are open, at most.
    open_files: usize,
}

impl Engine {
    /// Makes the engine; nothing runs yet.
    pub(crate) fn new(parts: EngineParts) -> Self {
        let mut left_behind: Map<PathBuf, Vec<FileUid>> = Map::default();
        let mut unwatched = HashSet::new();
        for entry in parts.journal.known().files().filter(|entry| entry.may_go_on()) {
            left_behind.entry(PathBuf::from(&entry.file.path)).or_default().push(entry.file.uid);
            unwatched.insert(entry.file.uid);
        }
        let open_files_max = parts.settings.open_files_max.unwrap_or_else(open_files::open_files_allowed);
        let forget_check_at = parts.settings.clock.instant() + parts.settings.forget_after / 24;
        Engine {
            settings: parts.settings,
            disk: parts.disk,
            state: parts.state,
            journal: parts.journal,
            inbox: parts.inbox,
            discovery: parts.discovery,
            hunter: parts.hunter,
            budget: parts.budget,
            coverage: parts.coverage,
            metrics: parts.metrics,
            out: parts.out,
            timezone: parts.timezone,
            tasks: Map::default(),
            readers: Map::default(),
            readers_made: 0,
            by_path: Map::default(),
            by_file: Map::default(),
            left_behind,
            unwatched,
            findings: VecDeque::new(),
            ready: VecDeque::new(),
            outgoing: vec![],
            blocked: memory::Lines::default(),
            paced: Map::default(),
            blocked_wait: BLOCKED_WAIT.0,
            wakeups: BinaryHeap::new(),
            frames: vec![],
            journal_retry_at: None,
            checkpointer: parts.checkpointer,
            absent_since: Map::default(),
            unreadable: HashSet::new(),
            ignored: Map::default(),
            gauges: measure::Gauges::default(),
            forget_check_at,
            open_files_max,
            open_files: 0,
        }
    }

    fn now(&self) -> Instant {
        self.settings.clock.instant()
    }

    /// Reads until told to stop.
    pub(crate) fn run(mut self) -> Drained {
        loop {
            let mail = self.inbox.take(self.wait_until());
            match mail.stop {
                None => self.round(mail),
                Some(Stop::Abort) => return Drained::default(),
                Some(Stop::Drain) => {
                    self.take_in(mail);
                    return self.drain();
                }
            }
        }
    }

    /// Takes in what arrived, and does what is to be done then.
    pub(crate) fn round(&mut self, mail: Mail) {
        self.take_in(mail);
        self.look_at_findings();
        self.wake_the_due();
        self.take_turns();
        self.send();
        self.keep_house();
    }

    /// When something is due; none when only arriving mail gives something to do.
    pub(crate) fn wait_until(&self) -> Option<Instant> {
        let now = self.now();
        if !self.ready.is_empty() || !self.findings.is_empty() {
            return Some(now);
        }
        let blocked = (!self.blocked.is_empty()).then(|| now + self.blocked_wait);
        let journal = self.journal.is_dirty().then(|| self.journal_retry_at.unwrap_or(now));
        let wakeup = self.wakeups.peek().map(|Reverse((at, _))| *at);
        let checkpoint = self.checkpointer.due_at(self.settings.checkpoint_interval);
        let (paced, gauges) = (self.paced_until(now), self.gauges.due_at(now));
        [blocked, journal, wakeup, checkpoint, paced, gauges, Some(self.forget_check_at)].into_iter().flatten().min()
    }

    fn take_in(&mut self, mail: Mail) {
        if let Some(tasks) = mail.tasks {
            self.set_tasks(&tasks);
        }
        for settled in mail.settled {
            self.settle(settled);
        }
        for (path, touch) in mail.touched {
            self.touch(&path, touch);
        }
        self.findings.extend(mail.findings);
        for found in mail.found {
            self.read_found(found);
        }
        if let Some(result) = mail.checkpoint {
            self.checkpointer.done(result);
        }
        for ask in mail.status {
            // Who asked may have stopped waiting.
            let _ = ask.send(self.status());
        }
    }

    fn touch(&mut self, path: &std::path::Path, touch: Touch) {
        for key in self.ignored.remove(path).unwrap_or_default() {
            self.admit(&key, path, 0);
        }
        let Some(ids) = self.by_path.get(path) else { return };
        for id in ids.clone() {
            match touch {
                Touch::Content => self.make_ready(id),
                Touch::Name => self.check_name(id),
            }
        }
    }

    fn look_at_findings(&mut self) {
        for _ in 0..FINDINGS_PER_ROUND {
            match self.findings.pop_front() {
                Some(Finding::File { task, path, scan }) => self.admit(&task, &path, scan),
                Some(Finding::ScanDone { task, scan }) => self.scan_done(&task, scan),
                None => return,
            }
        }
    }

    /// Gives a reader a turn, unless it waits for something already.
    fn make_ready(&mut self, id: u64) {
        if let Some(reader) = self.readers.get_mut(&id)
            && reader.place == Place::Idle
        {
            reader.place = Place::Ready;
            self.ready.push_back(id);
        }
    }

    fn wake_later(&mut self, id: u64, at: Instant) {
        let Some(reader) = self.readers.get_mut(&id) else { return };
        if reader.wake_at.is_none_or(|known| at < known) {
            reader.wake_at = Some(at);
            self.wakeups.push(Reverse((at, id)));
        }
    }

    fn wake_the_due(&mut self) {
        let now = self.now();
        while let Some(Reverse((at, id))) = self.wakeups.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.wakeups.pop();
            if let Some(reader) = self.readers.get_mut(&id).filter(|reader| reader.wake_at == Some(at)) {
                reader.wake_at = None;
                self.make_ready(id);
            }
        }
    }

    fn take_turns(&mut self) {
        let now = self.now();
        self.release_paced(now);
        self.retry_for_memory(now);
        for _ in 0..self.ready.len().min(TURNS_PER_ROUND) {
            if let Some(id) = self.ready.pop_front()
                && self.take_turn(id)
            {
                self.wait_for_memory(id);
            }
        }
    }

    /// Answers whether there was no memory for it: it is to wait in line.
    fn take_turn(&mut self, id: u64) -> bool {
        let now = self.now();
        let Some(mut reader) = self.readers.remove(&id) else { return false };
        reader.place = Place::Idle;
        let was_closed = reader.file.is_none();
        let outcome = match reader.stage {
            Stage::Leaving | Stage::Gone => Ok(Outcome::Idle),
            Stage::Named | Stage::Nameless { .. } => reader.turn(&mut self.desk(now)),
        };
        let is_outgoing = reader.outbox.is_some();
        if is_outgoing {
            reader.place = Place::Outgoing;
            self.outgoing.push(id);
        }
        let is_blocked = matches!(outcome, Ok(Outcome::Blocked)) && !is_outgoing;
        if is_blocked {
            reader.place = Place::Blocked;
        }
        let was_opened = was_closed && reader.file.is_some();
        self.readers.insert(id, reader);
        self.gauges.change();
        if was_opened {
            self.keep_open_files_few(id);
        }
        match outcome {
            Ok(Outcome::More) if !is_outgoing => self.make_ready(id),
            Ok(Outcome::Idle | Outcome::More | Outcome::Blocked) => {}
            Ok(Outcome::Later(at)) => self.wake_later(id, at),
            Ok(Outcome::Paced) => self.stand_in_line(id),
            Ok(Outcome::Restarted) => self.restart(id),
            Ok(Outcome::Missing) => self.replace(id),
            Err(error) => {
                self.wait_after_failure(id, now, &error);
            }
        }
        self.see_off(id, now);
        is_blocked
    }

    fn wait_after_failure(&mut self, id: u64, now: Instant, error: &std::io::Error) {
        let Some(reader) = self.readers.get_mut(&id) else { return };
        tracing::warn!(path = %reader.path.display(), %error, "reading a file: it is tried again in a second");
        let at = now + FAILURE_WAIT;
        if let Stage::Nameless { .. } = reader.stage {
            // Nothing tells of it any more, and until then it is not at its end, whatever its size.
            reader.not_before = Some(at);
        }
        self.wake_later(id, at);
    }

    /// What a reader needs for its turn.
    fn desk(&mut self, now: Instant) -> Desk<'_> {
        Desk {
            settings: &self.settings,
            disk: &*self.disk,
            agent_id: self.state.agent_id(),
            timezone: &self.timezone,
            journal: &mut self.journal,
            budget: &self.budget,
            frames: &mut self.frames,
            now,
        }
    }

    /// Commits the journal, then sends what depends on nothing that is not on disk.
    fn send(&mut self) {
        self.commit_journal();
        let before = self.outgoing.len();
        for id in std::mem::take(&mut self.outgoing) {
            if self.send_one(id) {
                self.make_ready(id);
            } else if self.readers.contains_key(&id) {
                self.outgoing.push(id);
            }
        }
        let has_room = self.outgoing.len() < before;
        if has_room || (self.blocked.is_empty() && self.outgoing.is_empty()) {
            self.blocked_wait = BLOCKED_WAIT.0;
        } else {
            self.blocked_wait = (self.blocked_wait * 2).min(BLOCKED_WAIT.1);
        }
    }

    fn commit_journal(&mut self) {
        let now = self.now();
        if !self.journal.is_dirty() || self.journal_retry_at.is_some_and(|at| at > now) {
            return;
        }
        match self.journal.commit() {
            Ok(()) => {
                self.journal_retry_at = None;
                reached("journal-synced");
            }
            Err(error) => {
                if self.journal_retry_at.is_none() {
                    tracing::error!(path = %self.state.journal_path().display(), %error,
                        "writing the journal: new lines are held back until it can be written; free some space there");
                }
                self.journal_retry_at = Some(now + FAILURE_WAIT);
            }
        }
    }

    /// Sends a reader's batch. Answers whether its outbox is empty now.
    fn send_one(&mut self, id: u64) -> bool {
        let now = self.now();
        let Some(reader) = self.readers.get_mut(&id) else { return false };
        let Some(outgoing) = reader.outbox.take() else {
            reader.place = Place::Idle;
            return true;
        };
        let (Some(uid), true) = (reader.uid, outgoing.after <= self.journal.synced()) else {
            reader.outbox = Some(outgoing);
            return false;
        };
        let outlet = &self.out[(uid.0 % self.out.len() as u128) as usize];
        let volume = outgoing.volume();
        let Outgoing { batch, after, range, before, epoch, lines_cut } = outgoing;
        match outlet.try_send(batch) {
            Ok(()) => {
                // Its answer comes through the inbox, so never before this.
                reader.issue(range.0, UnderWay { end: range.1, before, epoch });
                reader.work.count(volume);
                if planted("checkpoint-before-ack")
                    && let Some(entry) = self.journal.known_mut().file_mut(uid)
                {
                    entry.acknowledge(range.1, before);
                    self.checkpointer.is_dirty = true;
                }
                reader.place = Place::Idle;
                reader.sent_at = Some(now);
                true
            }
            Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) => {
                reader.outbox = Some(Outgoing { batch, after, range, before, epoch, lines_cut });
                false
            }
        }
    }
}
