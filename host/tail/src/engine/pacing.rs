//! Readers whose task was read as fast as it may be: they wait in line, each for its turn.

use std::{collections::VecDeque, time::Instant};

use super::{Engine, Map};
use crate::reader::{Place, Reader};
use collector_model::TaskKey;

/// The lines of readers, one for each task.
pub(super) type Lines = Map<TaskKey, VecDeque<u64>>;

impl Engine {
    /// Has a reader wait behind the others of its task.
    pub(super) fn stand_in_line(&mut self, id: u64) {
        if let Some(reader) = self.readers.get_mut(&id) {
            reader.place = Place::Paced;
            self.paced.entry(reader.work.key.clone()).or_default().push_back(id);
        }
    }

    /// Gives the first reader of each line its turn, where more may be read.
    pub(super) fn release_paced(&mut self, now: Instant) {
        let mut released = vec![];
        for line in self.paced.values_mut() {
            while let Some(id) = line.front().copied() {
                let reader = self.readers.get(&id).filter(|reader| reader.place == Place::Paced);
                if reader.is_some_and(|reader| waits_until(reader, now).is_some()) {
                    break;
                }
                line.pop_front();
                if reader.is_some() {
                    released.push(id);
                    break;
                }
            }
        }
        self.paced.retain(|_, line| !line.is_empty());
        for id in released {
            if let Some(reader) = self.readers.get_mut(&id) {
                reader.place = Place::Idle;
            }
            self.make_ready(id);
        }
    }

    /// When the next one has its turn.
    pub(super) fn paced_until(&self, now: Instant) -> Option<Instant> {
        let first = self.paced.values().filter_map(|line| line.front()).filter_map(|id| self.readers.get(id));
        first.map(|reader| waits_until(reader, now).unwrap_or(now)).min()
    }
}

fn waits_until(reader: &Reader, now: Instant) -> Option<Instant> {
    reader.work.pace.as_ref().and_then(|pace| pace.lock().waits_until(now))
}
