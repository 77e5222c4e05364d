//! All partitions of a directory.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use collector_model::{BucketDay, FileUid};
use parking_lot::RwLock;

use crate::{
    IndexError,
    coverage::Coverage,
    partition::{Partition, last_sequence, sync_directory},
    schema::Fields,
};

/// The ending of a partition that is being deleted.
const DELETED: &str = ".deleted";

/// The partitions that are there, what they cover, and how far searches may follow.
pub(crate) struct Catalog {
    root: PathBuf,
    pub(crate) fields: Fields,
    partitions: RwLock<BTreeMap<BucketDay, Arc<Partition>>>,
    coverage: RwLock<HashMap<BucketDay, Coverage>>,
    published: AtomicU64,
}

impl Catalog {
    /// Opens the directory for writing: makes it where it is missing and clears away what a crash left.
    pub(crate) fn create(root: &Path) -> Result<Catalog, IndexError> {
        fs::create_dir_all(root).map_err(IndexError::io("making the index directory", root))?;
        for (path, name) in entries(root)? {
            if name.ends_with(DELETED) {
                fs::remove_dir_all(&path).map_err(IndexError::io("deleting the old partition", path))?;
            }
        }
        Self::open(root)
    }

    /// Opens the partitions in the directory. Changes nothing in it.
    pub(crate) fn open(root: &Path) -> Result<Catalog, IndexError> {
        let catalog = Catalog {
            root: root.to_owned(),
            fields: Fields::new(),
            partitions: RwLock::default(),
            coverage: RwLock::default(),
            published: AtomicU64::new(0),
        };
        for (path, name) in entries(root)? {
            if let Ok(day) = name.parse()
                && Partition::is_made(&path)
            {
                catalog.add(Partition::open(path, day, &catalog.fields)?)?;
            }
        }
        Ok(catalog)
    }

    fn add(&self, partition: Partition) -> Result<Arc<Partition>, IndexError> {
        let last = last_sequence(&partition.searcher()).map_err(IndexError::partition("reading", &partition.path))?;
        self.published.fetch_max(last, Ordering::AcqRel);
        self.coverage.write().insert(partition.day, partition.coverage()?);
        let partition = Arc::new(partition);
        self.partitions.write().insert(partition.day, Arc::clone(&partition));
        Ok(partition)
    }

    /// The day's partition, made where it is missing.
    pub(crate) fn partition(&self, day: BucketDay) -> Result<Arc<Partition>, IndexError> {
        let found = self.partitions.read().get(&day).cloned();
        found.map_or_else(|| self.add(Partition::open_or_create(&self.root, day, &self.fields)?), Ok)
    }

    /// All partitions, the newest first.
    pub(crate) fn newest_first(&self) -> Vec<Arc<Partition>> {
        self.partitions.read().values().rev().cloned().collect()
    }

    /// What is committed of a file in a day's partition.
    pub(crate) fn covered(&self, uid: FileUid, day: BucketDay, from: u64) -> Option<u64> {
        self.coverage.read().get(&day)?.up_to(uid, from)
    }

    pub(crate) fn coverage(&self, day: BucketDay) -> Coverage {
        self.coverage.read().get(&day).cloned().unwrap_or_default()
    }

    pub(crate) fn set_coverage(&self, day: BucketDay, coverage: Coverage) {
        self.coverage.write().insert(day, coverage);
    }

    /// The last sequence number up to which all documents can be seen by searches.
    pub(crate) fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    pub(crate) fn publish(&self, sequence: u64) {
        self.published.fetch_max(sequence, Ordering::AcqRel);
    }

    /// Deletes the partitions of days before `first`. Searches under way keep what they have open.
    pub(crate) fn delete_before(&self, first: BucketDay) -> Result<Vec<BucketDay>, IndexError> {
        let days: Vec<BucketDay> = self.partitions.read().range(..first).map(|(&day, _)| day).collect();
        for day in &days {
            let path = self.root.join(day.to_string());
            let deleted = self.root.join(format!("{day}{DELETED}"));
            fs::rename(&path, &deleted).map_err(IndexError::io("deleting the partition", &path))?;
            self.partitions.write().remove(day);
            self.coverage.write().remove(day);
            sync_directory(&self.root)?;
            fs::remove_dir_all(&deleted).map_err(IndexError::io("deleting the partition", &deleted))?;
        }
        Ok(days)
    }
}

fn entries(root: &Path) -> Result<Vec<(PathBuf, String)>, IndexError> {
    let failed = || IndexError::io("reading the index directory", root);
    let mut found = vec![];
    for entry in fs::read_dir(root).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push((entry.path(), name));
        }
    }
    Ok(found)
}
