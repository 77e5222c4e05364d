//! How records are written: one for each line, or one for many.

use std::{mem, sync::Arc};

use bytes::Bytes;
use collector_document::{DocumentSettings, DocumentSpan, Framing, Rendered, Renderer, join_chains};
use collector_kafka::{Record, SendError};
use collector_model::{
    Batch, DeadLetter, DeadLetters, Encoding, EventId, ForkPath, Line, LineFlags, Origin, Stage, Ticket, envelope,
    envelope::many::{Packed, Packer},
    table::EventStatus,
};
use collector_tasks::RecordForm;

use super::{Lane, field};
use crate::work::dead;

/// How much a record of many lines has, in bytes.
const MANY_BYTES_MAX: usize = 512 << 10;
/// What a document's key may take besides the texts of its origin, in bytes.
const KEY_BYTES: usize = 256;

/// Buffers and what is needed to write a record.
#[derive(Default)]
pub(super) struct Writing {
    renderer: Renderer,
    rendered: Rendered,
    key: Vec<u8>,
    field: Vec<u8>,
    packer: Packer,
}

/// Where lines go that no record can carry, and under which duty.
struct Duty<'a> {
    batch: &'a Batch,
    ticket: &'a Ticket,
    dead: &'a dyn DeadLetters,
}

/// A record of one line.
struct One<'a> {
    line: &'a Line,
    fork: &'a ForkPath,
    flags: LineFlags,
    origin: &'a Origin,
    value: &'a [u8],
}

/// Lines or documents that lie in one buffer.
struct Lying<'a, F> {
    buffer: &'a [u8],
    count: usize,
    /// The n-th of them, and the index of its line in the batch.
    nth: F,
    origins: &'a [Arc<Origin>],
}

impl Writing {
    /// Sends what becomes of a batch.
    pub(super) fn send(&mut self, lane: &mut Lane, mut batch: Batch, dead: &dyn DeadLetters) {
        let ticket = mem::replace(&mut batch.ticket, Ticket::untracked());
        let duty = Duty { batch: &batch, ticket: &ticket, dead };
        let sent = match lane.chain.is_plain() {
            true => self.send_lines(lane, &duty),
            false => self.send_documents(lane, &duty),
        };
        match sent {
            Ok(()) => ticket.complete(),
            // Dropping the batch's own share makes its lines be read again at the next start.
            Err(error) => tracing::debug!(%error, "lines were not sent"),
        }
    }

    fn send_lines(&mut self, lane: &mut Lane, duty: &Duty<'_>) -> Result<(), SendError> {
        let batch = duty.batch;
        if lane.task.kafka.form == RecordForm::Batch {
            let nth = |at: usize| (Packed::of(&batch.lines[at]), at);
            let lines = Lying { buffer: &batch.raw, count: batch.lines.len(), nth, origins: &batch.origins };
            return self.send_many(lane, &lines, duty);
        }
        for line in &batch.lines {
            let one = One {
                line,
                fork: &line.fork,
                flags: line.flags,
                origin: batch.origin_of(line),
                value: batch.raw_of(line),
            };
            self.field.clear();
            let key = lane.task.kafka.key.clone();
            let has_field = key.is_some_and(|name| field::of_line(&name, batch, line, &mut self.field));
            self.send_one(lane, &one, has_field, duty)?;
        }
        Ok(())
    }

    fn send_documents(&mut self, lane: &mut Lane, duty: &Duty<'_>) -> Result<(), SendError> {
        let batch = duty.batch;
        let record_bytes_max = lane.route.record_bytes_max();
        let output = lane.chain.run(batch);
        let origins: Vec<Arc<Origin>> =
            batch.origins.iter().map(|origin| with_chain(origin, &output.table.chain)).collect();
        let mut form = DocumentSettings::new(lane.task.document, lane.task.keep_original);
        form.document_bytes_max = form.document_bytes_max.min(record_bytes_max.saturating_sub(key_bytes(&origins)));
        let mut rendered = mem::take(&mut self.rendered);
        self.renderer.render(batch, output.table, output.schema, &form, Framing::Lines, &mut rendered);
        dead::bury(batch, output.table, Stage::Agent, duty.dead, duty.ticket);
        let keys = match &lane.task.kafka.key {
            None => vec![],
            Some(name) => {
                let of_event = |event| {
                    let mut key = vec![];
                    field::of_event(name, batch, output.table, output.schema, event, &mut key).then_some(key)
                };
                output.table.events().iter().map(of_event).collect()
            }
        };
        let sent = self.send_rendered(lane, &rendered, &origins, keys, duty);
        self.rendered = rendered;
        sent
    }

    fn send_rendered(
        &mut self,
        lane: &mut Lane,
        rendered: &Rendered,
        origins: &[Arc<Origin>],
        mut keys: Vec<Option<Vec<u8>>>,
        duty: &Duty<'_>,
    ) -> Result<(), SendError> {
        let lines = &duty.batch.lines;
        if lane.task.kafka.form == RecordForm::Batch {
            let nth = |at: usize| packed(&rendered.documents[at], lines);
            let count = rendered.documents.len();
            return self.send_many(lane, &Lying { buffer: &rendered.bytes, count, nth, origins }, duty);
        }
        for (at, span) in rendered.documents.iter().enumerate() {
            let line = &lines[span.line as usize];
            let flags = flags_of(span, line);
            let origin = &origins[line.origin as usize];
            let one = One { line, fork: &span.fork, flags, origin, value: rendered.document(span) };
            // There is one document for each event, in their order.
            let key = keys.get_mut(at).and_then(Option::take);
            let has_field = key.is_some();
            self.field = key.unwrap_or_default();
            self.send_one(lane, &one, has_field, duty)?;
        }
        Ok(())
    }

