//! What runs a chain on one thread.

use std::{mem, ops::Range, sync::Arc};

use collector_model::{
    Batch, LineFlags, Schema, Table, Ticket, json,
    metrics::{PluginLabel, of},
    table::{Event, EventStatus},
};

use crate::{
    apply::tag, flatten, flight::Admitted, generation::Generation, meta::Lines, slot::ChainSlot, stage::Stage,
};

/// Runs the chain of one task on the batches of one thread. It notices a new generation between batches.
pub struct ChainWorker {
    slot: Arc<ChainSlot>,
    /// The version that the next batch was admitted with.
    admitted: Option<Arc<Generation>>,
    running: Running,
    /// The version before, while lines of it may come again.
    resting: Option<Running>,
    schema: Schema,
    table: Table,
    events: Vec<Event>,
    keep_original: bool,
}

/// One version of the chain.
struct Running {
    generation: Arc<Generation>,
    stages: Vec<Stage>,
}

impl Running {
    fn of(generation: Arc<Generation>) -> Self {
        let stages = generation.plugins.iter().map(|plugin| Stage::new(Arc::clone(plugin))).collect();
        Running { generation, stages }
    }
}

/// What became of a batch; to be read before the next one.
#[derive(Clone, Copy)]
pub struct Output<'a> {
    /// The events. Its `chain` is the hash of the chain that made them.
    pub table: &'a Table,
    /// What the fields of the table are.
    pub schema: &'a Schema,
}

impl ChainWorker {
    /// A worker of that slot.
    pub fn new(slot: Arc<ChainSlot>) -> Self {
        let running = Running::of(slot.generation());
        ChainWorker {
            slot,
            admitted: None,
            running,
            resting: None,
            schema: Schema::default(),
            table: Table::default(),
            events: vec![],
            keep_original: true,
        }
    }

    /// Whether documents keep the line as `event.original`, once a plugin has set `message`: only then patterns give it to plugins.
    #[must_use]
    pub fn keeping_original(self, keep_original: bool) -> Self {
        ChainWorker { keep_original, ..self }
    }

    /// The slot it works for.
    pub fn slot(&self) -> &Arc<ChainSlot> {
        &self.slot
    }

    /// Whether a batch may be run now, by which version of the chain is settled then; otherwise it has to wait, since lines before it
    /// are under way by another version and one of the two forks. Its ticket is exchanged for one by which the slot hears of its end.
    pub fn admit(&mut self, batch: &mut Batch) -> bool {
        let ticket = mem::replace(&mut batch.ticket, Ticket::untracked());
        match self.slot.admit(ticket) {
            Ok(Admitted { generation, ticket }) => {
                batch.ticket = ticket;
                self.admitted = Some(generation);
                true
            }
            Err(ticket) => {
                batch.ticket = ticket;
                false
            }
        }
    }

    /// Whether the version that the next batch was admitted with leaves lines as they are.
    pub fn is_plain(&self) -> bool {
        self.admitted.as_ref().unwrap_or(&self.running.generation).is_plain()
    }

