//! One plugin of a chain in one worker: calls it, checks what it says, and finds the event on which it faults.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use collector_model::{
    Schema, Table,
    table::{DeadLine, Event, EventStatus},
};
use collector_tasks::OnError;

use crate::{
    apply::{self, Target, Violation, apply, check_size},
    generation::LoadedPlugin,
    guest::{CallError, Guest},
    limits::{Limit, NAMES_SOFT_MAX, TICK},
    meta::Lines,
    names::NameTable,
    reads::Reader,
};

/// How many parts of one batch may fault before the rest of it is given up: enough to find one bad event of 2,000, and a second.
const FAULTY_PARTS_MAX: usize = 24;
/// How much less time several events get than one alone, while the bad one of them is searched: if they need more, they are split.
const SHARE_OF_SEVERAL: u32 = 4;
/// How often the log says that a plugin is slow, at most.
const SLOW_NOTICE_EVERY: Duration = Duration::from_secs(10);

/// Why a batch, or a part of it, was not treated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("a fresh instance of it did not open: {0}")]
    Open(CallError),
    #[error("its answer breaks a rule: {0}")]
    Violation(#[from] Violation),
    #[error("its answer breaks a rule: {0}")]
    BadName(String),
    #[error("it failed on events of the same batch, and there was no time left to try this one apart from them")]
    NotTried,
}

impl Fault {
    /// The limit that was met, where it is one.
    fn limit(&self) -> Option<Limit> {
        match self {
            Fault::Open(CallError::TooSlow(_)) => Some(Limit::OpenTime),
            Fault::Call(CallError::TooSlow(_)) => Some(Limit::ProcessTime),
            Fault::Call(CallError::TooMuch(_))
            | Fault::Violation(Violation::TooMuch { .. } | Violation::ValuesTooLarge(_)) => Some(Limit::Output),
            // What an instance was refused is counted where it is refused.
            _ => None,
        }
    }
}

/// One plugin in one worker.
pub(crate) struct Stage {
    plugin: Arc<LoadedPlugin>,
    config: Option<String>,
    running: Option<Running>,
    slow_noticed: Option<Instant>,
}

struct Running {
    guest: Guest,
    names: NameTable,
    reader: Reader,
    forks: bool,
}

impl Stage {
    /// Makes no instance yet.
    pub(crate) fn new(plugin: Arc<LoadedPlugin>) -> Self {
        Stage { plugin, config: None, running: None, slow_noticed: None }
    }

    /// With another configuration than the chain's.
    pub(crate) fn with_config(plugin: Arc<LoadedPlugin>, config: String) -> Self {
        Stage { config: Some(config), ..Stage::new(plugin) }
    }

    /// Makes the instance now.
    pub(crate) fn open(&mut self, schema: &mut Schema) -> Result<(), CallError> {
        self.running = Some(Running::open(&self.plugin, self.config.as_deref(), schema)?);
        Ok(())
    }

    /// The plugin.
    pub(crate) fn plugin(&self) -> &Arc<LoadedPlugin> {
        &self.plugin
    }

    /// Numbers fields anew, after the schema started afresh.
    pub(crate) fn map_again(&mut self, schema: &mut Schema) {
        if let Some(running) = &mut self.running {
            running.names.map_again(schema);
            running.reader.forget_shapes();
        }
    }

    /// Gives up an instance whose name tables have grown.
    pub(crate) fn refresh(&mut self) {
        if self.running.as_ref().is_some_and(|r| r.names.len().max(r.reader.names()) > NAMES_SOFT_MAX) {
            self.running = None;
        }
    }

    /// Treats events that were taken out of the table, and pushes what becomes of them. Never fails. True if the plugin went into quarantine.
    pub(crate) fn run(
        &mut self,
        lines: &Lines<'_>,
        events: &[Event],
        table: &mut Table,
        schema: &mut Schema,
    ) -> Option<Incident> {
        if events.is_empty() {
            return None;
        }
        if self.plugin.is_quarantined() {
            for event in events {
                give_up(&self.plugin, *event, &BYPASSED, "the plugin is in quarantine", table, schema);
            }
            return None;
        }
        let time_max = self.plugin.limits.process_time_max;
        let fault = self.call(lines, events, time_max, table, schema).err()?;
        if let Some(limit) = fault.limit() {
            self.plugin.met.count(limit);
        }
        let incident = Incident { fault: fault.to_string(), quarantined: self.plugin.count_fault(Instant::now()) };
        self.isolate(lines, events, fault, table, schema);
        Some(incident)
    }

