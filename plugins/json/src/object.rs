//! Objects to fields.

use crate::NO_OBJECT;
use crate::string;
use crate::value::{self, BAD, skip_space};
use collector_plugin::abi::NAME_SEGMENTS_MAX;
use collector_plugin::members::{Members, Scalar};
use collector_plugin::{Event, Field, Reject, scan};

/// The objects that the member at hand lies in.
struct Place {
    parent: Option<Field>,
    /// Parents of the parent's; the first `depth` count.
    above: [Option<Field>; NAME_SEGMENTS_MAX],
    depth: usize,
}

impl Place {
    fn enter(&mut self, object: Field) -> Result<(), Reject> {
        // The objects so far, this one, and the name of what is in it.
        if self.depth + 2 > NAME_SEGMENTS_MAX {
            return Err(Reject("nested too deep"));
        }
        self.above[self.depth] = self.parent;
        self.depth += 1;
        self.parent = Some(object);
        Ok(())
    }

    /// Says whether there was an object to leave.
    #[inline(always)]
    fn leave(&mut self) -> bool {
        match self.depth.checked_sub(1).and_then(|depth| Some((depth, *self.above.get(depth)?))) {
            Some((depth, parent)) => {
                (self.depth, self.parent) = (depth, parent);
                true
            }
            None => false,
        }
    }
}

/// Emits the members of the line's object, whose brace is before `at`: gives where it ends.
#[inline(always)]
pub(crate) fn parse<'a>(
    members: &mut Members,
    line: &'a [u8],
    at: usize,
    event: &mut Event<'a>,
) -> Result<usize, Reject> {
    let mut place = Place { parent: None, above: [None; NAME_SEGMENTS_MAX], depth: 0 };
    let mut at = skip_space(line, at);
    if line.get(at) == Some(&b'}') {
        return Ok(at + 1);
    }
    loop {
        let quote = at;
        let (field, value) = key(line, quote, place.parent, event)?;
        if line.get(value) == Some(&b'{') {
            at = skip_space(line, value + 1);
            let object = if members.is_for_scalars(field) {
                object_field(members, line, quote, field, place.parent, event)?
            } else {
                field
            };
            if line.get(at) != Some(&b'}') {
                place.enter(object)?;
                continue;
            }
            event.constant_json(object, "{}");
            at += 1;
        } else if members.is_special(field) {
            at = special(members, line, value, field, place.depth, event)?;
        } else {
            at = set(line, value, field, place.depth, event)?;
        }
        at = skip_space(line, at);
        while line.get(at) == Some(&b'}') {
            if !place.leave() {
                return Ok(at + 1);
            }
            at = skip_space(line, at + 1);
        }
        if line.get(at) != Some(&b',') {
            return Err(NO_OBJECT);
        }
        at = skip_space(line, at + 1);
    }
}

/// The field of the key whose quote is at `at`, and where its value begins.
#[inline(always)]
fn key<'a>(line: &'a [u8], at: usize, parent: Option<Field>, event: &mut Event<'a>) -> Result<(Field, usize), Reject> {
    if line.get(at) != Some(&b'"') {
        return Err(NO_OBJECT);
    }
    match event.foretold(parent, &line[at + 1..], b"\":") {
        Some((field, bytes)) => Ok((field, skip_space(line, at + 1 + bytes))),
        None => new_key(line, at, parent, event),
    }
}

#[inline(never)]
fn new_key(line: &[u8], at: usize, parent: Option<Field>, event: &mut Event<'_>) -> Result<(Field, usize), Reject> {
    let key = string::scan(line, at + 1)?;
    let colon = skip_space(line, key.end());
    if line.get(colon) != Some(&b':') {
        return Err(NO_OBJECT);
    }
    let field = event.name(parent, &key.plain(line))?;
    Ok((field, skip_space(line, colon + 1)))
}

