//! Lines of Docker's `json-file` driver: `{"log":"text\n","stream":"stdout","time":"2026-01-02T03:04:05.678901234Z"}`.
//!
//! The text becomes `message`, for the next plugin of the chain. What the path of the file says of the container comes with it.

mod joined;

use collector_plugin::container::{self, Container};
use collector_plugin::kv::{Quoted, unescape};
use collector_plugin::time::DateTimes;
use collector_plugin::{Event, Manifest, Parser, Reject, scan};
use serde::Deserialize;

collector_plugin::fields! {
    TIME = "@timestamp",
    MESSAGE = "message",
    STREAM = "stream",
    PARTIAL = "docker.partial",
    ATTRIBUTES = "docker.attrs",
    NAMESPACE = "kubernetes.namespace",
}

const NO_OBJECT: Reject = Reject("not an object as Docker writes it");
const NO_STRING: Reject = Reject("a value that is no text");

/// Configuration of the parser: `{"path_fields": false}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The field to parse.
    pub field: String,
    /// Also set what the path of the file says: the container's id, or namespace, pod and container.
    pub path_fields: bool,
    /// The task gathers the parts of a line (`"multiline": {"join": "docker"}`): put them together.
    pub join: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { field: "message".to_owned(), path_fields: true, join: false }
    }
}

/// The parser of Docker's lines.
pub struct Docker {
    field: String,
    container: Option<Container>,
    times: DateTimes,
    join: bool,
}

/// Which members came.
#[derive(Default)]
struct Seen {
    log: bool,
    time: bool,
}

impl Parser for Docker {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let container = config.path_fields.then(|| Container::new(NAMESPACE));
        Ok(Self { field: config.field, container, times: DateTimes::default(), join: config.join })
    }

    fn manifest(&self) -> Manifest {
        let path = self.container.as_ref().map(|_| container::META);
        let others = container::NAMES.iter().skip(1);
        let reads = [self.field.as_str()].into_iter().chain(path);
        let manifest = Manifest::reading(reads).writing(FIELDS.iter().chain(others).copied());
        // Both streams of a container may have been gathered into one event.
        if self.join { manifest.forking() } else { manifest }
    }

    #[inline(always)]
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        if self.join && scan::find(line, 0, b'\n').is_some() {
            return joined::parse(self, line, event);
        }
        self.one(line, event)
    }
}

impl Docker {
    #[inline(always)]
    fn one<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let mut seen = Seen::default();
        let end = members(line, 0, |key, at| match key {
            b"log" => {
                seen.log = true;
                log(line, at, event)
            }
            b"time" => {
                seen.time = true;
                self.time(line, at, event)
            }
            b"stream" => {
                let stream = Quoted::at_quote(line, at)?;
                event.text(STREAM, stream.raw);
                Ok(stream.end)
            }
            b"attrs" => attributes(line, at, event),
            _ => Ok(Quoted::at_quote(line, at)?.end),
        })?;
        match seen {
            _ if skip_space(line, end) < line.len() => Err(NO_OBJECT),
            Seen { log: false, .. } => Err(Reject("no log")),
            Seen { time: false, .. } => Err(Reject("no time")),
            _ => {
                self.container(event);
                Ok(())
            }
        }
    }

    #[inline(always)]
    fn container(&mut self, event: &mut Event<'_>) {
        if let Some(container) = &mut self.container {
            container.set(event.input().value(1), event);
        }
    }

    #[inline(always)]
    fn time(&mut self, line: &[u8], at: usize, event: &mut Event<'_>) -> Result<usize, Reject> {
        let time = Quoted::at_quote(line, at)?;
        let (time_ns, _) = self.times.read(time.raw, 0).ok_or(Reject("the time is none"))?;
        event.time_ns(TIME, time_ns);
        Ok(time.end)
    }
}

/// A text value.
trait AtQuote: Sized {
    /// The text whose quote is at `at`.
    fn at_quote(line: &[u8], at: usize) -> Result<Quoted<'_>, Reject>;
}

