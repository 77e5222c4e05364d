//! One day's directory.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use collector_model::BucketDay;
use tantivy::{IndexReader, ReloadPolicy, Searcher, directory::MmapDirectory};

use crate::{
    IndexError,
    coverage::Coverage,
    schema::{Fields, SEQUENCE, TIMESTAMP},
};

/// One day's documents, open for reading.
pub(crate) struct Partition {
    pub(crate) day: BucketDay,
    pub(crate) path: PathBuf,
    pub(crate) index: tantivy::Index,
    reader: IndexReader,
    /// Names in the directory may be in memory alone, be it that whoever wrote them has ended before they were on disk.
    owes_sync: AtomicBool,
}

impl Partition {
    /// Opens the day's partition in `root`, or makes it (also where a crash left one half made).
    pub(crate) fn open_or_create(root: &Path, day: BucketDay, fields: &Fields) -> Result<Partition, IndexError> {
        let path = root.join(day.to_string());
        fs::create_dir_all(&path).map_err(IndexError::io("making the partition", &path))?;
        sync_directory(root)?;
        Self::open(path, day, fields)
    }

    /// Opens a partition. A directory without a commit is made one; see [`Partition::is_made`].
    pub(crate) fn open(path: PathBuf, day: BucketDay, fields: &Fields) -> Result<Partition, IndexError> {
        let failed = |source| IndexError::partition("opening", &path)(source);
        let directory = MmapDirectory::open(&path).map_err(|error| failed(error.into()))?;
        let index = match tantivy::Index::open_or_create(directory, fields.schema.clone()) {
            Ok(index) => index,
            Err(tantivy::TantivyError::SchemaError(_)) => return Err(IndexError::OtherVersion { path }),
            Err(error) => return Err(failed(error)),
        };
        Fields::register(&index);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(failed)?;
        Ok(Partition { day, path, index, reader, owes_sync: AtomicBool::new(true) })
    }

    /// Whether a directory holds a partition, rather than the beginning of one.
    pub(crate) fn is_made(path: &Path) -> bool {
        path.join("meta.json").exists()
    }

    /// The positions in the last commit.
    pub(crate) fn coverage(&self) -> Result<Coverage, IndexError> {
        let metas = self.index.load_metas().map_err(IndexError::partition("reading the last commit of", &self.path))?;
        Coverage::from_payload(metas.payload.as_deref())
            .map_err(|reason| IndexError::Payload { path: self.path.clone(), reason })
    }

    /// Makes the last commit visible to searches.
    pub(crate) fn reload(&self) -> Result<(), IndexError> {
        self.reader.reload().map_err(IndexError::partition("reading the last commit of", &self.path))
    }

    /// A commit gives the file that names its segments another content, under a name that a crash of the machine may undo.
    pub(crate) fn owe_sync(&self) {
        self.owes_sync.store(true, Ordering::Release);
    }

    /// Whether what was committed may be undone by a crash of the machine.
    pub(crate) fn owes_sync(&self) -> bool {
        self.owes_sync.load(Ordering::Acquire)
    }

    /// Makes what was committed survive a crash of the machine. Where that fails, it stays owed.
    pub(crate) fn sync(&self) -> Result<(), IndexError> {
        if self.owes_sync() {
            sync_directory(&self.path)?;
            self.owes_sync.store(false, Ordering::Release);
        }
        Ok(())
    }

    pub(crate) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }
}

/// The smallest and largest `@timestamp` (ms) of a searcher's documents; none where it has none.
pub(crate) fn time_bounds(searcher: &Searcher) -> tantivy::Result<Option<(i64, i64)>> {
    let mut bounds: Option<(i64, i64)> = None;
    for segment in searcher.segment_readers().iter().filter(|segment| segment.num_docs() > 0) {
        let column = segment.fast_fields().i64(TIMESTAMP)?;
        let (min, max) = bounds.unwrap_or((i64::MAX, i64::MIN));
        bounds = Some((min.min(column.min_value()), max.max(column.max_value())));
    }
    Ok(bounds)
}

/// The largest sequence number of a searcher's documents, 0 where it has none.
pub(crate) fn last_sequence(searcher: &Searcher) -> tantivy::Result<u64> {
    let mut last = 0;
    for segment in searcher.segment_readers().iter().filter(|segment| segment.num_docs() > 0) {
        last = last.max(segment.fast_fields().u64(SEQUENCE)?.max_value());
    }
    Ok(last)
}

/// Makes the names in a directory survive a crash.
pub(crate) fn sync_directory(path: &Path) -> Result<(), IndexError> {
    fs::File::open(path).and_then(|file| file.sync_all()).map_err(IndexError::io("writing out the directory", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_that_failed_stays_owed() {
        let root = tempfile::tempdir().unwrap();
        let day = BucketDay::from_days(20_000).unwrap();
        let partition = Partition::open_or_create(root.path(), day, &Fields::new()).unwrap();
        partition.sync().unwrap();
        assert!(!partition.owes_sync());
        partition.owe_sync();
        let away = root.path().join("away");
        fs::rename(&partition.path, &away).unwrap();
        assert!(partition.sync().is_err() && partition.owes_sync());
        fs::rename(&away, &partition.path).unwrap();
        assert!(partition.sync().is_ok() && !partition.owes_sync());
    }
}
