//! Everything that is known of files: what the journal's records add up to. No I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use collector_model::{FileUid, Topic};

use crate::{
    framer::FramePlan,
    identity::{Fingerprint, Mark},
    state::record::{FileRecord, Record},
};

/// What is known of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileEntry {
    /// What it is.
    pub(crate) file: FileRecord,
    /// How its lines are framed.
    pub(crate) plan: FramePlan,
    /// Bytes before this offset may have been sent before.
    pub(crate) reserved: u64,
    /// Bytes before this offset are acknowledged.
    pub(crate) acked: u64,
    /// The bytes before `acked`.
    pub(crate) before: Fingerprint,
    /// The file started afresh: only late acknowledgements can come.
    pub(crate) over: bool,
    /// When it had changed last, of a file that was deleted once everything of it was read. It is remembered for a while, for a
    /// compressed copy of it may be there.
    pub(crate) deleted_ms: Option<i64>,
}

impl FileEntry {
    fn new(file: FileRecord) -> Self {
        let (acked, before) = (file.start, file.before);
        FileEntry { file, plan: FramePlan::default(), reserved: acked, acked, before, over: false, deleted_ms: None }
    }

    /// Whether the file may be found again, and read on.
    pub(crate) fn may_go_on(&self) -> bool {
        !self.over && self.deleted_ms.is_none()
    }

    /// What to recognize the file's content by.
    pub(crate) fn mark(&self) -> Mark {
        Mark { head: self.file.head, offset: self.acked, before: self.before }
    }

    /// Takes note of acknowledged bytes.
    pub(crate) fn acknowledge(&mut self, to: u64, before: Fingerprint) {
        if to > self.acked {
            self.acked = to;
            self.before = before;
        }
    }
}

/// Everything known. Made by applying records one after another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    files: BTreeMap<FileUid, FileEntry>,
    by_inode: HashMap<u64, Vec<FileUid>>,
    /// The last one that was deleted of those that had a path. It is the only one that is remembered.
    last_deleted: HashMap<(Topic, String), FileUid>,
    tasks_seen: BTreeSet<String>,
}

impl Known {
    /// Takes one fact in. A fact about a file that is not known changes nothing.
    pub(crate) fn apply(&mut self, record: &Record) {
        match record {
            Record::File(file) => self.enter((**file).clone()),
            Record::Forgotten { uid } => self.forget(*uid),
            Record::Deleted { uid, changed_ms } => self.delete(*uid, *changed_ms),
            Record::TaskSeen { key } => drop(self.tasks_seen.insert(key.clone())),
            Record::TaskForgotten { key } => drop(self.tasks_seen.remove(key)),
            Record::Reserved { uid, .. }
            | Record::Day { uid, .. }
            | Record::Boundary { uid, .. }
            | Record::Limit { uid, .. }
            | Record::Gather { uid, .. }
            | Record::EventEnd { uid, .. }
            | Record::Encoding { uid, .. }
            | Record::Seen { uid, .. }
            | Record::Over { uid } => {
                if let Some(entry) = self.files.get_mut(uid) {
                    apply_to_file(entry, record);
                }
            }
        }
    }

    fn enter(&mut self, file: FileRecord) {
        let (uid, inode) = (file.uid, file.identity.inode);
        self.forget(uid);
        self.files.insert(uid, FileEntry::new(file));
        self.by_inode.entry(inode).or_default().push(uid);
    }

    fn delete(&mut self, uid: FileUid, changed_ms: i64) {
        let Some(entry) = self.files.get_mut(&uid) else { return };
        entry.deleted_ms = Some(changed_ms);
        let place = (entry.file.topic.clone(), entry.file.path.clone());
        if let Some(before) = self.last_deleted.insert(place, uid).filter(|before| *before != uid) {
            self.forget(before);
        }
    }

    fn forget(&mut self, uid: FileUid) {
        let Some(entry) = self.files.remove(&uid) else { return };
        let place = (entry.file.topic, entry.file.path);
        if self.last_deleted.get(&place) == Some(&uid) {
            self.last_deleted.remove(&place);
        }
        let inode = entry.file.identity.inode;
        if let Some(uids) = self.by_inode.get_mut(&inode) {
            uids.retain(|&other| other != uid);
            if uids.is_empty() {
                self.by_inode.remove(&inode);
            }
        }
    }

    /// What is known of a file.
    pub(crate) fn file(&self, uid: FileUid) -> Option<&FileEntry> {
        self.files.get(&uid)
    }

    /// The same, to change.
    pub(crate) fn file_mut(&mut self, uid: FileUid) -> Option<&mut FileEntry> {
        self.files.get_mut(&uid)
    }

