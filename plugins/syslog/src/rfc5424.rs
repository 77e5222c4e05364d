//! `<34>1 2003-10-11T22:14:15.003Z host app 77 ID47 [id key="value"] text`

use crate::{MESSAGE, MSG_ID, ORIGINAL, TIME, VERSION, data, host, priority, process};
use collector_plugin::time::{Midnight, SECOND_NS, days, fraction, offset, second_of_day};
use collector_plugin::{Event, Reject, scan, syslog};

/// Digits of a second's fraction that the RFC allows.
const FRACTION_DIGITS_MAX: usize = 6;

/// Bytes of `2003-10-11`.
const DATE_BYTES: usize = 10;

/// Reads times; the date of neighbouring lines is the same.
#[derive(Default)]
pub(crate) struct Clock {
    midnight: Midnight<DATE_BYTES>,
}

impl Clock {
    /// Nanoseconds since the epoch of `2003-10-11T22:14:15.003Z`; None where it is none, or not as the RFC has it where that is asked for.
    #[inline]
    fn read(&mut self, text: &[u8], strict: bool) -> Option<i64> {
        let midnight = self.midnight.of(text.first_chunk()?, midnight)?;
        if text.get(DATE_BYTES) != Some(&b'T') || text.get(19) == Some(&b',') {
            return None;
        }
        let clock = text.get(DATE_BYTES + 1..)?.first_chunk()?;
        let (fraction_ns, end) = fraction(text, 19)?;
        let zone = text.get(end..)?;
        let beyond = end > 20 + FRACTION_DIGITS_MAX || clock.ends_with(b":60");
        if !matches!(zone, b"Z" | [b'+' | b'-', _, _, b':', _, _]) || strict && beyond {
            return None;
        }
        let second = midnight + second_of_day(clock)? - offset(zone)?;
        second.checked_mul(SECOND_NS)?.checked_add(fraction_ns)
    }
}

#[cold]
fn midnight(date: &[u8; DATE_BYTES]) -> Option<i64> {
    if [date[4], date[7]] != *b"--" {
        return None;
    }
    let year = scan::two_digits(date, 0)? * 100 + scan::two_digits(date, 2)?;
    Some(days(year, scan::two_digits(date, 5)?, scan::two_digits(date, 8)?)? * 86_400)
}

/// Whether a priority and a version begin the line.
#[inline]
pub(crate) fn begins(line: &[u8]) -> bool {
    line.first() == Some(&b'<') && syslog::priority(line, 0).is_ok_and(|(_, end)| version_end(line, end).is_some())
}

/// Where the version at `at` ends: 1 to 999, with a space behind it.
#[inline]
fn version_end(line: &[u8], at: usize) -> Option<usize> {
    let (value, end) = scan::digits(line, at)?;
    ((1..=999).contains(&value) && line[at] != b'0' && line.get(end) == Some(&b' ')).then_some(end)
}

/// How a line is read.
#[derive(Clone, Copy)]
pub(crate) struct Mode {
    /// To the letter of the RFC.
    pub(crate) strict: bool,
    /// The host becomes a related one.
    pub(crate) related: bool,
}

/// Parses a line. What is not `strict` may have spaces in front of its message, a leap second, a fraction of more than six digits, values without quotes, and no structured data before two spaces.
#[inline]
pub(crate) fn parse<'a>(line: &'a [u8], event: &mut Event<'a>, clock: &mut Clock, mode: Mode) -> Result<(), Reject> {
    let Mode { strict, related } = mode;
    if line.first() != Some(&b'<') {
        return Err(Reject("no priority from <0> to <191>"));
    }
    let (value, version) = syslog::priority(line, 0)?;
    let end = version_end(line, version).ok_or(Reject("no version from 1 to 999"))?;
    priority(value, event);
    event.text(VERSION, &line[version..end]);
    let at = timestamp(line, end + 1, event, clock, mode.strict)?;
    let (name, at) = word(line, at, 255).ok_or(Reject("no host name of up to 255 printable characters"))?;
    if !name.is_empty() {
        host(name, true, related, event);
    }
    let (app, at) = word(line, at, 48).ok_or(Reject("no app name of up to 48 printable characters"))?;
    let (pid, at) = word(line, at, 128).ok_or(Reject("no process id of up to 128 printable characters"))?;
    process(app, pid, true, event);
    let (id, at) = word(line, at, 32).ok_or(Reject("no message id of up to 32 printable characters"))?;
    if !id.is_empty() {
        event.text(MSG_ID, id);
    }
    let at = match line.get(at) {
        Some(b'-') => at + 1,
        Some(b' ') if !strict && at + 1 < line.len() => at,
        _ => data::parse(line, at, event, strict)?,
    };
    message(line, at, event, strict)
}

/// The time at `at`, and the space behind it: gives what follows.
#[inline]
fn timestamp(line: &[u8], at: usize, event: &mut Event<'_>, clock: &mut Clock, strict: bool) -> Result<usize, Reject> {
    const BAD: Reject = Reject("no timestamp of RFC 5424");
    let end = scan::find(line, at, b' ').ok_or(BAD)?;
    let text = &line[at..end];
    if text == b"-" {
        return Ok(end + 1);
    }
    event.time_ns(TIME, clock.read(text, strict).ok_or(BAD)?);
    Ok(end + 1)
}

/// The word at `at`, empty where it is `-`, and what follows the space behind it.
#[inline]
fn word(line: &[u8], at: usize, bytes_max: usize) -> Option<(&[u8], usize)> {
    let end = scan::find(line, at, b' ')?;
    let word = &line[at..end];
    if word.is_empty() || word.len() > bytes_max || !word.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    Some((if word == b"-" { &[] } else { word }, end + 1))
}

/// The message behind the space at `at`. Where there is none, the event has none either, and keeps its line.
#[inline]
fn message<'a>(line: &'a [u8], at: usize, event: &mut Event<'a>, strict: bool) -> Result<(), Reject> {
    let text = match line.get(at..) {
        None | Some([]) => &[],
        Some([b' ', text @ ..]) => text,
        Some(_) => return Err(Reject("no space between structured data and message")),
    };
    let text = if strict { text } else { text.trim_ascii_start() };
    if text.is_empty() {
        event.text(ORIGINAL, line);
        event.remove(MESSAGE);
    } else {
        event.text(MESSAGE, text);
    }
    Ok(())
}