    /// Splits what faulted until the event on which it does is alone; the others go on. What was not tried within the time that a
    /// batch has is given up as well: searching for a bad event must not cost more than it did.
    fn isolate(&mut self, lines: &Lines<'_>, events: &[Event], fault: Fault, table: &mut Table, schema: &mut Schema) {
        let limits = self.plugin.limits.clone();
        let began = Instant::now();
        let mut faulty_left = FAULTY_PARTS_MAX;
        // Parts that are still to do, the first on top; a part with a fault is known to have it.
        let mut parts: Vec<(Range<usize>, Option<Fault>)> = vec![(0..events.len(), Some(fault))];
        while let Some((range, known)) = parts.pop() {
            let part = &events[range.clone()];
            let time_left = limits.process_time_max.saturating_sub(began.elapsed());
            let share = if part.len() == 1 { 1 } else { SHARE_OF_SEVERAL };
            let time_max = (limits.process_time_warn / share).max(2 * TICK).min(time_left);
            let result = match known {
                Some(fault) => Err(fault),
                None if time_left.is_zero() => Err(Fault::NotTried),
                None => self.call(lines, part, time_max, table, schema),
            };
            let Err(fault) = result else { continue };
            faulty_left = faulty_left.saturating_sub(1);
            let is_of_no_event = matches!(fault, Fault::NotTried | Fault::Open(_));
            if part.len() == 1 || faulty_left == 0 || is_of_no_event {
                let reason = fault.to_string();
                part.iter().for_each(|event| give_up(&self.plugin, *event, &FAULTED, &reason, table, schema));
            } else {
                let middle = range.start + part.len() / 2;
                parts.push((middle..range.end, None));
                parts.push((range.start..middle, None));
            }
        }
    }

    /// One call. On a fault the table is as before, and the instance is gone.
    pub(crate) fn call(
        &mut self,
        lines: &Lines<'_>,
        events: &[Event],
        time_max: Duration,
        table: &mut Table,
        schema: &mut Schema,
    ) -> Result<(), Fault> {
        let mark = table.mark();
        let started = Instant::now();
        let result = self.call_instance(lines, events, time_max, table, schema);
        if result.is_err() {
            table.go_back(mark);
            self.running = None;
        } else if started.elapsed() > self.plugin.limits.process_time_warn {
            self.plugin.met.count(Limit::ProcessWarn);
            self.notice_slowness(started.elapsed(), events.len());
        }
        result
    }

    fn call_instance(
        &mut self,
        lines: &Lines<'_>,
        events: &[Event],
        time_max: Duration,
        table: &mut Table,
        schema: &mut Schema,
    ) -> Result<(), Fault> {
        let plugin = &*self.plugin;
        let running = match &mut self.running {
            Some(running) => running,
            vacant => vacant.insert(Running::open(plugin, self.config.as_deref(), schema).map_err(Fault::Open)?),
        };
        let Running { guest, names, reader, forks } = running;
        let (request, text_at) = reader.request(lines, table, schema, events);
        let mut on_reject = |event: Event, reason: &str, table: &mut Table, schema: &mut Schema| {
            give_up(plugin, event, &REJECTED, reason, table, schema);
        };
        let output_max = plugin.limits.output_bytes_max(request.bytes());
        guest.process(request, time_max, output_max, |answer| {
            check_size(&request, &answer, &plugin.limits)?;
            names.extend(answer.names, schema).map_err(Fault::BadName)?;
            let target = Target { table, schema, fields: names.fields(), text_at, forks: *forks };
            apply(&request, &answer, events, target, &mut on_reject)?;
            Ok(())
        })?
    }

    #[cold]
    fn notice_slowness(&mut self, took: Duration, events: usize) {
        if self.slow_noticed.is_none_or(|last| last.elapsed() > SLOW_NOTICE_EVERY) {
            self.slow_noticed = Some(Instant::now());
            let took_ms = took.as_millis() as u64;
            tracing::warn!(plugin = &*self.plugin.name, took_ms, events, "the plugin is slow");
        }
    }
}

impl Running {
    fn open(plugin: &LoadedPlugin, config: Option<&str>, schema: &mut Schema) -> Result<Self, CallError> {
        let (guest, manifest) = plugin.instance_with(config.unwrap_or(&plugin.config))?;
        let names = NameTable::new(&manifest.writes, schema);
        Ok(Running { guest, names, reader: Reader::new(&manifest), forks: manifest.forks })
    }
}

/// A fault of a plugin, for the log and the counters.
#[derive(Debug)]
pub(crate) struct Incident {
    pub(crate) fault: String,
    pub(crate) quarantined: bool,
}

/// Why an event was not treated, in the words of documents and dead letters.
struct Failure {
    status: EventStatus,
    tag: &'static str,
    error_type: &'static str,
}

const REJECTED: Failure =
    Failure { status: EventStatus::Rejected, tag: "_parse_failure", error_type: "plugin_rejected" };
const FAULTED: Failure = Failure { status: EventStatus::Faulted, tag: "_parse_failure", error_type: "plugin_fault" };
const BYPASSED: Failure =
    Failure { status: EventStatus::Bypassed, tag: "_plugin_bypassed", error_type: "plugin_bypassed" };

/// What `on_error` says is done with an event that was not treated.
#[cold]
fn give_up(
    plugin: &LoadedPlugin,
    event: Event,
    failure: &Failure,
    reason: &str,
    table: &mut Table,
    schema: &mut Schema,
) {
    match failure.status {
        EventStatus::Rejected => table.counts.rejected += 1,
        EventStatus::Faulted => table.counts.faulted += 1,
        EventStatus::Bypassed => table.counts.bypassed += 1,
        EventStatus::Treated => {}
    }
    let reason = format!("{}: {reason}", plugin.name);
    match plugin.on_error {
        OnError::Keep => {
            let mut event = event;
            apply::tag(&mut event, failure.tag, &reason, failure.status, table, schema);
            table.push_event(event);
        }
        OnError::Drop => table.counts.dropped += 1,
        OnError::DeadLetter => {
            let (line, fork) = (event.line, event.fork);
            table.bury(DeadLine { line, fork, error_type: failure.error_type, reason });
        }
    }
}