impl AtQuote for Quoted<'_> {
    #[inline(always)]
    fn at_quote(line: &[u8], at: usize) -> Result<Quoted<'_>, Reject> {
        match line.get(at) {
            Some(b'"') => Quoted::at(line, at).ok_or(Reject("a text has no end")),
            _ => Err(NO_STRING),
        }
    }
}

/// Calls `member` with the key and the place of the value of each member of the object at `at`; it gives where the value ends. Gives where the object ends.
#[inline(always)]
fn members(
    line: &[u8],
    at: usize,
    mut member: impl FnMut(&[u8], usize) -> Result<usize, Reject>,
) -> Result<usize, Reject> {
    let mut at = skip_space(line, at);
    if line.get(at) != Some(&b'{') {
        return Err(NO_OBJECT);
    }
    at = skip_space(line, at + 1);
    if line.get(at) == Some(&b'}') {
        return Ok(at + 1);
    }
    loop {
        let key = Quoted::at_quote(line, at).map_err(|_| NO_OBJECT)?;
        at = skip_space(line, key.end);
        if line.get(at) != Some(&b':') {
            return Err(NO_OBJECT);
        }
        let end = member(key.raw, skip_space(line, at + 1))?;
        at = skip_space(line, end);
        match line.get(at) {
            Some(b',') => at = skip_space(line, at + 1),
            Some(b'}') => return Ok(at + 1),
            _ => return Err(NO_OBJECT),
        }
    }
}

/// The text of the container, without its line break. One without a line break is a part of a longer line.
#[inline(always)]
fn log<'a>(line: &'a [u8], at: usize, event: &mut Event<'a>) -> Result<usize, Reject> {
    let log = Quoted::at_quote(line, at)?;
    let (text, complete) = without_break(log.raw);
    if !complete {
        event.bool(PARTIAL, true);
    }
    if text.contains(&b'\\') {
        let mut valid = true;
        event.build(MESSAGE, |arena| valid = unescape(text, arena));
        if !valid {
            return Err(Reject("an escape that is none"));
        }
    } else {
        event.text(MESSAGE, text);
    }
    Ok(log.end)
}

/// A text with escapes less the `\n` or `\r\n` at its end, and whether there was one.
#[inline(always)]
fn without_break(raw: &[u8]) -> (&[u8], bool) {
    let text = match raw {
        // The break itself: some write it as it is.
        [text @ .., b'\n'] => text,
        [text @ .., b'\\', b'n'] if backslashes(text).is_multiple_of(2) => text,
        _ => return (raw, false),
    };
    match text {
        [text @ .., b'\\', b'r'] if backslashes(text).is_multiple_of(2) => (text, true),
        _ => (text, true),
    }
}

/// How many backslashes a text ends with.
fn backslashes(text: &[u8]) -> usize {
    text.iter().rev().take_while(|byte| **byte == b'\\').count()
}

/// What the daemon was told to write with every line: labels, environment, tag. A dot in a name nests nothing.
#[inline(never)]
fn attributes(line: &[u8], at: usize, event: &mut Event<'_>) -> Result<usize, Reject> {
    members(line, at, |key, at| {
        let value = Quoted::at_quote(line, at)?;
        let name: Vec<u8> = key.iter().map(|byte| if *byte == b'.' { b'_' } else { *byte }).collect();
        let field = event.name(Some(ATTRIBUTES), &name)?;
        event.text(field, &value.plain().ok_or(Reject("an escape that is none"))?);
        Ok(value.end)
    })
}

/// Where the white space at `at` ends.
#[inline(always)]
fn skip_space(line: &[u8], at: usize) -> usize {
    match line.get(at) {
        Some(byte) if *byte > b' ' => at,
        _ => {
            let rest = line.get(at..).unwrap_or_default();
            at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
        }
    }
}

collector_plugin::export!(Docker as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