    fn send_one(&mut self, lane: &mut Lane, one: &One<'_>, has_field: bool, duty: &Duty<'_>) -> Result<(), SendError> {
        self.key.clear();
        envelope::encode(&one.line.id, one.fork, one.flags, one.origin, &mut self.key);
        let record = Record { route: &mut lane.route, key: &self.key, value: one.value };
        let sent = if lane.task.kafka.key.is_some() {
            lane.producer.send_with_field(record, has_field.then_some(&self.field), duty.ticket.clone())
        } else {
            lane.producer.send(record, duty.ticket.clone())
        };
        duty.bury_too_large(sent, one.line)
    }

    /// Sends lines of one buffer, as many in one record as it takes.
    fn send_many(
        &mut self,
        lane: &mut Lane,
        lying: &Lying<'_, impl Fn(usize) -> (Packed, usize)>,
        duty: &Duty<'_>,
    ) -> Result<(), SendError> {
        let (mut at, mut bytes_max) = (0, MANY_BYTES_MAX);
        while at < lying.count {
            let limit = bytes_max.min(lane.route.record_bytes_max());
            let (line, next) = pack(&mut self.packer, lying, at, limit, duty.batch);
            let lines = self.packer.lines();
            let (key, value) = self.packer.finish(lying.buffer);
            let bytes = key.len() + value.len();
            let record = Record { route: &mut lane.route, key, value: &lying.buffer[value] };
            match lane.producer.send_lines(record, lines, duty.ticket.clone()) {
                // The topic was found to take less than was thought.
                Err(SendError::TooLarge { ticket, .. }) if lines > 1 => {
                    ticket.complete();
                    bytes_max = bytes / 2;
                }
                sent => {
                    duty.bury_too_large(sent, line)?;
                    at = next;
                }
            }
        }
        Ok(())
    }
}

/// Packs lines from `at` on; answers the first line, and what comes behind the last one.
fn pack<'a>(
    packer: &mut Packer,
    lying: &Lying<'_, impl Fn(usize) -> (Packed, usize)>,
    at: usize,
    bytes_max: usize,
    batch: &'a Batch,
) -> (&'a Line, usize) {
    let (first, line) = (lying.nth)(at);
    let first_line = &batch.lines[line];
    packer.begin(lying.buffer, &first, &lying.origins[first_line.origin as usize]);
    let mut next = at + 1;
    while next < lying.count {
        let (packed, line) = (lying.nth)(next);
        if batch.lines[line].origin != first_line.origin || !packer.push(lying.buffer, &packed, bytes_max) {
            break;
        }
        next += 1;
    }
    (first_line, next)
}

fn packed(span: &DocumentSpan, lines: &[Line]) -> (Packed, usize) {
    let line = &lines[span.line as usize];
    let id: EventId = line.id;
    (
        Packed { span: span.document.clone(), id, fork: span.fork.clone(), flags: flags_of(span, line) },
        span.line as usize,
    )
}

fn flags_of(span: &DocumentSpan, line: &Line) -> LineFlags {
    let bypassed = span.status == EventStatus::Bypassed;
    let flags = if bypassed { line.flags.with(LineFlags::BYPASSED) } else { line.flags };
    flags.with(LineFlags::DOCUMENT)
}

fn with_chain(origin: &Origin, chain: &str) -> Arc<Origin> {
    // What a chain makes is UTF-8, whatever it was made of.
    Arc::new(Origin { chain: join_chains(&origin.chain, chain).into(), encoding: Encoding::UTF_8, ..origin.clone() })
}

/// What a key takes at most.
fn key_bytes(origins: &[Arc<Origin>]) -> usize {
    let texts = |origin: &Arc<Origin>| {
        origin.host_name.len() + origin.host_ip.len() + origin.path.len() + origin.chain.len() + KEY_BYTES
    };
    origins.iter().map(texts).max().unwrap_or(KEY_BYTES)
}

impl Duty<'_> {
    /// A line that is larger than its topic takes goes to the dead letters, with its original bytes: nothing would change if it were
    /// sent again.
    fn bury_too_large(&self, sent: Result<(), SendError>, line: &Line) -> Result<(), SendError> {
        let Err(error @ SendError::TooLarge { .. }) = sent else { return sent };
        let error_reason = error.to_string();
        tracing::error!(topic = %self.batch.topic, %error, "a line goes to the dead letters");
        let SendError::TooLarge { ticket, .. } = error else { return Err(error) };
        let mut key = Vec::with_capacity(KEY_BYTES);
        // The line's own path: what it was forked into here comes of it again when it is sent once more.
        envelope::encode(&line.id, &line.fork, line.flags, self.batch.origin_of(line), &mut key);
        let letter = DeadLetter {
            topic: self.batch.topic.clone(),
            key,
            value: Bytes::slice(&self.batch.raw, line.raw.range()),
            error_type: "record_too_large".to_owned(),
            error_reason,
            stage: Stage::Agent,
            time_ms: dead::now_ms(),
        };
        self.dead.bury(vec![letter], ticket);
        Ok(())
    }
}
