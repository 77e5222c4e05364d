//! Standalone's worker: lines of files to the embedded index.

use std::{collections::HashMap, mem, sync::Arc};

use bytes::Bytes;
use collector_document::{DocumentSettings, Framing, Rendered, Renderer};
use collector_index::{IndexItem, IndexPart, IndexWriter};
use collector_model::{Batch, DeadLetters, Span, Stage, TaskKey};
use collector_plugin_host::ChainWorker;
use collector_tasks::Task;

use super::{Queue, Worker, dead, take_admitted};
use crate::routes::Routes;

/// Makes documents and hands them to the index.
pub struct IndexWorker {
    routes: Arc<Routes<Task>>,
    lanes: HashMap<TaskKey, Lane>,
    writing: Writing,
}

/// Where documents go, and what is needed to write them.
struct Writing {
    index: IndexWriter,
    dead: Arc<dyn DeadLetters>,
    renderer: Renderer,
    rendered: Rendered,
}

struct Lane {
    task: Arc<Task>,
    chain: ChainWorker,
    waiting: Queue,
}

impl IndexWorker {
    /// A worker that finds the chain of each batch in `routes`.
    pub fn new(routes: Arc<Routes<Task>>, index: IndexWriter, dead: Arc<dyn DeadLetters>) -> Self {
        let writing = Writing { index, dead, renderer: Renderer::default(), rendered: Rendered::default() };
        IndexWorker { routes, lanes: HashMap::new(), writing }
    }

    fn lane(&mut self, key: &TaskKey) -> Option<&mut Lane> {
        let way = self.routes.get(key)?;
        let current = self.lanes.get(key).is_some_and(|lane| Arc::ptr_eq(&lane.task, &way.rule));
        if !current {
            let waiting = self.lanes.remove(key).map(|lane| lane.waiting).unwrap_or_default();
            let chain = ChainWorker::new(way.chain).keeping_original(way.rule.keep_original);
            let lane = Lane { task: way.rule, chain, waiting };
            self.lanes.insert(key.clone(), lane);
        }
        self.lanes.get_mut(key)
    }
}

impl Worker for IndexWorker {
    fn take(&mut self, batch: Batch) {
        let key = batch.task.clone();
        if let Some(lane) = self.lane(&key) {
            lane.waiting.push_back(batch);
        }
    }

    fn advance(&mut self) -> bool {
        let mut waiting = false;
        for lane in self.lanes.values_mut() {
            while let Some(batch) = take_admitted(&mut lane.waiting, &mut lane.chain) {
                self.writing.index(lane, batch);
            }
            waiting |= !lane.waiting.is_empty();
        }
        waiting
    }
}

impl Writing {
    fn index(&mut self, lane: &mut Lane, batch: Batch) {
        let output = lane.chain.run(&batch);
        let form = DocumentSettings::new(lane.task.document, lane.task.keep_original);
        self.renderer.render(&batch, output.table, output.schema, &form, Framing::Lines, &mut self.rendered);
        dead::bury(&batch, output.table, Stage::Standalone, &*self.dead, &batch.ticket);
        let items = self.rendered.documents.iter().map(|span| IndexItem {
            line: span.line,
            fork: span.fork.clone(),
            document: Span::between(span.document.start, span.document.end),
        });
        let items = items.collect();
        let documents = Bytes::from(mem::take(&mut self.rendered.bytes));
        if let Err(closed) = self.index.submit(IndexPart::of(batch, documents, items)) {
            tracing::debug!(%closed, "lines are read again at the next start");
        }
    }
}
