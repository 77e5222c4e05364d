//! `--role standalone`: files ──tail──▶ batches ──chain──▶ documents ──▶ the embedded index, and a page to search it. No server.

use std::sync::Arc;

use anyhow::Context as _;
use collector_index::{Index, IndexSettings};
use collector_model::{BucketDay, FileUid, search::Search};
use collector_tail::{Coverage, Surroundings, Tail};
use collector_tasks::TaskSet;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    dead_file::{DeadFiles, FileStatus},
    dead_letters::Taking,
    follow::{self, FollowTasks},
    frame::{self, Frame},
    routes::Routes,
    settings::StandaloneSettings,
    work::{Workers, index::IndexWorker},
};

/// Runs until asked to end.
pub async fn run(settings: StandaloneSettings) -> anyhow::Result<()> {
    let common = &settings.common;
    let state = frame::open_state(&common.state_dir).await?;
    let mut frame = Frame::set_up("standalone", common, &state).await?;

    let routes = Arc::new(Routes::new(frame.plugins.clone(), frame.plugin_dirs.clone()));
    let index = Arc::new(open_index(&settings, &state, &frame)?);
    let dead_dir = state.path().join("dead");
    let dead = DeadFiles::open(&dead_dir, common.limits.dead_letters_bytes_max, frame.metrics.clone())
        .with_context(|| format!("making {} for dead letters", dead_dir.display()))?;
    let dead = Arc::new(dead);
    let of_status = dead.clone();
    frame.status.add("dead_letters", move || json!(of_status.status().iter().map(letters_status).collect::<Vec<_>>()));
    let worker = || IndexWorker::new(routes.clone(), index.writer(), dead.clone());
    let workers = Workers::start((0..common.limits.workers_max).map(|_| worker()))?;

    let of_taking = workers.inboxes.first().context("there is no worker")?.clone();
    let taking = Taking::start(dead_dir, routes.clone(), of_taking)?;

    let (tasks_in, tasks) = watch::channel(TaskSet::default());
    let around = Surroundings {
        tasks,
        budget: frame.budget.clone(),
        coverage: Arc::new(InIndex(index.clone())),
        metrics: frame.metrics.clone(),
        out: workers.inboxes.clone(),
    };
    let search: Arc<dyn Search> = Arc::new(index.reader());
    let pages = frame.serve(Some(search))?;
    let last_good = state.path().join("tasks.last");
    let tail = Arc::new(Tail::start(frame::tail_settings(common)?, state, around)?);
    follow::add_files_to_status(&frame.status, &tail);
    let following = follow::tasks(FollowTasks {
        source: settings.tasks.clone(),
        common: common.clone(),
        last_good,
        routes: routes.clone(),
        tasks: tasks_in,
        status: frame.status.clone(),
        health: frame.health.clone(),
        metrics: frame.metrics.clone(),
    })?;
    tracing::info!("the page to search: http://{}/", common.http_listen);

    let ended = frame.until_end(std::future::pending()).await;
    following.stop().await;
    let drained = tokio::task::spawn_blocking(move || {
        // Reading stops first; what was read is committed, then the last checkpoint is written.
        if let Some(tail) = Arc::into_inner(tail) {
            tail.stop();
        }
        taking.stop();
        workers.stop();
        drop(index);
    });
    drained.await.context("draining")?;
    pages.close().await;
    ended
}

fn open_index(settings: &StandaloneSettings, state: &collector_tail::StateDir, frame: &Frame) -> anyhow::Result<Index> {
    let of_index = IndexSettings {
        heap_bytes_max: settings.index.memory_bytes_max,
        commit_interval: settings.index.commit_interval,
        retention_days: settings.index.retention_days,
        ..IndexSettings::default()
    };
    Ok(Index::open(&state.path().join("index"), of_index, frame.metrics.clone())?)
}

/// How the dead letters of a topic stand, for the status.
fn letters_status(status: &FileStatus) -> Value {
    json!({"topic": status.topic.as_str(), "state": status.state, "reason": status.reason, "bytes": status.bytes})
}

/// What the index holds decides where a file goes on.
struct InIndex(Arc<Index>);

impl Coverage for InIndex {
    fn covered(&self, uid: FileUid, day: BucketDay, from: u64) -> Option<u64> {
        self.0.covered(uid, day, from)
    }
}
