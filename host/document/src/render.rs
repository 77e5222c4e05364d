//! Events to documents.

use std::{collections::HashMap, ops::Range};

use collector_model::{
    Batch, Cell, ForkPath, Kind, Line, Schema, Table, Value,
    fields::Slot,
    table::{Event, EventStatus},
};
use collector_tasks::task::DocumentForm;

use crate::{
    constants::{Constants, Own},
    id::IdWriter,
    lanes::Lanes,
    plan::{Piece, Plan, PlanKind, Run, Source},
    safe::safe_document,
    time::TimeWriter,
    writer::{Padded, Writer},
};

/// How documents are to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentSettings {
    /// ECS or the seed's form.
    pub form: DocumentForm,
    /// Whether the line stays as `event.original` where a plugin set `message`.
    pub keep_original: bool,
    /// A longer document (in bytes) is replaced by the safe one.
    pub document_bytes_max: usize,
}

impl DocumentSettings {
    /// Below Kafka's own limit of 1 MB for a record.
    pub const DOCUMENT_BYTES_MAX: usize = 960 * 1024;

    /// Settings with the default limit.
    pub fn new(form: DocumentForm, keep_original: bool) -> Self {
        DocumentSettings { form, keep_original, document_bytes_max: Self::DOCUMENT_BYTES_MAX }
    }
}

/// What surrounds each document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A line break behind it.
    Lines,
    /// The action line of a bulk request before it, `{"create":{"_id":"…"}}`, and a line break behind it.
    Bulk,
}

/// Where one document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentSpan {
    /// Index into the batch's lines.
    pub line: u32,
    /// The whole path of forks: the record's, then those made here.
    pub fork: ForkPath,
    /// How the event came through the chain.
    pub status: EventStatus,
    /// The document alone, in [`Rendered::bytes`].
    pub document: Range<usize>,
    /// The document with what surrounds it.
    pub framed: Range<usize>,
}

/// Documents of one batch. Kept from batch to batch.
#[derive(Debug, Default)]
pub struct Rendered {
    /// All of them with their framing, one behind the other.
    pub bytes: Vec<u8>,
    /// Where each is, in the order of the events.
    pub documents: Vec<DocumentSpan>,
}

impl Rendered {
    /// The bytes of a document alone.
    pub fn document(&self, span: &DocumentSpan) -> &[u8] {
        &self.bytes[span.document.clone()]
    }
}

/// Plans of one schema are kept until there are this many schemas.
const SCHEMAS_MAX: usize = 64;

type Plans = Vec<Option<Box<Plan>>>;

/// Writes documents. One for each worker; it keeps what it worked out for each shape.
#[derive(Default)]
pub struct Renderer {
    plans: HashMap<(u64, PlanKind), Plans>,
    ids: IdWriter,
    times: TimeWriter,
    scratch: Vec<u8>,
    /// Which batch this is; the first is 1.
    batch: u64,
}

