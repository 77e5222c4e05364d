//! Looking for the files of tasks: once at the beginning, where directories change, and again from time to time.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use collector_model::TaskKey;
use walkdir::WalkDir;

use crate::{
    inbox::{Finding, Inbox, Touch},
    pattern::Pattern,
    watch::{Told, Watch},
};

/// Searching takes at most one part in so many of the time.
const RESCAN_SHARE: u32 = 500;
/// How long it takes at most until everything is searched again, however many files there are.
const RESCAN_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// What to look for.
#[derive(Clone, Debug)]
pub(crate) struct Quest {
    pub(crate) task: TaskKey,
    pub(crate) pattern: Pattern,
    /// The task asks for polling.
    pub(crate) poll: bool,
}

enum Order {
    Quests(Vec<Quest>),
    Told(Told),
    WatchDir(PathBuf),
    Stop,
}

/// The thread that looks for files.
pub(crate) struct Discovery {
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

/// How often to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rhythm {
    pub(crate) rescan_interval: Duration,
    pub(crate) poll_interval: Duration,
    pub(crate) watched_dirs_max: usize,
}

impl Discovery {
    /// Starts the thread; what it finds goes to the inbox.
    pub(crate) fn start(rhythm: Rhythm, inbox: Arc<Inbox>) -> std::io::Result<Self> {
        let (orders, received) = channel();
        let (to_self, to_readers) = (orders.clone(), Arc::clone(&inbox));
        let tell = move |told: Told| {
            if let Told::Path(path, touch) = &told {
                to_readers.post(|mail| {
                    let entry = mail.touched.entry(path.clone()).or_default();
                    if *touch == Touch::Name {
                        *entry = Touch::Name;
                    }
                });
            }
            if !matches!(told, Told::Path(_, Touch::Content)) {
                // The thread is gone only when everything stops.
                let _ = to_self.send(Order::Told(told));
            }
        };
        let watch = Watch::new(rhythm.watched_dirs_max, tell);
        let scout = Scout {
            rhythm,
            inbox,
            watch,
            quests: vec![],
            extra_dirs: BTreeSet::new(),
            scan: 0,
            last_scan_took: Duration::ZERO,
        };
        let thread = std::thread::Builder::new().name("tail-discover".into()).spawn(move || scout.run(&received))?;
        Ok(Discovery { orders, thread: Some(thread) })
    }

    /// Nobody looks: what there is to find is told to the inbox by somebody else.
    pub(crate) fn none() -> Self {
        Discovery { orders: channel().0, thread: None }
    }

    /// Replaces what is looked for, and looks.
    pub(crate) fn set_quests(&self, quests: Vec<Quest>) {
        let _ = self.orders.send(Order::Quests(quests));
    }

