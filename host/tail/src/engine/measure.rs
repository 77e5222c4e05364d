//! The gauges: how far each task is behind, and which of its files most.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use collector_model::{
    Topic,
    metrics::{self, FileLabel},
};

use super::Engine;
use crate::reader::Place;

/// How often the gauges are set while files change.
const INTERVAL: Duration = Duration::from_secs(1);

/// When the gauges are set next, and for what they were set.
#[derive(Default)]
pub(super) struct Gauges {
    /// Something has changed since they were set.
    is_stale: bool,
    set_at: Option<Instant>,
    topics: BTreeSet<Topic>,
    files: BTreeSet<(Topic, String)>,
}

impl Gauges {
    /// Something was read or acknowledged.
    pub(super) fn change(&mut self) {
        self.is_stale = true;
    }

    /// When they are due; none while nothing changes.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        self.is_stale.then(|| self.set_at.map_or(now, |at| at + INTERVAL))
    }
}

/// How far the files of a topic are behind.
#[derive(Default)]
struct Behind {
    files: i64,
    files_behind: i64,
    bytes: u64,
    seconds: f64,
}

/// A file that is behind.
#[derive(Clone)]
struct FileBehind {
    bytes: u64,
    seconds: f64,
    topic: Topic,
    path: String,
}

impl Engine {
    /// Sets the gauges where that is due.
    pub(super) fn measure(&mut self, now: Instant) {
        if self.gauges.due_at(now).is_none_or(|at| at > now) {
            return;
        }
        self.gauges.set_at = Some(now);
        let (topics, files) = self.lags(now);
        // While files are behind, their lag grows although nothing happens.
        self.gauges.is_stale = topics.values().any(|behind| behind.files_behind > 0);
        self.set_topics(&topics);
        self.set_files(files);
        let open = self.readers.values().filter(|reader| reader.file.is_some()).count();
        self.metrics.files_open.set(open as i64);
    }

    fn lags(&mut self, now: Instant) -> (BTreeMap<Topic, Behind>, Vec<FileBehind>) {
        let mut topics: BTreeMap<Topic, Behind> =
            self.tasks.values().map(|work| (work.task.topic.clone(), Behind::default())).collect();
        let mut files = vec![];
        for reader in self.readers.values_mut() {
            if reader.place != Place::Idle {
                // It waits for something, and its file grows meanwhile. Where that cannot be seen, the turn will say so.
                let _ = reader.look(&*self.disk, now);
            }
            let acknowledged = reader.ledger.watermark();
            let bytes = reader.size.saturating_sub(acknowledged);
            let since = reader.growth.behind_since(acknowledged).filter(|_| bytes > 0);
            let seconds = since.map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64());
            let behind = topics.entry(reader.work.task.topic.clone()).or_default();
            behind.files += 1;
            behind.files_behind += i64::from(bytes > 0);
            behind.bytes += bytes;
            behind.seconds = behind.seconds.max(seconds);
            if bytes > 0 {
                let (topic, path) = (reader.work.task.topic.clone(), reader.path.display().to_string());
                files.push(FileBehind { bytes, seconds, topic, path });
            }
        }
        (topics, files)
    }

    fn set_topics(&mut self, topics: &BTreeMap<Topic, Behind>) {
        for gone in self.gauges.topics.iter().filter(|topic| !topics.contains_key(topic)) {
            let label = metrics::of(gone);
            self.metrics.lag_bytes.remove(&label);
            self.metrics.lag_seconds.remove(&label);
            self.metrics.files_followed.remove(&label);
            self.metrics.files_behind.remove(&label);
        }
        for (topic, behind) in topics {
            let label = metrics::of(topic);
            self.metrics.lag_bytes.get_or_create(&label).set(behind.bytes as i64);
            self.metrics.lag_seconds.get_or_create(&label).set(behind.seconds);
            self.metrics.files_followed.get_or_create(&label).set(behind.files);
            self.metrics.files_behind.get_or_create(&label).set(behind.files_behind);
        }
        self.gauges.topics = topics.keys().cloned().collect();
    }

    /// Shows the files that are furthest behind, and no others.
    fn set_files(&mut self, files: Vec<FileBehind>) {
        // A file that was deleted, or moved to where it was not found, has the path of the one that stands there now.
        let mut by_label: BTreeMap<(Topic, String), FileBehind> = BTreeMap::new();
        for file in files {
            let worst = by_label.entry((file.topic.clone(), file.path.clone())).or_insert_with(|| file.clone());
            (worst.bytes, worst.seconds) = (worst.bytes.max(file.bytes), worst.seconds.max(file.seconds));
        }
        let mut files: Vec<FileBehind> = by_label.into_values().collect();
        files.sort_by_key(|file| Reverse(file.bytes));
        files.truncate(self.settings.lag_files_max);
        let shown: BTreeSet<_> = files.iter().map(|file| (file.topic.clone(), file.path.clone())).collect();
        for (topic, path) in self.gauges.files.difference(&shown) {
            let label = FileLabel { topic: topic.as_str().to_owned(), path: path.clone() };
            self.metrics.file_lag_bytes.remove(&label);
            self.metrics.file_lag_seconds.remove(&label);
        }
        for file in files {
            let label = FileLabel { topic: file.topic.as_str().to_owned(), path: file.path };
            self.metrics.file_lag_bytes.get_or_create(&label).set(file.bytes as i64);
            self.metrics.file_lag_seconds.get_or_create(&label).set(file.seconds);
        }
        self.gauges.files = shown;
    }
}
