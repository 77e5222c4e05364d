//! Those who write logs: lines in pieces, and rotations of every kind.

use std::path::{Path, PathBuf};

use crate::{logs::Logs, time::Time, trace::Trace};

/// How long a writer may go on with a file after it was renamed, in ms: less than the grace of the agent.
const OLD_FILE_MS: i64 = 1500;
/// How many rotated files are kept.
const KEPT_MAX: usize = 12;

/// How a log is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `a.log` → `a.log.1` → `a.log.2`.
    Numbered,
    /// `a.log` → `a.log-20260531.7`.
    Dated,
    /// Copied to `a.log.N`, then cut down to nothing.
    CopyTruncate,
    /// Cut down to nothing.
    Truncate,
    /// Removed, then begun anew.
    Recreate,
    /// A link that leads to another file from then on.
    Relink,
    /// Not at all; but the file gets a second name, or one of its names goes.
    Linked,
    /// Not at all.
    Never,
}

const STYLES: [Style; 11] = [
    Style::Numbered,
    Style::Numbered,
    Style::Numbered,
    Style::Dated,
    Style::Dated,
    Style::CopyTruncate,
    Style::Truncate,
    Style::Recreate,
    Style::Relink,
    Style::Linked,
    Style::Never,
];

/// All who write.
pub(crate) struct Writers {
    time: Time,
    pub(crate) all: Vec<Writer>,
    /// How many rotations there were.
    pub(crate) rotations: u64,
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
}

/// One who writes to one log.
pub(crate) struct Writer {
    pub(crate) path: PathBuf,
    pub(crate) style: Style,
    /// The file that is written to; none between a rotation and the next line.
    inode: Option<u64>,
    /// When it was renamed.
    renamed_ms: Option<i64>,
    lines: u64,
    rotations: u64,
    /// The rest of a line that is half written.
    rest: Vec<u8>,
    /// Tasks mean other names, too.
    has_glob: bool,
}

/// What the tasks' paths mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Each log by its name.
    Each,
    /// Every name that ends as a log's does.
    Ending,
    /// Every name, also those that rotation gives.
    Any,
}

impl Writers {
    /// Some writers; a glob that means rotated names, too, goes with renaming only.
    pub(crate) fn new(time: Time, count: usize, names: Names, dice: &mut fastrand::Rng) -> Self {
        let has_glob = names != Names::Each;
        let writer = |n: usize| {
            let styles = if names == Names::Any { &STYLES[..5] } else { &STYLES[..] };
            let style = styles[dice.usize(..styles.len())];
            let path = PathBuf::from(format!("/logs/{}.log", (b'a' + n as u8) as char));
            Writer { path, style, inode: None, renamed_ms: None, lines: 0, rotations: 0, rest: vec![], has_glob }
        };
        Writers { time, all: (0..count).map(writer).collect(), rotations: 0, lines: 0, bytes: 0 }
    }

    /// One of them does something.
    pub(crate) fn step(&mut self, logs: &mut Logs, dice: &mut fastrand::Rng, trace: &Trace) {
        let at = dice.usize(..self.all.len());
        let now_ms = self.time.passed_ms();
        if dice.u8(..100) < 8 {
            self.rotations += 1;
            self.all[at].rotate(logs, now_ms, dice, trace);
        } else {
            let (lines, bytes) = self.all[at].write(logs, now_ms, dice, trace);
            self.lines += lines;
            self.bytes += bytes;
        }
    }
}

impl Writer {
    /// The file to write to.
    fn file(&mut self, logs: &mut Logs, now_ms: i64) -> u64 {
        let is_late = self.renamed_ms.is_some_and(|at| now_ms - at > OLD_FILE_MS);
        match self.inode {
            Some(inode) if !is_late => inode,
            _ => self.reopen(logs),
        }
    }

    /// Goes over to the file at the path.
    fn reopen(&mut self, logs: &mut Logs) -> u64 {
        self.let_go(logs);
        self.renamed_ms = None;
        let inode = match logs.inode(&self.path) {
            Ok(inode) => inode,
            Err(_) if self.style == Style::Relink => self.relink(logs),
            Err(_) => logs.create(&self.path),
        };
        self.take_up(inode, logs);
        inode
    }

    fn take_up(&mut self, inode: u64, logs: &mut Logs) {
        logs.take_up(inode);
        self.inode = Some(inode);
    }

    fn let_go(&mut self, logs: &mut Logs) {
        if let Some(inode) = self.inode.take() {
            // What is left of a line is never written.
            self.rest.clear();
            logs.let_go(inode);
        }
    }

