//! The writers: threads that append lines at a given rate and rotate their files at random.

mod hand;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use anyhow::Context as _;

use crate::{random::Random, script::Script};
use hand::Hand;

/// The directory of those whose documents no index takes, below that of the followed files.
pub const POISON: &str = "poison";
/// The directory of all others.
pub const PLAIN: &str = "plain";

/// How a writer rotates its file, and what becomes of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// By renaming, in one of several ways.
    Rename,
    /// By switching a link to the next file.
    Link,
    /// By copying and truncating: no line of it is claimed to arrive, as such a rotation loses lines by itself.
    Truncate,
    /// As the first, but the index refuses its lines: they become dead letters.
    Poison,
}

impl Manner {
    /// How much it writes, beside the others.
    fn share(self) -> f64 {
        if self == Manner::Poison { 0.05 } else { 1.0 }
    }

    fn dir(self) -> &'static str {
        if self == Manner::Poison { POISON } else { PLAIN }
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
}

impl Shared {
    fn rotated(&self, how: &'static str) {
        let mut rotations = self.rotations.lock().unwrap_or_else(PoisonError::into_inner);
        *rotations.entry(how).or_default() += 1;
    }
}

/// One writer as the checker needs it.
#[derive(Clone, Debug)]
pub struct Written {
    /// What it writes.
    pub script: Script,
    /// How many lines it has written.
    pub lines: u64,
    /// Whether each of its lines has to be found.
    pub is_claimed: bool,
}

/// Running writers.
pub struct Writers {
    shared: Arc<Shared>,
    hands: Vec<(Script, bool, Arc<AtomicU64>)>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
    count: u64,
}

impl Writers {
    /// Starts them.
    pub fn start(writing: &Writing) -> anyhow::Result<Writers> {
        let count = writing.manners.iter().filter(|manner| manner.share() >= 1.0).count() as u64;
        let shared = Arc::new(Shared {
            stopping: AtomicBool::new(false),
            rate_each: AtomicU64::new(writing.rate / count.max(1)),
            rotations: Mutex::default(),
        });
        let mut writers = Writers { shared, hands: vec![], threads: vec![], count };
        for (number, manner) in writing.manners.iter().enumerate() {
            writers.add(writing, number, *manner).with_context(|| format!("starting writer {number}"))?;
        }
        Ok(writers)
    }

    fn add(&mut self, writing: &Writing, number: usize, manner: Manner) -> anyhow::Result<()> {
        let truncates = manner == Manner::Truncate;
        let script = Script::new(&writing.run, number, if truncates { 0 } else { writing.halting_of });
        let lines = Arc::new(AtomicU64::new(0));
        let random = Random::new(writing.seed, &format!("writer {number}"));
        let place = |dir: &Path, name: String| -> anyhow::Result<PathBuf> {
            std::fs::create_dir_all(dir)?;
            Ok(dir.join(name))
        };
        let path = place(&writing.files.join(manner.dir()), format!("w{number:02}.log"))?;
        let ledger = place(&writing.aside, format!("ledger-{number:02}"))?;
        let mut hand = Hand::new(script.clone(), (path, ledger), manner, random, Arc::clone(&lines))?;
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name(format!("writer-{number}"));
        self.threads.push(thread.spawn(move || hand.write_until_stopped(&shared))?);
        self.hands.push((script, !truncates, lines));
        Ok(())
    }

    /// From now on so many lines a second.
    pub fn set_rate(&self, rate: u64) {
        self.shared.rate_each.store(rate / self.count.max(1), Ordering::Relaxed);
    }

    /// How many lines there are now.
    pub fn lines(&self) -> u64 {
        self.hands.iter().map(|(.., lines)| lines.load(Ordering::Acquire)).sum()
    }

    /// What there is now.
    pub fn written(&self) -> Vec<Written> {
        let written = |(script, is_claimed, lines): &(Script, bool, Arc<AtomicU64>)| Written {
            script: script.clone(),
            lines: lines.load(Ordering::Acquire),
            is_claimed: *is_claimed,
        };
        self.hands.iter().map(written).collect()
    }

    /// How often files were rotated, by kind.
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
