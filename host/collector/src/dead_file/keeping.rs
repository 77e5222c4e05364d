//! Keeping dead letters in files, up to a limit for each topic. Letters for which there is no room wait, and their topic with them: none
//! of them is ever dropped for the sake of another.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use collector_model::{DeadLetter, Metrics, Topic, metrics::of};
use parking_lot::Mutex;

use super::{ENDING, encode, files};

/// How long letters that could not be kept (a full file, a full disk) are left alone before it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The directory with the dead letters of this machine.
pub struct DeadFiles {
    directory: PathBuf,
    topic_bytes_max: u64,
    metrics: Metrics,
    topics: Mutex<BTreeMap<Topic, Kept>>,
}

/// The letters of a topic.
#[derive(Default)]
struct Kept {
    /// Where the whole records of the file end, where that is known.
    end: Option<u64>,
    waiting: Option<Waiting>,
}

/// Letters that could not be kept.
struct Waiting {
    why: NotKept,
    /// How much room they need at least, so that smaller ones do not pass them again and again.
    bytes: u64,
    tried: Instant,
}

/// Why letters cannot be kept.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    #[error("{path} has {bytes} of the {bytes_max} bytes that the dead letters of a topic may take")]
    Full { path: String, bytes: u64, bytes_max: u64 },
    #[error("writing to {path}: {error}")]
    Failing { path: String, error: io::Error },
}

/// How the letters of a topic stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// The topic.
    pub topic: Topic,
    /// `running`, `full` or `failing`.
    pub state: &'static str,
    /// Why, while it is not running.
    pub reason: Option<String>,
    /// What its letters take, in bytes.
    pub bytes: u64,
}

impl DeadFiles {
    /// Makes the directory where it is missing. The letters of each topic may take `topic_bytes_max` bytes.
    pub fn open(directory: &Path, topic_bytes_max: u64, metrics: Metrics) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let mut topics = BTreeMap::new();
        for (topic, path) in files(directory)? {
            metrics.dead_letters_bytes.get_or_create(&of(&topic)).set(fs::metadata(path)?.len() as i64);
            topics.insert(topic, Kept::default());
        }
        Ok(DeadFiles { directory: directory.to_owned(), topic_bytes_max, metrics, topics: Mutex::new(topics) })
    }

    /// Keeps letters of a topic. True once they are on disk; until then their lines must wait, and this is to be asked again.
    pub fn keep(&self, topic: &Topic, letters: &[DeadLetter]) -> bool {
        if letters.is_empty() {
            return true;
        }
        let mut topics = self.topics.lock();
        let kept = topics.entry(topic.clone()).or_default();
        if kept.waiting.as_ref().is_some_and(|waiting| waiting.tried.elapsed() < RETRY_AFTER) {
            return false;
        }
        let records: Vec<u8> = letters.iter().flat_map(encode).collect();
        let outcome = self.append(topic, &records, kept);
        self.tell(topic, kept, outcome, records.len() as u64);
        if kept.waiting.is_some() {
            return false;
        }
        self.metrics.dead_letters.get_or_create(&of(topic)).inc_by(letters.len() as u64);
        true
    }

    fn append(&self, topic: &Topic, records: &[u8], kept: &mut Kept) -> Result<(), NotKept> {
        let path = self.path(topic);
        let failing = |error| NotKept::Failing { path: path.display().to_string(), error };
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let mut file = file.map_err(&failing)?;
        let end = kept.end(&mut file).map_err(&failing)?;
        let bytes = kept.waiting.as_ref().map_or(0, |waiting| waiting.bytes).max(records.len() as u64);
        // Letters beyond any limit pass where there are no others.
        if end > 0 && end + bytes > self.topic_bytes_max {
            kept.end = Some(end);
            return Err(NotKept::Full {
                path: path.display().to_string(),
                bytes: end,
                bytes_max: self.topic_bytes_max,
            });
        }
        self.write(&mut file, end, records).map_err(&failing)?;
        kept.end = Some(end + records.len() as u64);
        Ok(())
    }

    fn write(&self, file: &mut File, end: u64, records: &[u8]) -> io::Result<()> {
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        file.write_all(records)?;
        file.sync_all()?;
        if file.metadata()?.nlink() == 0 {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the file was deleted while it was written"));
        }
        File::open(&self.directory)?.sync_all()
    }

    /// Says what became of letters, where that is news.
    fn tell(&self, topic: &Topic, kept: &mut Kept, outcome: Result<(), NotKept>, bytes: u64) {
        let before = kept.waiting.take();
        match outcome {
            Ok(()) if before.is_some() => tracing::info!(%topic, "dead letters are kept again"),
            Ok(()) => {}
            Err(why) => {
                if before.as_ref().is_none_or(|before| before.why.state() != why.state()) {
                    tracing::error!(%topic, reason = %why, "lines wait that belong to the dead letters, and their topic with them: {}",
                        why.way_out());
                }
                let bytes = before.map_or(0, |before| before.bytes).max(bytes);
                kept.waiting = Some(Waiting { why, bytes, tried: Instant::now() });
            }
        }
        let is_waiting = i64::from(kept.waiting.is_some());
        self.metrics.dead_letters_blocked.get_or_create(&of(topic)).set(is_waiting);
        self.metrics.dead_letters_bytes.get_or_create(&of(topic)).set(self.bytes(topic) as i64);
    }

    /// How the letters of each topic stand that has some.
    pub fn status(&self) -> Vec<FileStatus> {
        let one = |(topic, kept): (&Topic, &Kept)| {
            let waiting = kept.waiting.as_ref();
            FileStatus {
                topic: topic.clone(),
                state: waiting.map_or("running", |waiting| waiting.why.state()),
                reason: waiting.map(|waiting| format!("{}: {}", waiting.why, waiting.why.way_out())),
                bytes: self.bytes(topic),
            }
        };
        self.topics.lock().iter().map(one).collect()
    }

    fn path(&self, topic: &Topic) -> PathBuf {
        self.directory.join(format!("{topic}{ENDING}"))
    }

    /// What the file has now; nothing where there is none.
    fn bytes(&self, topic: &Topic) -> u64 {
        fs::metadata(self.path(topic)).map_or(0, |found| found.len())
    }
}

