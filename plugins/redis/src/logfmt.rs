//! `log-format logfmt` of Valkey: `pid=1 role=primary timestamp="…" level=notice message="…"`

use crate::clock::Clock;
use crate::{LEVEL, MESSAGE, PID, ROLE, TIME};
use collector_plugin::{Event, Reject, scan};

pub(crate) fn parse<'a>(line: &'a [u8], clock: &mut Clock, event: &mut Event<'a>) -> Result<(), Reject> {
    let (mut rest, mut has_message) = (line, false);
    while !rest.is_empty() {
        let (key, value, after) = pair(rest).ok_or(Reject("a pair of logfmt has no end"))?;
        match key {
            b"pid" => event.int(PID, scan::int(value).ok_or(Reject("the pid is no number"))?),
            b"role" => role(value, event),
            b"level" => event.text(LEVEL, value),
            b"timestamp" => {
                if let Some(ns) = clock.read(value).ok_or(Reject("the timestamp is none"))?.ns {
                    event.time_ns(TIME, ns);
                }
            }
            b"message" => {
                event.text(MESSAGE, value);
                has_message = true;
            }
            _ => {}
        }
        rest = after.trim_ascii_start();
    }
    if has_message { Ok(()) } else { Err(Reject("no message in the line")) }
}

/// `key=value`, or `key="value"`; the server replaces quotes in a value.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (key, rest) = scan::cut(text, b'=')?;
    if let Some((value, after)) = scan::between(rest, b'"', b'"') {
        return Some((key, value, after));
    }
    let (value, after) = scan::cut(rest, b' ').unwrap_or((rest, b""));
    (value.first() != Some(&b'"')).then_some((key, value, after))
}

/// Roles by the names that Redis has for them.
fn role<'a>(name: &'a [u8], event: &mut Event<'a>) {
    match name {
        b"primary" => event.constant(ROLE, "master"),
        b"replica" => event.constant(ROLE, "slave"),
        b"RDB/AOF" => event.constant(ROLE, "child"),
        other => event.text(ROLE, other),
    }
}
