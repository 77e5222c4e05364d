//! The transfer's worker: records of Kafka to bulk parts.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::Arc,
};

use bytes::Bytes;
use collector_document::{DocumentSettings, Framing, Rendered, Renderer, safe_document};
use collector_elastic::{BulkItem, BulkPart, ElasticSink, SafeDocument};
use collector_failpoints::planted;
use collector_model::{Batch, BucketDay, DeadLetters, Metrics, Span, Stage, TaskKey, Ticket, metrics::of};
use collector_plugin_host::ChainWorker;
use collector_tasks::TransferRule;

use super::{Queue, Worker, dead, take_admitted};
use crate::routes::Routes;

/// Makes documents and hands them to the sink.
pub struct BulkWorker {
    routes: Arc<Routes<TransferRule>>,
    sink: ElasticSink,
    dead: Arc<dyn DeadLetters>,
    metrics: Metrics,
    lanes: HashMap<TaskKey, Lane>,
    renderer: Renderer,
    rendered: Rendered,
}

/// The way of one topic's lines.
struct Lane {
    rule: Arc<TransferRule>,
    chain: ChainWorker,
    waiting: Queue,
    /// Parts for which their index has no room yet.
    parts: VecDeque<BulkPart>,
}

impl BulkWorker {
    /// A worker that finds the rule of each topic in `routes`.
    pub fn new(
        routes: Arc<Routes<TransferRule>>,
        sink: ElasticSink,
        dead: Arc<dyn DeadLetters>,
        metrics: Metrics,
    ) -> Self {
        BulkWorker {
            routes,
            sink,
            dead,
            metrics,
            lanes: HashMap::new(),
            renderer: Renderer::default(),
            rendered: Rendered::default(),
        }
    }

    fn lane(&mut self, key: &TaskKey) -> Option<&mut Lane> {
        let way = self.routes.get(key)?;
        let current = self.lanes.get(key).is_some_and(|lane| Arc::ptr_eq(&lane.rule, &way.rule));
        if !current {
            let (waiting, parts) = self.lanes.remove(key).map(|lane| (lane.waiting, lane.parts)).unwrap_or_default();
            let chain = ChainWorker::new(way.chain).keeping_original(way.rule.keep_original);
            let lane = Lane { rule: way.rule, chain, waiting, parts };
            self.lanes.insert(key.clone(), lane);
        }
        self.lanes.get_mut(key)
    }
}

impl Worker for BulkWorker {
    fn take(&mut self, batch: Batch) {
        let key = batch.task.clone();
        if let Some(lane) = self.lane(&key) {
            lane.waiting.push_back(batch);
        }
    }

    fn advance(&mut self) -> bool {
        let mut waiting = false;
        for lane in self.lanes.values_mut() {
            loop {
                while let Some(part) = lane.parts.pop_front() {
                    if let Err(part) = self.sink.try_submit(part) {
                        lane.parts.push_front(part);
                        break;
                    }
                }
                if !lane.parts.is_empty() {
                    break;
                }
                let Some(batch) = take_admitted(&mut lane.waiting, &mut lane.chain) else { break };
                make_parts(lane, batch, &*self.dead, &self.metrics, &mut self.renderer, &mut self.rendered);
            }
            waiting |= !lane.parts.is_empty() || !lane.waiting.is_empty();
        }
        waiting
    }
}

/// Runs the chain over a batch and leaves its documents as parts in the lane.
fn make_parts(
    lane: &mut Lane,
    mut batch: Batch,
    dead: &dyn DeadLetters,
    metrics: &Metrics,
    renderer: &mut Renderer,
    rendered: &mut Rendered,
) {
    let ticket = mem::replace(&mut batch.ticket, Ticket::untracked());
    let output = lane.chain.run(&batch);
    let form = DocumentSettings::new(lane.rule.document, lane.rule.keep_original);
    renderer.render(&batch, output.table, output.schema, &form, Framing::Bulk, rendered);
    dead::bury(&batch, output.table, Stage::Transfer, dead, &ticket);
    let batch = Arc::new(batch);
    let first_kept = lane.rule.first_kept(BucketDay::from_unix_ms(dead::now_ms()));
    for (day, body, items) in by_day(&batch, rendered) {
        // Its index was deleted, or will be: writing it anew would only bring it back for a while.
        if first_kept.is_some_and(|first| day < first) {
            let late = &metrics.documents_past_retention;
            late.get_or_create(&of(&batch.topic)).inc_by(items.len() as u64);
            continue;
        }
        let index = lane.rule.index.index(day);
        lane.parts.push_back(BulkPart { index, body, items, batch: Arc::clone(&batch), ticket: ticket.clone() });
    }
    ticket.complete();
}

/// The rendered documents, day by day. In the usual case all are of one day, and the buffer itself is handed on.
fn by_day(batch: &Batch, rendered: &mut Rendered) -> Vec<(BucketDay, Bytes, Vec<BulkItem>)> {
    let day_of = |line: u32| match planted("wall-clock-index") {
        true => BucketDay::from_unix_ms(jiff::Timestamp::now().as_millisecond()),
        false => batch.lines[line as usize].id.day(),
    };
    let Some(first) = rendered.documents.first() else { return vec![] };
    let first = day_of(first.line);
    if rendered.documents.iter().all(|span| day_of(span.line) == first) {
        let items = rendered.documents.iter().map(|span| item(span.line, &span.framed, &span.document, 0)).collect();
        return vec![(first, Bytes::from(mem::take(&mut rendered.bytes)), items)];
    }
    let mut days: Vec<(BucketDay, Vec<u8>, Vec<BulkItem>)> = vec![];
    for span in &rendered.documents {
        let day = day_of(span.line);
        let at = days.iter().position(|(other, ..)| *other == day).unwrap_or_else(|| {
            days.push((day, vec![], vec![]));
            days.len() - 1
        });
        let (_, body, items) = &mut days[at];
        let moved = span.framed.start as isize - body.len() as isize;
        items.push(item(span.line, &span.framed, &span.document, moved));
        body.extend_from_slice(&rendered.bytes[span.framed.clone()]);
    }
    days.into_iter().map(|(day, body, items)| (day, Bytes::from(body), items)).collect()
}

fn item(line: u32, framed: &std::ops::Range<usize>, document: &std::ops::Range<usize>, moved: isize) -> BulkItem {
    let span = |range: &std::ops::Range<usize>| {
        Span::between((range.start as isize - moved) as usize, (range.end as isize - moved) as usize)
    };
    BulkItem { framed: span(framed), document: span(document), line }
}

/// Safe documents as the renderer writes them.
pub struct Safe;

impl SafeDocument for Safe {
    fn safe_document(&self, batch: &Batch, line: u32, error_type: &str, reason: &str) -> Vec<u8> {
        safe_document(batch, &batch.lines[line as usize], error_type, reason)
    }
}
