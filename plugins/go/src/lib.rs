//! Logs of Go programs: `log`, `slog`'s default, glog and klog, zap's console, zerolog's console, hclog, logrus on a terminal, etcd, telegraf, gin; and panics, to the fields of ECS.
//!
//! An event of several lines comes as one text. Its first line is read by [`head`]; the other lines are searched for the stacks of goroutines ([`panic`]).

mod config;
mod gin;
mod head;
mod panic;
mod word;

pub use config::Config;

use collector_plugin::applog::{Glog, Moments, READS, first_line};
use collector_plugin::syslog::Clues;
use collector_plugin::time::zone_text;
use collector_plugin::{Constants, Event, Field, Manifest, Parser, Reject};
use head::Head;
use panic::Panic;

collector_plugin::fields! {
    TIME = "@timestamp",
    MESSAGE = "message",
    LEVEL = "log.level",
    LOGGER = "log.logger",
    FILE = "log.origin.file.name",
    LINE = "log.origin.file.line",
    PID = "process.pid",
    ERROR_TYPE = "error.type",
    ERROR_MESSAGE = "error.message",
    STACK_TRACE = "error.stack_trace",
    METHOD = "http.request.method",
    STATUS = "http.response.status_code",
    DURATION = "event.duration",
    URL = "url.original",
    SOURCE_ADDRESS = "source.address",
    SOURCE_IP = "source.ip",
    TIMEZONE = "event.timezone",
    KIND = "event.kind",
    MODULE = "event.module",
    DATASET = "event.dataset",
    SERVICE = "service.type",
}

/// The parser.
pub struct Go {
    config: Config,
    moments: Moments,
    constants: Constants,
}

impl Parser for Go {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let constants =
            Constants::new().text(KIND, "event").text(MODULE, "go").text(DATASET, "go.log").text(SERVICE, "go");
        Ok(Self { config, moments: Moments::new(config.timezone), constants })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(READS).writing(FIELDS.iter().copied())
    }

    #[inline]
    fn parse<'a>(&mut self, text: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let clues = Clues::of(event);
        let (first, second) = first_line(text);
        let message = match Glog::read(first, &self.moments, clues) {
            Some(glog) => Some(set_glog(&glog, event)),
            None => gin::read(first, &mut self.moments, clues, event).or_else(|| {
                let head = head::read(first, &mut self.moments, clues);
                set_head(&head, event);
                head.is_one().then_some(head.message)
            }),
        };
        let panic = panic::find(text, message.unwrap_or_default(), second);
        if message.is_none() && panic.is_none() {
            return Err(Reject("neither a time, a level nor a panic"));
        }
        set_message(text, message.unwrap_or_default(), panic.as_ref(), event);
        if self.config.event_fields {
            event.constants(&mut self.constants);
            event.text(TIMEZONE, &zone_text(self.config.timezone.minutes(clues.timezone)));
        }
        Ok(())
    }
}

/// The message, and the stacks, which are no part of it.
fn set_message<'a>(text: &'a [u8], start: usize, panic: Option<&Panic<'a>>, event: &mut Event<'a>) {
    let Some(panic) = panic else {
        return event.text(MESSAGE, text[start..].trim_ascii());
    };
    let end = panic.message_end.max(start);
    event.text(MESSAGE, text[start..end].trim_ascii());
    if let Some(kind) = panic.kind {
        event.constant(ERROR_TYPE, kind);
    }
    set_text(ERROR_MESSAGE, panic.text, event);
    set_text(STACK_TRACE, text[panic.stacks..].trim_ascii_end(), event);
}

/// Gives where the message begins.
fn set_glog<'a>(glog: &Glog<'a>, event: &mut Event<'a>) -> usize {
    event.constant(LEVEL, glog.level);
    if let Some(time) = glog.moment.ns {
        event.time_ns(TIME, time);
    }
    event.int(PID, glog.thread);
    event.text(FILE, glog.file);
    event.int(LINE, glog.line);
    glog.message
}

/// The fields of the first line but its message.
#[inline]
fn set_head<'a>(head: &Head<'a>, event: &mut Event<'a>) {
    if let Some(time) = head.moment.and_then(|moment| moment.ns) {
        event.time_ns(TIME, time);
    }
    match head.letter {
        Some(level) => event.constant(LEVEL, level),
        None => set_text(LEVEL, head.level, event),
    }
    set_text(LOGGER, head.logger, event);
    if let Some((file, line)) = head.place {
        event.text(FILE, file);
        event.int(LINE, line);
    }
}

#[inline]
fn set_text<'a>(field: Field, text: &'a [u8], event: &mut Event<'a>) {
    if !text.is_empty() {
        event.text(field, text);
    }
}

collector_plugin::export!(Go as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
