//! One writer: its file, its ledger, its rotations.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::Context as _;

use super::{Manner, Progress, Rotation, Shared};
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
    rotations_left: Vec<Rotation>,
    /// How often it has rotated three times because it was asked.
    thrice: u64,
    /// The last rotated file that is to be compressed when the next one is there.
    plain: Option<PathBuf>,
    /// The first line of the file as it stands.
    first: u64,
    /// How often it has copied and truncated because it was asked.
    copies: u64,
    progress: Arc<Progress>,
}

impl Hand {
    pub(super) fn new(
        script: Script,
        (path, ledger): (PathBuf, PathBuf),
        manner: Manner,
        random: Random,
        progress: Arc<Progress>,
    ) -> anyhow::Result<Hand> {
        let file = match manner {
            Manner::Link => link_to_new(&path, 0)?,
            _ => append_to(&path)?,
        };
        let ledger = append_to(&ledger)?;
        Ok(Hand {
            script,
            path,
            manner,
            random,
            file,
            ledger,
            sequence: 0,
            rotated: 0,
            rotations_left: vec![],
            thrice: 0,
            plain: None,
            first: 0,
            copies: 0,
            progress,
        })
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
            self.rename_thrice_if_asked(shared)?;
            self.copy_and_truncate_if_asked(shared)?;
            // In a pause of all writers files stay as they are.
            if rate > 0.0 && self.random.one_in(ROTATION_TICKS) {
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
        self.progress.lines.store(self.sequence, Ordering::Release);
        writeln!(self.ledger, "{} {}", self.sequence, self.rotated).context("writing the ledger")
    }

    fn append(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(bytes).with_context(|| format!("appending to {}", self.path.display()))
    }

    /// Rotates in one of the ways of this writer, each of which comes once before any comes again.
    fn rotate(&mut self) -> anyhow::Result<Rotation> {
        if self.rotations_left.is_empty() {
            self.rotations_left = Rotation::of(self.manner).to_vec();
            self.random.shuffle(&mut self.rotations_left);
        }
        let rotation = self.rotations_left.pop().unwrap_or(Rotation::Renamed);
        match rotation {
            Rotation::Truncated => self.truncate()?,
            Rotation::LinkSwitched => {
                self.rotated += 1;
                self.file = link_to_new(&self.path, self.rotated)?;
            }
            Rotation::Renamed => drop(self.rename(Path::new(""))?),
            Rotation::ThreeAtOnce => self.rename_thrice()?,
            Rotation::Elsewhere => drop(self.rename(Path::new("elsewhere"))?),
            Rotation::HardLinked => {
                let old = self.rename(Path::new(""))?;
                let mut link = old.clone().into_os_string();
                link.push(".log.link");
                std::fs::hard_link(&old, link).context("linking")?;
            }
            Rotation::BeforeCompressed => {
                let last = self.rename(Path::new(""))?;
                if let Some(before) = self.plain.replace(last) {
                    compress(&before)?;
                }
            }
        }
        Ok(rotation)
    }

    fn truncate(&mut self) -> anyhow::Result<()> {
        self.first = self.sequence;
        self.file.set_len(0).context("truncating")
    }

    /// As logrotate's `copytruncate`, where that was asked for: what was written until now is acknowledged, and claimed; what is written
    /// then makes the file longer than it was.
    fn copy_and_truncate_if_asked(&mut self, shared: &Shared) -> anyhow::Result<()> {
        if self.manner != Manner::Truncate || shared.copies_asked.load(Ordering::Acquire) <= self.copies {
            return Ok(());
        }
        // Under a name that no task matches.
        let bytes = std::fs::copy(&self.path, self.path.with_extension("copy")).context("copying")?;
        self.progress.kept().push(self.first..self.sequence);
        self.truncate()?;
        while self.file.metadata().context("looking at a file")?.len() <= bytes {
            self.write(100)?;
        }
        self.copies += 1;
        shared.copies_done.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    fn rename_thrice(&mut self) -> anyhow::Result<()> {
        for _ in 0..3 {
            self.rename(Path::new(""))?;
            self.write(5)?;
        }
        Ok(())
    }

    /// Rotates three times where that was asked of all writers that rename.
    fn rename_thrice_if_asked(&mut self, shared: &Shared) -> anyhow::Result<()> {
        if self.manner.renames() && shared.thrice_asked.load(Ordering::Acquire) > self.thrice {
            self.rename_thrice()?;
            self.thrice += 1;
            shared.thrice_done.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
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
        let mut from = match File::open(plain) {
            // A fault has deleted it.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        let mut to = flate2::write::GzEncoder::new(File::create(&name)?, flate2::Compression::fast());
        std::io::copy(&mut from, &mut to)?;
        to.finish()?.sync_all()?;
        std::fs::remove_file(plain)
    })();
    done.with_context(|| format!("compressing {}", plain.display()))
}
