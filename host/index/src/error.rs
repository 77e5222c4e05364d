//! What can go wrong with the directory.

use std::{io, path::PathBuf};

/// Why the index cannot be used. Each message names the directory, the reason and the way out.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file system refused something.
    #[error("{doing} {}: {source}; see that the directory exists, is writable and has room", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// tantivy refused something.
    #[error("{doing} the partition {}: {source}", path.display())]
    Partition {
        /// What was being done.
        doing: &'static str,
        /// The partition's directory.
        path: PathBuf,
        /// Why it failed.
        source: Box<tantivy::TantivyError>,
    },
    /// Another version of the collector made the partition.
    #[error(
        "opening the partition {}: another version of the collector made it, with other fields; move the directory away to go on without that day",
        path.display()
    )]
    OtherVersion {
        /// The partition's directory.
        path: PathBuf,
    },
    /// The payload of a partition's commit cannot be read.
    #[error(
        "opening the partition {}: the positions in its last commit cannot be read ({reason}); move the directory away to go on without that day",
        path.display()
    )]
    Payload {
        /// The partition's directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system gave no thread.
    #[error("starting the thread that writes the index: {0}; see the limit of threads (ulimit -u)")]
    Thread(io::Error),
}

impl IndexError {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> IndexError {
        let path = path.into();
        move |source| IndexError::Io { doing, path, source }
    }

    pub(crate) fn partition(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(tantivy::TantivyError) -> IndexError {
        let path = path.into();
        move |source| IndexError::Partition { doing, path, source: Box::new(source) }
    }
}
