//! What a plugin does to the event at hand.

use crate::abi::{self, halves, op_word};
use crate::kv::{self, OPERATION_WORDS, Operation, Usual};
use crate::names::{Foretelling, Names};
use crate::{Bundle, Constants, Field, Input, Manifest, Reject, Value, Verdict};

/// Words that the buffer of operations begins with and grows by, at least.
const WORDS_STEP: usize = 16 * 1024;

/// Buffers of one batch, kept from batch to batch.
pub(crate) struct Output {
    /// Filled up to `at`; what is behind it is from earlier batches.
    words: Vec<u32>,
    at: usize,
    arena: Vec<u8>,
    names: Names,
    /// Constant bytes that lie in the arena already: address, length, offset.
    constants: Vec<(usize, usize, u32)>,
    /// Which batch this is; the first is 1.
    batch: u64,
}

impl Output {
    pub(crate) fn new(manifest: &Manifest) -> Self {
        Self {
            words: vec![0; WORDS_STEP],
            at: 0,
            arena: Vec::new(),
            names: Names::new(&manifest.writes, &manifest.naming),
            constants: Vec::new(),
            batch: 0,
        }
    }

    pub(crate) fn names(&self) -> &[String] {
        self.names.fresh()
    }

    pub(crate) fn arena(&self) -> &[u8] {
        &self.arena
    }

    pub(crate) fn ops(&self) -> &[u32] {
        &self.words[..self.at]
    }

    fn clear(&mut self) {
        self.at = 0;
        self.arena.clear();
        self.names.begin_batch();
        self.constants.clear();
        self.batch += 1;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let length = self.words.len() + self.words.len().max(WORDS_STEP);
        self.words.resize(length, 0);
    }

    #[inline(always)]
    fn put<const N: usize>(&mut self, words: [u32; N]) {
        loop {
            if let Some(slot) = self.words.get_mut(self.at..self.at + N) {
                slot.copy_from_slice(&words);
                self.at += N;
                return;
            }
            self.grow();
        }
    }

    /// Room for operations behind those that were put, and what is foretold of names.
    #[inline(always)]
    pub(crate) fn parts(&mut self) -> (&mut [Operation], Foretelling<'_>) {
        (self.words[self.at..].as_chunks_mut().0, self.names.foretelling())
    }

    /// Where constant bytes lie in the arena; they are put there once a batch.
    fn constant(&mut self, bytes: &'static [u8]) -> [u32; 2] {
        let key = (bytes.as_ptr() as usize, bytes.len());
        let known = self.constants.iter().find(|c| (c.0, c.1) == key);
        let offset = match known {
            Some(constant) => constant.2,
            None => {
                let offset = self.arena.len() as u32;
                self.arena.extend_from_slice(bytes);
                self.constants.push((key.0, key.1, offset));
                offset
            }
        };
        [offset, bytes.len() as u32]
    }
}

/// The event at hand: where a plugin sets fields. `'a` is the life of the batch's text.
///
/// Emit each field as it is found: where the plugin then gives up with a [`Reject`], the host takes all of it back.
pub struct Event<'a> {
    text: &'a [u8],
    input: Input<'a>,
    out: &'a mut Output,
}

impl<'a> Event<'a> {
    pub(crate) fn begin(text: &'a [u8], out: &'a mut Output) -> Self {
        out.clear();
        Self { text, input: Input { text, cells: &[], sparse: &[], names: &[] }, out }
    }

    /// Turns to the next event of the batch.
    #[inline(always)]
    pub(crate) fn turn_to(&mut self, input: Input<'a>) {
        self.input = input;
    }