impl Renderer {
    /// Writes the events of `table`, which was made of `batch`, into `out`, instead of what was there.
    pub fn render(
        &mut self,
        batch: &Batch,
        table: &Table,
        schema: &Schema,
        settings: &DocumentSettings,
        framing: Framing,
        out: &mut Rendered,
    ) {
        out.bytes.clear();
        out.documents.clear();
        out.bytes.reserve(batch.text.len() * 4 + table.events().len() * 128 + 1024);
        out.documents.reserve(table.events().len());
        if self.plans.len() > SCHEMAS_MAX {
            self.plans.clear();
        }
        self.batch += 1;
        let job = Job { batch, number: self.batch, table, schema, settings, framing };
        #[cfg(target_arch = "x86_64")]
        if crate::lanes::Avx512::is_there() {
            // SAFETY: the processor has what it takes.
            unsafe { self.render_avx512(&job, out) }
        } else if is_x86_feature_detected!("avx2") {
            // SAFETY: AVX2 was detected.
            unsafe { self.render_avx2(&job, out) }
        } else {
            self.render_with::<crate::lanes::Sse2>(&job, out);
        }
        #[cfg(not(target_arch = "x86_64"))]
        self.render_with::<crate::lanes::Portable>(&job, out);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,avx512vbmi2,bmi2,popcnt")]
    unsafe fn render_avx512(&mut self, job: &Job<'_>, out: &mut Rendered) {
        self.render_with::<crate::lanes::Avx512>(job, out);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn render_avx2(&mut self, job: &Job<'_>, out: &mut Rendered) {
        self.render_with::<crate::lanes::Avx2>(job, out);
    }

    #[inline(always)]
    fn render_with<L: Lanes>(&mut self, job: &Job<'_>, out: &mut Rendered) {
        let Rendered { bytes, documents } = out;
        let mut writer = Writer::new(bytes);
        let mut events = job.table.events();
        while let Some(first) = events.first() {
            let line = &job.batch.lines[first.line as usize];
            let (origin, is_ours) = (line.origin, line.id.is_ours());
            let same = |event: &&Event| {
                let line = &job.batch.lines[event.line as usize];
                (line.origin, line.id.is_ours()) == (origin, is_ours)
            };
            let count = events.iter().take_while(same).count();
            let (run, rest) = events.split_at(count);
            let constants = Constants::of(job.batch, job.batch.origin_of(line), &job.table.chain, is_ours);
            self.render_run::<L>(job, run, &constants, is_ours, &mut writer, documents);
            events = rest;
        }
    }

    /// Writes events that have the same origin.
    #[inline(always)]
    fn render_run<L: Lanes>(
        &mut self,
        job: &Job<'_>,
        events: &[Event],
        constants: &Constants,
        is_ours: bool,
        writer: &mut Writer<'_>,
        documents: &mut Vec<DocumentSpan>,
    ) {
        let presence = constants.presence(is_ours);
        let kind = PlanKind {
            is_seed: job.settings.form == DocumentForm::Seed,
            keep_original: job.settings.keep_original,
            presence,
        };
        let plans = self.plans.entry((job.schema.id(), kind)).or_default();
        for event in events {
            let line = &job.batch.lines[event.line as usize];
            let fork = job.table.fork_path(event, line);
            let framed = writer.len();
            if job.framing == Framing::Bulk {
                // SAFETY: `L` was chosen by what the processor has.
                unsafe { self.ids.put_action::<L>(&line.id, &fork, writer) };
            }
            let start = writer.len();
            if event.verbatim && job.settings.form == DocumentForm::Ecs {
                writer.put(job.batch.text_of(line));
            } else {
                let cells = job.table.cells_of(event);
                let mut stranger;
                let plan = match event.shape().index() {
                    Some(index) => plan_of(plans, index, kind, job.schema, cells),
                    None => {
                        stranger = Plan::new(kind, job.schema, cells);
                        &mut stranger
                    }
                };
                let values = Values { job, cells, constants, line };
                values.put_document::<L>(plan, &mut self.times, &mut self.scratch, writer);
            }
            if writer.len() - start > job.settings.document_bytes_max {
                writer.truncate(start);
                put_safe(job, line, writer);
            }
            let end = writer.len();
            writer.put_byte(b'\n');
            let (document, framed) = (start..end, framed..writer.len());
            documents.push(DocumentSpan { line: event.line, fork, status: event.status, document, framed });
        }
    }
}

#[inline(always)]
fn plan_of<'a>(plans: &'a mut Plans, index: usize, kind: PlanKind, schema: &Schema, cells: &[Cell]) -> &'a mut Plan {
    if plans.len() <= index {
        plans.resize_with(index + 1, || None);
    }
    plans[index].get_or_insert_with(|| Box::new(Plan::new(kind, schema, cells)))
}

#[cold]
fn put_safe(job: &Job<'_>, line: &Line, writer: &mut Writer<'_>) {
    let reason = format!("the document was longer than {} bytes", job.settings.document_bytes_max);
    writer.put(&safe_document(job.batch, line, "document_too_large", &reason));
}

struct Job<'a> {
    batch: &'a Batch,
    number: u64,
    table: &'a Table,
    schema: &'a Schema,
    settings: &'a DocumentSettings,
    framing: Framing,
}

/// What the values of one document are taken from.
struct Values<'a> {
    job: &'a Job<'a>,
    cells: &'a [Cell],
    constants: &'a Constants,
    line: &'a Line,
}

