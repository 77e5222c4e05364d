//! Configuration from etcd: what is seen goes through the reconciler, and what is good is kept for a start without etcd.

use std::{path::PathBuf, time::Duration};

use collector_etcd::{Cause, Observation, Picture, StatusKey, WatchTarget, watch_keys};
use collector_model::Metrics;
use collector_tasks::{
    Decision, LastGood, Observed, ObservedValue, Reconciler, Task, directory, merge, reconcile::Parse,
};
use tokio::{sync::mpsc, task::JoinHandle};

use super::tasks::{FollowTasks, Update};
use crate::{clients, settings::EtcdSettings, status::Status};

/// How long the status key outlives this process.
const LEASE: Duration = Duration::from_secs(20);
/// How often the status is written even though its configuration's state did not change.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// A task that ends when this is dropped.
pub struct Guard(JoinHandle<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Watches the keys of this host's tasks, and keeps its status key.
pub fn watch(settings: &EtcdSettings, follow: &FollowTasks, updates: mpsc::Sender<Update>) -> (Guard, Guard) {
    let parse = directory::parser(follow.common.bounds.clone(), follow.common.defaults.clone());
    let kept = Kept::new(parse, follow.last_good.clone(), follow.metrics.clone(), follow.status.clone());
    let watching = tokio::spawn(watch_tasks(settings.clone(), kept, updates));
    (Guard(watching), keep_status(settings, &follow.status))
}

async fn watch_tasks(settings: EtcdSettings, mut kept: Kept<Vec<Task>>, updates: mpsc::Sender<Update>) {
    let update = |kept: &Kept<Vec<Task>>| {
        let nearest_first = settings.collect_keys.iter().filter_map(|key| kept.reconciler.running_for(key));
        let merged = merge(nearest_first.map(Vec::as_slice), kept.reconciler.revision());
        Update { tasks: merged.tasks.to_vec(), revision: merged.revision, refused: kept.refusals() }
    };
    if kept.restore() && updates.send(update(&kept)).await.is_err() {
        return;
    }
    let targets = settings.collect_keys.iter().map(|key| WatchTarget::Key(key.clone())).collect();
    let (mut observations, _watch) = watch_keys(clients::etcd(&settings), targets);
    let mut first = true;
    while let Some(observation) = observations.recv().await {
        let Some(changed) = kept.observe(&observation) else { continue };
        if (changed || first) && updates.send(update(&kept)).await.is_err() {
            return;
        }
        first = false;
    }
}

/// What is known of a set of keys, with its copy on disk.
pub struct Kept<T> {
    /// What runs, and what was refused.
    pub reconciler: Reconciler<T>,
    last_good: PathBuf,
    metrics: Metrics,
    status: Status,
}

impl<T: PartialEq> Kept<T> {
    /// Nothing is known yet.
    pub fn new(parse: Parse<T>, last_good: PathBuf, metrics: Metrics, status: Status) -> Self {
        Kept { reconciler: Reconciler::new(parse), last_good, metrics, status }
    }

    /// Takes up what ran before a restart. Whether there was something.
    pub fn restore(&mut self) -> bool {
        match LastGood::load(&self.last_good) {
            Ok(Some(last_good)) => {
                let decision = self.reconciler.restore(&last_good);
                self.follow_up(&decision);
                decision.apply
            }
            Ok(None) => false,
            Err(error) => {
                tracing::error!(%error, "starting without the last good configuration");
                false
            }
        }
    }

    /// Takes in what etcd says. Whether something is to be applied or told anew; none where etcd said nothing.
    pub fn observe(&mut self, observation: &Observation) -> Option<bool> {
        let (picture, cause) = match observation {
            Observation::State { picture, cause } => (picture, cause),
            Observation::Unreachable { reason, .. } => {
                tracing::warn!(reason, "etcd cannot be asked; the configuration that is known goes on");
                self.status.source_problem(Some(reason.clone()));
                return None;
            }
        };
        self.status.source_problem(None);
        let refusals = self.refusals();
        let decision = self.reconciler.observe(&observed(picture, cause));
        self.follow_up(&decision);
        Some(decision.apply || refusals != self.refusals())
    }

    fn follow_up(&self, decision: &Decision) {
        for refusal in &decision.refused {
            tracing::error!(
                key = refusal.key,
                revision = refusal.revision,
                "{}; what ran for it goes on",
                refusal.reason
            );
            self.metrics.config_refusals.inc();
        }
        if decision.save
            && let Err(error) = self.reconciler.last_good().save(&self.last_good)
        {
            tracing::error!(%error, "a restart without etcd would start with older configuration");
        }
    }

    /// Everything that is refused at the moment.
    pub fn refusals(&self) -> Vec<String> {
        self.reconciler.refusals().map(|refusal| format!("{}: {}", refusal.key, refusal.reason)).collect()
    }
}

fn observed(picture: &Picture, cause: &Cause) -> Observed {
    let value = |(key, entry): (&String, &collector_etcd::Entry)| {
        (key.clone(), ObservedValue { bytes: entry.value.clone(), revision: entry.mod_revision })
    };
    Observed {
        cluster_id: picture.cluster_id,
        revision: picture.revision,
        values: picture.entries.iter().map(value).collect(),
        deleted: match cause {
            Cause::Listed => vec![],
            Cause::Watched { deleted, .. } => deleted.clone(),
        },
    }
}

/// Writes the status to its key in etcd, now and at each change.
pub fn keep_status(settings: &EtcdSettings, status: &Status) -> Guard {
    let key = format!("{}{}", settings.instances_prefix, status.id());
    let (client, status) = (clients::etcd(settings), status.clone());
    Guard(tokio::spawn(async move {
        let of_etcd = StatusKey::start(client, key, LEASE);
        loop {
            let changed = status.changed();
            let asked = status.clone();
            // Asking the parts may wait for their threads.
            if let Ok(json) = tokio::task::spawn_blocking(move || asked.json().to_string()).await {
                of_etcd.publish(json);
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(STATUS_EVERY) => {}
            }
        }
    }))
}