    fn relink(&mut self, logs: &mut Logs) -> u64 {
        self.rotations += 1;
        let name = self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let target = PathBuf::from(format!("/data/{name}-{}.log", self.rotations));
        let inode = logs.create(&target);
        logs.symlink(&self.path, &target);
        inode
    }

    /// Writes some lines, the last one perhaps in part.
    fn write(&mut self, logs: &mut Logs, now_ms: i64, dice: &mut fastrand::Rng, trace: &Trace) -> (u64, u64) {
        let inode = self.file(logs, now_ms);
        let mut text = std::mem::take(&mut self.rest);
        let lines = dice.u64(0..4) + u64::from(text.is_empty());
        for _ in 0..lines {
            self.lines += 1;
            line(logs.stream_of(inode).unwrap_or(0), self.lines, dice, &mut text);
        }
        if dice.u8(..100) < 25 {
            let kept = dice.usize(..=text.len());
            self.rest = text.split_off(kept);
        }
        trace.note(format_args!("write {} bytes to {} (inode {inode})", text.len(), self.path.display()));
        logs.append(inode, &text);
        (lines, text.len() as u64)
    }

    fn rotate(&mut self, logs: &mut Logs, now_ms: i64, dice: &mut fastrand::Rng, trace: &Trace) {
        if !logs.exists(&self.path) {
            return;
        }
        self.rotations += 1;
        trace.note(format_args!("rotate {} ({:?})", self.path.display(), self.style));
        match self.style {
            Style::Never => {}
            Style::Numbered => self.shift(logs),
            Style::Dated => {
                let name = format!("{}-20260531.{}", self.path.display(), self.rotations);
                logs.rename(&self.path, Path::new(&name));
            }
            Style::CopyTruncate | Style::Truncate => {
                let copy = PathBuf::from(format!("{}.{}", self.path.display(), self.rotations));
                logs.truncate(&self.path, (self.style == Style::CopyTruncate).then_some(&*copy));
                self.rest.clear();
            }
            Style::Recreate => {
                logs.remove(&self.path);
                self.let_go(logs);
            }
            Style::Linked => self.link(logs, dice),
            Style::Relink => {
                let inode = self.relink(logs);
                self.let_go(logs);
                self.take_up(inode, logs);
            }
        }
        if matches!(self.style, Style::Numbered | Style::Dated) {
            self.renamed_ms = Some(now_ms);
            match dice.u8(..3) {
                0 => drop(self.reopen(logs)),
                1 => self.let_go(logs),
                // Goes on with the renamed file for a while.
                _ => {}
            }
        }
    }

    /// Gives the file a second name, or takes one of the two away: that of the log only where somebody finds the file by the other one.
    fn link(&mut self, logs: &mut Logs, dice: &mut fastrand::Rng) {
        let second = self.path.with_extension("second.log");
        if !logs.exists(&second) {
            logs.link(&self.path, &second);
        } else if self.has_glob && dice.bool() {
            logs.remove(&self.path);
            self.let_go(logs);
        } else {
            logs.remove(&second);
        }
    }

    fn shift(&self, logs: &mut Logs) {
        let numbered = |n: usize| PathBuf::from(format!("{}.{n}", self.path.display()));
        for n in (1..=KEPT_MAX).rev().filter(|&n| logs.exists(&numbered(n))).collect::<Vec<_>>() {
            if n == KEPT_MAX {
                logs.remove(&numbered(n));
            } else {
                logs.rename(&numbered(n), &numbered(n + 1));
            }
        }
        logs.rename(&self.path, &numbered(1));
    }
}

/// A line that stands nowhere else; some have lines behind them that belong to them, some are no UTF-8.
fn line(stream: usize, number: u64, dice: &mut fastrand::Rng, text: &mut Vec<u8>) {
    text.extend_from_slice(format!("{}{stream}.{number} ", first_letter(stream)).as_bytes());
    let len = if dice.u8(..20) == 0 { dice.usize(100..400) } else { dice.usize(..40) };
    text.extend((0..len).map(|_| dice.u8(b'a'..=b'z')));
    if dice.u8(..30) == 0 {
        text.push(0xFF);
    }
    text.push(b'\n');
    for part in 0..dice.u8(..12).saturating_sub(9) {
        text.extend_from_slice(format!(" {stream}.{number}+{part}\n").as_bytes());
    }
}

/// A letter that tells contents apart from their first byte on. None of them is a space.
fn first_letter(stream: usize) -> char {
    (b'!' + (stream % 90) as u8) as char
}
