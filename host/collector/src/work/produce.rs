//! The agent's worker: lines of files, as they are or as documents of a chain, to Kafka.

mod field;
mod writing;

use std::{collections::HashMap, sync::Arc};

use collector_kafka::{Producer, Route, TopicState};
use collector_model::{Batch, DeadLetters, TaskKey};
use collector_plugin_host::ChainWorker;
use collector_tasks::{
    Task,
    task::{Acks, RecordForm},
};

use super::{Queue, Worker, take_admitted};
use crate::routes::Routes;
use writing::Writing;

/// The producers of a process: one for each kind of acknowledgement that a task asks for.
pub trait Producers: Send + Sync + 'static {
    /// The producer of that kind.
    fn of(&self, acks: Acks) -> Option<Arc<Producer>>;
}

/// Sends what was read to Kafka.
pub struct ProduceWorker {
    routes: Arc<Routes<Task>>,
    producers: Arc<dyn Producers>,
    dead: Arc<dyn DeadLetters>,
    lanes: HashMap<TaskKey, Lane>,
    writing: Writing,
}

/// The way of one task's lines.
struct Lane {
    task: Arc<Task>,
    chain: ChainWorker,
    producer: Arc<Producer>,
    route: Route,
    waiting: Queue,
}

impl Lane {
    /// Whether the next of what waits can be sent now.
    fn is_ready(&self) -> bool {
        let Some(next) = self.waiting.front() else { return false };
        let state = match self.task.kafka.form {
            RecordForm::Line => self.route.state_for(next.lines.len(), next.raw.len()),
            // One record, which may be more than is left of a request: that sends it at once.
            RecordForm::Batch => self.route.state(),
        };
        state == TopicState::Ready
    }
}

impl ProduceWorker {
    /// A worker that finds the way of each batch in `routes`.
    pub fn new(routes: Arc<Routes<Task>>, producers: Arc<dyn Producers>, dead: Arc<dyn DeadLetters>) -> Self {
        ProduceWorker { routes, producers, dead, lanes: HashMap::new(), writing: Writing::default() }
    }

    /// The lane of a task, made anew when the task was changed. None where the task is gone: its lines count as lost, and are
    /// read again should it come back.
    fn lane(&mut self, key: &TaskKey) -> Option<&mut Lane> {
        let way = self.routes.get(key)?;
        let current = self.lanes.get(key).is_some_and(|lane| Arc::ptr_eq(&lane.task, &way.rule));
        if !current {
            let producer = self.producers.of(way.rule.kafka.acks)?;
            let route = producer.route(&way.rule.topic, way.rule.kafka.partitioning);
            let waiting = self.lanes.remove(key).map(|lane| lane.waiting).unwrap_or_default();
            let chain = ChainWorker::new(way.chain).keeping_original(way.rule.keep_original);
            self.lanes.insert(key.clone(), Lane { task: way.rule, chain, producer, route, waiting });
        }
        self.lanes.get_mut(key)
    }
}

impl Worker for ProduceWorker {
    fn take(&mut self, batch: Batch) {
        let key = batch.task.clone();
        if let Some(lane) = self.lane(&key) {
            lane.waiting.push_back(batch);
        }
    }

    fn advance(&mut self) -> bool {
        let mut waiting = false;
        for lane in self.lanes.values_mut() {
            while lane.is_ready() {
                let Some(batch) = take_admitted(&mut lane.waiting, &mut lane.chain) else { break };
                self.writing.send(lane, batch, &*self.dead);
            }
            waiting |= !lane.waiting.is_empty();
        }
        if self.lanes.len() > self.routes.len() {
            self.lanes.retain(|key, lane| !lane.waiting.is_empty() || self.routes.get(key).is_some());
        }
        waiting
    }
}
