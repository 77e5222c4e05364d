//! Tasks as they are meant: checked, with every default filled in.

use std::{sync::Arc, time::Duration};

use collector_model::{Encoding, TaskKey, Topic};

use crate::{ChainSpec, Multiline, RateLimit};

/// One thing to collect: files of one pattern into one topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// A path or a glob (`/var/log/*.log`, `/srv/**/app.log`); relative ones were made absolute.
    pub path: String,
    /// The topic.
    pub topic: Topic,
    /// Globs of files that are left out although `path` matches them.
    pub exclude: Vec<String>,
    /// Where reading of a file begins that was never seen before.
    pub start_at: StartAt,
    /// How the file's bytes become text. Offsets are always those of the file.
    pub encoding: Encoding,
    /// The longest line in bytes; a longer one is cut.
    pub line_bytes_max: usize,
    /// How long a last line without newline is waited for.
    pub flush_after: Duration,
    /// Which lines make one event; each makes its own where nothing is said.
    pub multiline: Option<Multiline>,
    /// How fast the task's files may be read, together.
    pub rate_limit: Option<RateLimit>,
    /// Files never seen before whose last change is longer ago are not read until they change.
    pub ignore_older: Option<Duration>,
    /// Read by polling, for file systems that do not tell of changes.
    pub poll: bool,
    /// How the lines go to Kafka.
    pub kafka: KafkaOptions,
    /// The plugins that treat the lines on this machine.
    pub chain: ChainSpec,
    /// The form of the documents that a chain (or standalone) makes.
    pub document: DocumentForm,
    /// Whether a document keeps the line as `event.original` when a parser set `message`.
    pub keep_original: bool,
}

/// The form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentForm {
    /// ECS fields.
    Ecs,
    /// `{"topic","data"}`, as the seed system wrote it.
    Seed,
}

impl Task {
    /// The identity: topic and path. A task that keeps it keeps its chain and its files.
    pub fn key(&self) -> TaskKey {
        TaskKey::of_task(&self.topic, &self.path)
    }
}

/// Where reading begins in a file that was never seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartAt {
    /// At its first byte.
    Beginning,
    /// At its end when the task was first seen; files that appear later are read from their beginning.
    End,
}

/// How a task's lines go to Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaOptions {
    /// Which partition a line goes to.
    pub partitioning: Partitioning,
    /// How many acknowledgements a record needs.
    pub acks: Acks,
    /// How many lines one record carries.
    pub form: RecordForm,
    /// The field whose value is the record's key.
    pub key: Option<Arc<str>>,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        KafkaOptions { partitioning: Partitioning::Sticky, acks: Acks::All, form: RecordForm::Line, key: None }
    }
}

/// How many lines one record carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordForm {
    /// One (the default): every consumer of the topic reads lines.
    Line,
    /// Many of one file: the fast lane between agent and transfer.
    Batch,
}

/// Which partition a line goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitioning {
    /// Some thousand lines to one, then the next at random (the default).
    Sticky,
    /// Each line to one at random.
    Random,
    /// Each line to the next one.
    RoundRobin,
    /// All lines to one.
    Number(i32),
    /// Each line by the key of its record, as Kafka's own clients do; lines without one as [`Partitioning::Sticky`] does.
    Key,
}

/// How many acknowledgements a record needs before it counts as delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acks {
    /// None: it counts when it was sent.
    None,
    /// The leader's.
    Leader,
    /// All in-sync replicas' (the default, and the only one that keeps the guarantee).
    All,
}

/// All tasks of this host, as they are to run together. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskSet {
    /// The tasks, each identity once.
    pub tasks: Arc<[Task]>,
    /// The revision they come from (0 where there is none).
    pub revision: i64,
}
