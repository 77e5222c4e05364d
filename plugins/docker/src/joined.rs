//! The parts of a line, gathered into one event: what the container wrote at once, put together again.

use crate::{AtQuote, Docker, MESSAGE, NO_OBJECT, PARTIAL, STREAM, TIME, members, without_break};
use collector_plugin::kv::Quoted;
use collector_plugin::{Event, Reject};

/// How many events one line may become.
const EVENTS_MAX: usize = 1_001;

/// A line of the container, as far as its parts are there.
struct Whole<'a> {
    time_ns: i64,
    stream: &'a [u8],
    goes_on: bool,
    text: Vec<u8>,
}

/// An event for each line that the parts make together: what the other stream wrote between them has its own.
pub(crate) fn parse(docker: &mut Docker, lines: &[u8], event: &mut Event<'_>) -> Result<(), Reject> {
    let mut wholes: Vec<Whole<'_>> = Vec::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let part = part(docker, line)?;
        match wholes.iter_mut().find(|whole| whole.goes_on && whole.stream == part.stream) {
            Some(whole) => {
                whole.text.extend_from_slice(&part.text);
                whole.goes_on = part.goes_on;
            }
            None => wholes.push(part),
        }
    }
    if wholes.len() > EVENTS_MAX {
        return Err(Reject("more than 1,001 lines between the parts of one"));
    }
    for (index, whole) in wholes.iter().enumerate() {
        if index > 0 {
            event.fork();
        }
        event.time_ns(TIME, whole.time_ns);
        event.text(STREAM, whole.stream);
        if whole.goes_on {
            event.bool(PARTIAL, true);
        }
        event.text(MESSAGE, &whole.text);
        docker.container(event);
    }
    Ok(())
}

fn part<'a>(docker: &mut Docker, line: &'a [u8]) -> Result<Whole<'a>, Reject> {
    let (mut time, mut stream, mut log) = (None, &b""[..], None);
    let end = members(line, 0, |key, at| {
        if key == b"attrs" {
            return members(line, at, |_, at| Ok(Quoted::at_quote(line, at)?.end));
        }
        let value = Quoted::at_quote(line, at)?;
        match key {
            b"log" => log = Some(value.raw),
            b"time" => time = docker.times.read(value.raw, 0).map(|(time_ns, _)| time_ns),
            b"stream" => stream = value.raw,
            _ => {}
        }
        Ok(value.end)
    })?;
    if !line[end..].trim_ascii().is_empty() {
        return Err(NO_OBJECT);
    }
    let (raw, complete) = without_break(log.ok_or(Reject("no log"))?);
    let mut text = Vec::with_capacity(raw.len());
    if !collector_plugin::kv::unescape(raw, &mut text) {
        return Err(Reject("an escape that is none"));
    }
    Ok(Whole { time_ns: time.ok_or(Reject("no time"))?, stream, goes_on: !complete, text })
}
