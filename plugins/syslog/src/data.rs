//! Structured data: `[id key="value" key="value"][id]`

use crate::DATA;
use collector_plugin::{Event, Field, Reject, scan};
use std::collections::HashSet;

/// Names that are compared one by one before a set is made of them.
const FEW: usize = 16;
/// Bytes of the longest name.
const NAME_BYTES_MAX: usize = 32;

const NO_DATA: Reject = Reject("no structured data");
const BAD_ID: Reject = Reject("structured data with an id that is none");
const BAD_KEY: Reject = Reject("structured data with a parameter that is none");
const BAD_VALUE: Reject = Reject("structured data with a value that has no end");

/// The names that were there before.
#[derive(Default)]
struct Seen<'a> {
    few: [&'a [u8]; FEW],
    count: usize,
    many: HashSet<&'a [u8]>,
}

impl<'a> Seen<'a> {
    /// Whether the name is a new one.
    fn add(&mut self, name: &'a [u8]) -> bool {
        if self.few[..self.count].contains(&name) {
            return false;
        }
        match self.few.get_mut(self.count) {
            Some(free) => {
                *free = name;
                self.count += 1;
                true
            }
            None => self.many.insert(name),
        }
    }
}

/// Parses the elements at `at`: gives where they end.
#[inline(never)]
pub(crate) fn parse<'a>(line: &'a [u8], at: usize, event: &mut Event<'a>, strict: bool) -> Result<usize, Reject> {
    if line.get(at) != Some(&b'[') {
        return Err(NO_DATA);
    }
    let (mut ids, mut at) = (Seen::default(), at);
    while line.get(at) == Some(&b'[') && (at + 1 < line.len()) {
        let end = name(line, at + 1).ok_or(BAD_ID)?;
        let id = &line[at + 1..end];
        if !ids.add(id) {
            return Err(Reject("structured data with the same id twice"));
        }
        let element = event.name(Some(DATA), id)?;
        at = parameters(line, end, element, event, strict)?;
    }
    Ok(at)
}

/// The parameters of one element, up to its closing bracket: gives what follows that.
fn parameters<'a>(
    line: &'a [u8],
    mut at: usize,
    element: Field,
    event: &mut Event<'a>,
    strict: bool,
) -> Result<usize, Reject> {
    let mut keys = Seen::default();
    if line.get(at) == Some(&b']') {
        event.constant_json(element, "{}");
        return Ok(at + 1);
    }
    loop {
        if line.get(at) != Some(&b' ') {
            return Err(BAD_KEY);
        }
        let end = name(line, at + 1).ok_or(BAD_KEY)?;
        if line.get(end) != Some(&b'=') {
            return Err(BAD_KEY);
        }
        let key = &line[at + 1..end];
        let field = event.name(Some(element), key)?;
        at = value(line, end + 1, field, keys.add(key), event, strict)?;
        if line.get(at) == Some(&b']') {
            return Ok(at + 1);
        }
    }
}

/// Where the name at `at` ends: 1 to 32 printable characters but `=`, `]`, `"` and space.
fn name(line: &[u8], at: usize) -> Option<usize> {
    let is_part = |b: &&u8| b.is_ascii_graphic() && !matches!(b, b'=' | b']' | b'"');
    let length = line.get(at..)?.iter().take(NAME_BYTES_MAX + 1).take_while(is_part).count();
    (1..=NAME_BYTES_MAX).contains(&length).then_some(at + length)
}

/// The value at `at`: gives where it ends.
fn value<'a>(
    line: &'a [u8],
    at: usize,
    field: Field,
    new: bool,
    event: &mut Event<'a>,
    strict: bool,
) -> Result<usize, Reject> {
    if line.get(at) != Some(&b'"') {
        return bare(line, at, field, new, event, strict);
    }
    let (mut end, mut escaped) = (at + 1, false);
    loop {
        end = scan::find3(line, end, b'"', b'\\', b']').ok_or(BAD_VALUE)?;
        match line[end] {
            b'"' => break,
            b'\\' => {
                escaped |= matches!(line.get(end + 1), Some(b'"' | b'\\' | b']'));
                // A backslash before anything else stands for itself.
                end += if matches!(line.get(end + 1), Some(b'"' | b'\\' | b']')) { 2 } else { 1 };
            }
            _ => return Err(Reject("structured data with a value whose `]` has no backslash")),
        }
    }
    let raw = &line[at + 1..end];
    match (new, escaped) {
        (true, false) => event.text(field, raw),
        (true, true) => event.build(field, |out| unescape(raw, out)),
        (false, _) => {
            let mut text = Vec::new();
            unescape(raw, &mut text);
            event.append(field, &text);
        }
    }
    Ok(end + 1)
}

/// A value without quotes, as some devices write it.
fn bare<'a>(
    line: &'a [u8],
    at: usize,
    field: Field,
    new: bool,
    event: &mut Event<'a>,
    strict: bool,
) -> Result<usize, Reject> {
    let end = scan::find3(line, at, b' ', b']', b'"').ok_or(BAD_VALUE)?;
    if strict || end == at || line[end] == b'"' {
        return Err(BAD_KEY);
    }
    let raw = &line[at..end];
    if new {
        event.text(field, raw);
    } else {
        event.append(field, raw);
    }
    Ok(end)
}

/// Takes the backslashes away that stand before `"`, `\` and `]`.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(backslash) = scan::find(raw, at, b'\\') {
        out.extend_from_slice(&raw[at..backslash]);
        match raw.get(backslash + 1) {
            Some(other @ (b'"' | b'\\' | b']')) => {
                out.push(*other);
                at = backslash + 2;
            }
            _ => {
                out.push(b'\\');
                at = backslash + 1;
            }
        }
    }
    out.extend_from_slice(&raw[at..]);
}
