//! Tasks from a watched directory of `*.json` files.

use std::path::PathBuf;

use anyhow::Context as _;
use collector_tasks::{DirectorySource, DirectoryWatch, SourceStatus, TaskSet};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use super::tasks::{FollowTasks, Update};

/// Watches a directory; it may come into being later.
pub fn watch(dir: PathBuf, follow: &FollowTasks, updates: mpsc::Sender<Update>) -> anyhow::Result<DirectoryWatch> {
    let source = DirectorySource {
        dir: dir.clone(),
        bounds: follow.common.bounds.clone(),
        defaults: follow.common.defaults.clone(),
        last_good: Some(follow.last_good.clone()),
    };
    let (tasks_in, tasks) = watch::channel(TaskSet::default());
    let (metrics, status) = (follow.metrics.clone(), follow.status.clone());
    let refused_before = Mutex::new(Vec::<String>::new());
    let told = move |told: &SourceStatus| {
        let refused: Vec<_> = told.refusals.iter().map(|refusal| refusal.reason.clone()).collect();
        let before = std::mem::replace(&mut *refused_before.lock(), refused.clone());
        for reason in refused.iter().filter(|reason| !before.contains(reason)) {
            tracing::error!("{reason}; what it asked for before goes on");
            metrics.config_refusals.inc();
        }
        status.source_problem(told.trouble.clone());
        let update = Update { tasks: tasks.borrow().tasks.to_vec(), revision: told.revision, refused };
        // Nobody waits for it any more when the process ends.
        let _ = updates.blocking_send(update);
    };
    source.start(tasks_in, told).with_context(|| format!("starting to watch the directory of tasks {}", dir.display()))
}
