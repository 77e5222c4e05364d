//! `csvlog`: columns with commas between them, text in quotes, a quote in it doubled.

use crate::clock::Clock;
use crate::{
    APPLICATION, BACKEND_TYPE, CLIENT_ADDR, CLIENT_PORT, COMMAND_TAG, CONTEXT, DATABASE, DETAIL, DURATION, Entry, HINT,
    INTERNAL_QUERY, INTERNAL_QUERY_POS, LEADER_PID, LEVEL, LOCATION, MESSAGE, PID, QUERY, QUERY_ID, QUERY_NAME,
    QUERY_POS, QUERY_STEP, SESSION_ID, SESSION_LINE, SESSION_START, SQL_STATE, TRANSACTION, USER, VIRTUAL_TRANSACTION,
    body, int, is_failure, text,
};
use collector_plugin::{Event, Field, Reject, scan};
use std::borrow::Cow;

/// Columns of PostgreSQL 14 and later.
const COLUMNS: usize = 26;
/// Columns of the oldest version that is read.
const COLUMNS_MIN: usize = 22;
/// Bytes of the shortest time.
const TIME_MIN: usize = 19;
/// Bytes in which the time of an entry ends.
const TIME_MAX: usize = 40;

/// The columns of texts.
const TEXTS: [(usize, Field); 14] = [
    (1, USER),
    (2, DATABASE),
    (5, SESSION_ID),
    (7, COMMAND_TAG),
    (9, VIRTUAL_TRANSACTION),
    (11, LEVEL),
    (12, SQL_STATE),
    (14, DETAIL),
    (15, HINT),
    (16, INTERNAL_QUERY),
    (18, CONTEXT),
    (19, QUERY),
    (21, LOCATION),
    (22, APPLICATION),
];
/// The columns of numbers.
const INTS: [(usize, Field); 7] = [
    (3, PID),
    (6, SESSION_LINE),
    (10, TRANSACTION),
    (17, INTERNAL_QUERY_POS),
    (20, QUERY_POS),
    (24, LEADER_PID),
    (25, QUERY_ID),
];

/// A column: what is between its quotes, and whether quotes in it are doubled.
#[derive(Clone, Copy, Default)]
struct Column<'a> {
    raw: &'a [u8],
    doubled: bool,
}

impl<'a> Column<'a> {
    fn text(self) -> Cow<'a, [u8]> {
        if !self.doubled {
            return Cow::Borrowed(self.raw);
        }
        let mut text = Vec::with_capacity(self.raw.len());
        let mut rest = self.raw;
        while let Some(quote) = scan::find(rest, 0, b'"') {
            text.extend_from_slice(&rest[..=quote]);
            rest = rest.get(quote + 2..).unwrap_or_default();
        }
        text.extend_from_slice(rest);
        Cow::Owned(text)
    }
}

/// Whether a line looks like one of csvlog: a comma right behind its time.
pub(crate) fn begins(line: &[u8]) -> bool {
    let window = &line[..line.len().min(TIME_MAX)];
    let is_date = line.get(4) == Some(&b'-') && line.get(7) == Some(&b'-') && line[0].is_ascii_digit();
    is_date && scan::find2(window, TIME_MIN, b',', b'[').is_some_and(|at| line[at] == b',' && line[at - 1] != b' ')
}

pub(crate) fn parse<'a>(line: &'a [u8], clock: &mut Clock, event: &mut Event<'a>) -> Result<Entry<'a>, Reject> {
    let columns = split(line)?;
    let stamp = clock.whole(columns[0].raw).ok_or(Reject("the first column is no time"))?;
    if columns[11].raw.is_empty() {
        return Err(Reject("no level in column 12"));
    }
    clock.emit(&stamp, event);
    for (column, field) in TEXTS {
        text(event, field, &columns[column].text());
    }
    text(event, BACKEND_TYPE, &columns[23].text());
    for (column, field) in INTS {
        int(event, field, columns[column].raw);
    }
    if let Some(start) = clock.whole(columns[8].raw) {
        event.time_ns(SESSION_START, start.ns);
    }
    let (address, port) = address_and_port(columns[4].raw);
    text(event, CLIENT_ADDR, address);
    int(event, CLIENT_PORT, port);
    message_fields(&columns[13].text(), event);
    Ok(Entry { user: columns[1].text(), host: address.into(), failed: is_failure(columns[12].raw) })
}

fn split(line: &[u8]) -> Result<[Column<'_>; COLUMNS], Reject> {
    let mut columns = [Column::default(); COLUMNS];
    let (mut count, mut at) = (0, 0);
    loop {
        let (column, end) = if line.get(at) == Some(&b'"') { quoted(line, at + 1)? } else { plain(line, at) };
        if let Some(slot) = columns.get_mut(count) {
            *slot = column;
        }
        count += 1;
        match line.get(end) {
            Some(b',') => at = end + 1,
            // A line that came with the carriage return of another system.
            None | Some(b'\r' | b'\n') => break,
            Some(_) => return Err(Reject("text behind the closing quote of a column")),
        }
    }
    if count < COLUMNS_MIN { Err(Reject("fewer columns than csvlog has")) } else { Ok(columns) }
}

fn plain(line: &[u8], at: usize) -> (Column<'_>, usize) {
    let end = scan::find(line, at, b',').unwrap_or(line.len());
    (Column { raw: line[at..end].trim_ascii_end(), doubled: false }, end)
}

fn quoted(line: &[u8], start: usize) -> Result<(Column<'_>, usize), Reject> {
    let mut doubled = false;
    let mut from = start;
    loop {
        let quote = scan::find(line, from, b'"').ok_or(Reject("a quoted column has no end"))?;
        if line.get(quote + 1) != Some(&b'"') {
            return Ok((Column { raw: &line[start..quote], doubled }, quote + 1));
        }
        doubled = true;
        from = quote + 2;
    }
}

/// `192.0.2.7:51000`, or `[local]`.
fn address_and_port(client: &[u8]) -> (&[u8], &[u8]) {
    match client.iter().rposition(|b| *b == b':') {
        Some(colon) if colon + 1 < client.len() && client[colon + 1..].iter().all(u8::is_ascii_digit) => {
            (&client[..colon], &client[colon + 1..])
        }
        _ => (client, &[]),
    }
}

/// The statement is the message here; the column of its own is for those that failed.
pub(crate) fn message_fields(message: &[u8], event: &mut Event<'_>) {
    let body = body::read(message);
    if let Some(duration_ns) = body.duration_ns {
        event.int(DURATION, duration_ns);
    }
    match &body.step {
        Some(step) if body.duration_ns.is_some() || step.name.is_empty() => {
            event.constant(QUERY_STEP, step.step);
            text(event, QUERY_NAME, step.name);
            event.text(MESSAGE, step.query);
        }
        _ => event.text(MESSAGE, message),
    }
}
