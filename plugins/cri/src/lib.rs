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
}

impl Default for Config {
    fn default() -> Self {
        Self { field: "message".to_owned(), path_fields: true }
    }
}

/// The parser of lines in the format of the Container Runtime Interface.
pub struct Cri {
    field: String,
    container: Option<Container>,
    times: DateTimes,
}

impl Parser for Cri {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let container = config.path_fields.then(|| Container::new(NAMESPACE));
        Ok(Self { field: config.field, container, times: DateTimes::default() })
    }

    fn manifest(&self) -> Manifest {
        let path = self.container.as_ref().map(|_| container::META);
        let others = container::NAMES.iter().skip(1);
        Manifest::reading([self.field.as_str()].into_iter().chain(path)).writing(FIELDS.iter().chain(others).copied())
    }

    #[inline(always)]
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let (time, rest) = scan::cut(line, b' ').ok_or(Reject("no time"))?;
        let (time_ns, _) = self.times.read(time, 0).ok_or(Reject("the time is none"))?;
        event.time_ns(TIME, time_ns);
        let (stream, rest) = scan::cut(rest, b' ').unwrap_or((rest, b""));
        if !matches!(stream, b"stdout" | b"stderr") {
            return Err(Reject("neither stdout nor stderr"));
        }
        event.text(STREAM, stream);
        let (partial, text) = text(rest);
        if partial {
            event.bool(PARTIAL, true);
        }
        event.text(MESSAGE, text);
        if let Some(container) = &mut self.container {
            container.set(event.input().value(1), event);
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