    /// All that the manifest reads of this event: a parser's line is column 0, `@meta.timezone` or whatever else it asks for lies behind it.
    #[inline(always)]
    #[must_use]
    pub fn input(&self) -> Input<'a> {
        self.input
    }

    /// Ends the event as the plugin decided.
    #[inline(always)]
    pub(crate) fn end(&mut self, verdict: Result<Verdict, Reject>) {
        match verdict {
            Ok(Verdict::Keep) => self.out.put([abi::NEXT]),
            Ok(Verdict::Drop) => self.out.put([abi::DROP]),
            Err(reject) => self.reject(reject),
        }
    }

    #[cold]
    #[inline(never)]
    fn reject(&mut self, Reject(reason): Reject) {
        let [a, b] = self.out.constant(reason.as_bytes());
        self.out.put([op_word(abi::REJECT, 0, 0), a, b]);
    }

    #[inline(always)]
    fn set(&mut self, field: Field, kind: u32, [a, b]: [u32; 2]) {
        self.out.put([op_word(abi::SET, kind, field.id()), a, b]);
    }

    /// Where `bytes` lie in the batch's text, if they do.
    #[inline(always)]
    fn span(&self, bytes: &[u8]) -> Option<[u32; 2]> {
        let offset = (bytes.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        let inside = offset <= self.text.len() && bytes.len() <= self.text.len() - offset;
        inside.then_some([offset as u32, bytes.len() as u32])
    }

    /// Sets a text field. A part of the line crosses as a span of it, anything else is copied. The bytes are UTF-8: a part of a line is cut between characters.
    #[inline(always)]
    pub fn text<T: AsRef<[u8]> + ?Sized>(&mut self, field: Field, text: &T) {
        let bytes = text.as_ref();
        match self.span(bytes) {
            Some(span) => self.set(field, abi::TEXT, span),
            None => self.build(field, |arena| arena.extend_from_slice(bytes)),
        }
    }

    /// Sets a text field to what `write` appends, which is UTF-8 (unescaped text, for example).
    #[inline]
    pub fn build(&mut self, field: Field, write: impl FnOnce(&mut Vec<u8>)) {
        let span = self.arena(write);
        self.set(field, abi::ARENA, span);
    }

    /// Sets a text field to a constant, which is copied once a batch.
    #[inline]
    pub fn constant(&mut self, field: Field, text: &'static str) {
        let span = self.out.constant(text.as_bytes());
        self.set(field, abi::ARENA, span);
    }

    /// Sets a field to one JSON value, given as its text. It is checked by the host: a value that is not strict JSON is a fault of the plugin.
    #[inline(always)]
    pub fn json<T: AsRef<[u8]> + ?Sized>(&mut self, field: Field, value: &T) {
        let bytes = value.as_ref();
        match self.span(bytes) {
            Some(span) => self.set(field, abi::JSON, span),
            None => self.build_json(field, |arena| arena.extend_from_slice(bytes)),
        }
    }

    /// Sets a field to the one JSON value that `write` appends.
    #[inline]
    pub fn build_json(&mut self, field: Field, write: impl FnOnce(&mut Vec<u8>)) {
        let span = self.arena(write);
        self.set(field, abi::ARENA_JSON, span);
    }

    /// Sets a field to a constant JSON value, which is copied once a batch.
    #[inline]
    pub fn constant_json(&mut self, field: Field, value: &'static str) {
        let span = self.out.constant(value.as_bytes());
        self.set(field, abi::ARENA_JSON, span);
    }

    /// Sets fields that many events have in common.
    #[inline(always)]
    pub fn constants(&mut self, constants: &mut Constants) {
        constants.prepare(self.out.batch, &mut self.out.arena);
        let (pieces, rest) = constants.pieces();
        pieces.iter().for_each(|piece| self.out.put(*piece));
        rest.iter().for_each(|piece| self.out.put(*piece));
    }

    /// Sets the fields of a bundle.
    #[inline(always)]
    pub fn bundle(&mut self, bundle: &Bundle) {
        let start = self.out.arena.len() as u32;
        self.out.arena.extend_from_slice(bundle.bytes());
        bundle.operations(start).for_each(|operation| self.out.put(operation));
    }

    /// Sets an integer.
    #[inline(always)]
    pub fn int(&mut self, field: Field, value: i64) {
        self.set(field, abi::I64, halves(value.cast_unsigned()));
    }

    /// Sets a number; null where it is not finite, because JSON has no other way to say so.
    #[inline(always)]
    pub fn float(&mut self, field: Field, value: f64) {
        if value.is_finite() {
            self.set(field, abi::F64, halves(value.to_bits()));
        } else {
            self.null(field);
        }
    }

    /// Sets a bool.
    #[inline(always)]
    pub fn bool(&mut self, field: Field, value: bool) {
        self.set(field, abi::BOOL, [u32::from(value), 0]);
    }

    /// Sets null.
    #[inline(always)]
    pub fn null(&mut self, field: Field) {
        self.set(field, abi::NULL, [0, 0]);
    }

    /// Sets a time, in nanoseconds since 1970-01-01T00:00:00Z.
    #[inline(always)]
    pub fn time_ns(&mut self, field: Field, value: i64) {
        self.set(field, abi::TIME, halves(value.cast_unsigned()));
    }

    /// Sets a field to a value as an input has it; removes the field where the value is absent.
    pub fn value(&mut self, field: Field, value: Value<'_>) {
        match value {
            Value::Absent => self.remove(field),
            Value::Text(text) => self.text(field, text),
            Value::Int(int) => self.int(field, int),
            Value::Float(float) => self.float(field, float),
            Value::Bool(bool) => self.bool(field, bool),
            Value::Null => self.null(field),
            Value::TimeNs(time_ns) => self.time_ns(field, time_ns),
            Value::Json(json) => self.json(field, json),
        }
    }

    /// Adds a text to an array such as `tags`; the array is made where there is none.
    pub fn append<T: AsRef<[u8]> + ?Sized>(&mut self, field: Field, text: &T) {
        let bytes = text.as_ref();
        let (kind, [a, b]) = match self.span(bytes) {
            Some(span) => (abi::TEXT, span),
            None => (abi::ARENA, self.arena(|arena| arena.extend_from_slice(bytes))),
        };
        self.out.put([op_word(abi::APPEND, kind, field.id()), a, b]);
    }

    /// Takes the field away, and every field below it.
    pub fn remove(&mut self, field: Field) {
        self.out.put([op_word(abi::REMOVE, 0, field.id())]);
    }

    /// Ends this event and begins one more of the same line, for a plugin whose manifest says that it [forks](crate::Manifest::forking); at most 1,000 a line.
    pub fn fork(&mut self) {
        self.out.put([abi::FORK]);
    }

    /// The field `key` below `parent` (None: at the top), for names met in the data. Dots in `key` nest.
    ///
    /// A name that the host would not take is changed: an empty segment becomes `_`, and `_id`, `@meta` and `collector` get a `_` behind them.
    ///
    /// # Errors
    /// A name longer than 512 bytes or nested deeper than 20 levels rejects the line, as do more than 65,536 different names.
    #[inline(always)]
    pub fn name(&mut self, parent: Option<Field>, key: &[u8]) -> Result<Field, Reject> {
        self.out.names.get(parent, key)
    }

    /// The field whose name came next last time, where `text` begins with that name and with what [ends names](crate::Manifest::ending_names): gives the field and the bytes of both.
    ///
    /// A parser that asks here first need not look for the end of a name; where it gets nothing, [`name`](Self::name) tells the field. Names of sixteen bytes are foretold, their end
    /// included, and none that has a quote, a backslash, a `=`, white space or a control character in it.
    #[inline(always)]
    pub fn foretold(&mut self, parent: Option<Field>, text: &[u8]) -> Option<(Field, usize)> {
        self.out.names.foretold(parent, text)
    }

    /// Sets fields from the pairs at `at` in `line` as long as each key is foretold and each value is of the usual kinds; gives where it stopped, between two pairs or at the end.
    ///
    /// What is not usual (a new key, a backslash, a number of many digits) sets nothing, and is left to the caller; nothing is usual in a line that is no part of the batch's text.
    #[inline(always)]
    pub fn usual_pairs(&mut self, line: &[u8], at: usize, usual: Usual) -> usize {
        let Some([start, length]) = self.span(line) else {
            return at;
        };
        let start = start as usize;
        let (words, foretelling) = self.out.parts();
        let (at, end, from) = (start + at, start + length as usize, usual.fields_from);
        let run = match usual.types {
            true => kv::run::<true>(self.text, at, end, from, words, foretelling),
            false => kv::run::<false>(self.text, at, end, from, words, foretelling),
        };
        self.out.at += run.operations * OPERATION_WORDS;
        self.out.names.came_true(run.reached);
        run.at - start
    }

    /// As [`name`](Self::name), whatever the manifest says of renaming it.
    ///
    /// # Errors
    /// As there.
    pub fn own_name(&mut self, parent: Option<Field>, key: &[u8]) -> Result<Field, Reject> {
        self.out.names.own(parent, key)
    }

    #[inline(always)]
    fn arena(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> [u32; 2] {
        let start = self.out.arena.len();
        write(&mut self.out.arena);
        [start as u32, self.out.arena.len().saturating_sub(start) as u32]
    }
}
