//! A task at work: its settings, its pattern, its counters.

use collector_model::{Metrics, TaskKey, metrics};
use collector_tasks::{RecordForm, Task};
use prometheus_client::metrics::counter::Counter;

use parking_lot::Mutex;

use crate::{discover::Quest, gather::Gather, pace::Pace, pattern::Pattern, settings::TailSettings};

/// What one record of many lines holds, in bytes, and at most in lines.
const RECORD_BYTES: usize = 384 << 10;
const RECORD_LINES: usize = 16_384;

/// One task, ready for reading.
pub(crate) struct Work {
    pub(crate) key: TaskKey,
    pub(crate) task: Task,
    pub(crate) pattern: Pattern,
    /// Which lines make one event.
    pub(crate) gather: Option<Gather>,
    /// How fast it is read, where that is limited.
    pub(crate) pace: Option<Mutex<Pace>>,
    lines_read: Counter,
    bytes_read: Counter,
    lines_cut: Counter,
    lines_invalid_utf8: Counter,
    pub(crate) file_bytes_lost: Counter,
}

/// How much was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Volume {
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    pub(crate) lines_cut: u64,
    pub(crate) lines_invalid_utf8: u64,
}

impl Work {
    /// Compiles a task.
    pub(crate) fn of(task: &Task, metrics: &Metrics) -> Result<Self, globset::Error> {
        let label = metrics::of(&task.topic);
        let counter = |family: &metrics::PerTopic| family.get_or_create(&label).clone();
        Ok(Work {
            key: task.key(),
            pattern: Pattern::of(task)?,
            gather: task.multiline.as_ref().and_then(Gather::of),
            pace: task.rate_limit.map(|limit| Mutex::new(Pace::of(limit))),
            task: task.clone(),
            lines_read: counter(&metrics.lines_read),
            bytes_read: counter(&metrics.bytes_read),
            lines_cut: counter(&metrics.lines_cut),
            lines_invalid_utf8: counter(&metrics.lines_invalid_utf8),
            file_bytes_lost: counter(&metrics.file_bytes_lost),
        })
    }

    /// Counts what was read.
    pub(crate) fn count(&self, volume: Volume) {
        self.lines_read.inc_by(volume.lines);
        self.bytes_read.inc_by(volume.bytes);
        self.lines_cut.inc_by(volume.lines_cut);
        self.lines_invalid_utf8.inc_by(volume.lines_invalid_utf8);
    }

    /// What to look for.
    pub(crate) fn quest(&self) -> Quest {
        Quest { task: self.key.clone(), pattern: self.pattern.clone(), poll: self.task.poll }
    }

    /// How much is read and handed on at once, in bytes and in lines: what becomes one record as it is, may be larger than what is
    /// treated by plugins.
    pub(crate) fn batch_max(&self, settings: &TailSettings) -> (usize, usize) {
        let is_one_record = self.task.kafka.form == RecordForm::Batch && self.task.chain.plugins.is_empty();
        let (bytes, lines) = if is_one_record { (RECORD_BYTES, RECORD_LINES) } else { (0, 0) };
        (settings.batch_bytes_max.max(bytes), settings.batch_lines_max.max(lines))
    }

    /// The longest line in bytes, as the journal holds it.
    pub(crate) fn line_bytes_max(&self) -> u32 {
        self.task.line_bytes_max.clamp(1, 1 << 30) as u32
    }
}
