//! Readers for whose lines there is no memory: they wait in line, those of each topic by themselves.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use collector_model::Topic;

use super::{Engine, Map};
use crate::reader::Place;

/// How often all files are looked at whose readers wait: they grow meanwhile, are written anew, and lose their names.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The lines of readers, one for each topic.
#[derive(Default)]
pub(super) struct Lines {
    of_topic: Map<Topic, VecDeque<u64>>,
    looked_at: Option<Instant>,
}

impl Lines {
    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.of_topic.is_empty()
    }
}

impl Engine {
    /// Has a reader for which there was no memory wait behind the others of its topic.
    pub(super) fn wait_for_memory(&mut self, id: u64) {
        if let Some(reader) = self.readers.get(&id) {
            self.blocked.of_topic.entry(reader.work.task.topic.clone()).or_default().push_back(id);
        }
    }

    /// Gives those that wait their turns, in each line up to the first for which there still is no memory: a turn looks at the
    /// file, and most of thousands would do so in vain.
    pub(super) fn retry_for_memory(&mut self, now: Instant) {
        let looks_at_all = self.blocked.looked_at.is_none_or(|at| now.duration_since(at) >= LOOK_INTERVAL);
        if looks_at_all {
            self.blocked.looked_at = Some(now);
        }
        let mut lines = std::mem::take(&mut self.blocked.of_topic);
        lines.retain(|_, line| {
            self.go_through(line, looks_at_all);
            !line.is_empty()
        });
        self.blocked.of_topic = lines;
    }

    fn go_through(&mut self, line: &mut VecDeque<u64>, looks_at_all: bool) {
        for _ in 0..line.len() {
            let Some(id) = line.pop_front() else { return };
            if !self.readers.get(&id).is_some_and(|reader| reader.place == Place::Blocked) || !self.take_turn(id) {
                continue;
            }
            if looks_at_all {
                line.push_back(id);
            } else {
                return line.push_front(id);
            }
        }
    }
}
