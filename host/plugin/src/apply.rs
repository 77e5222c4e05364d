//! Nothing that a plugin says is used before it was checked here: every span, name, kind and character boundary, numbers and JSON.

use collector_model::{
    Cell, Kind, Schema, Table, json,
    schema::{FieldId, Step},
    table::{Event, EventStatus},
};

use crate::{
    guest::{Answer, Request},
    limits::{FORKS_MAX, Limits, REASON_BYTES_MAX, VALUES_BYTES_EXTRA, VALUES_RATIO_MAX},
    reads::TextAt,
};

const NEXT: u32 = 0;
const SET: u32 = 1;
const APPEND: u32 = 2;
const REMOVE: u32 = 3;
const DROP: u32 = 4;
const REJECT: u32 = 5;
const FORK: u32 = 6;

/// How many spans of JSON are remembered.
const SOUND_JSON: usize = 4;

/// A rule of the ABI that an answer breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("it returned {found} bytes for an input of {input} bytes, the limit is {max}")]
    TooMuch { found: usize, input: usize, max: usize },
    #[error("the values it set are more than {0} bytes together")]
    ValuesTooLarge(u64),
    #[error("the ops end in the middle")]
    OpsCutShort,
    #[error("there are ops behind the last event")]
    OpsLeft,
    #[error("op {0} is unknown")]
    UnknownOp(u32),
    #[error("an op has bits that must be 0")]
    StrayBits,
    #[error("value kind {0} is not allowed")]
    UnknownKind(u32),
    #[error("name id {id} is not in the table of {names} names")]
    UnknownName { id: u32, names: usize },
    #[error("the span {start}+{len} is outside of the {buffer} of {size} bytes")]
    SpanOutside { buffer: &'static str, start: u32, len: u32, size: usize },
    #[error("the span {start}+{len} cuts a character of the {buffer}")]
    SpanCutsCharacter { buffer: &'static str, start: u32, len: u32 },
    #[error("the arena is not UTF-8 at {start}+{len}")]
    NotUtf8 { start: u32, len: u32 },
    #[error("a number is infinite or not a number")]
    NotFinite,
    #[error("a bool is neither 0 nor 1")]
    BadBool,
    #[error("{0}")]
    BadJson(#[from] json::JsonError),
    #[error("it forks, but its manifest does not say so")]
    ForkNotAllowed,
    #[error("a line has more than {FORKS_MAX} forks")]
    TooManyForks,
    #[error("the batch's arena is full")]
    ArenaFull,
}

/// What an event that was rejected is given to, with the reason.
pub(crate) type OnReject<'a> = &'a mut dyn FnMut(Event, &str, &mut Table, &mut Schema);

/// What an answer is checked against and written to.
pub(crate) struct Target<'a> {
    pub(crate) table: &'a mut Table,
    pub(crate) schema: &'a mut Schema,
    /// The fields of the guest's name ids.
    pub(crate) fields: &'a [FieldId],
    /// Where the request's text lies.
    pub(crate) text_at: TextAt,
    /// FORK is allowed.
    pub(crate) forks: bool,
}

/// The size of an answer is checked first.
pub(crate) fn check_size(request: &Request<'_>, answer: &Answer<'_>, limits: &Limits) -> Result<(), Violation> {
    let names: usize = answer.names.iter().map(|name| name.len() + 8).sum();
    let found = answer.arena.len() + 4 * answer.ops.len() + names;
    let input = request.bytes();
    let max = limits.output_bytes_max(input);
    if found > max { Err(Violation::TooMuch { found, input, max }) } else { Ok(()) }
}

/// Checks the answer for `events`, and pushes what becomes of them to the table. On a violation the table is to be taken back.
pub(crate) fn apply(
    request: &Request<'_>,
    answer: &Answer<'_>,
    events: &[Event],
    target: Target<'_>,
    on_reject: OnReject<'_>,
) -> Result<(), Violation> {
    let arena_start = target.table.push_arena(answer.arena).ok_or(Violation::ArenaFull)?.start;
    let values_left = VALUES_RATIO_MAX * request.bytes() as u64 + VALUES_BYTES_EXTRA;
    let mut checker = Checker {
        text: request.text,
        text_is_ascii: request.text.is_ascii(),
        arena: answer.arena,
        arena_is_ascii: answer.arena.is_ascii(),
        arena_is_utf8: std::str::from_utf8(answer.arena).is_ok(),
        arena_start,
        gathered_start: None,
        // No span begins there.
        sound_json: [(u32::MAX, u32::MAX); SOUND_JSON],
        values_max: values_left,
        values_left,
        target,
    };
    checker.target.table.reserve_cells(answer.ops.len() / 3 + events.len());
    let mut ops = answer.ops;
    for event in events {
        ops = checker.event(*event, ops, on_reject)?;
    }
    if ops.is_empty() { Ok(()) } else { Err(Violation::OpsLeft) }
}

struct Checker<'a> {
    text: &'a [u8],
    text_is_ascii: bool,
    arena: &'a [u8],
    arena_is_ascii: bool,
    arena_is_utf8: bool,
    /// Where the guest's arena begins in the table's.
    arena_start: u32,
    /// Where the gathered text begins in the table's arena, once it is there.
    gathered_start: Option<u32>,
    /// Spans of the arena that were found to be JSON: constants (`event.category`) are the same span for every event.
    sound_json: [(u32, u32); SOUND_JSON],
    values_max: u64,
    values_left: u64,
    target: Target<'a>,
}

