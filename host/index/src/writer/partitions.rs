//! The partitions that are open for writing, and what is applied to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use collector_model::{BucketDay, FileUid, Line, Source, id::EVENT_ID_CHARS};

use super::{IndexItem, IndexPart, partition::OpenPartition, segments};
use crate::{
    IndexError, IndexSettings,
    catalog::Catalog,
    document::{self, About},
};

/// Milliseconds are shifted by this much, so that every document of a millisecond has a number of its own.
const SEQUENCE_SHIFT: u32 = 20;

/// What became of a part's documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Applied {
    /// Taken in.
    pub(super) indexed: u64,
    /// There already.
    pub(super) conflicted: u64,
    /// Of days that are not kept any more.
    pub(super) late: u64,
}

pub(super) struct Partitions {
    catalog: Arc<Catalog>,
    settings: IndexSettings,
    open: BTreeMap<BucketDay, OpenPartition>,
    sequence: u64,
}

impl Partitions {
    pub(super) fn new(catalog: Arc<Catalog>, settings: IndexSettings) -> Self {
        let sequence = catalog.published();
        Partitions { catalog, settings, open: BTreeMap::new(), sequence }
    }

    /// Forgets everything that is not committed.
    pub(super) fn reset(&mut self) {
        self.open.clear();
    }

    /// Whether more partitions are open than should be.
    pub(super) fn is_crowded(&self) -> bool {
        self.open.len() > self.settings.open_partitions_max
    }

    /// Adds a part's documents to the partitions of their days, and moves the positions on.
    pub(super) fn apply(&mut self, part: &IndexPart) -> Result<Applied, IndexError> {
        let first_kept = self.first_kept_day();
        let segments = segments::of(&part.batch, part.ticket.position());
        let uid = part.ticket.position().and_then(|position| match position.source {
            Source::File(uid) => Some(uid),
            Source::Partition(..) => None,
        });
        let mut applied = Applied::default();
        for item in &part.items {
            let line = &part.batch.lines[item.line as usize];
            if line.id.day() < first_kept {
                applied.late += 1;
                continue;
            }
            let id = id_of(line, item);
            if self.has(line, uid, &id)? {
                applied.conflicted += 1;
            } else {
                self.add(part, item, line, &id)?;
                applied.indexed += 1;
            }
        }
        for segment in segments.iter().filter(|segment| segment.day >= first_kept) {
            self.open(segment.day)?.cover(segment.uid, segment.from, segment.to);
        }
        Ok(applied)
    }

    /// Whether the document is in already: lines of a file by what is covered of it, others (dead letters that are sent once more) by
    /// their ids, since what is covered includes lines that were given up.
    fn has(&mut self, line: &Line, uid: Option<FileUid>, id: &str) -> Result<bool, IndexError> {
        let field = self.catalog.fields.id;
        let partition = self.open(line.id.day())?;
        match uid {
            Some(uid) => Ok(partition.covers(uid, line.id.offset())),
            None => Ok(!partition.note_id(id) || partition.holds(field, id)?),
        }
    }

    fn add(&mut self, part: &IndexPart, item: &IndexItem, line: &Line, id: &str) -> Result<(), IndexError> {
        self.sequence = (self.sequence + 1).max(now_ms() << SEQUENCE_SHIFT);
        let about = About {
            id,
            topic: part.batch.topic.as_str(),
            read_time_ms: part.batch.origin_of(line).read_time_ms,
            sequence: self.sequence,
        };
        let json = String::from_utf8_lossy(&part.documents[item.document.range()]);
        let document = document::build(&self.catalog.fields, &about, json.trim_end());
        self.open(line.id.day())?.add(document)
    }

    fn open(&mut self, day: BucketDay) -> Result<&mut OpenPartition, IndexError> {
        use std::collections::btree_map::Entry;
        match self.open.entry(day) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                Ok(entry.insert(OpenPartition::open(&self.catalog, day, self.settings.heap_bytes_max)?))
            }
        }
    }

    /// Commits every partition, and only then lets followers see what is in them.
    pub(super) fn commit(&mut self) -> Result<(), IndexError> {
        for partition in self.open.values_mut() {
            partition.commit(&self.catalog)?;
        }
        self.catalog.publish(self.sequence);
        Ok(())
    }

    /// Closes partitions that were not used for long, and those that are too many. Only after a commit.
    pub(super) fn close_idle(&mut self) -> Result<(), IndexError> {
        let mut by_use: Vec<(BucketDay, std::time::Duration)> =
            self.open.iter().map(|(&day, partition)| (day, partition.used.elapsed())).collect();
        by_use.sort_by_key(|&(_, idle)| idle);
        let keep = |(i, &(_, idle)): (usize, &(BucketDay, std::time::Duration))| {
            i < self.settings.open_partitions_max.max(1) && idle < self.settings.idle_close
        };
        let closed: BTreeSet<BucketDay> =
            by_use.iter().enumerate().filter(|&entry| !keep(entry)).map(|(_, &(day, _))| day).collect();
        for day in closed {
            if let Some(partition) = self.open.remove(&day) {
                partition.close()?;
            }
        }
        Ok(())
    }

    /// Deletes the days that are not kept any more.
    pub(super) fn retain(&mut self) -> Result<(), IndexError> {
        let first_kept = self.first_kept_day();
        self.open.retain(|&day, _| day >= first_kept);
        for day in self.catalog.delete_before(first_kept)? {
            tracing::info!(%day, "deleted the partition of a day that is not kept any more");
        }
        Ok(())
    }

    fn first_kept_day(&self) -> BucketDay {
        let today = BucketDay::from_unix_ms(i64::try_from(now_ms()).unwrap_or(i64::MAX));
        today.first_of(self.settings.retention_days.unwrap_or(u32::MAX))
    }
}

fn id_of(line: &Line, item: &IndexItem) -> String {
    let mut id = [0; EVENT_ID_CHARS];
    line.id.encode_to(&mut id);
    let mut id = String::from_utf8_lossy(&id).into_owned();
    for step in item.fork.steps() {
        id.push('.');
        id.push_str(&step.to_string());
    }
    id
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX >> SEQUENCE_SHIFT)
}
