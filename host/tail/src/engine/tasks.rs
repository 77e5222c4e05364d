//! Tasks that come, change, and go.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use collector_model::TaskKey;
use collector_tasks::TaskSet;

use super::{Engine, Map};
use crate::{reader::Stage, state::record::Record, work::Work};

impl Engine {
    /// Makes the tasks those of the set: readers of tasks that are gone leave, those of changed ones take the change over.
    pub(super) fn set_tasks(&mut self, set: &TaskSet) {
        let mut tasks: Map<_, _> = Map::default();
        for task in set.tasks.iter() {
            let key = task.key();
            let unchanged = self.tasks.get(&key).filter(|work| work.task == *task);
            match unchanged.cloned().map_or_else(|| Work::of(task, &self.metrics).map(Arc::new), Ok) {
                Ok(work) => drop(tasks.insert(key, work)),
                Err(error) => {
                    tracing::error!(task = key.as_str(), %error, "reading a task's globs: the task is left out");
                }
            }
        }
        let old = std::mem::replace(&mut self.tasks, tasks);
        for key in old.keys().filter(|key| !self.tasks.contains_key(key)) {
            self.journal.append(&Record::TaskForgotten { key: key.as_str().to_owned() });
        }
        let ids: Vec<u64> = self.readers.keys().copied().collect();
        for id in ids {
            self.hand_over(id);
        }
        self.discovery.set_quests(self.tasks.values().map(|work| work.quest()).collect());
    }

    /// A reader gets what its task is now. One that was leaving stays, should its task be back before it is gone: it may be the
    /// last that can read the file.
    fn hand_over(&mut self, id: u64) {
        let now = self.now();
        let Some(reader) = self.readers.get_mut(&id) else { return };
        let work = self.tasks.get(&reader.work.key);
        if work.is_some_and(|work| Arc::ptr_eq(work, &reader.work)) {
            return;
        }
        let is_meant = |work: &&Arc<Work>| match reader.stage {
            Stage::Named => work.pattern.matches(&reader.path),
            Stage::Nameless { .. } | Stage::Gone => true,
            Stage::Leaving => work.pattern.matches(Path::new(&*reader.origin_path)),
        };
        let Some(work) = work.filter(is_meant) else { return self.leave(id) };
        reader.work = Arc::clone(work);
        if reader.stage == Stage::Leaving {
            // The search for the task's files gives it its name again, where it has one.
            reader.stage = Stage::Nameless { since: now };
        }
        self.take_new_framing(id);
        self.make_ready(id);
    }

    pub(super) fn take_new_framing(&mut self, id: u64) {
        if let Some(mut reader) = self.readers.remove(&id) {
            reader.take_new_framing(&mut self.desk(self.now()));
            self.readers.insert(id, reader);
        }
    }

    /// The reader's task is gone: what is in its outbox is read again should the task come back.
    fn leave(&mut self, id: u64) {
        let Some(reader) = self.readers.get_mut(&id) else { return };
        reader.stage = Stage::Leaving;
        let (path, uid) = (PathBuf::from(&*reader.origin_path), reader.uid);
        // Should the task come back, the file may have been rotated meanwhile.
        self.look_later(&path, uid);
        self.unwatched.extend(uid);
        self.forget_names(id);
        self.take_back(id);
        self.see_off(id, self.now());
    }

    /// A search for a task's files has ended: those of its readers that it did not find are looked at.
    pub(super) fn scan_done(&mut self, key: &TaskKey, scan: u64) {
        let Some(work) = self.tasks.get(key).cloned() else { return };
        let unseen = self
            .readers
            .values()
            .filter(|reader| reader.work.key == *key && reader.stage == Stage::Named && reader.seen_in_scan < scan);
        let unseen: Vec<u64> = unseen.map(|reader| reader.id).collect();
        for id in unseen {
            self.check_name(id);
        }
        let key = key.as_str().to_owned();
        if !self.journal.known().is_task_seen(&key) {
            self.journal.append(&Record::TaskSeen { key });
        }
        self.look_for_left_behind(&work);
    }
}