impl Values<'_> {
    #[inline(always)]
    fn put_document<L: Lanes>(
        &self,
        plan: &mut Plan,
        times: &mut TimeWriter,
        scratch: &mut Vec<u8>,
        writer: &mut Writer<'_>,
    ) {
        let Plan { pieces, text, slots, runs } = plan;
        let mut rest = pieces.as_slice();
        while let [piece, behind @ ..] = rest {
            rest = behind;
            writer.put_padded(text, piece.start as usize..piece.end as usize);
            match piece.source {
                Source::Cell(index) => self.put_cell::<L>(self.cells[index as usize], times, writer),
                Source::Own(Own::Offset) => writer.put_number(self.line.id.offset()),
                Source::Own(own) => writer.put(self.constants.get(own)),
                Source::Block => self.put_block(writer),
                Source::Array { start, len } => {
                    let slots = &slots[start as usize..(start + len) as usize];
                    self.put_array(slots, scratch, writer);
                }
                Source::Run(index) => {
                    let run = &mut runs[index as usize];
                    let (pieces, behind) = rest.split_at(run.len as usize);
                    if run.is_worth_it() {
                        self.put_run::<L>(run, pieces, text, times, writer);
                        rest = behind;
                    }
                }
                Source::End => {}
            }
        }
    }

    /// Writes the pieces of a run: as a whole, where the cells are as they were before.
    #[inline(always)]
    fn put_run<L: Lanes>(
        &self,
        run: &mut Run,
        pieces: &[Piece],
        text: &Padded,
        times: &mut TimeWriter,
        writer: &mut Writer<'_>,
    ) {
        let is_last = self.is_written(run, run.last);
        if is_last || self.find_written(run) {
            let written = &run.written[run.last];
            run.hits = run.hits.saturating_add(1);
            writer.put_padded(&written.bytes, 0..written.bytes.len());
        } else {
            self.put_new_run::<L>(run, pieces, text, times, writer);
        }
    }

    #[inline(always)]
    fn is_written(&self, run: &Run, which: usize) -> bool {
        let written = &run.written[which];
        let is_same = |(slot, cell): (&u32, &Cell)| self.cells[*slot as usize] == *cell;
        written.batch == self.job.number && run.slots.iter().zip(&written.cells).all(is_same)
    }

    #[inline(never)]
    fn find_written(&self, run: &mut Run) -> bool {
        let found = (0..run.written.len()).find(|&which| self.is_written(run, which));
        run.last = found.unwrap_or(run.last);
        found.is_some()
    }

    #[inline(never)]
    fn put_new_run<L: Lanes>(
        &self,
        run: &mut Run,
        pieces: &[Piece],
        text: &Padded,
        times: &mut TimeWriter,
        writer: &mut Writer<'_>,
    ) {
        let start = writer.len();
        for piece in pieces {
            writer.put_padded(text, piece.start as usize..piece.end as usize);
            if let Source::Cell(index) = piece.source {
                self.put_cell::<L>(self.cells[index as usize], times, writer);
            }
        }
        run.misses = run.misses.saturating_add(1);
        run.last = (run.last + 1) % run.written.len();
        let written = &mut run.written[run.last];
        written.batch = self.job.number;
        written.cells.clear();
        written.cells.extend(run.slots.iter().map(|slot| self.cells[*slot as usize]));
        written.bytes = Padded::new(writer.written(start).to_vec());
    }

    #[inline(always)]
    fn put_block(&self, writer: &mut Writer<'_>) {
        writer.put_padded(&self.constants.block, 0..self.constants.block.len());
        if self.line.id.is_ours() {
            writer.put_number(self.line.id.offset());
            writer.put_byte(b'}');
        }
    }

    #[inline(always)]
    fn put_cell<L: Lanes>(&self, cell: Cell, times: &mut TimeWriter, writer: &mut Writer<'_>) {
        let (text, arena) = (&*self.job.batch.text, self.job.table.arena());
        // Most are text; asked for alone, that is a branch that is foreseen, and no jump by a table.
        if cell.kind() == Some(Kind::Text) {
            return writer.put_string::<L>(text, cell.a, cell.b);
        }
        match cell.kind() {
            Some(Kind::Text) => writer.put_string::<L>(text, cell.a, cell.b),
            Some(Kind::ArenaText) => writer.put_string::<L>(arena, cell.a, cell.b),
            Some(Kind::Int) => put_signed(cell.bits() as i64, writer),
            Some(Kind::Time) => times.put(cell.bits() as i64, writer),
            Some(Kind::Float) => put_float(f64::from_bits(cell.bits()), writer),
            Some(Kind::Bool) => writer.put(if cell.a != 0 { b"true" } else { b"false" }),
            Some(Kind::Null) | None => writer.put(b"null"),
            Some(Kind::Json | Kind::ArenaJson) => match cell.value(text, arena) {
                Value::Json(json) if !json.is_empty() => writer.put(json),
                _ => writer.put(b"null"),
            },
        }
    }

    /// Values that were appended one by one. Where the first is an array already, the others are added to it.
    #[cold]
    fn put_array(&self, slots: &[Slot], scratch: &mut Vec<u8>, writer: &mut Writer<'_>) {
        writer.put_byte(b'[');
        let mut is_first = true;
        for (i, &slot) in slots.iter().enumerate() {
            scratch.clear();
            self.write_slot(slot, scratch);
            let value = scratch.trim_ascii();
            let inner = value
                .strip_prefix(b"[")
                .and_then(|rest| rest.strip_suffix(b"]"))
                .filter(|_| i == 0 && self.is_base(slot));
            let value = inner.map_or(value, <[u8]>::trim_ascii);
            if value.is_empty() {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                writer.put_byte(b',');
            }
            writer.put(value);
        }
        writer.put_byte(b']');
    }

    /// Whether a value was there before others were appended to it.
    fn is_base(&self, slot: Slot) -> bool {
        self.cells.get(slot as usize).is_some_and(|cell| !cell.appends())
    }

    fn write_slot(&self, slot: Slot, out: &mut Vec<u8>) {
        match Own::of_slot(slot) {
            Some(Own::Offset) => out.extend_from_slice(self.line.id.offset().to_string().as_bytes()),
            Some(own) => out.extend_from_slice(self.constants.get(own)),
            None => self.cells[slot as usize].value(&self.job.batch.text, self.job.table.arena()).write_json(out),
        }
    }
}

#[inline(always)]
fn put_signed(number: i64, writer: &mut Writer<'_>) {
    if number < 0 {
        writer.put_byte(b'-');
    }
    writer.put_number(number.unsigned_abs());
}

fn put_float(number: f64, writer: &mut Writer<'_>) {
    if number.is_finite() {
        writer.put(ryu::Buffer::new().format_finite(number).as_bytes());
    } else {
        writer.put(b"null");
    }
}
