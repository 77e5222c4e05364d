//! Lines as containerd and CRI-O write the output of a container: `2026-01-02T03:04:05.678901234Z stdout F text`.
//!
//! The text becomes `message`, for the next plugin of the chain. What the path of the file says of the container comes with it.

use collector_plugin::container::{self, Container};
use collector_plugin::time::DateTimes;
use collector_plugin::{Event, Manifest, Parser, Reject, scan};
use serde::Deserialize;

collector_plugin::fields! {
    TIME = "@timestamp",
    MESSAGE = "message",
    STREAM = "stream",
    PARTIAL = "cri.partial",
    NAMESPACE = "kubernetes.namespace",
}

/// Configuration of the parser: `{"path_fields": false}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The field to parse.
    pub field: String,
    /// Also set what the path of the file says: namespace, pod and container.
    pub path_fields: bool,
    /// The task gathers the parts of a line (`"multiline": {"join": "cri"}`): put them together.
    pub join: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { field: "message".to_owned(), path_fields: true, join: false }
    }
}

/// The parser of lines in the format of the Container Runtime Interface.
pub struct Cri {
    field: String,
    container: Option<Container>,
    times: DateTimes,
    join: bool,
}

/// How many events one line may become.
const EVENTS_MAX: usize = 1_001;

/// One line, taken apart.
struct Part<'a> {
    time_ns: i64,
    stream: &'a [u8],
    goes_on: bool,
    text: &'a [u8],
}

impl Parser for Cri {
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
            return self.joined(line, event);
        }
        let part = self.part(line)?;
        event.time_ns(TIME, part.time_ns);
        event.text(STREAM, part.stream);
        if part.goes_on {
            event.bool(PARTIAL, true);
        }
        event.text(MESSAGE, part.text);
        self.container(event);
        Ok(())
    }
}

impl Cri {
    #[inline(always)]
    fn part<'a>(&mut self, line: &'a [u8]) -> Result<Part<'a>, Reject> {
        let (time, rest) = scan::cut(line, b' ').ok_or(Reject("no time"))?;
        let (time_ns, _) = self.times.read(time, 0).ok_or(Reject("the time is none"))?;
        let (stream, rest) = scan::cut(rest, b' ').unwrap_or((rest, b""));
        if !matches!(stream, b"stdout" | b"stderr") {
            return Err(Reject("neither stdout nor stderr"));
        }
        let (goes_on, text) = text(rest);
        Ok(Part { time_ns, stream, goes_on, text })
    }

    #[inline(always)]
    fn container(&mut self, event: &mut Event<'_>) {
        if let Some(container) = &mut self.container {
            container.set(event.input().value(1), event);
        }
    }

    /// The parts of a line, and what the other stream wrote between them: an event for each line that they make together.
    #[inline(never)]
    fn joined(&mut self, lines: &[u8], event: &mut Event<'_>) -> Result<(), Reject> {
        let mut whole: Vec<(Part<'_>, Vec<u8>)> = Vec::new();
        for line in lines.split(|byte| *byte == b'\n') {
            let part = self.part(line)?;
            match whole.iter_mut().find(|(first, _)| first.goes_on && first.stream == part.stream) {
                Some((first, text)) => {
                    text.extend_from_slice(part.text);
                    first.goes_on = part.goes_on;
                }
                None => {
                    let text = part.text.to_vec();
                    whole.push((part, text));
                }
            }
        }
        if whole.len() > EVENTS_MAX {
            return Err(Reject("more than 1,001 lines between the parts of one"));
        }
        for (index, (first, text)) in whole.iter().enumerate() {
            if index > 0 {
                event.fork();
            }
            event.time_ns(TIME, first.time_ns);
            event.text(STREAM, first.stream);
            if first.goes_on {
                event.bool(PARTIAL, true);
            }
            event.text(MESSAGE, text);
            self.container(event);
        }
        Ok(())
    }
}

/// Whether the text is a part of a longer line, and the text behind the tags. The oldest lines have no tags.
#[inline(always)]
fn text(rest: &[u8]) -> (bool, &[u8]) {
    let (tags, text) = match rest {
        [tag @ (b'F' | b'P'), b' ', text @ ..] => return (*tag == b'P', text),
        _ => scan::cut(rest, b' ').unwrap_or((rest, b"")),
    };
    match tags {
        b"F" | [b'F', b':', ..] => (false, text),
        b"P" | [b'P', b':', ..] => (true, text),
        _ => (false, rest),
    }
}

collector_plugin::export!(Cri as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
