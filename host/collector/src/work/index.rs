//! Standalone's worker: lines of files to the embedded index.

use std::{collections::HashMap, mem, sync::Arc};

use bytes::Bytes;
use collector_document::{DocumentSettings, Framing, Rendered, Renderer};
use collector_index::{IndexItem, IndexPart, IndexWriter};
use collector_model::{Batch, DeadLetter, Span, Stage, TaskKey, Topic};
use collector_plugin_host::ChainWorker;
use collector_tasks::Task;

use super::{Queue, Worker, dead, take_admitted};
use crate::{dead_file::DeadFiles, routes::Routes};

/// Makes documents and hands them to the index.
pub struct IndexWorker {
    routes: Arc<Routes<Task>>,
    lanes: HashMap<TaskKey, Lane>,
    writing: Writing,
}

/// Where documents go, and what is needed to write them.
struct Writing {
    index: IndexWriter,
    dead: Arc<DeadFiles>,
    renderer: Renderer,
    rendered: Rendered,
}

struct Lane {
    task: Arc<Task>,
    chain: ChainWorker,
    waiting: Queue,
    /// What is written, and waits for room among the dead letters.
    written: Option<Written>,
}

/// What became of a batch. Its letters are kept before its documents are handed over: what the index covers is not read again.
struct Written {
    topic: Topic,
    letters: Vec<DeadLetter>,
    part: IndexPart,
}

impl IndexWorker {
    /// A worker that finds the chain of each batch in `routes`.
    pub fn new(routes: Arc<Routes<Task>>, index: IndexWriter, dead: Arc<DeadFiles>) -> Self {
        let writing = Writing { index, dead, renderer: Renderer::default(), rendered: Rendered::default() };
        IndexWorker { routes, lanes: HashMap::new(), writing }
    }

    fn lane(&mut self, key: &TaskKey) -> Option<&mut Lane> {
        let way = self.routes.get(key)?;
        let current = self.lanes.get(key).is_some_and(|lane| Arc::ptr_eq(&lane.task, &way.rule));
        if !current {
            let before = self.lanes.remove(key).map(|lane| (lane.waiting, lane.written));
            let (waiting, written) = before.unwrap_or_default();
            let chain = ChainWorker::new(way.chain).keeping_original(way.rule.keep_original);
            let lane = Lane { task: way.rule, chain, waiting, written };
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
            self.writing.go_on(lane);
            waiting |= lane.written.is_some() || !lane.waiting.is_empty();
        }
        waiting
    }
}

impl Writing {
    /// Writes what waits, until there is nothing more or no room for its letters.
    fn go_on(&mut self, lane: &mut Lane) {
        loop {
            let written = match lane.written.take() {
                Some(written) => written,
                None => match take_admitted(&mut lane.waiting, &mut lane.chain) {
                    Some(batch) => self.write(lane, batch),
                    None => return,
                },
            };
            if !self.dead.keep(&written.topic, &written.letters) {
                lane.written = Some(written);
                return;
            }
            if let Err(closed) = self.index.submit(written.part) {
                tracing::debug!(%closed, "lines are read again at the next start");
            }
        }
    }

    fn write(&mut self, lane: &mut Lane, batch: Batch) -> Written {
        let output = lane.chain.run(&batch);
        let form = DocumentSettings::new(lane.task.document, lane.task.keep_original);
        self.renderer.render(&batch, output.table, output.schema, &form, Framing::Lines, &mut self.rendered);
        let letters = dead::letters(&batch, output.table, Stage::Standalone);
        let items = self.rendered.documents.iter().map(|span| IndexItem {
            line: span.line,
            fork: span.fork.clone(),
            document: Span::between(span.document.start, span.document.end),
        });
        let items = items.collect();
        let documents = Bytes::from(mem::take(&mut self.rendered.bytes));
        Written { topic: batch.topic.clone(), letters, part: IndexPart::of(batch, documents, items) }
    }
}
