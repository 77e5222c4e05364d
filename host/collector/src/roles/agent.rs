//! `--role agent`: files ──tail──▶ batches ──chain──▶ records ──▶ Kafka. Tasks come from etcd, a directory or the settings.

use std::{
    collections::HashMap,
    sync::{Arc, mpsc::Sender},
};

use collector_kafka::{KafkaDeadLetters, KafkaSettings, Producer, Undeliverable};
use collector_model::{Budget, DeadLetters, Metrics, budget::BudgetLimits};
use collector_tail::{NoCoverage, Surroundings, Tail};
use collector_tasks::{TaskSet, task::Acks};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    clients,
    follow::{self, FollowTasks},
    frame::{self, Frame},
    readiness::Readiness,
    routes::Routes,
    settings::AgentSettings,
    work::{
        Workers,
        produce::{ProduceWorker, Producers},
        refused::bury_refused,
    },
};

/// Runs until asked to end.
pub async fn run(settings: AgentSettings) -> anyhow::Result<()> {
    let common = &settings.common;
    let state = frame::open_state(&common.state_dir).await?;
    let mut frame = Frame::set_up("agent", common, &state).await?;
    let kafka = clients::kafka(&settings.kafka, &common.limits);
    let mut readiness = Readiness::of(&frame.health);
    readiness.needs_kafka(&kafka);
    frame.budget = Budget::new(read_ahead(common.limits.memory_bytes_max, &kafka));

    let routes = Arc::new(Routes::new(frame.plugins.clone(), frame.plugin_dirs.clone()));
    let dead = Arc::new(KafkaDeadLetters::start(&kafka, frame.metrics.clone())?);
    let refused = bury_refused(dead.clone())?;
    let producers = Arc::new(ProducersByAcks::new(kafka.clone(), frame.metrics.clone(), refused));
    producers.start(Acks::All)?;
    let worker = || {
        let dead: Arc<dyn DeadLetters> = dead.clone();
        ProduceWorker::new(routes.clone(), producers.clone(), dead)
    };
    let workers = Workers::start((0..common.limits.workers_max).map(|_| worker()))?;

    let (tasks_in, tasks) = watch::channel(TaskSet::default());
    let tail_settings = frame::tail_settings(common)?;
    let around = Surroundings {
        tasks,
        budget: frame.budget.clone(),
        coverage: Arc::new(NoCoverage),
        metrics: frame.metrics.clone(),
        out: workers.inboxes.clone(),
    };
    let pages = frame.serve(None)?;
    let last_good = state.path().join("tasks.last");
    let tail = Arc::new(Tail::start(tail_settings, state, around)?);
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

    let ended = frame.until_end(std::future::pending()).await;
    following.stop().await;
    drain(tail, &producers, workers).await;
    dead.stop();
    pages.close().await;
    ended
}

/// What a topic may hold however much others hold: two batches.
const GUARANTEED_BYTES: usize = 256 << 10;

/// What is read is copied into the producer's queue, which takes as much again for what it keeps beside each record: both are
/// part of the total. More of one topic than fills the queue would only wait beside it.
fn read_ahead(memory_bytes_max: usize, kafka: &KafkaSettings) -> BudgetLimits {
    let queue_bytes_max = kafka.queue_kbytes_max << 10;
    BudgetLimits {
        shared_bytes_max: memory_bytes_max.saturating_sub(2 * queue_bytes_max).max(memory_bytes_max / 4),
        topic_bytes_max: queue_bytes_max.min(memory_bytes_max / 2),
        topic_bytes_guaranteed: GUARANTEED_BYTES,
    }
}

/// Reading stops first; what was read is sent and acknowledged, then the last checkpoint is written.
async fn drain(tail: Arc<collector_tail::TailHandle>, producers: &Arc<ProducersByAcks>, workers: Workers) {
    let producers = producers.clone();
    let drained = tokio::task::spawn_blocking(move || {
        if let Some(tail) = Arc::into_inner(tail) {
            let drained = tail.stop();
            tracing::info!(files_unacknowledged = drained.files_unacknowledged, "files are closed");
        }
        producers.stop();
        workers.stop();
    });
    if let Err(error) = drained.await {
        tracing::error!(%error, "draining failed; what was not acknowledged is read again at the next start");
    }
}

/// Producers, started when a task first asks for their kind.
struct ProducersByAcks {
    settings: KafkaSettings,
    metrics: Metrics,
    refused: Sender<Undeliverable>,
    started: Mutex<HashMap<Acks, Arc<Producer>>>,
}

impl ProducersByAcks {
    fn new(settings: KafkaSettings, metrics: Metrics, refused: Sender<Undeliverable>) -> Self {
        ProducersByAcks { settings, metrics, refused, started: Mutex::default() }
    }

    fn start(&self, acks: Acks) -> anyhow::Result<Arc<Producer>> {
        let mut started = self.started.lock();
        if let Some(producer) = started.get(&acks) {
            return Ok(Arc::clone(producer));
        }
        let refused = self.refused.clone();
        // Where nobody buries any more, the process is ending: the record's ticket is dropped, and its lines are read again.
        let undeliverable = move |record| drop(refused.send(record));
        let producer = Arc::new(Producer::start(&self.settings, acks, self.metrics.clone(), undeliverable)?);
        started.insert(acks, Arc::clone(&producer));
        Ok(producer)
    }

    fn stop(&self) {
        self.started.lock().values().for_each(|producer| producer.stop());
    }
}

impl Producers for ProducersByAcks {
    fn of(&self, acks: Acks) -> Option<Arc<Producer>> {
        self.start(acks)
            .inspect_err(|error| tracing::error!(%error, "a task's lines wait: there is no producer for them"))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_ahead_leaves_room_for_the_queue() {
        let limits = |total: usize, queue_kbytes_max: usize| {
            read_ahead(total, &KafkaSettings { queue_kbytes_max, ..KafkaSettings::new(vec![]) })
        };
        let usual = limits(64 << 20, 16 << 10);
        assert_eq!((usual.shared_bytes_max, usual.topic_bytes_max), (32 << 20, 16 << 20));
        let little = limits(8 << 20, 16 << 10);
        assert_eq!((little.shared_bytes_max, little.topic_bytes_max), (2 << 20, 4 << 20));
    }
}
