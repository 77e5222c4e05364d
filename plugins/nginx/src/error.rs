//! The error log: `2016/10/25 14:49:34 [error] 54053#0: *1 open() "/x" failed, client: 192.0.2.1, server: a.example, request: "GET / HTTP/1.1"`

use crate::{CONNECTION_ID, ERROR_SERVER, ERROR_UPSTREAM};
use collector_plugin::time::{Midnight, SECOND_NS, days, second_of_day};
use collector_plugin::weblog::{
    DOMAIN, LEVEL, MESSAGE, PID, PORT, REFERRER, RELATED_IP, SOURCE_ADDRESS, SOURCE_IP, THREAD, TIME, host_and_port,
    set_request,
};
use collector_plugin::{Event, Reject, scan};

/// Bytes of `2016/10/25`.
const DATE_BYTES: usize = 10;
/// Bytes of `2016/10/25 14:49:34`.
const TIME_BYTES: usize = 19;

/// Whether a line begins with the error log's date.
#[inline(always)]
pub(crate) fn has_its_date(line: &[u8]) -> bool {
    line.get(4) == Some(&b'/') && line.get(7) == Some(&b'/')
}

/// Reads lines of the error log.
#[derive(Default)]
pub(crate) struct Errors {
    midnight: Midnight<DATE_BYTES>,
}

impl Errors {
    /// Parses a line whose time is one of the zone `east_min` minutes east of UTC.
    pub(crate) fn parse<'a>(
        &mut self,
        line: &'a [u8],
        east_min: i64,
        related: bool,
        event: &mut Event<'a>,
    ) -> Result<(), Reject> {
        event.time_ns(TIME, self.time_ns(line, east_min).ok_or(Reject("no time"))?);
        let level = TIME_BYTES + 2;
        if line.get(TIME_BYTES..level) != Some(b" [") {
            return Err(Reject("no level"));
        }
        let end = scan::find(line, level, b']').ok_or(Reject("no level"))?;
        event.text(LEVEL, &line[level..end]);
        let at = ids(line, end + 1, event)?;
        let message = &line[at..];
        event.text(MESSAGE, message);
        if let Some(client) = find(message, b", client: ") {
            context(message, client, related, event);
        }
        Ok(())
    }

    fn time_ns(&mut self, line: &[u8], east_min: i64) -> Option<i64> {
        if line.get(DATE_BYTES) != Some(&b' ') {
            return None;
        }
        let midnight = self.midnight.of(line.first_chunk()?, |date| {
            let [year, century] = [scan::two_digits(date, 2)?, scan::two_digits(date, 0)?];
            let is_date = date[4] == b'/' && date[7] == b'/';
            let days = days(century * 100 + year, scan::two_digits(date, 5)?, scan::two_digits(date, 8)?)?;
            is_date.then_some(days * 86_400)
        })?;
        let clock = second_of_day(line[DATE_BYTES + 1..].first_chunk()?)?;
        (midnight + clock - east_min * 60).checked_mul(SECOND_NS)
    }
}

/// ` 54053#0: *1 `: gives where the message begins.
fn ids(line: &[u8], at: usize, event: &mut Event<'_>) -> Result<usize, Reject> {
    const NO_PID: Reject = Reject("no process id");
    let number = |at: usize| scan::digits(line, at).and_then(|(n, end)| Some((i64::try_from(n).ok()?, end)));
    let (pid, end) = number(at + 1).ok_or(NO_PID)?;
    if line.get(end) != Some(&b'#') {
        return Err(NO_PID);
    }
    let (thread, end) = number(end + 1).ok_or(Reject("no thread id"))?;
    if line.get(end) != Some(&b':') {
        return Err(Reject("no thread id"));
    }
    event.int(PID, pid);
    event.int(THREAD, thread);
    if !matches!(line.get(end + 1), None | Some(b' ')) {
        return Err(Reject("no message"));
    }
    let message = (end + 2).min(line.len());
    if line.get(message) == Some(&b'*')
        && let Some((connection, end)) = number(message + 1)
        && line.get(end) == Some(&b' ')
    {
        event.int(CONNECTION_ID, connection);
        return Ok(end + 1);
    }
    Ok(message)
}

/// `, client: 192.0.2.1, server: a.example, request: "GET / HTTP/1.1", upstream: "http://…", host: "a.example", referrer: "…"`: what nginx was doing.
fn context<'a>(message: &'a [u8], mut at: usize, related: bool, event: &mut Event<'a>) {
    while let Some(rest) = message.get(at..).and_then(|rest| rest.strip_prefix(b", ")) {
        let Some(colon) = find(rest, b": ") else { return };
        let (key, value) = (&rest[..colon], &rest[colon + 2..]);
        let (value, length) = match value.strip_prefix(b"\"") {
            Some(quoted) => match quoted_end(quoted) {
                Some(end) => (&quoted[..end], end + 2),
                None => return,
            },
            None => {
                let end = find(value, b", ").unwrap_or(value.len());
                (&value[..end], end)
            }
        };
        item(key, value, related, event);
        at += 2 + colon + 2 + length;
    }
}

/// The closing quote: the first that ends the message or a comma follows.
fn quoted_end(quoted: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let quote = scan::find(quoted, at, b'"')?;
        if matches!(quoted[quote + 1..], [] | [b',', b' ', ..]) {
            return Some(quote);
        }
        at = quote + 1;
    }
}

fn item<'a>(key: &[u8], value: &'a [u8], related: bool, event: &mut Event<'a>) {
    match key {
        _ if value.is_empty() => {}
        b"client" => {
            event.text(SOURCE_ADDRESS, value);
            if scan::is_ip(value, 0, value.len()) {
                event.text(SOURCE_IP, value);
                if related {
                    event.append(RELATED_IP, value);
                }
            }
        }
        b"server" => event.text(ERROR_SERVER, value),
        b"request" => set_request(value, event),
        b"upstream" => event.text(ERROR_UPSTREAM, value),
        b"host" => {
            let (name, port) = host_and_port(value);
            event.text(DOMAIN, name);
            if let Some(port) = port {
                event.int(PORT, port);
            }
        }
        b"referrer" => event.text(REFERRER, value),
        _ => {}
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = scan::find(text, at, what[0])?;
        if text[found..].starts_with(what) {
            return Some(found);
        }
        at = found + 1;
    }
}
