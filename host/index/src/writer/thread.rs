//! The thread that writes: apply, commit, complete the tickets; after a failure, all of it again.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use collector_failpoints::reached;
use collector_model::{Metrics, metrics};
use tracing::{error, info, warn};

use super::{
    Command, IndexPart,
    partitions::{Applied, Partitions},
};
use crate::{IndexError, IndexSettings, catalog::Catalog, stop::Stop};

const RETRY_WAIT_MIN: Duration = Duration::from_millis(100);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(30);
const UPKEEP_INTERVAL: Duration = Duration::from_secs(10);

/// A part that is not committed yet, and what it will count.
struct Pending {
    part: Box<IndexPart>,
    applied: Applied,
}

/// Told to stop while the disk refuses.
struct GivenUp;

pub(super) struct WriterThread {
    settings: IndexSettings,
    metrics: Metrics,
    stop: Arc<Stop>,
    partitions: Partitions,
    pending: Vec<Pending>,
    pending_documents: usize,
    pending_bytes: usize,
    pending_since: Option<Instant>,
    upkeep_due: Instant,
}

impl WriterThread {
    pub(super) fn new(catalog: Arc<Catalog>, settings: IndexSettings, metrics: Metrics, stop: Arc<Stop>) -> Self {
        WriterThread {
            partitions: Partitions::new(catalog, settings.clone()),
            settings,
            metrics,
            stop,
            pending: vec![],
            pending_documents: 0,
            pending_bytes: 0,
            pending_since: None,
            upkeep_due: Instant::now(),
        }
    }

    /// Runs until told to stop. What is not committed then was refused by the disk; dropping it makes its lines be read again.
    pub(super) fn run(mut self, receiver: &Receiver<Command>) {
        if let Err(GivenUp) = self.serve(receiver).and_then(|()| self.commit()) {
            error!(parts = self.pending.len(), "ending without a commit; the lines are read again at the next start");
        }
    }

    fn serve(&mut self, receiver: &Receiver<Command>) -> Result<(), GivenUp> {
        loop {
            match receiver.recv_timeout(self.patience()) {
                Ok(Command::Part(part)) => self.take(part)?,
                Err(RecvTimeoutError::Timeout) => {}
                #[cfg(test)]
                Ok(Command::Abandon) => return Err(GivenUp),
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if self.is_commit_due() {
                self.commit()?;
            }
            if Instant::now() >= self.upkeep_due {
                self.upkeep()?;
            }
        }
    }

    /// How long to wait for the next part.
    fn patience(&self) -> Duration {
        let upkeep = self.upkeep_due.saturating_duration_since(Instant::now());
        let commit = self.pending_since.map(|since| self.settings.commit_interval.saturating_sub(since.elapsed()));
        commit.map_or(upkeep, |commit| commit.min(upkeep))
    }

    fn is_commit_due(&self) -> bool {
        self.pending_since.is_some_and(|since| since.elapsed() >= self.settings.commit_interval)
            || self.pending_documents >= self.settings.commit_documents_max
            || self.pending_bytes >= self.settings.commit_bytes_max
            || self.partitions.is_crowded()
    }

    fn take(&mut self, part: Box<IndexPart>) -> Result<(), GivenUp> {
        self.pending_since.get_or_insert_with(Instant::now);
        self.pending_documents += part.items.len();
        self.pending_bytes += part.documents.len();
        let applied = self.partitions.apply(&part);
        self.pending.push(Pending { part, applied: Applied::default() });
        match applied {
            Ok(applied) => {
                let last = self.pending.len() - 1;
                self.pending[last].applied = applied;
                Ok(())
            }
            Err(reason) => self.recover(reason),
        }
    }

    /// Commits what is pending and completes its tickets, trying until the disk takes it.
    fn commit(&mut self) -> Result<(), GivenUp> {
        reached("index-committing");
        match self.partitions.commit() {
            Ok(()) => {
                reached("index-committed");
                self.complete();
            }
            Err(reason) => self.recover(reason)?,
        }
        if let Err(reason) = self.partitions.close_idle() {
            warn!(%reason, "could not close a partition in good order; what is committed in it is safe");
        }
        Ok(())
    }

    /// After a failure, what is not committed is gone from tantivy: all of it is applied once more, until that works.
    fn recover(&mut self, mut reason: IndexError) -> Result<(), GivenUp> {
        let mut wait = RETRY_WAIT_MIN;
        loop {
            self.alarm(&reason, wait);
            self.partitions.reset();
            let stopping = self.stop.wait(wait);
            match self.apply_again() {
                Ok(()) => {
                    info!("the index takes documents again");
                    self.complete();
                    return Ok(());
                }
                Err(_) if stopping => return Err(GivenUp),
                Err(again) => reason = again,
            }
            wait = (wait * 2).min(RETRY_WAIT_MAX);
        }
    }

    fn apply_again(&mut self) -> Result<(), IndexError> {
        for pending in &mut self.pending {
            pending.applied = self.partitions.apply(&pending.part)?;
        }
        self.partitions.commit()
    }

    fn alarm(&self, reason: &IndexError, wait: Duration) {
        let (retry_in_ms, parts) = (u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), self.pending.len());
        error!(%reason, retry_in_ms, parts, "the index refuses documents; nothing is lost, trying again");
        let topics: BTreeSet<_> = self.pending.iter().map(|pending| &pending.part.batch.topic).collect();
        for topic in topics {
            self.metrics.retries.get_or_create(&metrics::of(topic)).inc();
        }
    }

    fn complete(&mut self) {
        for Pending { part, applied } in self.pending.drain(..) {
            let label = metrics::of(&part.batch.topic);
            self.metrics.documents_indexed.get_or_create(&label).inc_by(applied.indexed);
            self.metrics.documents_conflicted.get_or_create(&label).inc_by(applied.conflicted);
            if applied.late > 0 {
                self.metrics.documents_past_retention.get_or_create(&label).inc_by(applied.late);
            }
            part.ticket.complete();
        }
        (self.pending_documents, self.pending_bytes, self.pending_since) = (0, 0, None);
    }

    fn upkeep(&mut self) -> Result<(), GivenUp> {
        self.upkeep_due = Instant::now() + UPKEEP_INTERVAL;
        self.commit()?;
        if let Err(reason) = self.partitions.retain() {
            warn!(%reason, "could not delete a partition that is not kept any more; trying again later");
        }
        Ok(())
    }
}
