//! Objects to fields.

use crate::NO_OBJECT;
use crate::place::{Next, Place};
use crate::string;
use crate::value::{self, BAD, skip_space};
use collector_plugin::members::{Members, Scalar};
use collector_plugin::{Event, Field, Reject, scan};

/// What ends a key, as nearly everybody writes it.
pub(crate) const KEY_END: &[u8] = b"\":";

/// Emits the members of the line's object, whose brace is before `at`: gives where it ends.
#[inline(always)]
pub(crate) fn parse<'a>(
    members: &mut Members,
    place: &mut Place,
    line: &'a [u8],
    at: usize,
    event: &mut Event<'a>,
) -> Result<usize, Reject> {
    place.reset();
    let mut at = skip_space(line, at);
    match line.get(at) {
        Some(b'"') => {}
        Some(b'}') => return Ok(at + 1),
        _ => return Err(NO_OBJECT),
    }
    loop {
        // Here is the quote of a key.
        let (field, value) = key(line, at, place.parent, event)?;
        let first = *line.get(value).ok_or(NO_OBJECT)?;
        let end = if first == b'"' && !members.is_special(field) {
            text(line, value, field, event)?
        } else if first == b'{' {
            match object(members, place, line, at, value, field, event)? {
                Ok(member) => {
                    at = member;
                    continue;
                }
                Err(end) => end,
            }
        } else if members.is_special(field) {
            special(members, line, value, field, place.depth, event)?
        } else {
            set(line, value, field, place.depth, event)?
        };
        at = match line.get(end..).unwrap_or_default() {
            [b',', b'"', ..] => end + 1,
            [b',', b' ', b'"', ..] => end + 2,
            _ => match place.go_on(line, end)? {
                Next::Member(at) => at,
                Next::End(end) => return Ok(end),
            },
        };
    }
}

/// The object at `at`, of the key at `key`: gives the quote of its first key, or its end where it is empty.
#[inline(never)]
fn object<'a>(
    members: &mut Members,
    place: &mut Place,
    line: &'a [u8],
    key: usize,
    at: usize,
    field: Field,
    event: &mut Event<'a>,
) -> Result<Result<usize, usize>, Reject> {
    let field = if members.is_for_scalars(field) {
        members.treat(field, None, event)?;
        let key = string::scan(line, key + 1)?;
        event.own_name(place.parent, &key.plain(line))?
    } else {
        field
    };
    let inside = skip_space(line, at + 1);
    match line.get(inside) {
        Some(b'"') => place.enter(field).map(|()| Ok(inside)),
        Some(b'}') => {
            event.constant_json(field, "{}");
            Ok(Err(inside + 1))
        }
        _ => Err(NO_OBJECT),
    }
}

/// The field of the key whose quote is at `at`, and where its value begins.
#[inline(always)]
fn key<'a>(line: &'a [u8], at: usize, parent: Option<Field>, event: &mut Event<'a>) -> Result<(Field, usize), Reject> {
    match event.foretold(parent, &line[at + 1..]) {
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

/// Sets a text from the string at `at`.
#[inline(always)]
fn text<'a>(line: &'a [u8], at: usize, field: Field, event: &mut Event<'a>) -> Result<usize, Reject> {
    let text = string::scan(line, at + 1)?;
    let raw = text.raw(line);
    if text.escaped() {
        event.build(field, |arena| string::unescape(raw, arena));
    } else {
        event.text(field, raw);
    }
    Ok(text.end())
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
        Some(b'"') => special_text(line, at, field, event),
        Some(b'-' | b'0'..=b'9') => number(line, at, field, event),
        Some(b't') => value::word(line, at, b"true").inspect(|_| event.bool(field, true)),
        Some(b'f') => value::word(line, at, b"false").inspect(|_| event.bool(field, false)),
        Some(b'n') => value::word(line, at, b"null").inspect(|_| event.null(field)),
        Some(b'[') => array(line, at, field, depth + 1, event),
        _ => Err(BAD),
    }
}

#[inline(never)]
fn special_text<'a>(line: &'a [u8], at: usize, field: Field, event: &mut Event<'a>) -> Result<usize, Reject> {
    text(line, at, field, event)
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
