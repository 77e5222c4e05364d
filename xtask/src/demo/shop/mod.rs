//! The logs that a small shop's machine would write, each in the format of its program, and that keep growing.

mod access_log;
mod application;
mod database;
mod payments;
mod system;

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;

use super::logs::Source;

/// The time that is there from the start.
const HISTORY: Duration = Duration::from_secs(3_600);
/// How long between two additions.
const PAUSE_MS: std::ops::Range<u64> = 200..1_000;
/// What an hour has of such additions, on average.
const ADDITIONS_PER_HOUR: u32 = 6_000;

/// One of the logs.
struct Log {
    file: &'static str,
    topic: &'static str,
    plugin: &'static str,
    /// How many lines an hour has.
    lines_per_hour: u32,
    line: fn(&mut Dice, SystemTime) -> String,
}

const LOGS: [Log; 5] = [
    Log {
        file: "nginx-access.log",
        topic: "nginx-access",
        plugin: "nginx",
        lines_per_hour: 15_000,
        line: access_log::line,
    },
    Log { file: "shop.json.log", topic: "shop", plugin: "json", lines_per_hour: 6_000, line: application::line },
    Log { file: "payments.log", topic: "payments", plugin: "logfmt", lines_per_hour: 2_000, line: payments::line },
    Log { file: "syslog", topic: "syslog", plugin: "syslog", lines_per_hour: 1_000, line: system::line },
    Log {
        file: "postgresql.log",
        topic: "postgresql",
        plugin: "postgresql",
        lines_per_hour: 1_500,
        line: database::line,
    },
];

/// The logs as they are to be followed.
pub(super) fn sources(folder: &Path) -> impl Iterator<Item = Source> {
    LOGS.iter().map(move |log| Source {
        path: folder.join(log.file),
        topic: log.topic.to_owned(),
        plugin: Some(log.plugin),
    })
}

/// The logs, opened to be added to.
pub(super) struct Shop {
    files: Vec<(File, PathBuf)>,
    dice: Dice,
}

impl Shop {
    /// Makes the logs with the lines of the last hour.
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        let mut dice = Dice::seeded();
        let mut files = Vec::new();
        for log in &LOGS {
            let path = folder.join(log.file);
            let doing = || format!("writing {}", path.display());
            write_history(log, &path, &mut dice).with_context(doing)?;
            files.push((OpenOptions::new().append(true).open(&path).with_context(doing)?, path));
        }
        Ok(Self { files, dice })
    }

    /// Adds some lines, each log at its rate, and says how long to wait before the next.
    pub(super) fn append_some(&mut self) -> anyhow::Result<Duration> {
        let Self { files, dice } = self;
        for (log, (file, path)) in LOGS.iter().zip(files) {
            // Twice the mean, at most: now and then some at once.
            let lines_max = u64::from(2 * log.lines_per_hour / ADDITIONS_PER_HOUR).max(1);
            let is_rare = dice.below(u64::from(ADDITIONS_PER_HOUR)) > u64::from(log.lines_per_hour);
            let count = if is_rare { 0 } else { dice.below(lines_max + 1) };
            let text: String = (0..count).map(|_| (log.line)(dice, SystemTime::now()) + "\n").collect();
            file.write_all(text.as_bytes()).with_context(|| format!("adding to {}", path.display()))?;
        }
        let more = dice.below(PAUSE_MS.end - PAUSE_MS.start);
        Ok(Duration::from_millis(PAUSE_MS.start + more))
    }
}

fn write_history(log: &Log, path: &Path, dice: &mut Dice) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let start = SystemTime::now() - HISTORY;
    for number in 0..log.lines_per_hour {
        writeln!(file, "{}", (log.line)(dice, start + HISTORY * number / log.lines_per_hour))?;
    }
    file.flush()
}

/// A time, in UTC, as the format has it.
fn written(at: SystemTime, format: &str) -> String {
    jiff::Timestamp::try_from(at).unwrap_or_default().strftime(format).to_string()
}

/// Pseudo-random numbers: splitmix64.
struct Dice(u64);

impl Dice {
    fn seeded() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self::new(now.map_or(1, |since| since.as_secs() ^ u64::from(since.subsec_nanos())))
    }

    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    fn one_of<'a, T>(&mut self, choice: &'a [T]) -> &'a T {
        let index = usize::try_from(self.below(choice.len() as u64)).unwrap_or(0);
        &choice[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_lines_has_what_the_sample_search_looks_for_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut shop = Shop::open(folder.path()).unwrap();
        let read =
            || sources(folder.path()).map(|source| std::fs::read_to_string(source.path).unwrap()).collect::<Vec<_>>();
        let before = read();
        assert!(before[0].contains(" 500 ") && before[0].contains("2001:db8::"));
        assert!(before.iter().zip(&LOGS).all(|(text, log)| text.lines().count() == log.lines_per_hour as usize));
        for _ in 0..200 {
            shop.append_some().unwrap();
        }
        for (before, after) in before.iter().zip(read()) {
            assert!(after.starts_with(before) && after.len() > before.len());
        }
    }

    #[test]
    fn times_are_spelled_as_the_programs_do() {
        let at = UNIX_EPOCH + Duration::from_secs(1_778_000_862);
        assert_eq!(written(at, "%d/%b/%Y:%H:%M:%S +0000"), "05/May/2026:17:07:42 +0000");
        assert_eq!(written(at, "%Y-%m-%dT%H:%M:%S%.3fZ"), "2026-05-05T17:07:42.000Z");
    }
}