    /// Has a directory watched that a symbolic link leads to.
    pub(crate) fn watch_dir(&self, dir: PathBuf) {
        let _ = self.orders.send(Order::WatchDir(dir));
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Scout {
    rhythm: Rhythm,
    inbox: Arc<Inbox>,
    watch: Watch,
    quests: Vec<(Quest, Polled)>,
    extra_dirs: BTreeSet<PathBuf>,
    scan: u64,
    last_scan_took: Duration,
}

/// Whether a task's directories have to be polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Polled(bool);

/// What is to be looked through next.
#[derive(Default)]
struct Due {
    everything: bool,
    dirs: BTreeSet<PathBuf>,
}

impl Scout {
    fn run(mut self, orders: &Receiver<Order>) {
        let (mut rescan_at, mut poll_at) = (Instant::now(), Instant::now());
        let mut due = Due::default();
        loop {
            let polls = self.quests.iter().any(|(_, polled)| polled.0);
            let next = if polls { rescan_at.min(poll_at) } else { rescan_at };
            let settle = self.settling_time();
            let next = if due.everything || !due.dirs.is_empty() { next.min(Instant::now() + settle) } else { next };
            match orders.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(order) => {
                    self.follow(order, &mut due);
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = Instant::now();
            if now >= rescan_at || due.everything {
                self.scan_where(|_, _| true);
                rescan_at = Instant::now() + self.rescan_interval();
            } else if !due.dirs.is_empty() {
                let dirs = std::mem::take(&mut due.dirs);
                self.scan_where(|quest, _| dirs.iter().any(|dir| quest.pattern.concerns_dir(dir)));
            }
            if polls && now >= poll_at {
                self.scan_where(|_, polled| polled.0);
                poll_at = Instant::now() + self.rhythm.poll_interval.max(self.last_scan_took * 10);
            }
            due = Due::default();
        }
    }

    /// Changes of directories are gathered for a moment, longer where looking takes long.
    fn settling_time(&self) -> Duration {
        Duration::from_millis(5).max(self.last_scan_took * 3)
    }

    /// Thousands of files are searched for less often, so that looking costs next to nothing: what is watched is told of anyway.
    fn rescan_interval(&self) -> Duration {
        let interval = self.rhythm.rescan_interval;
        interval.max((self.last_scan_took * RESCAN_SHARE).min(RESCAN_INTERVAL_MAX))
    }

    fn follow(&mut self, order: Order, due: &mut Due) {
        match order {
            Order::Quests(quests) => {
                self.quests = quests.into_iter().map(|quest| (quest.clone(), Polled(quest.poll))).collect();
                let (quests, extra) = (&self.quests, &self.extra_dirs);
                self.watch.retain(|dir| {
                    extra.contains(dir) || quests.iter().any(|(quest, _)| quest.pattern.concerns_dir(dir))
                });
                // New tasks do not wait for others' changes to settle.
                self.scan_where(|_, _| true);
            }
            Order::WatchDir(dir) => {
                let _ = self.watch.add(&dir);
                self.extra_dirs.insert(dir);
            }
            Order::Told(Told::Missed) => due.everything = true,
            Order::Told(Told::Path(path, _)) => self.look_at(path, due),
            Order::Stop => {}
        }
    }

    /// A name changed: a file is passed on, for a directory everything that it may hold is looked through.
    fn look_at(&mut self, path: PathBuf, due: &mut Due) {
        let was_dir = self.watch.has(&path);
        if path.is_dir() {
            if was_dir {
                self.watch.forget(&path);
            }
            due.dirs.insert(path);
        } else if was_dir {
            self.watch.forget(&path);
            due.dirs.extend(path.parent().map(Path::to_owned));
        } else {
            let finders = self.quests.iter().filter(|(quest, _)| quest.pattern.matches(&path));
            let found: Vec<_> = finders
                .map(|(quest, _)| Finding::File { task: quest.task.clone(), path: path.clone(), scan: 0 })
                .collect();
            if !found.is_empty() {
                self.inbox.post(|mail| mail.findings.extend(found));
            }
        }
    }

    fn scan_where(&mut self, wanted: impl Fn(&Quest, Polled) -> bool) {
        let began = Instant::now();
        let mut quests = std::mem::take(&mut self.quests);
        for (quest, polled) in quests.iter_mut().filter(|(quest, polled)| wanted(quest, *polled)) {
            polled.0 = self.scan(quest) || quest.poll;
        }
        self.quests = quests;
        self.last_scan_took = began.elapsed();
    }

    /// Looks for a task's files. Answers whether a directory could not be watched.
    fn scan(&mut self, quest: &Quest) -> bool {
        self.scan += 1;
        let (mut found, mut unwatched) = (vec![], false);
        // A directory is watched before it is read, or else read again: nothing that comes meanwhile is missed.
        for _ in 0..3 {
            found.clear();
            let mut new_watch = false;
            let mut watch = |dir: &Path| match (quest.poll, self.watch.add(dir)) {
                (false, Ok(new)) => new_watch |= new,
                (false, Err(_)) => unwatched = true,
                (true, _) => {}
            };
            look_through(&quest.pattern, &mut watch, &mut found);
            if !new_watch {
                break;
            }
        }
        let (task, scan) = (&quest.task, self.scan);
        self.inbox.post(|mail| {
            mail.findings.extend(found.into_iter().map(|path| Finding::File { task: task.clone(), path, scan }));
            mail.findings.push(Finding::ScanDone { task: task.clone(), scan });
        });
        unwatched
    }
}

fn look_through(pattern: &Pattern, watch: &mut impl FnMut(&Path), found: &mut Vec<PathBuf>) {
    let root = pattern.root_dir();
    if !root.is_dir() {
        // Wait for it to appear: watch the nearest directory above.
        if let Some(above) = root.ancestors().skip(1).find(|dir| dir.is_dir()) {
            watch(above);
        }
        return;
    }
    watch(root);
    if let Some(path) = pattern.literal() {
        if std::fs::symlink_metadata(path).is_ok() {
            found.push(path.to_owned());
        }
        return;
    }
    let walk = WalkDir::new(root).min_depth(1).max_depth(pattern.depth_max()).follow_links(true).into_iter();
    let entries = walk.filter_entry(|entry| {
        !entry.file_type().is_dir() || pattern.may_descend(entry.depth(), Path::new(entry.file_name()))
    });
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => watch(entry.path()),
            Ok(entry) if entry.file_type().is_file() && pattern.matches(entry.path()) => found.push(entry.into_path()),
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "looking for files: a directory or link cannot be read"),
        }
    }
}
