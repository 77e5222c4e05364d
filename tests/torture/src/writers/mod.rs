//! The writers: threads that append lines at a given rate and rotate their files at random.

mod hand;
mod rotation;

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context as _;

use crate::{random::Random, script::Script, wait::within};
use hand::Hand;
use rotation::Rotation;

/// How long writers may take to rotate when they are asked to.
const ROTATED_WITHIN: Duration = Duration::from_secs(60);

/// The directory of those whose documents no index takes, below that of the followed files.
pub const POISON: &str = "poison";
/// The directory of those whose lines go into records of many lines.
pub const BATCH: &str = "batch";
/// The directory of all others.
pub const PLAIN: &str = "plain";

/// How a writer rotates its file, and what becomes of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// By renaming, in one of several ways.
    Rename,
    /// By switching a link to the next file.
    Link,
    /// By truncating: such a rotation loses lines by itself, so only those are claimed that were acknowledged before it.
    Truncate,
    /// As the first, but its lines go into records of many lines.
    Batch,
    /// As the first, but the index refuses its lines: they become dead letters.
    Poison,
}

impl Manner {
    /// How much it writes, beside the others.
    fn share(self) -> f64 {
        if self == Manner::Poison { 0.05 } else { 1.0 }
    }

    /// Whether it rotates by renaming.
    fn renames(self) -> bool {
        matches!(self, Manner::Rename | Manner::Batch | Manner::Poison)
    }

    fn dir(self) -> &'static str {
        match self {
            Manner::Poison => POISON,
            Manner::Batch => BATCH,
            Manner::Rename | Manner::Link | Manner::Truncate => PLAIN,
        }
    }
}

/// What the writers of a run do.
#[derive(Clone, Debug)]
pub struct Writing {
    /// The run's name, at the head of every line.
    pub run: String,
    /// Where the followed files are.
    pub files: PathBuf,
    /// Where ledgers and what must not be followed are.
    pub aside: PathBuf,
    /// The writers, by how they rotate.
    pub manners: Vec<Manner>,
    /// Lines a second, of all together.
    pub rate: u64,
    /// One of so many lines is written in two halves; 0 for none.
    pub halting_of: u64,
    /// The run's seed.
    pub seed: u64,
}

/// What all writers share with the run.
#[derive(Debug)]
pub(crate) struct Shared {
    stopping: AtomicBool,
    rate_each: AtomicU64,
    rotations: Mutex<BTreeMap<&'static str, u64>>,
    /// How often all writers that rename were asked to do it three times.
    thrice_asked: AtomicU64,
    /// How often one of them has done so.
    thrice_done: AtomicU64,
    /// The same of copying and truncating, by those that truncate.
    copies_asked: AtomicU64,
    copies_done: AtomicU64,
}

impl Shared {
    fn rotated(&self, how: Rotation) {
        let mut rotations = self.rotations.lock().unwrap_or_else(PoisonError::into_inner);
        *rotations.entry(how.name()).or_default() += 1;
    }
}

/// Which of a writer's lines have to be found.
#[derive(Clone, Debug)]
pub enum Claim {
    /// Each.
    All,
    /// Those of these numbers: the writer truncates its file, and of the others some are cut off, and some cut in two.
    Only(Vec<Range<u64>>),
}

impl Claim {
    /// Whether that line has to be found.
    pub fn has(&self, sequence: u64) -> bool {
        match self {
            Claim::All => true,
            Claim::Only(ranges) => ranges.iter().any(|range| range.contains(&sequence)),
        }
    }
}

/// One writer as the checker needs it.
#[derive(Clone, Debug)]
pub struct Written {
    /// What it writes.
    pub script: Script,
    /// How many lines it has written.
    pub lines: u64,
    /// Which of them have to be found.
    pub claim: Claim,
}

/// How far a writer is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// How many lines it has written.
    lines: AtomicU64,
    /// Lines that it had written when all was acknowledged, and then truncated.
    kept: Mutex<Vec<Range<u64>>>,
}