impl Checker<'_> {
    /// Everything up to the NEXT, DROP or REJECT of one event; gives the ops that are left.
    #[inline(always)]
    fn event<'o>(&mut self, before: Event, ops: &'o [u32], on_reject: OnReject<'_>) -> Result<&'o [u32], Violation> {
        let (mut event, mut fork, mut ops) = (before, 0, ops);
        let mark = self.target.table.mark();
        loop {
            if ops.first().is_some_and(|word| word & 15 == SET) {
                self.target.table.open(&mut event);
            }
            // Nearly all operations are this one.
            while let [word, a, b, rest @ ..] = ops
                && word & 15 == SET
            {
                let field = self.field(*word)?;
                let (kind, a, b) = self.value(word >> 4 & 15, *a, *b)?;
                let cell = Cell::new(Step::set(field), kind, a, b);
                self.target.table.push_open(&mut event, self.target.schema, cell);
                ops = rest;
            }
            let (&word, rest) = ops.split_first().ok_or(Violation::OpsCutShort)?;
            match word & 15 {
                SET => return Err(Violation::OpsCutShort),
                NEXT => {
                    check_bare(word)?;
                    self.target.table.push_event(event);
                    return Ok(rest);
                }
                DROP => {
                    check_bare(word)?;
                    self.target.table.counts.dropped += 1;
                    return Ok(rest);
                }
                REJECT => {
                    let reason = self.reason(word, operands(&mut ops)?)?;
                    self.target.table.go_back_but_arena(mark);
                    on_reject(before, &reason, self.target.table, self.target.schema);
                    return Ok(ops);
                }
                FORK => {
                    check_bare(word)?;
                    (event, fork) = self.fork(&before, event, fork)?;
                    ops = rest;
                }
                APPEND => {
                    let (a, b) = operands(&mut ops)?;
                    event = self.append(word, a, b, event)?;
                }
                REMOVE => {
                    event = self.remove(word, event)?;
                    ops = rest;
                }
                op => return Err(Violation::UnknownOp(op)),
            }
        }
    }

    #[cold]
    fn append(&mut self, word: u32, a: u32, b: u32, mut event: Event) -> Result<Event, Violation> {
        let field = self.field(word)?;
        let (kind, a, b) = self.value(word >> 4 & 15, a, b)?;
        let cell = Cell::new(Step::append(field), kind, a, b);
        self.target.table.push_cell(&mut event, self.target.schema, cell);
        Ok(event)
    }

    #[cold]
    fn remove(&mut self, word: u32, mut event: Event) -> Result<Event, Violation> {
        if word >> 4 & 15 != 0 {
            return Err(Violation::StrayBits);
        }
        let cell = Cell::removal(Step::remove(self.field(word)?));
        self.target.table.push_cell(&mut event, self.target.schema, cell);
        Ok(event)
    }

    #[cold]
    fn fork(&mut self, before: &Event, mut event: Event, fork: u32) -> Result<(Event, u32), Violation> {
        if !self.target.forks {
            return Err(Violation::ForkNotAllowed);
        }
        if fork >= FORKS_MAX {
            return Err(Violation::TooManyForks);
        }
        let table = &mut *self.target.table;
        if fork == 0 {
            event.fork = table.fork(before.fork, 0);
        }
        table.push_event(event);
        let fork = fork + 1;
        let mut event = table.begin_fork(before);
        event.fork = table.fork(before.fork, fork as u16);
        Ok((event, fork))
    }

    #[cold]
    fn reason(&mut self, word: u32, (start, len): (u32, u32)) -> Result<String, Violation> {
        check_bare(word)?;
        self.arena_span(start, len)?;
        let reason = String::from_utf8_lossy(&self.arena[start as usize..start as usize + len as usize]);
        Ok(reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].to_owned())
    }

    #[inline(always)]
    fn field(&self, word: u32) -> Result<FieldId, Violation> {
        let id = word >> 8;
        let names = self.target.fields.len();
        self.target.fields.get(id as usize).copied().ok_or(Violation::UnknownName { id, names })
    }

    /// Checks a value and gives it as the table has it.
    #[inline(always)]
    fn value(&mut self, kind: u32, a: u32, b: u32) -> Result<(Kind, u32, u32), Violation> {
        // Compared one by one, the frequent ones first: a jump by a table is slower.
        if kind == 1 {
            self.text_span(a, b)?;
            return self.in_table(Kind::Text, Kind::ArenaText, a, b);
        }
        if kind == 3 {
            return Ok((Kind::Int, a, b));
        }
        if kind == 2 {
            self.arena_span(a, b)?;
            return Ok((Kind::ArenaText, self.arena_start + a, b));
        }
        if kind == 7 {
            return Ok((Kind::Time, a, b));
        }
        self.rare_value(kind, a, b)
    }

    #[inline(never)]
    fn rare_value(&mut self, kind: u32, a: u32, b: u32) -> Result<(Kind, u32, u32), Violation> {
        match kind {
            4 => {
                let is_finite = f64::from_bits(u64::from(a) | u64::from(b) << 32).is_finite();
                if is_finite { Ok((Kind::Float, a, b)) } else { Err(Violation::NotFinite) }
            }
            5 => {
                if a <= 1 && b == 0 {
                    Ok((Kind::Bool, a, 0))
                } else {
                    Err(Violation::BadBool)
                }
            }
            6 => Ok((Kind::Null, 0, 0)),
            8 => {
                self.text_span(a, b)?;
                let text = self.text;
                match self.checked_json(text, a, b)? {
                    Some(rewritten) => Ok(rewritten),
                    None => self.in_table(Kind::Json, Kind::ArenaJson, a, b),
                }
            }
            9 => {
                self.arena_span(a, b)?;
                let in_place = (Kind::ArenaJson, self.arena_start + a, b);
                if self.sound_json.contains(&(a, b)) {
                    return Ok(in_place);
                }
                let arena = self.arena;
                let checked = self.checked_json(arena, a, b)?;
                if checked.is_none() {
                    self.sound_json.rotate_right(1);
                    self.sound_json[0] = (a, b);
                }
                Ok(checked.unwrap_or(in_place))
            }
            kind => Err(Violation::UnknownKind(kind)),
        }
    }

    /// A span of the request's text, as the table has it.
    #[inline(always)]
    fn in_table(&mut self, in_batch: Kind, in_arena: Kind, a: u32, b: u32) -> Result<(Kind, u32, u32), Violation> {
        match self.target.text_at {
            TextAt::Batch(start) => Ok((in_batch, start + a, b)),
            TextAt::Gathered => Ok((in_arena, self.gathered()? + a, b)),
        }
    }

    /// Copies the gathered text into the table's arena, the first time that something points into it.
    fn gathered(&mut self) -> Result<u32, Violation> {
        if let Some(start) = self.gathered_start {
            return Ok(start);
        }
        let start = self.target.table.push_arena(self.text).ok_or(Violation::ArenaFull)?.start;
        self.gathered_start = Some(start);
        Ok(start)
    }

    /// Checks JSON, and writes it again where it has line breaks: in a bulk request they would begin a new action.
    fn checked_json(&mut self, from: &[u8], a: u32, b: u32) -> Result<Option<(Kind, u32, u32)>, Violation> {
        let value = &from[a as usize..a as usize + b as usize];
        if json::is_plain_number(value) {
            return Ok(None);
        }
        json::check(value, json::PLUGIN_JSON_DEPTH_MAX)?;
        if !value.iter().any(|&byte| byte == b'\n' || byte == b'\r') {
            return Ok(None);
        }
        // In strings they are not allowed, so all of them are white space between tokens.
        let flat: Vec<u8> = value.iter().copied().filter(|&byte| byte != b'\n' && byte != b'\r').collect();
        let span = self.target.table.push_arena(&flat).ok_or(Violation::ArenaFull)?;
        Ok(Some((Kind::ArenaJson, span.start, span.len)))
    }

    #[inline(always)]
    fn text_span(&mut self, start: u32, len: u32) -> Result<(), Violation> {
        check_span("text", self.text, self.text_is_ascii, start, len)?;
        self.spend(len)
    }

    #[inline(always)]
    fn arena_span(&mut self, start: u32, len: u32) -> Result<(), Violation> {
        if self.arena_is_utf8 {
            check_span("arena", self.arena, self.arena_is_ascii, start, len)?;
            return self.spend(len);
        }
        check_span("arena", self.arena, true, start, len)?;
        self.spend(len)?;
        let bytes = &self.arena[start as usize..start as usize + len as usize];
        std::str::from_utf8(bytes).map(drop).map_err(|_| Violation::NotUtf8 { start, len })
    }

    #[inline(always)]
    fn spend(&mut self, len: u32) -> Result<(), Violation> {
        match self.values_left.checked_sub(u64::from(len)) {
            Some(left) => {
                self.values_left = left;
                Ok(())
            }
            None => Err(Violation::ValuesTooLarge(self.values_max)),
        }
    }
}

