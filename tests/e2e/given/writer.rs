//! A program that writes log lines, remembers each of them, and rotates its file now and then.

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use xxhash_rust::xxh3::xxh3_64;

/// Writes lines `run/writer/sequence/checksum padding` to a file.
pub(crate) struct Writer {
    path: PathBuf,
    name: String,
    file: BufWriter<File>,
    sequence: u64,
    rotations: u32,
}

impl Writer {
    pub(crate) fn new(path: &Path, name: &str) -> Writer {
        Writer { path: path.to_owned(), name: name.to_owned(), file: open(path), sequence: 0, rotations: 0 }
    }

    /// The line of a number, without its newline.
    pub(crate) fn line(name: &str, sequence: u64) -> String {
        let head = format!("{name}/{sequence:09}");
        let checksum = xxh3_64(head.as_bytes());
        let padding = "abcdefghijklmnopqrstuvwxyz".repeat(1 + (checksum % 5) as usize);
        format!("{head}/{checksum:016x} {padding}")
    }

    /// Appends so many lines.
    pub(crate) fn write(&mut self, lines: u64) {
        for _ in 0..lines {
            writeln!(self.file, "{}", Self::line(&self.name, self.sequence)).expect("writing a line");
            self.sequence += 1;
        }
        self.file.flush().expect("writing lines");
    }

    /// Renames the file as logrotate does, and goes on in a new one of the old name.
    pub(crate) fn rotate(&mut self) {
        self.rotations += 1;
        let mut rotated = self.path.clone().into_os_string();
        rotated.push(format!(".{}", self.rotations));
        std::fs::rename(&self.path, rotated).expect("rotating");
        self.file = open(&self.path);
    }

    /// How many lines were written.
    pub(crate) fn written(&self) -> u64 {
        self.sequence
    }

    /// Everything that was written, in order.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        (0..self.sequence).map(|sequence| Self::line(&self.name, sequence))
    }
}

fn open(path: &Path) -> BufWriter<File> {
    let file = OpenOptions::new().create(true).append(true).open(path).expect("the log file");
    BufWriter::with_capacity(256 << 10, file)
}

/// Tells whoever writes on another thread to end, also where the test fails.
pub(crate) struct StopWhenDropped<'a>(pub(crate) &'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
