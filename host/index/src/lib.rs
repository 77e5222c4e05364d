//! The embedded index: one tantivy partition a day, positions committed with the documents.
//!
//! * [`Index`] owns the directory: it opens the partitions, runs the thread that writes, and answers searches.
//! * [`IndexWriter`] takes [`IndexPart`]s: a batch, what was made of it, and the ticket to complete once it is safe.
//! * [`IndexReader`] reads the directory without writing to it, for a command line beside a running collector.
//!
//! tantivy commits one partition atomically, not several. So each partition's commit carries in its payload up to where
//! every file is covered in it, and a replayed line that lies below is not taken in again: each line is there once,
//! whatever moment the process dies at.
//!
//! The language of queries is described in [`query`].

mod catalog;
mod coverage;
#[cfg(test)]
mod delivery;
mod document;
mod error;
mod partition;
pub mod query;
mod schema;
mod search;
mod settings;
mod stop;
#[cfg(test)]
mod testing;
mod tokens;
mod writer;

use std::{path::Path, sync::Arc, thread::JoinHandle};

use collector_model::{BucketDay, FileUid, Metrics};

/// The decisions of the crate, for driving them without a disk.
pub mod decisions {
    pub use crate::{coverage::Coverage, writer::segments};
}

pub use error::IndexError;
pub use search::IndexReader;
pub use settings::IndexSettings;
pub use writer::{IndexItem, IndexPart, IndexWriter, WriterClosed};

use catalog::Catalog;

/// The index of one state directory: readers, and the one thread that writes.
pub struct Index {
    reader: IndexReader,
    writer: IndexWriter,
    thread: Option<JoinHandle<()>>,
}

impl Index {
    /// Opens the index in `dir` (usually `STATE/index`), or makes it, and starts the writer.
    ///
    /// # Errors
    /// When the directory or a partition in it cannot be read or made, or another version made it.
    pub fn open(dir: &Path, settings: IndexSettings, metrics: Metrics) -> Result<Index, IndexError> {
        let catalog = Arc::new(Catalog::create(dir)?);
        // Files go on after what is found here.
        catalog.newest_first().iter().try_for_each(|partition| partition.sync())?;
        let (writer, thread) = writer::start(Arc::clone(&catalog), settings, metrics)?;
        Ok(Index { reader: IndexReader::over(catalog), writer, thread: Some(thread) })
    }

    /// The way in. Cheap to clone; every clone feeds the same thread.
    pub fn writer(&self) -> IndexWriter {
        self.writer.clone()
    }

    /// What answers searches. Cheap to clone; it sees each commit at once.
    pub fn reader(&self) -> IndexReader {
        self.reader.clone()
    }

    /// Up to where (excluded) all of the file's lines of that day are in the index for good, from a byte on; none where that
    /// byte's is not.
    pub fn covered(&self, uid: FileUid, day: BucketDay, from: u64) -> Option<u64> {
        self.reader.catalog().covered(uid, day, from)
    }

    /// Commits what was submitted and ends the writer. What could not be committed counts as lost, so that it is read again.
    pub fn close(mut self) {
        self.stop_writer();
    }

    fn stop_writer(&mut self) {
        self.writer.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the index panicked; what it had not committed is read again");
        }
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.stop_writer();
    }
}
