//! One day's partition, open for writing.

use std::{collections::HashSet, sync::Arc, time::Instant};

use collector_model::{BucketDay, FileUid};
use tantivy::{TantivyDocument, Term, indexer::IndexWriterOptions, schema::Field};

use crate::{IndexError, catalog::Catalog, coverage::Coverage, partition::Partition};

/// tantivy refuses less.
const HEAP_BYTES_MIN: usize = 15_000_000;

/// A partition, its writer, and what its next commit will cover.
pub(super) struct OpenPartition {
    partition: Arc<Partition>,
    writer: tantivy::IndexWriter,
    applied: Coverage,
    dirty: bool,
    /// Ids that were looked up, and whose documents no search sees before the next commit.
    noted: HashSet<String>,
    pub(super) used: Instant,
}

impl OpenPartition {
    pub(super) fn open(catalog: &Catalog, day: BucketDay, heap_bytes_max: usize) -> Result<Self, IndexError> {
        let partition = catalog.partition(day)?;
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(heap_bytes_max.max(HEAP_BYTES_MIN))
            .build();
        let writer = partition
            .index
            .writer_with_options(options)
            .map_err(IndexError::partition("opening for writing", &partition.path))?;
        let applied = catalog.coverage(day);
        Ok(OpenPartition { partition, writer, applied, dirty: false, noted: HashSet::new(), used: Instant::now() })
    }

    /// Whether the byte of the file is in already, or about to be.
    pub(super) fn covers(&self, uid: FileUid, offset: u64) -> bool {
        self.applied.covers(uid, offset)
    }

    /// Notes an id until the next commit. Says whether it was new.
    pub(super) fn note_id(&mut self, id: &str) -> bool {
        self.noted.insert(id.to_owned())
    }

    /// Whether a document of that id is committed.
    pub(super) fn holds(&self, field: Field, id: &str) -> Result<bool, IndexError> {
        let searcher = self.partition.searcher();
        let found = searcher.doc_freq(&Term::from_field_text(field, id));
        found.map(|documents| documents > 0).map_err(IndexError::partition("looking up an id in", &self.partition.path))
    }

    pub(super) fn add(&mut self, document: TantivyDocument) -> Result<(), IndexError> {
        self.dirty = true;
        let added = self.writer.add_document(document);
        added.map(drop).map_err(IndexError::partition("adding a document to", &self.partition.path))
    }

    /// The next commit covers that range of the file.
    pub(super) fn cover(&mut self, uid: FileUid, from: u64, to: u64) {
        self.dirty |= self.applied.add(uid, from, to);
        self.used = Instant::now();
    }

    /// Commits the documents together with the positions, so that they survive a crash of the machine, and lets searches see them.
    pub(super) fn commit(&mut self, catalog: &Catalog) -> Result<(), IndexError> {
        if self.dirty {
            self.write_out(catalog)?;
        } else if !self.partition.owes_sync() {
            return Ok(());
        }
        self.partition.sync()?;
        self.partition.reload()
    }

    fn write_out(&mut self, catalog: &Catalog) -> Result<(), IndexError> {
        let path = &self.partition.path;
        let mut commit = self.writer.prepare_commit().map_err(IndexError::partition("writing out", path))?;
        commit.set_payload(&self.applied.to_payload());
        // tantivy brings the directory to disk before it puts the commit in its place, and not behind that.
        self.partition.owe_sync();
        commit.commit().map_err(IndexError::partition("committing", path))?;
        self.dirty = false;
        self.noted.clear();
        catalog.set_coverage(self.partition.day, self.applied.clone());
        Ok(())
    }

    /// Ends the writer after its merges. Only what was committed stays.
    pub(super) fn close(self) -> Result<(), IndexError> {
        self.writer.wait_merging_threads().map_err(IndexError::partition("merging", &self.partition.path))
    }
}
