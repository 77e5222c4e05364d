//! One writer: its file, its ledger, its rotations.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;

use super::{Manner, Shared};
use crate::{
    random::Random,
    script::{Kind, Script},
};

const TICK: Duration = Duration::from_millis(20);
/// The pause in a line that halts, at least and at most, in milliseconds: tasks of the torture send an unfinished line after 500.
const HALT_MS: (u64, u64) = (50, 1_200);
/// A writer rotates once in so many ticks.
const ROTATION_TICKS: u64 = 200;

pub(super) struct Hand {
    script: Script,
    path: PathBuf,
    manner: Manner,
    random: Random,
    file: File,
    ledger: File,
    sequence: u64,
    rotated: u64,
    /// The last rotated file that is to be compressed when the next one is there.
    plain: Option<PathBuf>,
    lines: Arc<AtomicU64>,
}

impl Hand {
    pub(super) fn new(
        script: Script,
        (path, ledger): (PathBuf, PathBuf),
        manner: Manner,
        random: Random,
        lines: Arc<AtomicU64>,
    ) -> anyhow::Result<Hand> {
        let file = match manner {
            Manner::Link => link_to_new(&path, 0)?,
            _ => append_to(&path)?,
        };
        let ledger = append_to(&ledger)?;
        Ok(Hand { script, path, manner, random, file, ledger, sequence: 0, rotated: 0, plain: None, lines })
    }

    pub(super) fn write_until_stopped(&mut self, shared: &Shared) -> anyhow::Result<()> {
        let mut due = 0.0;
        let mut before = Instant::now();
        while !shared.stopping.load(Ordering::Acquire) {
            std::thread::sleep(TICK);
            let now = Instant::now();
            let rate = shared.rate_each.load(Ordering::Relaxed) as f64 * self.manner.share();
            // A writer that was held up does not make up for more than a second.
            due += rate * (now - before).as_secs_f64().min(1.0);
            before = now;
            self.write(due as u64)?;
            due = due.fract();
            if self.random.one_in(ROTATION_TICKS) {
                shared.rotated(self.rotate()?);
            }
        }
        Ok(())
    }

    fn write(&mut self, lines: u64) -> anyhow::Result<()> {
        let mut bytes = vec![];
        let end = self.sequence + lines;
        while self.sequence < end {
            let (first, second) = self.script.halves(self.sequence);
            bytes.extend_from_slice(&first);
            if self.script.kind(self.sequence) == Kind::Halting {
                self.append(&bytes)?;
                std::thread::sleep(Duration::from_millis(self.random.between(HALT_MS.0, HALT_MS.1)));
                bytes.clear();
            }
            bytes.extend_from_slice(&second);
            bytes.push(b'\n');
            self.sequence += 1;
        }
        self.append(&bytes)?;
        self.lines.store(self.sequence, Ordering::Release);
        writeln!(self.ledger, "{} {}", self.sequence, self.rotated).context("writing the ledger")
    }

    fn append(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(bytes).with_context(|| format!("appending to {}", self.path.display()))
    }

    fn rotate(&mut self) -> anyhow::Result<&'static str> {
        match self.manner {
            Manner::Truncate => {
                self.file.set_len(0).context("truncating")?;
                Ok("rotated: truncated")
            }
            Manner::Link => {
                self.rotated += 1;
                self.file = link_to_new(&self.path, self.rotated)?;
                Ok("rotated: a link switched")
            }
            Manner::Rename | Manner::Poison => self.rename_somehow(),
        }
    }

    fn rename_somehow(&mut self) -> anyhow::Result<&'static str> {
        match self.random.below(8) {
            0 => {
                for _ in 0..3 {
                    self.rename(Path::new(""))?;
                    self.write(5)?;
                }
                Ok("rotated: three at once")
            }
            1 => {
                self.rename(Path::new("elsewhere"))?;
                Ok("rotated: into another directory")
            }
            2 => {
                let old = self.rename(Path::new(""))?;
                let mut link = old.clone().into_os_string();
                link.push(".log.link");
                std::fs::hard_link(&old, link).context("linking")?;
                Ok("rotated: with a hard link")
            }
            3 | 4 => {
                // As logrotate with `delaycompress`: the last one stays, the one before it is compressed.
                let last = self.rename(Path::new(""))?;
                if let Some(before) = self.plain.replace(last) {
                    compress(&before)?;
                }
                Ok("rotated: the one before compressed")
            }
            _ => {
                self.rename(Path::new(""))?;
                Ok("rotated: renamed")
            }
        }
    }

    /// Renames the file as logrotate does, into that directory below its own, and goes on in a new one of the old name.
    fn rename(&mut self, dir: &Path) -> anyhow::Result<PathBuf> {
        self.rotated += 1;
        let parent = self.path.parent().unwrap_or(Path::new(".")).join(dir);
        std::fs::create_dir_all(&parent).context("making a directory")?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let old = parent.join(format!("{name}.{}", self.rotated));
        std::fs::rename(&self.path, &old).context("renaming")?;
        self.file = append_to(&self.path)?;
        Ok(old)
    }
}

fn append_to(path: &Path) -> anyhow::Result<File> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.with_context(|| format!("opening {}", path.display()))
}

/// Makes the next file beside the link of that name, and switches the link to it.
fn link_to_new(link: &Path, number: u64) -> anyhow::Result<File> {
    let name = link.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let target = link.with_file_name(format!("{name}.{number}"));
    let file = append_to(&target)?;
    // A link cannot be changed, but replaced; under a name that no task matches it is nobody's file yet.
    let fresh = link.with_file_name(format!("link-{name}").replace(".log", ".new"));
    std::os::unix::fs::symlink(&target, &fresh).context("making a link")?;
    std::fs::rename(&fresh, link).context("switching a link")?;
    Ok(file)
}

/// Does as gzip does: the compressed file grows beside the plain one, which goes in the end.
fn compress(plain: &Path) -> anyhow::Result<()> {
    let mut name = plain.to_path_buf().into_os_string();
    name.push(".gz");
    let done = (|| {
        let mut from = File::open(plain)?;
        let mut to = flate2::write::GzEncoder::new(File::create(&name)?, flate2::Compression::fast());
        std::io::copy(&mut from, &mut to)?;
        to.finish()?.sync_all()?;
        std::fs::remove_file(plain)
    })();
    done.with_context(|| format!("compressing {}", plain.display()))
}
