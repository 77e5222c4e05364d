//! What a plugin is handed over: only the fields that it reads, as cells into one text.

use std::collections::HashMap;

use collector_model::{
    Cell, Kind, Schema, Table, Value,
    fields::{FieldTree, Found, LINE_SLOT, Slot},
    schema::ShapeId,
    table::Event,
};

use crate::{
    guest::{Manifest, Request},
    meta::{Lines, Meta, MetaName, MetaValue, is_meta},
};

/// Where the value of a column comes from, for one shape.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Read {
    Absent,
    Cell(Slot),
    Array(Box<[Slot]>),
    /// Not of the event: what the host knows of its line.
    Meta(MetaName),
}

impl Read {
    fn of(found: Option<Found<'_>>) -> Self {
        match found {
            None => Read::Absent,
            Some(Found::Single(slot)) => Read::Cell(slot),
            Some(Found::Array(slots)) => Read::Array(slots.into()),
        }
    }
}

/// The columns and the sparse fields of one shape.
#[derive(Debug)]
struct ShapeReads {
    columns: Box<[Read]>,
    sparse: Box<[(u32, Read)]>,
}

/// Where the text of a request lies, for turning the guest's spans back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextAt {
    /// At that offset of the batch's text.
    Batch(u32),
    /// In a buffer of its own.
    Gathered,
}

/// Makes requests for one instance. Buffers are kept.
pub(crate) struct Reader {
    columns: Vec<String>,
    patterns: Vec<Pattern>,
    /// It reads the line, and nothing of which the text lies elsewhere.
    may_be_in_place: bool,
    shapes: Vec<Option<Box<ShapeReads>>>,
    host_names: HashMap<String, u32>,
    new_names: Vec<String>,
    cells: Vec<u32>,
    sparse: Vec<u32>,
    gathered: Vec<u8>,
}

#[derive(Debug)]
enum Pattern {
    All,
    Below(String),
}

impl Pattern {
    fn matches(&self, name: &str) -> bool {
        match self {
            Pattern::All => true,
            Pattern::Below(prefix) => name.strip_prefix(&**prefix).is_some_and(|rest| rest.starts_with('.')),
        }
    }
}

impl Reader {
    /// For a fresh instance.
    pub(crate) fn new(manifest: &Manifest) -> Self {
        let (mut columns, mut patterns) = (vec![], vec![]);
        for name in &manifest.reads {
            match name.strip_suffix(".*") {
                _ if name == "*" => patterns.push(Pattern::All),
                Some(prefix) => patterns.push(Pattern::Below(prefix.to_owned())),
                None => columns.push(name.clone()),
            }
        }
        let reads_line = columns.iter().any(|name| name == "message" || name == "event.original");
        let has_text = |name: &String| !matches!(MetaName::of(name), None | Some(MetaName::Day | MetaName::Timezone));
        Reader {
            may_be_in_place: reads_line && patterns.is_empty() && !columns.iter().any(has_text),
            columns,
            patterns,
            shapes: vec![],
            host_names: HashMap::new(),
            new_names: vec![],
            cells: vec![],
            sparse: vec![],
            gathered: vec![],
        }
    }

    /// Forgets what was worked out for shapes, after the schema started afresh.
    pub(crate) fn forget_shapes(&mut self) {
        self.shapes.clear();
    }

    /// How many names the guest was told of.
    pub(crate) fn names(&self) -> usize {
        self.host_names.len()
    }

