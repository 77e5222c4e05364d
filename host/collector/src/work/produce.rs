//! The agent's worker: lines of files, as they are or as documents of a chain, to Kafka.

use std::{collections::HashMap, mem, sync::Arc};

use collector_document::{DocumentSettings, Framing, Rendered, Renderer, join_chains};
use collector_kafka::{Producer, Record, Route, SendError, TopicState};
use collector_model::{
    Batch, DeadLetters, Encoding, Line, LineFlags, Origin, Stage, TaskKey, Ticket, envelope, table::EventStatus,
};
use collector_plugin_host::ChainWorker;
use collector_tasks::{Task, task::Acks};

use super::{Queue, Worker, dead, take_admitted};
use crate::routes::Routes;

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

/// Buffers and what is needed to write a record.
struct Writing {
    renderer: Renderer,
    rendered: Rendered,
    key: Vec<u8>,
}

impl ProduceWorker {
    /// A worker that finds the way of each batch in `routes`.
    pub fn new(routes: Arc<Routes<Task>>, producers: Arc<dyn Producers>, dead: Arc<dyn DeadLetters>) -> Self {
        let writing = Writing { renderer: Renderer::default(), rendered: Rendered::default(), key: Vec::new() };
        ProduceWorker { routes, producers, dead, lanes: HashMap::new(), writing }
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
            while !lane.waiting.is_empty() && lane.route.state() == TopicState::Ready {
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

impl Writing {
    fn send(&mut self, lane: &mut Lane, mut batch: Batch, dead: &dyn DeadLetters) {
        let ticket = mem::replace(&mut batch.ticket, Ticket::untracked());
        let sent = match lane.chain.is_plain() {
            true => self.send_lines(lane, &batch, &ticket),
            false => self.send_documents(lane, &batch, &ticket, dead),
        };
        match sent {
            Ok(()) => ticket.complete(),
            // Dropping the batch's own share makes its lines be read again at the next start.
            Err(error) => tracing::debug!(%error, "lines were not sent"),
        }
    }

    fn send_lines(&mut self, lane: &mut Lane, batch: &Batch, ticket: &Ticket) -> Result<(), SendError> {
        for line in &batch.lines {
            self.key.clear();
            envelope::encode(&line.id, &line.fork, line.flags, batch.origin_of(line), &mut self.key);
            let record = Record { route: &mut lane.route, key: &self.key, value: batch.raw_of(line) };
            lane.producer.send(record, ticket.clone())?;
        }
        Ok(())
    }

    fn send_documents(
        &mut self,
        lane: &mut Lane,
        batch: &Batch,
        ticket: &Ticket,
        dead: &dyn DeadLetters,
    ) -> Result<(), SendError> {
        let output = lane.chain.run(batch);
        let form = DocumentSettings::new(lane.task.document, lane.task.keep_original);
        self.renderer.render(batch, output.table, output.schema, &form, Framing::Lines, &mut self.rendered);
        let origins = batch.origins.iter().map(|origin| {
            let chain = join_chains(&origin.chain, &output.table.chain).into();
            // What a chain makes is UTF-8, whatever it was made of.
            Origin { chain, encoding: Encoding::UTF_8, ..(**origin).clone() }
        });
        let origins: Vec<Origin> = origins.collect();
        dead::bury(batch, output.table, Stage::Agent, dead, ticket);
        for span in &self.rendered.documents {
            let line: &Line = &batch.lines[span.line as usize];
            let bypassed = span.status == EventStatus::Bypassed;
            let flags = if bypassed { line.flags.with(LineFlags::BYPASSED) } else { line.flags };
            let flags = flags.with(LineFlags::DOCUMENT);
            self.key.clear();
            envelope::encode(&line.id, &span.fork, flags, &origins[line.origin as usize], &mut self.key);
            let value = &self.rendered.bytes[span.document.clone()];
            lane.producer.send(Record { route: &mut lane.route, key: &self.key, value }, ticket.clone())?;
        }
        Ok(())
    }
}