    /// Treats a batch. Never fails: what a plugin cannot treat goes where its `on_error` says. The whole batch is treated by one
    /// generation of the chain.
    pub fn run(&mut self, batch: &Batch) -> Output<'_> {
        self.prepare();
        let (bytes_max, lines_max) = self.slice_limits();
        let mut from = 0;
        while from < batch.lines.len() {
            let to = slice_end(batch, from, bytes_max, lines_max);
            self.slice(batch, from..to);
            from = to;
        }
        self.count(batch);
        Output { table: &self.table, schema: &self.schema }
    }

    fn prepare(&mut self) {
        let generation = self.admitted.take().unwrap_or_else(|| self.slot.generation());
        if !Arc::ptr_eq(&generation, &self.running.generation) {
            self.take(generation);
        }
        if self.resting.is_some() && !self.slot.is_draining() {
            self.resting = None;
        }
        let stages = self.resting.iter_mut().chain([&mut self.running]).flat_map(|running| &mut running.stages);
        stages.for_each(Stage::refresh);
        if self.schema.refresh() {
            let stages = self.resting.iter_mut().chain([&mut self.running]).flat_map(|running| &mut running.stages);
            stages.for_each(|stage| stage.map_again(&mut self.schema));
        }
        self.table.clear();
        self.table.chain = Arc::clone(self.running.generation.hash());
    }

    fn take(&mut self, generation: Arc<Generation>) {
        let known = self.resting.take_if(|resting| Arc::ptr_eq(&resting.generation, &generation));
        let next = known.unwrap_or_else(|| Running::of(generation));
        self.resting = Some(mem::replace(&mut self.running, next));
    }

    fn slice_limits(&self) -> (usize, usize) {
        let limits = self.slot.limits();
        (limits.slice_bytes_max, limits.slice_lines_max)
    }

    /// A few lines through the whole chain, while they are in the processor's cache.
    fn slice(&mut self, batch: &Batch, lines: Range<usize>) {
        let first = self.table.events().len();
        for index in lines {
            let event = self.begin(batch, index);
            self.table.push_event(event);
        }
        for stage in &mut self.running.stages {
            self.table.take_events(first, &mut self.events);
            let lines = Lines::of(batch).keeping_original(self.keep_original);
            let incident = stage.run(&lines, &self.events, &mut self.table, &mut self.schema);
            if let Some(incident) = incident {
                self.slot.report(stage.plugin(), &incident.fault, incident.quarantined);
            }
            self.slot.take_limits_met(stage.plugin());
        }
    }

    #[inline(always)]
    fn begin(&mut self, batch: &Batch, index: usize) -> Event {
        let line = &batch.lines[index];
        if line.flags == LineFlags::default() {
            return self.table.begin(index as u32, line.text);
        }
        self.begin_flagged(batch, index)
    }

    #[cold]
    fn begin_flagged(&mut self, batch: &Batch, index: usize) -> Event {
        let line = &batch.lines[index];
        let (table, schema) = (&mut self.table, &mut self.schema);
        if line.flags.has(LineFlags::DOCUMENT) {
            let made = match self.running.stages.is_empty() {
                true => is_document(batch.text_of(line)).map(|()| {
                    let mut event = table.begin(index as u32, line.text);
                    event.verbatim = true;
                    event
                }),
                false => flatten::document(&batch.text, line.text, index as u32, table, schema),
            };
            return made.unwrap_or_else(|reason| {
                let mut event = table.begin(index as u32, line.text);
                let reason = format!("the agent's document is broken: {reason}");
                tag(&mut event, "_document_broken", &reason, EventStatus::Treated, table, schema);
                event
            });
        }
        let mut event = table.begin(index as u32, line.text);
        if line.flags.has(LineFlags::CUT) {
            let reason = "the line was longer than the limit; this is a part of it";
            tag(&mut event, "_line_cut", reason, EventStatus::Treated, table, schema);
        }
        event
    }

    fn count(&self, batch: &Batch) {
        let (metrics, counts) = (self.slot.metrics(), self.table.counts);
        let add = |family: &collector_model::metrics::PerTopic, count: u64| {
            if count > 0 {
                family.get_or_create(&of(&batch.topic)).inc_by(count);
            }
        };
        add(&metrics.events_dropped, counts.dropped);
        add(&metrics.events_rejected, counts.rejected);
        add(&metrics.events_bypassed, counts.bypassed);
    }
}

/// One JSON object on one line.
fn is_document(text: &[u8]) -> Result<(), String> {
    if text.contains(&b'\n') || text.contains(&b'\r') {
        return Err("it has line breaks".to_owned());
    }
    match json::check(text, json::DOCUMENT_DEPTH_MAX) {
        Ok(json::JsonKind::Object) => Ok(()),
        Ok(_) => Err("it is no object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The end of the slice that begins at `from`: at least one line.
fn slice_end(batch: &Batch, from: usize, bytes_max: usize, lines_max: usize) -> usize {
    let start = batch.lines[from].text.start as usize;
    let fits = |line: &&collector_model::Line| line.text.range().end.saturating_sub(start) <= bytes_max;
    let lines = batch.lines[from..].iter().take(lines_max).take_while(fits).count();
    from + lines.max(1)
}

/// The label of a plugin's counters.
pub(crate) fn label(topic: &collector_model::Topic, plugin: &str) -> PluginLabel {
    PluginLabel { topic: topic.as_str().to_owned(), plugin: plugin.to_owned() }
}