    /// The request for some events, and where its text lies.
    pub(crate) fn request<'a>(
        &'a mut self,
        lines: &Lines<'a>,
        table: &Table,
        schema: &Schema,
        events: &[Event],
    ) -> (Request<'a>, TextAt) {
        self.new_names.clear();
        let (request_text, at) = match self.in_place(lines, table, schema, events) {
            Some((start, end)) => (&lines.text[start as usize..end as usize], TextAt::Batch(start)),
            None => {
                self.gather(lines, table, schema, events);
                (self.gathered.as_slice(), TextAt::Gathered)
            }
        };
        let request = Request {
            events: events.len() as u32,
            text: request_text,
            cells: &self.cells,
            names: &self.new_names,
            sparse: &self.sparse,
        };
        (request, at)
    }

    /// Where the plugin reads lines and all texts that it reads lie in the lines, they are handed over as they lie: the range of the
    /// batch's text.
    fn in_place(&mut self, lines: &Lines<'_>, table: &Table, schema: &Schema, events: &[Event]) -> Option<(u32, u32)> {
        if !self.may_be_in_place {
            return None;
        }
        let line = |event: &Event| table.cells_of(event)[LINE_SLOT as usize];
        let (first, last) = (line(events.first()?), line(events.last()?));
        let (start, end) = (first.a, last.a.checked_add(last.b)?);
        if first.kind() != Some(Kind::Text) || end as usize > lines.text.len() || start > end {
            return None;
        }
        self.cells.clear();
        self.sparse.clear();
        for event in events {
            let cells = table.cells_of(event);
            let reads = shape_reads(
                &mut self.shapes,
                &self.columns,
                &self.patterns,
                (&mut self.host_names, &mut self.new_names, lines.keep_original),
                event.shape(),
                schema,
                cells,
            );
            for read in &reads.get().columns {
                let words = match read {
                    Read::Absent => [0; 3],
                    Read::Cell(slot) => in_range(cells[*slot as usize], start, end)?,
                    Read::Array(_) => return None,
                    Read::Meta(name) => match lines.meta(event.line).value(*name) {
                        MetaValue::Words(words) => words,
                        MetaValue::Text(_) => return None,
                    },
                };
                self.cells.extend_from_slice(&words);
            }
        }
        Some((start, end))
    }

    fn gather(&mut self, lines: &Lines<'_>, table: &Table, schema: &Schema, events: &[Event]) {
        let mut copied = CopiedMeta::default();
        self.cells.clear();
        self.sparse.clear();
        self.gathered.clear();
        for (index, event) in events.iter().enumerate() {
            let cells = table.cells_of(event);
            let reads = shape_reads(
                &mut self.shapes,
                &self.columns,
                &self.patterns,
                (&mut self.host_names, &mut self.new_names, lines.keep_original),
                event.shape(),
                schema,
                cells,
            );
            let reads = reads.get();
            let source = Values { text: lines.text, arena: table.arena(), cells };
            for read in &reads.columns {
                let words = match read {
                    Read::Meta(name) => copied.copy(&lines.meta(event.line), *name, &mut self.gathered),
                    read => source.copy(read, &mut self.gathered),
                };
                self.cells.extend_from_slice(&words);
            }
            for (name, read) in &reads.sparse {
                let words = source.copy(read, &mut self.gathered);
                self.sparse.extend_from_slice(&[index as u32, *name]);
                self.sparse.extend_from_slice(&words);
            }
        }
    }
}

/// The words of a cell whose text lies in `start..end` of the batch's text.
#[inline(always)]
fn in_range(cell: Cell, start: u32, end: u32) -> Option<[u32; 3]> {
    match cell.kind()? {
        kind @ (Kind::Text | Kind::Json) => {
            let inside = cell.a >= start && u64::from(cell.a) + u64::from(cell.b) <= u64::from(end);
            inside.then(|| [kind as u32, cell.a - start, cell.b])
        }
        Kind::ArenaText | Kind::ArenaJson => None,
        kind => Some([kind as u32, cell.a, cell.b]),
    }
}

/// Texts of which the host knows that were copied for this request: lines that follow each other mostly share them.
#[derive(Default)]
struct CopiedMeta<'a>(Vec<(&'a str, [u32; 3])>);

/// How many of them are looked through.
const COPIED_META_MAX: usize = 16;

impl<'a> CopiedMeta<'a> {
    fn copy(&mut self, meta: &Meta<'a>, name: MetaName, out: &mut Vec<u8>) -> [u32; 3] {
        let text = match meta.value(name) {
            MetaValue::Words(words) => return words,
            MetaValue::Text(text) => text,
        };
        if let Some((_, words)) = self.0.iter().find(|(known, _)| std::ptr::eq(*known, text)) {
            return *words;
        }
        let words = [Kind::Text as u32, out.len() as u32, text.len() as u32];
        out.extend_from_slice(text.as_bytes());
        if self.0.len() >= COPIED_META_MAX {
            self.0.clear();
        }
        self.0.push((text, words));
        words
    }
}

