//! The limits of the index.

use std::time::Duration;

/// The limits of the index. All have defaults that suit one machine's logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexSettings {
    /// Memory for the documents of one open partition that are not on disk yet, in bytes; at least 15 MB is used.
    pub heap_bytes_max: usize,
    /// How long a submitted document waits for its commit at most. Searches see it then.
    pub commit_interval: Duration,
    /// How many documents wait for a commit at most.
    pub commit_documents_max: usize,
    /// How many bytes of documents wait for a commit at most.
    pub commit_bytes_max: usize,
    /// How many submitted parts wait for the writer at most; then [`IndexWriter::submit`](crate::IndexWriter::submit) waits.
    pub queue_parts_max: usize,
    /// How many partitions are open for writing at a time; each takes `heap_bytes_max`.
    pub open_partitions_max: usize,
    /// After how long without a document a partition is closed for writing.
    pub idle_close: Duration,
    /// How many days are kept, today included; `None` keeps everything.
    pub retention_days: Option<u32>,
}

impl Default for IndexSettings {
    fn default() -> Self {
        IndexSettings {
            heap_bytes_max: 64 << 20,
            commit_interval: Duration::from_millis(500),
            commit_documents_max: 50_000,
            commit_bytes_max: 32 << 20,
            queue_parts_max: 64,
            open_partitions_max: 2,
            idle_close: Duration::from_secs(60),
            retention_days: None,
        }
    }
}
