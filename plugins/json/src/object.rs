//! Objects to fields.

use crate::string::{self, Text};
use crate::value::{self, BAD, skip_space};
use crate::{Json, NO_OBJECT, TIME};
use collector_plugin::abi::NAME_SEGMENTS_MAX;
use collector_plugin::{Event, Field, Reject, scan};

/// Emits the members of the line's object, whose brace is before `at`: gives where it ends.
#[inline(always)]
pub(crate) fn parse<'a>(json: &Json, line: &'a [u8], at: usize, event: &mut Event<'a>) -> Result<usize, Reject> {
    let at = skip_space(line, at);
    if line.get(at) == Some(&b'}') {
        return Ok(at + 1);
    }
    members(json, line, at, None, 1, event)
}

/// The members of an object that has some, from the first on.
fn members<'a>(
    json: &Json,
    line: &'a [u8],
    mut at: usize,
    parent: Option<Field>,
    depth: usize,
    event: &mut Event<'a>,
) -> Result<usize, Reject> {
    if depth > NAME_SEGMENTS_MAX {
        return Err(Reject("nested too deep"));
    }
    loop {
        at = member(json, line, at, parent, depth, event)?;
        at = skip_space(line, at);
        match line.get(at) {
            Some(b',') => at = skip_space(line, at + 1),
            Some(b'}') => return Ok(at + 1),
            _ => return Err(NO_OBJECT),
        }
    }
}

/// `"key": value`
#[inline(always)]
fn member<'a>(
    json: &Json,
    line: &'a [u8],
    at: usize,
    parent: Option<Field>,
    depth: usize,
    event: &mut Event<'a>,
) -> Result<usize, Reject> {
    if line.get(at) != Some(&b'"') {
        return Err(NO_OBJECT);
    }
    let key = string::scan(line, at + 1)?;
    let at = skip_space(line, key.end());
    if line.get(at) != Some(&b':') {
        return Err(NO_OBJECT);
    }
    let at = skip_space(line, at + 1);
    if json.is_timestamp(parent, key.raw(line)) {
        let end = value::skip(line, at, 0)?.end;
        if json.set_time(&line[at..end], event)? {
            return Ok(end);
        }
    }
    let field = name(line, key, parent, event)?;
    set(json, line, at, field, depth, event)
}

#[inline(always)]
fn name(line: &[u8], key: Text, parent: Option<Field>, event: &mut Event<'_>) -> Result<Field, Reject> {
    let raw = key.raw(line);
    let field = if key.escaped() {
        let mut plain = Vec::new();
        string::unescape(raw, &mut plain);
        event.name(parent, &plain)?
    } else {
        event.name(parent, raw)?
    };
    // Reached by an escape or by a dot, so that it was not seen as the time.
    if field == TIME { Err(Reject("`@timestamp` is not a time")) } else { Ok(field) }
}

/// Sets one field from the value at `at`: gives where that ends.
#[inline(always)]
fn set<'a>(
    json: &Json,
    line: &'a [u8],
    at: usize,
    field: Field,
    depth: usize,
    event: &mut Event<'a>,
) -> Result<usize, Reject> {
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
        Some(b'{') => nested(json, line, at, field, depth, event),
        Some(b'[') => array(line, at, field, depth, event),
        Some(b't') => value::word(line, at, b"true").inspect(|_| event.bool(field, true)),
        Some(b'f') => value::word(line, at, b"false").inspect(|_| event.bool(field, false)),
        Some(b'n') => value::word(line, at, b"null").inspect(|_| event.null(field)),
        _ => Err(BAD),
    }
}

fn nested<'a>(
    json: &Json,
    line: &'a [u8],
    at: usize,
    field: Field,
    depth: usize,
    event: &mut Event<'a>,
) -> Result<usize, Reject> {
    let inside = skip_space(line, at + 1);
    if line.get(inside) == Some(&b'}') {
        event.constant_json(field, "{}");
        return Ok(inside + 1);
    }
    members(json, line, inside, Some(field), depth + 1, event)
}

/// An array, and every object in it, stays JSON.
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
        && !matches!(line.get(end), Some(b'.' | b'e' | b'E'))
        && (line[first] != b'0' || end == first + 1 && !negative)
        && let Ok(int) = i64::try_from(magnitude)
    {
        event.int(field, if negative { -int } else { int });
        return Ok(end);
    }
    let end = value::number(line, at)?;
    event.json(field, &line[at..end]);
    Ok(end)
}