/// What the values of one event are taken from.
struct Values<'a> {
    text: &'a [u8],
    arena: &'a [u8],
    cells: &'a [Cell],
}

impl Values<'_> {
    /// Copies a value's bytes, if it has any, and gives its words.
    fn copy(&self, read: &Read, out: &mut Vec<u8>) -> [u32; 3] {
        let start = out.len() as u32;
        let words = |kind: Kind, out: &Vec<u8>| [kind as u32, start, out.len() as u32 - start];
        match read {
            Read::Absent | Read::Meta(_) => [0; 3],
            Read::Cell(slot) => {
                let cell = self.cells[*slot as usize];
                match cell.value(self.text, self.arena) {
                    Value::Text(bytes) => {
                        out.extend_from_slice(bytes);
                        words(Kind::Text, out)
                    }
                    Value::Json(bytes) => {
                        out.extend_from_slice(bytes);
                        words(Kind::Json, out)
                    }
                    _ => [cell.kind().map_or(0, |kind| kind as u32), cell.a, cell.b],
                }
            }
            Read::Array(slots) => {
                self.write_array(slots, out);
                words(Kind::Json, out)
            }
        }
    }

    /// Values that were appended one by one, as JSON.
    fn write_array(&self, slots: &[Slot], out: &mut Vec<u8>) {
        let mut parts: Vec<Vec<u8>> = vec![];
        for (i, slot) in slots.iter().enumerate() {
            let mut part = vec![];
            self.cells[*slot as usize].value(self.text, self.arena).write_json(&mut part);
            let inner = part.trim_ascii().strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
            let is_base = i == 0 && !self.cells[*slot as usize].appends();
            match inner.filter(|_| is_base).map(<[u8]>::trim_ascii) {
                Some([]) => {}
                Some(inner) => parts.push(inner.to_vec()),
                None => parts.push(part),
            }
        }
        out.push(b'[');
        out.extend_from_slice(&parts.join(&b','));
        out.push(b']');
    }
}

/// Kept for the shape, or worked out for this event alone.
enum Reads<'a> {
    Kept(&'a ShapeReads),
    Made(ShapeReads),
}

impl Reads<'_> {
    fn get(&self) -> &ShapeReads {
        match self {
            Reads::Kept(reads) => reads,
            Reads::Made(reads) => reads,
        }
    }
}

#[inline(always)]
fn shape_reads<'a>(
    shapes: &'a mut Vec<Option<Box<ShapeReads>>>,
    columns: &[String],
    patterns: &[Pattern],
    names: (&mut HashMap<String, u32>, &mut Vec<String>, bool),
    shape: ShapeId,
    schema: &Schema,
    cells: &[Cell],
) -> Reads<'a> {
    let Some(index) = shape.index() else { return Reads::Made(work_out(columns, patterns, names, schema, cells)) };
    if shapes.len() <= index {
        shapes.resize_with(index + 1, || None);
    }
    Reads::Kept(shapes[index].get_or_insert_with(|| Box::new(work_out(columns, patterns, names, schema, cells))))
}

/// `event.original`, or below it.
fn is_original(name: &str) -> bool {
    name.strip_prefix("event.original").is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn work_out(
    columns: &[String],
    patterns: &[Pattern],
    (known, new, keep_original): (&mut HashMap<String, u32>, &mut Vec<String>, bool),
    schema: &Schema,
    cells: &[Cell],
) -> ShapeReads {
    let tree = FieldTree::of(schema, cells);
    let mut sparse = vec![];
    if !patterns.is_empty() {
        tree.each(|name, found| {
            let is_in_document = keep_original || !is_original(name);
            if is_in_document && patterns.iter().any(|pattern| pattern.matches(name)) {
                let next = known.len() as u32;
                let id = *known.entry(name.to_owned()).or_insert_with(|| {
                    new.push(name.to_owned());
                    next
                });
                sparse.push((id, Read::of(Some(found))));
            }
        });
    }
    let column = |name: &String| match MetaName::of(name) {
        Some(name) => Read::Meta(name),
        None if is_meta(name) => Read::Absent,
        None => Read::of(tree.read(name)),
    };
    let columns = columns.iter().map(column).collect();
    ShapeReads { columns, sparse: sparse.into() }
}