/// The two words behind the first; steps over all three.
#[inline(always)]
fn operands(ops: &mut &[u32]) -> Result<(u32, u32), Violation> {
    match ops {
        [_, a, b, rest @ ..] => {
            let words = (*a, *b);
            *ops = rest;
            Ok(words)
        }
        _ => Err(Violation::OpsCutShort),
    }
}

#[inline(always)]
fn check_bare(word: u32) -> Result<(), Violation> {
    if word >> 4 == 0 { Ok(()) } else { Err(Violation::StrayBits) }
}

#[inline(always)]
fn check_span(buffer: &'static str, bytes: &[u8], is_ascii: bool, start: u32, len: u32) -> Result<(), Violation> {
    let end = start as usize + len as usize;
    if end > bytes.len() {
        return Err(Violation::SpanOutside { buffer, start, len, size: bytes.len() });
    }
    if is_ascii || is_boundary(bytes, start as usize) && is_boundary(bytes, end) {
        return Ok(());
    }
    Err(Violation::SpanCutsCharacter { buffer, start, len })
}

#[inline(always)]
fn is_boundary(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|byte| byte & 0xc0 != 0x80)
}

/// What becomes of an event that a plugin could not treat, where it is kept.
pub(crate) fn tag(
    event: &mut Event,
    tag: &str,
    reason: &str,
    status: EventStatus,
    table: &mut Table,
    schema: &mut Schema,
) {
    event.status = status;
    for (step, text) in [(Step::append(FieldId::TAGS), tag), (Step::set(FieldId::ERROR_MESSAGE), reason)] {
        // A full arena leaves the event without its tag: there is no room for it anywhere.
        if let Some(span) = table.push_arena(text.as_bytes()) {
            table.push_cell(event, schema, Cell::new(step, Kind::ArenaText, span.start, span.len));
        }
    }
}
