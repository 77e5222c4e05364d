//! `--role transfer`: Kafka ──▶ batches ──chain──▶ bulks ──▶ Elasticsearch or OpenSearch. Rules come from etcd.

use std::{sync::Arc, time::Duration};

use collector_elastic::{ElasticSink, IndexState, IndexStatus};
use collector_kafka::{Consumer, Group, KafkaDeadLetters};
use collector_model::DeadLetters;
use serde_json::{Value, json};

use crate::{
    clients,
    follow::{self, FollowRules},
    frame::{self, DRAIN_MAX, Frame},
    readiness::Readiness,
    routes::Routes,
    settings::TransferSettings,
    work::{
        Workers,
        bulk::{BulkWorker, Safe},
    },
};

/// Runs until asked to end.
pub async fn run(settings: TransferSettings) -> anyhow::Result<()> {
    let common = &settings.common;
    let state = frame::open_state(&common.state_dir).await?;
    let mut frame = Frame::set_up("transfer", common, &state).await?;
    let (kafka, elastic) = (clients::kafka(&settings.kafka, &common.limits), clients::elastic(&settings.elastic));
    let mut readiness = Readiness::of(&frame.health);
    readiness.needs_kafka(&kafka);
    readiness.needs_elastic(&elastic);

    let routes = Arc::new(Routes::new(frame.plugins.clone(), frame.plugin_dirs.clone()));
    let dead = Arc::new(KafkaDeadLetters::start(&kafka, frame.metrics.clone())?);
    let of_sink: Arc<dyn DeadLetters> = dead.clone();
    let sink = ElasticSink::start(elastic, frame.metrics.clone(), of_sink, Arc::new(Safe))?;
    let of_status = sink.clone();
    frame.status.add("indices", move || json!(of_status.status().iter().map(index_status).collect::<Vec<_>>()));
    let worker = || {
        let dead: Arc<dyn DeadLetters> = dead.clone();
        BulkWorker::new(routes.clone(), sink.clone(), dead, frame.metrics.clone())
    };
    let workers = Workers::start((0..common.limits.workers_max).map(|_| worker()))?;
    let pages = frame.serve(None)?;

    // The rules first, so that no line is treated by the default while its rule is on the way.
    let mut following = follow::rules(FollowRules {
        etcd: settings.etcd.clone(),
        named: settings.topics.clone(),
        common: common.clone(),
        last_good: state.path().join("tasks.last"),
        routes: routes.clone(),
        sink: sink.clone(),
        status: frame.status.clone(),
        health: frame.health.clone(),
        metrics: frame.metrics.clone(),
    })?;
    let ended = tokio::select! {
        topics = following.first_topics() => {
            let group = Group { id: settings.group.clone(), instance: settings.group_instance_id.clone(), topics };
            let inboxes = workers.inboxes.clone();
            let consumer = Consumer::start(&kafka, group, frame.budget.clone(), frame.metrics.clone(), inboxes)?;
            let ended = tokio::select! {
                ended = frame.until_end(std::future::pending()) => ended,
                error = following.keep_topics(&consumer) => Err(error),
            };
            let stopped = tokio::task::spawn_blocking(move || consumer.stop(DRAIN_MAX)).await;
            stopped.unwrap_or_else(|error| tracing::error!(%error, "leaving the consumer group failed"));
            ended
        }
        ended = frame.until_end(std::future::pending()) => ended,
    };
    following.stop().await;
    // What is left belongs to lines that were not committed: it is read again.
    if tokio::time::timeout(Duration::from_secs(1), sink.drain()).await.is_err() {
        tracing::info!("some documents are not acknowledged; they are read again at the next start");
    }
    dead.stop();
    tokio::task::spawn_blocking(move || workers.stop()).await.unwrap_or_default();
    pages.close().await;
    ended
}

/// How an index fares, for the status.
fn index_status(status: &IndexStatus) -> Value {
    let (state, reason) = match &status.state {
        IndexState::Running => ("running", None),
        IndexState::Retrying { reason } => ("retrying", Some(reason)),
        IndexState::Blocked { reason } => ("blocked", Some(reason)),
    };
    json!({"index": status.index.as_str(), "state": state, "reason": reason, "retries": status.retries,
        "held_bytes": status.held_bytes})
}
