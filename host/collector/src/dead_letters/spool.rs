//! Letters that wait to be taken into the embedded index: `STATE/dead/replay/TOPIC~NUMBER.replay`, records as in the files of dead
//! letters. The command writes such files, the collector that runs on that state directory takes and deletes them.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use collector_model::{DeadLetter, Topic};
use tempfile::NamedTempFile;

use crate::{dead_file, work::dead::now_ms};

/// The directory below that of the dead letters.
const DIRECTORY: &str = "replay";
const ENDING: &str = ".replay";
/// How long a running collector is given to take what was handed over.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Letters that are being handed over.
pub struct Writing {
    directory: PathBuf,
    files: BTreeMap<Topic, NamedTempFile>,
}

impl Writing {
    /// Nothing yet. `dead` is the directory of the dead letters.
    pub fn start(dead: &Path) -> Self {
        Writing { directory: dead.join(DIRECTORY), files: BTreeMap::new() }
    }

    /// Adds one.
    pub fn add(&mut self, letter: &DeadLetter) -> anyhow::Result<()> {
        let writing = || format!("writing to {}", self.directory.display());
        if !self.files.contains_key(&letter.topic) {
            fs::create_dir_all(&self.directory).with_context(writing)?;
            let file = NamedTempFile::new_in(&self.directory).with_context(writing)?;
            self.files.insert(letter.topic.clone(), file);
        }
        if let Some(file) = self.files.get_mut(&letter.topic) {
            file.write_all(&dead_file::encode(letter)).with_context(writing)?;
        }
        Ok(())
    }

    /// Hands them over as a whole, and waits a moment for a running collector to take them. Says what became of them.
    pub fn finish(self) -> anyhow::Result<String> {
        let mut handed_over = vec![];
        for (topic, file) in self.files {
            let path = self.directory.join(format!("{topic}~{}{ENDING}", now_ms()));
            let writing = || format!("writing {}", path.display());
            file.as_file().sync_all().with_context(writing)?;
            file.persist_noclobber(&path).with_context(writing)?;
            handed_over.push(path);
        }
        if handed_over.is_empty() {
            return Ok("were handed over".to_owned());
        }
        let synced = File::open(&self.directory).and_then(|directory| directory.sync_all());
        synced.with_context(|| format!("writing to {}", self.directory.display()))?;
        let began = Instant::now();
        while handed_over.iter().any(|path| path.exists()) {
            if began.elapsed() > TAKEN_WITHIN {
                return Ok(format!(
                    "wait in {}: the collector takes them in when it runs standalone on this state directory",
                    self.directory.display()
                ));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok("were taken in by the running collector".to_owned())
    }
}

/// The files that wait, the oldest name first.
#[cfg(feature = "standalone")]
pub fn waiting(dead: &Path) -> io::Result<Vec<(Topic, PathBuf)>> {
    let entries = match fs::read_dir(dead.join(DIRECTORY)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries?,
    };
    let mut found = vec![];
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let topic = name.strip_suffix(ENDING).and_then(|name| name.split_once('~')).map(|(topic, _)| Topic::new(topic));
        if let Some(Ok(topic)) = topic {
            found.push((topic, entry.path()));
        }
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(found)
}
