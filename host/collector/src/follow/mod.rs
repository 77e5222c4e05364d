//! Following the configuration: from where it is kept, through the reconciler and the chains, to what runs.

mod apply;
mod chains;
mod directory;
#[cfg(feature = "fleet")]
mod etcd;
#[cfg(feature = "fleet")]
mod rules;
mod tasks;

use std::sync::Arc;

use collector_tail::TailHandle;
use serde_json::json;

#[cfg(feature = "fleet")]
pub use rules::{FollowRules, rules};
pub use tasks::{FollowTasks, tasks};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::status::Status;

/// Files in the status, at most.
const FILES_SHOWN_MAX: usize = 200;

/// Following under way.
pub struct Following {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Following {
    fn spawn<F: Future<Output = ()> + Send + 'static>(run: impl FnOnce(oneshot::Receiver<()>) -> F) -> Self {
        let (stop, stopped) = oneshot::channel();
        Following { stop, task: tokio::spawn(run(stopped)) }
    }

    /// Ends it: what runs goes on as it is.
    pub async fn stop(self) {
        // Whoever has ended already needs no word.
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "following the configuration ended with a panic");
        }
    }
}

/// Shows the files in the status.
pub fn add_files_to_status(status: &Status, tail: &Arc<TailHandle>) {
    let tail = Arc::downgrade(tail);
    status.add("files", move || {
        let files = tail.upgrade().map(|tail| tail.files()).unwrap_or_default();
        let lag: u64 = files.iter().map(|file| file.lag_bytes()).sum();
        let shown = files.iter().take(FILES_SHOWN_MAX).map(|file| {
            json!({"path": file.path, "topic": file.topic.as_str(), "acknowledged_bytes": file.acknowledged_bytes,
                "size_bytes": file.size_bytes})
        });
        json!({"count": files.len(), "lag_bytes": lag, "shown": shown.collect::<Vec<_>>()})
    });
}