    /// All files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.files.values()
    }

    /// The files of a topic that had an inode.
    pub(crate) fn of_inode<'a>(&'a self, topic: &'a Topic, inode: u64) -> impl Iterator<Item = &'a FileEntry> {
        let uids = self.by_inode.get(&inode).map_or(&[][..], Vec::as_slice);
        uids.iter().filter_map(|uid| self.files.get(uid)).filter(move |entry| entry.file.topic == *topic)
    }

    /// Whether a task's files were looked for before.
    pub(crate) fn is_task_seen(&self, key: &str) -> bool {
        self.tasks_seen.contains(key)
    }

    /// The shortest journal that says the same; what only matters to acknowledged bytes is left out.
    pub(crate) fn records(&mut self) -> Vec<Record> {
        let mut records: Vec<_> = self.tasks_seen.iter().map(|key| Record::TaskSeen { key: key.clone() }).collect();
        for entry in self.files.values_mut() {
            let uid = entry.file.uid;
            entry.file.start = entry.acked;
            entry.file.before = entry.before;
            entry.plan.trim(entry.acked);
            records.push(Record::File(Box::new(entry.file.clone())));
            records.extend(entry.plan.limits.iter().map(|&limit| Record::Limit { uid, limit }));
            records.extend(entry.plan.days.iter().map(|&day| Record::Day { uid, day }));
            records.extend(entry.plan.boundaries.iter().map(|&at| Record::Boundary { uid, at }));
            records.extend(entry.plan.gathers.iter().map(|gather| Record::Gather { uid, gather: gather.clone() }));
            records.extend(entry.plan.encodings.iter().map(|&encoding| Record::Encoding { uid, encoding }));
            records.extend(entry.plan.event_ends.iter().map(|&at| Record::EventEnd { uid, at }));
            records.push(Record::Reserved { uid, to: entry.reserved });
            if entry.over {
                records.push(Record::Over { uid });
            }
            if let Some(changed_ms) = entry.deleted_ms {
                records.push(Record::Deleted { uid, changed_ms });
            }
        }
        records
    }
}

fn apply_to_file(entry: &mut FileEntry, record: &Record) {
    let plan = &mut entry.plan;
    match record {
        Record::Reserved { to, .. } => entry.reserved = *to,
        Record::Day { day, .. } => {
            // A later record about an earlier offset replaces what was assigned from there on.
            plan.days.truncate(plan.days.partition_point(|known| known.from < day.from));
            plan.days.push(*day);
        }
        Record::Limit { limit, .. } => {
            plan.limits.truncate(plan.limits.partition_point(|known| known.from < limit.from));
            plan.limits.push(*limit);
        }
        Record::Gather { gather, .. } => {
            plan.gathers.truncate(plan.gathers.partition_point(|known| known.from < gather.from));
            plan.gathers.push(gather.clone());
        }
        Record::Encoding { encoding, .. } => {
            plan.encodings.truncate(plan.encodings.partition_point(|known| known.from < encoding.from));
            plan.encodings.push(*encoding);
        }
        Record::Boundary { at, .. } => insert(&mut plan.boundaries, *at),
        Record::EventEnd { at, .. } => insert(&mut plan.event_ends, *at),
        // Nothing leads to what was deleted.
        Record::Seen { .. } if entry.deleted_ms.is_some() => {}
        Record::Seen { path, head, .. } => {
            entry.file.path.clone_from(path);
            entry.file.head = *head;
        }
        Record::Over { .. } => entry.over = true,
        Record::File(_)
        | Record::Deleted { .. }
        | Record::Forgotten { .. }
        | Record::TaskSeen { .. }
        | Record::TaskForgotten { .. } => {}
    }
}

/// Inserts an offset in its place, once.
fn insert(offsets: &mut Vec<u64>, at: u64) {
    if let Err(place) = offsets.binary_search(&at) {
        offsets.insert(place, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::record::tests::any_record;
    use proptest::prelude::*;

    fn replayed(records: &[Record]) -> Known {
        let mut known = Known::default();
        records.iter().for_each(|record| known.apply(record));
        known
    }

    proptest! {
        #[test]
        fn a_compacted_journal_says_the_same(records in prop::collection::vec(any_record(), 0..60), acked in 0u64..99) {
            let mut known = replayed(&records);
            let uids: Vec<_> = known.files().map(|entry| entry.file.uid).collect();
            for uid in uids {
                known.file_mut(uid).unwrap().acknowledge(acked, Fingerprint::default());
            }
            let before = known.clone();
            let compacted = replayed(&known.records());
            for entry in before.files() {
                let again = compacted.file(entry.file.uid).unwrap();
                prop_assert_eq!((again.acked, again.reserved, again.over), (entry.acked, entry.reserved, entry.over));
                prop_assert_eq!(again.deleted_ms, entry.deleted_ms);
                for at in entry.acked..100 {
                    prop_assert_eq!(again.plan.day_at(at), entry.plan.day_at(at));
                    prop_assert_eq!(again.plan.limit_at(at), entry.plan.limit_at(at));
                    prop_assert_eq!(again.plan.boundaries.contains(&at), entry.plan.boundaries.contains(&at));
                    prop_assert_eq!(again.plan.gather_at(at), entry.plan.gather_at(at));
                    prop_assert_eq!(again.plan.encoding_at(at), entry.plan.encoding_at(at));
                    let later = at + 1;
                    prop_assert_eq!(again.plan.event_ends.contains(&later), entry.plan.event_ends.contains(&later));
                }
            }
            prop_assert_eq!(compacted.files().count(), before.files().count());
            prop_assert_eq!(&compacted.tasks_seen, &before.tasks_seen);
        }
    }
}