impl Kept {
    /// Where the next record goes. Known again only when all of it is written: what a failure left is cut off then.
    fn end(&mut self, file: &mut File) -> io::Result<u64> {
        match self.end.take() {
            Some(end) if file.metadata()?.len() == end => Ok(end),
            _ => end_of_whole_records(file),
        }
    }
}

impl NotKept {
    fn state(&self) -> &'static str {
        match self {
            NotKept::Full { .. } => "full",
            NotKept::Failing { .. } => "failing",
        }
    }

    /// What to do about it.
    fn way_out(&self) -> &'static str {
        match self {
            NotKept::Full { .. } => {
                "look at them (collector dead-letters list), mend what refuses them, send them once more (collector dead-letters \
                 replay --all), then move the file away; or raise limits.dead_letters_bytes_max"
            }
            NotKept::Failing { .. } => "make room or mend the directory; it is tried again every second",
        }
    }
}

/// Where the last whole record ends.
fn end_of_whole_records(file: &mut File) -> io::Result<u64> {
    let size = file.metadata()?.len();
    let mut reader = io::BufReader::new(file);
    let mut end = 0;
    while size - end >= 4 {
        let mut len = [0; 4];
        reader.read_exact(&mut len)?;
        let next = end + 4 + u64::from(u32::from_be_bytes(len));
        if next > size {
            break;
        }
        reader.seek_relative((next - end - 4) as i64)?;
        end = next;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use collector_model::Stage;

    use super::*;
    use crate::dead_file::Records;

    const PLENTY: u64 = 1 << 20;

    fn letter(topic: &Topic, value: &[u8]) -> DeadLetter {
        DeadLetter {
            topic: topic.clone(),
            key: vec![1, 2, 3],
            value: Bytes::copy_from_slice(value),
            error_type: "plugin_rejected".into(),
            error_reason: "no such field".into(),
            stage: Stage::Standalone,
            time_ms: 77,
        }
    }

    fn topic(name: &str) -> Topic {
        Topic::new(name).unwrap()
    }

    /// Keeps one letter.
    fn keep(dead: &DeadFiles, topic: &Topic, value: &[u8]) -> bool {
        dead.keep(topic, &[letter(topic, value)])
    }

    /// Keeps one letter, which may wait for a while.
    fn keep_at_last(dead: &DeadFiles, topic: &Topic, value: &[u8]) {
        let began = Instant::now();
        while !keep(dead, topic, value) {
            assert!(began.elapsed() < Duration::from_secs(60), "{:?}", dead.status());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn found(directory: &Path) -> Vec<DeadLetter> {
        let files = files(directory).unwrap();
        files
            .iter()
            .flat_map(|(topic, path)| Records::open(topic, path).unwrap())
            .map(|record| record.unwrap().1)
            .collect()
    }

    #[test]
    fn letters_are_appended_and_read_back_as_they_were() {
        let home = tempfile::tempdir().unwrap();
        let (dead, web) = (DeadFiles::open(home.path(), PLENTY, Metrics::default()).unwrap(), topic("web"));
        assert!(dead.keep(&web, &[letter(&web, b"a\xff"), letter(&web, b"")]));
        assert!(keep(&dead, &web, b"c"));
        assert_eq!(found(home.path()), [letter(&web, b"a\xff"), letter(&web, b""), letter(&web, b"c")]);
    }

    #[test]
    fn a_record_that_a_crash_cut_short_is_passed_over_and_cut_off() {
        let home = tempfile::tempdir().unwrap();
        let (path, web) = (home.path().join("web.dead"), topic("web"));
        let dead = DeadFiles::open(home.path(), PLENTY, Metrics::default()).unwrap();
        assert!(keep(&dead, &web, b"whole"));
        let mut bytes = fs::read(&path).unwrap();
        let torn = encode(&letter(&web, b"torn"));
        bytes.extend_from_slice(&torn[..torn.len() - 3]);
        fs::write(&path, &bytes).unwrap();
        assert_eq!(found(home.path()), [letter(&web, b"whole")]);
        assert!(keep(&dead, &web, b"next"));
        assert_eq!(found(home.path()), [letter(&web, b"whole"), letter(&web, b"next")]);
    }

    #[test]
    fn a_topic_at_its_limit_waits_alone_until_there_is_room() {
        let home = tempfile::tempdir().unwrap();
        let (web, app) = (topic("web"), topic("app"));
        let one = encode(&letter(&web, b"x")).len() as u64;
        let metrics = Metrics::default();
        let dead = DeadFiles::open(home.path(), 2 * one, metrics.clone()).unwrap();
        assert!(keep(&dead, &web, b"1") && keep(&dead, &web, b"2"));
        assert!(!keep(&dead, &web, b"3"));
        assert!(keep(&dead, &app, b"1"), "another topic goes on");
        let states = || dead.status().iter().map(|status| (status.state, status.bytes)).collect::<Vec<_>>();
        assert_eq!(states(), [("running", one), ("full", 2 * one)]);
        let reason = dead.status()[1].reason.clone().unwrap();
        assert!(reason.contains("web.dead") && reason.contains("limits.dead_letters_bytes_max"), "{reason}");
        let blocked = || metrics.dead_letters_blocked.get_or_create(&of(&web)).get();
        assert_eq!(blocked(), 1);
        fs::remove_file(home.path().join("web.dead")).unwrap();
        keep_at_last(&dead, &web, b"3");
        assert_eq!((states(), blocked()), (vec![("running", one); 2], 0));
        assert_eq!(metrics.dead_letters_bytes.get_or_create(&of(&web)).get(), one as i64);
        assert_eq!(metrics.dead_letters.get_or_create(&of(&web)).get(), 3);
    }

    #[test]
    fn small_letters_do_not_pass_larger_ones_that_wait() {
        let home = tempfile::tempdir().unwrap();
        let web = topic("web");
        let one = encode(&letter(&web, b"x")).len() as u64;
        let dead = DeadFiles::open(home.path(), 3 * one, Metrics::default()).unwrap();
        assert!(keep(&dead, &web, b"1") && keep(&dead, &web, b"2"));
        assert!(!dead.keep(&web, &[letter(&web, b"3"), letter(&web, b"4")]));
        std::thread::sleep(RETRY_AFTER);
        assert!(!keep(&dead, &web, b"5"), "it would fit, and those before it still would not");
    }

    #[test]
    fn letters_beyond_any_limit_are_kept_where_there_are_no_others() {
        let home = tempfile::tempdir().unwrap();
        let (dead, web) = (DeadFiles::open(home.path(), 10, Metrics::default()).unwrap(), topic("web"));
        assert!(keep(&dead, &web, b"longer than ten bytes"));
        assert!(!keep(&dead, &web, b""));
    }

    #[test]
    fn a_limit_counts_what_an_earlier_process_kept() {
        let home = tempfile::tempdir().unwrap();
        let web = topic("web");
        let one = encode(&letter(&web, b"x")).len() as u64;
        assert!(keep(&DeadFiles::open(home.path(), one, Metrics::default()).unwrap(), &web, b"1"));
        let metrics = Metrics::default();
        let dead = DeadFiles::open(home.path(), one, metrics.clone()).unwrap();
        assert_eq!(metrics.dead_letters_bytes.get_or_create(&of(&web)).get(), one as i64);
        assert!(!keep(&dead, &web, b"2"));
    }

    #[test]
    fn what_cannot_be_written_waits_and_is_tried_again() {
        let home = tempfile::tempdir().unwrap();
        let web = topic("web");
        let dead = DeadFiles::open(home.path(), PLENTY, Metrics::default()).unwrap();
        fs::create_dir(home.path().join("web.dead")).unwrap();
        assert!(!keep(&dead, &web, b"1"));
        assert_eq!(dead.status()[0].state, "failing");
        fs::remove_dir(home.path().join("web.dead")).unwrap();
        keep_at_last(&dead, &web, b"1");
        assert_eq!(found(home.path()), [letter(&web, b"1")]);
    }
}
