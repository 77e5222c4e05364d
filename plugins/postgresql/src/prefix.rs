//! `log_line_prefix`, made ready to read lines with.

use crate::clock::{Clock, Stamp};
use crate::head::{Head, What};
use crate::severity;
use collector_plugin::scan;
use collector_plugin::time::unix;

/// How a value is told from what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A time of `%t`, `%m` or `%s`.
    Time,
    /// Seconds since the epoch, with a fraction.
    Epoch,
    /// Decimal digits, with a sign or not.
    Integer,
    /// Letters, digits, dots and slashes: SQLSTATE, session, virtual transaction.
    Token,
    /// Anything, up to the text that follows in the prefix.
    Text,
}

/// A piece of the prefix.
enum Part {
    Literal(Vec<u8>),
    /// `%q`: processes without a session stop here.
    Quit,
    /// None is the time of the event.
    Value {
        what: Option<What>,
        shape: Shape,
        padding: i32,
        until: Vec<u8>,
    },
}

/// A `log_line_prefix`.
pub(crate) struct Prefix(Vec<Part>);

impl Prefix {
    /// # Errors
    /// What is wrong with the prefix.
    pub(crate) fn new(prefix: &str) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = prefix.as_bytes();
        while let Some((&first, after)) = rest.split_first() {
            match (first, after.first()) {
                (b'%', Some(b'%')) => {
                    literal(&mut parts, b'%');
                    rest = &after[1..];
                }
                (b'%', _) => {
                    let (part, after) = escape(after)?;
                    parts.push(part);
                    rest = after;
                }
                _ => {
                    literal(&mut parts, first);
                    rest = after;
                }
            }
        }
        bound(&mut parts)?;
        Ok(Self(parts))
    }

    /// Whether a line begins as the prefix says.
    pub(crate) fn fits(&self, line: &[u8], clock: &mut Clock) -> bool {
        self.read(line, clock).is_some_and(|(_, end)| severity::at(line, end).is_some())
    }

    /// The values, and where the level begins.
    pub(crate) fn read<'a>(&self, line: &'a [u8], clock: &mut Clock) -> Option<(Head<'a>, usize)> {
        let mut head = Head::default();
        let mut at = 0;
        for part in &self.0 {
            let rest = line.get(at..)?;
            at += match part {
                Part::Literal(text) => rest.starts_with(text).then_some(text.len())?,
                Part::Quit if severity::at(line, at).is_some() => return Some((head, at)),
                Part::Quit => 0,
                Part::Value { what, shape, padding, until } => {
                    let before = if *padding > 0 { spaces(rest, *padding) } else { 0 };
                    let (value, time) = value(&rest[before..], *shape, until, clock)?;
                    match what {
                        Some(what) => head.set(*what, value.trim_ascii_end()),
                        None => head.time = time,
                    }
                    let end = before + value.len();
                    let room = padding.saturating_neg().saturating_sub(i32::try_from(value.len()).unwrap_or(i32::MAX));
                    end + spaces(&rest[end..], room)
                }
            };
        }
        Some((head, at))
    }
}

/// Spaces in front, up to a number.
fn spaces(text: &[u8], most: i32) -> usize {
    text.iter().take(usize::try_from(most).unwrap_or(0)).take_while(|b| **b == b' ').count()
}

fn literal(parts: &mut Vec<Part>, byte: u8) {
    if let Some(Part::Literal(text)) = parts.last_mut() {
        text.push(byte);
    } else {
        parts.push(Part::Literal(vec![byte]));
    }
}

/// `-10u ` behind a per cent sign.
fn escape(text: &[u8]) -> Result<(Part, &[u8]), String> {
    let length = text.iter().take_while(|b| **b == b'-' || b.is_ascii_digit()).count();
    let padding = match std::str::from_utf8(&text[..length]).unwrap_or_default() {
        "" => 0,
        digits => digits.parse().map_err(|_| format!("`log_line_prefix`: `%{digits}` is no width"))?,
    };
    let (&letter, rest) =
        text[length..].split_first().ok_or("`log_line_prefix` ends with a `%`: write `%%` for the sign itself")?;
    let (what, shape) = match letter {
        b'q' => return Ok((Part::Quit, rest)),
        b't' | b'm' => (None, Shape::Time),
        b'n' => (None, Shape::Epoch),
        b's' => (Some(What::SessionStart), Shape::Time),
        b'a' => (Some(What::Application), Shape::Text),
        b'u' => (Some(What::User), Shape::Text),
        b'd' => (Some(What::Database), Shape::Text),
        b'r' | b'h' => (Some(What::Client), Shape::Text),
        b'L' => (Some(What::LocalAddress), Shape::Text),
        b'b' => (Some(What::Backend), Shape::Text),
        b'i' => (Some(What::CommandTag), Shape::Text),
        b'p' => (Some(What::Pid), Shape::Integer),
        b'P' => (Some(What::LeaderPid), Shape::Integer),
        b'Q' => (Some(What::QueryId), Shape::Integer),
        b'l' => (Some(What::SessionLine), Shape::Integer),
        b'x' => (Some(What::Transaction), Shape::Integer),
        b'e' => (Some(What::SqlState), Shape::Token),
        b'c' => (Some(What::SessionId), Shape::Token),
        b'v' => (Some(What::VirtualTransaction), Shape::Token),
        other => {
            return Err(format!(
                "`log_line_prefix`: `%{}` is none of PostgreSQL's; it knows %a %u %d %r %h %L %b %p %P %t %m %n %s %i %e %c %l %v %x %Q %q %%",
                char::from(other).escape_default()
            ));
        }
    };
    Ok((Part::Value { what, shape, padding, until: Vec::new() }, rest))
}

/// Tells each text where it ends.
fn bound(parts: &mut [Part]) -> Result<(), String> {
    let mut next: Option<Vec<u8>> = None;
    for part in parts.iter_mut().rev() {
        match part {
            Part::Literal(text) => next = Some(text.clone()),
            Part::Quit => {}
            Part::Value { shape: Shape::Text, until, .. } => {
                *until = next.take().ok_or(
                    "`log_line_prefix`: a name (%a, %u, %d, %r, %h, %L, %b, %i) has no text behind it that would tell where it ends; put a space there",
                )?;
            }
            Part::Value { .. } => next = None,
        }
    }
    Ok(())
}

/// The value at the beginning of `text`, and its time where it is one.
fn value<'a>(text: &'a [u8], shape: Shape, until: &[u8], clock: &mut Clock) -> Option<(&'a [u8], Option<Stamp<'a>>)> {
    let count = |is: fn(&u8) -> bool| text.iter().take_while(|b| is(b)).count();
    match shape {
        Shape::Time => clock.read(text).map(|stamp| (stamp.text, Some(stamp))),
        Shape::Epoch => {
            let digits = &text[..count(|b| b.is_ascii_digit() || *b == b'.')];
            unix(digits).map(|ns| (digits, Some(Stamp { ns, text: digits, zone: b"UTC" })))
        }
        Shape::Integer => Some((&text[..sign_and_digits(text)], None)),
        Shape::Token => Some((&text[..count(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'))], None)),
        Shape::Text => find(text, until).map(|end| (&text[..end], None)),
    }
}

/// Bytes of an integer with its sign.
fn sign_and_digits(text: &[u8]) -> usize {
    let sign = usize::from(text.first() == Some(&b'-'));
    let digits = text[sign..].iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 { 0 } else { sign + digits }
}

/// Where `part` first is.
fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = scan::find2(text, from, part[0], b'\n') {
        if text[at] == b'\n' {
            return None;
        }
        if text[at..].starts_with(part) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}