impl Progress {
    fn kept(&self) -> MutexGuard<'_, Vec<Range<u64>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Running writers.
pub struct Writers {
    shared: Arc<Shared>,
    hands: Vec<(Script, Manner, Arc<Progress>)>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
    count: u64,
    /// How many rotate by renaming.
    renaming: u64,
}

impl Writers {
    /// Starts them.
    pub fn start(writing: &Writing) -> anyhow::Result<Writers> {
        let count = writing.manners.iter().filter(|manner| manner.share() >= 1.0).count() as u64;
        let ways = writing.manners.iter().flat_map(|manner| Rotation::of(*manner));
        let shared = Arc::new(Shared {
            stopping: AtomicBool::new(false),
            rate_each: AtomicU64::new(writing.rate / count.max(1)),
            rotations: Mutex::new(ways.map(|rotation| (rotation.name(), 0)).collect()),
            thrice_asked: AtomicU64::new(0),
            thrice_done: AtomicU64::new(0),
            copies_asked: AtomicU64::new(0),
            copies_done: AtomicU64::new(0),
        });
        let renaming = writing.manners.iter().filter(|manner| manner.renames()).count() as u64;
        let mut writers = Writers { shared, hands: vec![], threads: vec![], count, renaming };
        for (number, manner) in writing.manners.iter().enumerate() {
            writers.add(writing, number, *manner).with_context(|| format!("starting writer {number}"))?;
        }
        Ok(writers)
    }

    fn add(&mut self, writing: &Writing, number: usize, manner: Manner) -> anyhow::Result<()> {
        let truncates = manner == Manner::Truncate;
        let script = Script::new(&writing.run, number, if truncates { 0 } else { writing.halting_of });
        let progress = Arc::new(Progress::default());
        let random = Random::new(writing.seed, &format!("writer {number}"));
        let place = |dir: &Path, name: String| -> anyhow::Result<PathBuf> {
            std::fs::create_dir_all(dir)?;
            Ok(dir.join(name))
        };
        let path = place(&writing.files.join(manner.dir()), format!("w{number:02}.log"))?;
        let ledger = place(&writing.aside, format!("ledger-{number:02}"))?;
        let mut hand = Hand::new(script.clone(), (path, ledger), manner, random, Arc::clone(&progress))?;
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name(format!("writer-{number}"));
        self.threads.push(thread.spawn(move || hand.write_until_stopped(&shared))?);
        self.hands.push((script, manner, progress));
        Ok(())
    }

    /// From now on so many lines a second.
    pub fn set_rate(&self, rate: u64) {
        self.shared.rate_each.store(rate / self.count.max(1), Ordering::Relaxed);
    }

    /// Has every writer that renames do so three times, and waits until all have.
    pub async fn rotate_thrice(&self) -> anyhow::Result<()> {
        let times = self.shared.thrice_asked.fetch_add(1, Ordering::AcqRel) + 1;
        let done = || self.shared.thrice_done.load(Ordering::Acquire);
        within("writers to rotate three times", ROTATED_WITHIN, async || {
            Ok((done() >= times * self.renaming).then_some(()))
        })
        .await
    }

    /// No more lines from now on; the rate until then.
    pub fn pause(&self) -> u64 {
        self.shared.rate_each.swap(0, Ordering::AcqRel)
    }

    /// Goes on after a pause.
    pub fn resume(&self, rate_each: u64) {
        self.shared.rate_each.store(rate_each, Ordering::Release);
    }

    /// Has the writers that truncate copy and truncate, in a pause in which everything was acknowledged. How many lines are claimed by that.
    pub async fn copy_and_truncate(&self) -> anyhow::Result<u64> {
        let truncating = self.hands.iter().filter(|(_, manner, _)| *manner == Manner::Truncate);
        let kept: Vec<&Arc<Progress>> = truncating.map(|(.., progress)| progress).collect();
        let claimed = || -> u64 {
            let of_one = |progress: &&Arc<Progress>| -> u64 {
                progress.kept().iter().map(|range| range.end - range.start).sum()
            };
            kept.iter().map(of_one).sum()
        };
        let before = claimed();
        let times = self.shared.copies_asked.fetch_add(1, Ordering::AcqRel) + 1;
        let done = || self.shared.copies_done.load(Ordering::Acquire) >= times * kept.len() as u64;
        within("writers to copy and truncate", ROTATED_WITHIN, async || Ok(done().then_some(()))).await?;
        Ok(claimed() - before)
    }

    /// How many lines there are now.
    pub fn lines(&self) -> u64 {
        self.hands.iter().map(|(.., progress)| progress.lines.load(Ordering::Acquire)).sum()
    }

    /// What there is now.
    pub fn written(&self) -> Vec<Written> {
        let written = |(script, manner, progress): &(Script, Manner, Arc<Progress>)| Written {
            script: script.clone(),
            lines: progress.lines.load(Ordering::Acquire),
            claim: if *manner == Manner::Truncate { Claim::Only(progress.kept().clone()) } else { Claim::All },
        };
        self.hands.iter().map(written).collect()
    }

    /// How often files were rotated, by each way that any of the writers has.
    pub fn rotations(&self) -> BTreeMap<&'static str, u64> {
        self.shared.rotations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends them; every line is whole then.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.shared.stopping.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| anyhow::anyhow!("a writer has panicked"))?.context("writing lines")?;
        }
        Ok(())
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
    }
}
