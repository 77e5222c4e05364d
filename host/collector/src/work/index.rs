//! Standalone's worker: lines of files to the embedded index.

use std::{collections::HashMap, mem, sync::Arc};

use bytes::Bytes;
use collector_document::{DocumentSettings, Framing, Rendered, Renderer};
use collector_index::{IndexItem, IndexPart, IndexWriter};
use collector_model::{Batch, DeadLetters, Span, Stage, TaskKey};
use collector_plugin_host::ChainWorker;
use collector_tasks::Task;

use super::{Worker, dead};
use crate::routes::Routes;

/// Makes documents and hands them to the index.
pub struct IndexWorker {
    routes: Arc<Routes<Task>>,
    index: IndexWriter,
    dead: Arc<dyn DeadLetters>,
    lanes: HashMap<TaskKey, Lane>,
    renderer: Renderer,
    rendered: Rendered,
}

struct Lane {
    task: Arc<Task>,
    chain: ChainWorker,
}

impl IndexWorker {
    /// A worker that finds the chain of each batch in `routes`.
    pub fn new(routes: Arc<Routes<Task>>, index: IndexWriter, dead: Arc<dyn DeadLetters>) -> Self {
        let (renderer, rendered) = (Renderer::default(), Rendered::default());
        IndexWorker { routes, index, dead, lanes: HashMap::new(), renderer, rendered }
    }

    fn lane(&mut self, key: &TaskKey) -> Option<&mut Lane> {
        let way = self.routes.get(key)?;
        let current = self.lanes.get(key).is_some_and(|lane| Arc::ptr_eq(&lane.task, &way.rule));
        if !current {
            let slot = way.chain.unwrap_or_else(|| self.routes.empty_chain(&way.rule.topic));
            self.lanes.insert(key.clone(), Lane { task: way.rule, chain: ChainWorker::new(slot) });
        }
        self.lanes.get_mut(key)
    }
}

impl Worker for IndexWorker {
    fn take(&mut self, batch: Batch) {
        let key = batch.task.clone();
        if self.lane(&key).is_none() {
            return;
        }
        let Some(lane) = self.lanes.get_mut(&key) else { return };
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

    fn advance(&mut self) -> bool {
        false
    }
}
