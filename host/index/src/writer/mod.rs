//! The way in: parts are queued here and written by one thread.

mod partition;
mod partitions;
pub mod segments;
mod thread;

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use bytes::Bytes;
use collector_model::{Batch, ForkPath, Metrics, Span, Ticket};

use crate::{IndexError, IndexSettings, catalog::Catalog, stop::Stop};

/// A document that was made of a line.
#[derive(Clone, Debug)]
pub struct IndexItem {
    /// Index into the batch's lines.
    pub line: u32,
    /// Which fork of the line the document is.
    pub fork: ForkPath,
    /// The document, as JSON, in [`IndexPart::documents`].
    pub document: Span,
}

/// Everything that was made of one batch. A line without an item was filtered out; it counts as covered all the same.
#[derive(Debug)]
pub struct IndexPart {
    /// The batch. Its own ticket must have been taken out of it; [`IndexPart::of`] does that.
    pub batch: Arc<Batch>,
    /// The documents, one after the other.
    pub documents: Bytes,
    /// The documents' lines and places, in the order of the lines.
    pub items: Vec<IndexItem>,
    /// Completed once every partition that the batch touches is committed.
    pub ticket: Ticket,
}

impl IndexPart {
    /// The part of a batch, with the batch's own ticket.
    pub fn of(mut batch: Batch, documents: Bytes, items: Vec<IndexItem>) -> IndexPart {
        let ticket = std::mem::replace(&mut batch.ticket, Ticket::untracked());
        IndexPart { batch: Arc::new(batch), documents, items, ticket }
    }
}

/// The index was closed; the part's ticket counts as lost, so that its lines are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("handing lines to the index: it is closed")]
pub struct WriterClosed;

enum Command {
    Part(Box<IndexPart>),
    Stop,
    /// End without a commit, as a process that dies.
    #[cfg(test)]
    Abandon,
}

/// The way into an [`Index`](crate::Index). Cheap to clone.
#[derive(Clone)]
pub struct IndexWriter {
    sender: SyncSender<Command>,
    stop: Arc<Stop>,
}

impl IndexWriter {
    /// Hands over what was made of a batch, waiting while the queue is full.
    ///
    /// The ticket is completed after the commit. While the disk refuses, the writer tries again without end.
    ///
    /// # Errors
    /// When the index was closed.
    pub fn submit(&self, part: IndexPart) -> Result<(), WriterClosed> {
        self.sender.send(Command::Part(Box::new(part))).map_err(|_| WriterClosed)
    }

    /// Tells the thread to end where it is, without a commit.
    #[cfg(test)]
    pub(crate) fn abandon(&self) {
        self.sender.send(Command::Abandon).unwrap();
    }

    /// Tells the thread to commit what was submitted before, and to end.
    pub(crate) fn stop(&self) {
        self.stop.set();
        // The thread may have ended already.
        let _ = self.sender.send(Command::Stop);
    }
}

/// Starts the thread that writes.
pub(crate) fn start(
    catalog: Arc<Catalog>,
    settings: IndexSettings,
    metrics: Metrics,
) -> Result<(IndexWriter, JoinHandle<()>), IndexError> {
    let (sender, receiver) = sync_channel(settings.queue_parts_max.max(1));
    let stop = Arc::new(Stop::default());
    let thread = thread::WriterThread::new(catalog, settings, metrics, Arc::clone(&stop));
    let run = move || thread.run(&receiver);
    let handle = std::thread::Builder::new().name("index-writer".into()).spawn(run).map_err(IndexError::Thread)?;
    Ok((IndexWriter { sender, stop }, handle))
}
