//! The worker threads between a source and a sink: chain, rendering, handing over. One file per sink.

#[cfg(feature = "fleet")]
pub mod bulk;
pub mod dead;
#[cfg(feature = "standalone")]
pub mod index;
#[cfg(feature = "fleet")]
pub mod produce;
mod queue;
#[cfg(feature = "fleet")]
pub mod refused;

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context as _;
use collector_model::Batch;
pub use queue::{Queue, take_admitted};

/// After how long work that was put aside is looked at again: at first, and at most while nothing else comes.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));
/// How many batches may wait for a worker; what they hold is in the budget already.
const INBOX_BATCHES_MAX: usize = 16;

/// What a worker does with batches. It never blocks for the sake of one topic: what cannot be done now is put aside.
pub trait Worker: Send + 'static {
    /// Takes a batch.
    fn take(&mut self, batch: Batch);
    /// Does what can be done now. Says whether something is still put aside.
    fn advance(&mut self) -> bool;
}

/// Running workers.
pub struct Workers {
    /// Where batches for each of them go in.
    pub inboxes: Vec<SyncSender<Batch>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts a thread for each worker.
    pub fn start(workers: impl IntoIterator<Item = impl Worker>) -> anyhow::Result<Workers> {
        let mut running = Workers { inboxes: vec![], threads: vec![] };
        for (number, worker) in workers.into_iter().enumerate() {
            let (inbox, batches) = sync_channel(INBOX_BATCHES_MAX);
            let thread = std::thread::Builder::new().name(format!("worker-{number}"));
            let thread = thread.spawn(move || run(worker, &batches)).context("starting a worker thread")?;
            running.inboxes.push(inbox);
            running.threads.push(thread);
        }
        Ok(running)
    }

    /// Ends the workers: what they have put aside counts as lost, and is read again at the next start. Every other sender
    /// into the inboxes must be gone by then.
    pub fn stop(self) {
        drop(self.inboxes);
        for thread in self.threads {
            // A panic of that thread was reported when it happened; its batches count as lost.
            let _ = thread.join();
        }
    }
}

fn run(mut worker: impl Worker, batches: &Receiver<Batch>) {
    let (mut waiting, mut look_again) = (false, LOOK_AGAIN.0);
    loop {
        let next = if waiting { batches.recv_timeout(look_again) } else { batches.recv().map_err(Into::into) };
        match next {
            Ok(batch) => {
                worker.take(batch);
                look_again = LOOK_AGAIN.0;
            }
            Err(RecvTimeoutError::Timeout) => look_again = (look_again * 2).min(LOOK_AGAIN.1),
            Err(RecvTimeoutError::Disconnected) => return,
        }
        waiting = worker.advance();
    }
}
