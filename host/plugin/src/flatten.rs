//! A document that an agent's chain made, as an event for this chain: the fields of the document by dotted name.

use collector_model::{
    Cell, Kind, Schema, Span, Table,
    cell::rfc3339,
    json::{DOCUMENT_DEPTH_MAX, JsonKind, Scanner, check},
    schema::{FieldId, Step, check_name},
    table::Event,
};

use crate::names::is_reserved;

/// One field: its name, and its value as JSON at that range of the document.
struct Field {
    name: String,
    start: usize,
    end: usize,
}

/// Makes the event. The line is `event.original` where the document has one, else `message`.
pub(crate) fn document(
    text: &[u8],
    span: Span,
    line: u32,
    table: &mut Table,
    schema: &mut Schema,
) -> Result<Event, String> {
    let json = &text[span.range()];
    if json.iter().any(|&byte| byte == b'\n' || byte == b'\r') {
        return Err("it has line breaks".to_owned());
    }
    match check(json, DOCUMENT_DEPTH_MAX) {
        Ok(JsonKind::Object) => {}
        Ok(_) => return Err("it is no object".to_owned()),
        Err(error) => return Err(error.to_string()),
    }
    let mut fields = vec![];
    let mut scanner = Scanner::new(json, DOCUMENT_DEPTH_MAX);
    scanner.skip_space();
    if !object(json, &mut scanner, &mut String::new(), &mut fields) {
        return Err("a name in it cannot be a field's".to_owned());
    }
    fields.retain(|field| !is_reserved(&field.name));
    Maker { json, at: span.start, table, schema }.event(line, &fields).ok_or_else(|| "it is too large".to_owned())
}

/// Collects the fields of an object whose syntax is known to be right. False where a key cannot be part of a field's name.
fn object(json: &[u8], scanner: &mut Scanner<'_>, prefix: &mut String, fields: &mut Vec<Field>) -> bool {
    let open = scanner.expect(b'{').is_ok();
    scanner.skip_space();
    while open && scanner.peek().is_some_and(|byte| byte != b'}') {
        let key_start = scanner.at();
        if scanner.skip_key().is_err() {
            return false;
        }
        // The key ends where its string ends; the colon and spaces behind it do not matter to the parser of one value.
        let key = serde_json::Deserializer::from_slice(&json[key_start..]).into_iter::<String>().next();
        let Some(Ok(key)) = key else { return false };
        let before = prefix.len();
        if before > 0 {
            prefix.push('.');
        }
        prefix.push_str(&key);
        if check_name(prefix).is_err() || !member(json, scanner, prefix, fields) {
            return false;
        }
        prefix.truncate(before);
        scanner.skip_space();
        if scanner.expect(b',').is_ok() {
            scanner.skip_space();
        }
    }
    scanner.expect(b'}').is_ok()
}

/// Collects one value: an object by its fields, unless its names cannot be fields'.
fn member(json: &[u8], scanner: &mut Scanner<'_>, name: &mut String, fields: &mut Vec<Field>) -> bool {
    let start = scanner.at();
    let mut whole = scanner.clone();
    if whole.skip_value().is_err() {
        return false;
    }
    let (known, len) = (fields.len(), name.len());
    let is_object = scanner.peek() == Some(b'{');
    let flattened = is_object && object(json, scanner, name, fields) && fields.len() > known;
    if !flattened {
        name.truncate(len);
        fields.truncate(known);
        fields.push(Field { name: name.clone(), start, end: whole.at() });
    }
    *scanner = whole;
    true
}

struct Maker<'a> {
    json: &'a [u8],
    /// Where the document begins in the batch's text.
    at: u32,
    table: &'a mut Table,
    schema: &'a mut Schema,
}

impl Maker<'_> {
    fn event(&mut self, line: u32, fields: &[Field]) -> Option<Event> {
        let text_of =
            |name: &str| fields.iter().rev().find(|field| field.name == name && self.json[field.start] == b'"');
        let (original, message) = (text_of("event.original"), text_of("message"));
        let line_field = original.or(message);
        let mut event = match line_field.map(|field| (field.start, field.end)) {
            None => self.table.begin(line, Span { start: self.at, len: 0 }),
            Some((start, end)) => match self.string(start, end)? {
                (Kind::Text, start, len) => self.table.begin(line, Span { start, len }),
                (_, start, len) => self.table.begin_in_arena(line, Span { start, len }),
            },
        };
        if message.is_none() {
            // The agent's chain took the message away, or it is no text: the line is not to come up under that name.
            self.push(&mut event, Cell::removal(Step::remove(FieldId::MESSAGE)));
            if original.is_none() {
                self.push(&mut event, Cell::removal(Step::remove(FieldId::ORIGINAL)));
            }
        }
        let implied = if original.is_some() { "event.original" } else { "message" };
        for field in fields {
            let is_line = line_field.is_some() && field.name == implied && message.is_some();
            if !is_line {
                let step = Step::set(self.schema.field(&field.name)?);
                let (kind, a, b) = self.value(field)?;
                self.push(&mut event, Cell::new(step, kind, a, b));
            }
        }
        Some(event)
    }

    fn push(&mut self, event: &mut Event, cell: Cell) {
        self.table.push_cell(event, self.schema, cell);
    }

    fn value(&mut self, field: &Field) -> Option<(Kind, u32, u32)> {
        let text = &self.json[field.start..field.end];
        let raw = (Kind::Json, self.at + field.start as u32, text.len() as u32);
        let words = |kind, bits: u64| (kind, bits as u32, (bits >> 32) as u32);
        Some(match JsonKind::of_first_byte(*text.first()?)? {
            JsonKind::String if field.name == "@timestamp" => match time(text) {
                Some(ns) => words(Kind::Time, ns as u64),
                None => self.string(field.start, field.end)?,
            },
            JsonKind::String => self.string(field.start, field.end)?,
            JsonKind::Number => number(text).map_or(raw, |(kind, bits)| words(kind, bits)),
            JsonKind::Literal => match text {
                b"true" => (Kind::Bool, 1, 0),
                b"false" => (Kind::Bool, 0, 0),
                _ => (Kind::Null, 0, 0),
            },
            JsonKind::Array | JsonKind::Object => raw,
        })
    }

    /// A string: as it lies where nothing is escaped, else unescaped in the arena.
    fn string(&mut self, start: usize, end: usize) -> Option<(Kind, u32, u32)> {
        let inner = &self.json[start + 1..end - 1];
        if !inner.contains(&b'\\') {
            return Some((Kind::Text, self.at + start as u32 + 1, inner.len() as u32));
        }
        let text: String = serde_json::from_slice(&self.json[start..end]).ok()?;
        let span = self.table.push_arena(text.as_bytes())?;
        Some((Kind::ArenaText, span.start, span.len))
    }
}

/// A number that is written again exactly as it is here; others stay as they are written.
fn number(text: &[u8]) -> Option<(Kind, u64)> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(int) = text.parse::<i64>() {
        return (int.to_string() == text).then_some((Kind::Int, int as u64));
    }
    let float: f64 = text.parse().ok()?;
    let same = serde_json::Number::from_f64(float)?.to_string() == text;
    same.then_some((Kind::Float, float.to_bits()))
}

/// A time that is written again exactly as it is here.
fn time(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(&text[1..text.len() - 1]).ok()?;
    let time: jiff::Timestamp = text.parse().ok()?;
    let ns = i64::try_from(time.as_nanosecond()).ok()?;
    (rfc3339(ns) == text).then_some(ns)
}