/// The field of an object whose name stands for something else where it is not one.
#[cold]
#[inline(never)]
fn object_field(
    members: &mut Members,
    line: &[u8],
    at: usize,
    field: Field,
    parent: Option<Field>,
    event: &mut Event<'_>,
) -> Result<Field, Reject> {
    members.treat(field, None, event)?;
    let key = string::scan(line, at + 1)?;
    event.own_name(parent, &key.plain(line))
}

/// Treats a member that is more than its name and value.
#[inline(never)]
fn special<'a>(
    members: &mut Members,
    line: &'a [u8],
    at: usize,
    field: Field,
    depth: usize,
    event: &mut Event<'a>,
) -> Result<usize, Reject> {
    let treated = match line.get(at) {
        Some(b'"') => {
            let text = string::scan(line, at + 1)?;
            let scalar = Scalar { bytes: &text.plain(line), bare: false };
            members.treat(field, Some(scalar), event)?.then_some(text.end())
        }
        Some(b'[') => {
            members.treat(field, None, event)?;
            None
        }
        _ => {
            let end = value::skip(line, at, depth)?.end;
            let scalar = Scalar { bytes: &line[at..end], bare: true };
            members.treat(field, Some(scalar), event)?.then_some(end)
        }
    };
    match treated {
        Some(end) => Ok(end),
        None => set(line, at, field, depth, event),
    }
}

/// Sets one field from the value at `at`, which is no object: gives where that ends.
#[inline(always)]
fn set<'a>(line: &'a [u8], at: usize, field: Field, depth: usize, event: &mut Event<'a>) -> Result<usize, Reject> {
    match line.get(at) {
        Some(b'"') => {
            let text = string::scan(line, at + 1)?;
            let raw = text.raw(line);
            if text.escaped() {
                event.build(field, |arena| string::unescape(raw, arena));
            } else {
                event.text(field, raw);
            }
            Ok(text.end())
        }
        Some(b'-' | b'0'..=b'9') => number(line, at, field, event),
        Some(b't') => value::word(line, at, b"true").inspect(|_| event.bool(field, true)),
        Some(b'f') => value::word(line, at, b"false").inspect(|_| event.bool(field, false)),
        Some(b'n') => value::word(line, at, b"null").inspect(|_| event.null(field)),
        Some(b'[') => array(line, at, field, depth + 1, event),
        _ => Err(BAD),
    }
}

/// An array, and every object in it, stays JSON.
#[inline(never)]
fn array<'a>(line: &'a [u8], at: usize, field: Field, depth: usize, event: &mut Event<'a>) -> Result<usize, Reject> {
    let array = value::skip(line, at, depth)?;
    let raw = &line[at..array.end];
    if array.halves {
        event.build_json(field, |arena| string::mend(raw, arena));
    } else {
        event.json(field, raw);
    }
    Ok(array.end)
}

#[inline(always)]
fn number<'a>(line: &'a [u8], at: usize, field: Field, event: &mut Event<'a>) -> Result<usize, Reject> {
    let negative = line[at] == b'-';
    let first = at + usize::from(negative);
    if let Some((magnitude, end)) = scan::digits(line, first)
        && (line[first] != b'0' || end == first + 1)
    {
        match line.get(end) {
            Some(b'.') => {
                if let Some((_, end)) = scan::digits(line, end + 1)
                    && !matches!(line.get(end), Some(b'e' | b'E'))
                {
                    event.json(field, &line[at..end]);
                    return Ok(end);
                }
            }
            Some(b'e' | b'E') => {}
            _ => {
                // -0 is another number than 0.
                if let Ok(int) = i64::try_from(magnitude)
                    && (int != 0 || !negative)
                {
                    event.int(field, if negative { -int } else { int });
                    return Ok(end);
                }
            }
        }
    }
    unusual_number(line, at, field, event)
}

#[cold]
#[inline(never)]
fn unusual_number<'a>(line: &'a [u8], at: usize, field: Field, event: &mut Event<'a>) -> Result<usize, Reject> {
    let end = value::number(line, at)?;
    event.json(field, &line[at..end]);
    Ok(end)
}
