//! Logs of Python programs: `logging` in its usual layouts, Flask, Django, gunicorn, uvicorn, Celery, Airflow, loguru, structlog, Tornado, absl; and tracebacks, to the fields of ECS.
//!
//! An event of several lines comes as one text. Its first line is read item by item ([`head`]); the other lines are searched for a traceback ([`traceback`]).

mod config;
mod head;
mod name;
mod traceback;

pub use config::Config;

use collector_plugin::applog::{Glog, Moments, READS, first_line};
use collector_plugin::syslog::Clues;
use collector_plugin::time::zone_text;
use collector_plugin::{Constants, Event, Field, Manifest, Parser, Reject};
use head::Head;
use traceback::Traceback;

collector_plugin::fields! {
    TIME = "@timestamp",
    MESSAGE = "message",
    LEVEL = "log.level",
    LOGGER = "log.logger",
    FUNCTION = "log.origin.function",
    FILE = "log.origin.file.name",
    LINE = "log.origin.file.line",
    PROCESS = "process.name",
    PID = "process.pid",
    THREAD = "process.thread.name",
    THREAD_ID = "process.thread.id",
    ERROR_TYPE = "error.type",
    ERROR_MESSAGE = "error.message",
    STACK_TRACE = "error.stack_trace",
    TIMEZONE = "event.timezone",
    KIND = "event.kind",
    MODULE = "event.module",
    DATASET = "event.dataset",
    SERVICE = "service.type",
}

/// The parser.
pub struct Python {
    config: Config,
    moments: Moments,
    constants: Constants,
}

impl Parser for Python {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let constants = Constants::new()
            .text(KIND, "event")
            .text(MODULE, "python")
            .text(DATASET, "python.log")
            .text(SERVICE, "python");
        Ok(Self { config, moments: Moments::new(config.timezone), constants })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(READS).writing(FIELDS.iter().copied())
    }

    #[inline]
    fn parse<'a>(&mut self, text: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let clues = Clues::of(event);
        let (first, _) = first_line(text);
        let traceback = traceback::find(text);
        let message = match Glog::read(first, &self.moments, clues) {
            Some(glog) => set_glog(&glog, event),
            None => {
                let head = head::read(first, &mut self.moments, clues);
                if head.moment.is_none() && head.level.is_empty() && head.letter.is_none() && traceback.is_none() {
                    return Err(Reject("neither a time, a level nor a traceback"));
                }
                set_head(&head, event);
                head.message
            }
        };
        set_message(text, message, traceback.as_ref(), event);
        if self.config.event_fields {
            event.constants(&mut self.constants);
            event.text(TIMEZONE, &zone_text(self.config.timezone.minutes(clues.timezone)));
        }
        Ok(())
    }
}

/// The message and the traceback, which is no part of it. A traceback without a message has its last line, which tells what was raised.
fn set_message<'a>(text: &'a [u8], start: usize, traceback: Option<&Traceback<'a>>, event: &mut Event<'a>) {
    let Some(traceback) = traceback else {
        return event.text(MESSAGE, text[start..].trim_ascii());
    };
    let message = text.get(start..traceback.start).unwrap_or_default().trim_ascii();
    event.text(MESSAGE, if message.is_empty() { traceback.raised } else { message });
    set_text(ERROR_TYPE, traceback.class, event);
    set_text(ERROR_MESSAGE, traceback.text, event);
    event.text(STACK_TRACE, text[traceback.start..].trim_ascii_end());
}

/// Gives where the message begins.
fn set_glog<'a>(glog: &Glog<'a>, event: &mut Event<'a>) -> usize {
    event.constant(LEVEL, glog.level);
    if let Some(time) = glog.moment.ns {
        event.time_ns(TIME, time);
    }
    event.int(THREAD_ID, glog.thread);
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
    set_text(THREAD, head.thread, event);
    set_text(PROCESS, head.process, event);
    set_text(FUNCTION, head.function, event);
    set_text(FILE, head.file, event);
    if let Some(line) = head.line {
        event.int(LINE, line);
    }
    if let Some(pid) = head.pid {
        event.int(PID, pid);
    }
}

#[inline]
fn set_text<'a>(field: Field, text: &'a [u8], event: &mut Event<'a>) {
    if !text.is_empty() {
        event.text(field, text);
    }
}

collector_plugin::export!(Python as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
