//! Logs of Java programs: the layouts of log4j, logback, Spring Boot, java.util.logging, JBoss and the servers that are written in Java, with stack traces, to the fields of ECS.
//!
//! An event of several lines comes as one text. Its first line is read item by item ([`head`]); no layout has to be told beforehand. The other lines are searched for a stack trace
//! ([`trace`]).

mod class;
mod config;
mod head;
mod trace;

pub use config::Config;

use collector_plugin::applog::{Moments, READS, first_line};
use collector_plugin::syslog::Clues;
use collector_plugin::time::zone_text;
use collector_plugin::{Constants, Event, Field, Manifest, Parser, Reject, scan};
use head::Head;

collector_plugin::fields! {
    TIME = "@timestamp",
    MESSAGE = "message",
    LEVEL = "log.level",
    LOGGER = "log.logger",
    FUNCTION = "log.origin.function",
    FILE = "log.origin.file.name",
    LINE = "log.origin.file.line",
    THREAD = "process.thread.name",
    PID = "process.pid",
    NODE = "service.node.name",
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
pub struct Java {
    config: Config,
    moments: Moments,
    constants: Constants,
}

impl Parser for Java {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let constants =
            Constants::new().text(KIND, "event").text(MODULE, "java").text(DATASET, "java.log").text(SERVICE, "java");
        Ok(Self { config, moments: Moments::new(config.timezone), constants })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(READS).writing(FIELDS.iter().copied())
    }

    #[inline]
    fn parse<'a>(&mut self, text: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let clues = Clues::of(event);
        let (first, second_at) = first_line(text);
        let mut head = head::read(first, &mut self.moments, clues);
        if head.level.is_empty() && head.moment.is_some() {
            head.level_of_second_line(text, second_at);
        }
        let trace = trace::find(text, head.message.start, second_at);
        if head.moment.is_none() && head.level.is_empty() && trace.is_none() {
            return Err(Reject("neither a time, a level nor a stack trace"));
        }
        set_head(&head, event);
        if let Some(thread) = first.strip_prefix(b"Exception in thread \"")
            && let Some((thread, _)) = scan::cut(thread, b'"')
        {
            event.text(THREAD, thread);
        }
        let mut message = head.message;
        if let Some(trace) = trace {
            message.end = message.end.min(trace.message_end).max(message.start);
            set_text(ERROR_TYPE, trace.class, event);
            set_text(ERROR_MESSAGE, trace.text, event);
            event.text(STACK_TRACE, trace.whole);
        } else if message.end == first.len() {
            message.end = text.len();
        }
        event.text(MESSAGE, text[message].trim_ascii());
        if self.config.event_fields {
            event.constants(&mut self.constants);
            event.text(TIMEZONE, &zone_text(self.config.timezone.minutes(clues.timezone)));
        }
        Ok(())
    }
}

/// The fields of the first line but its message.
#[inline]
fn set_head<'a>(head: &Head<'a>, event: &mut Event<'a>) {
    if let Some(time) = head.moment.and_then(|moment| moment.ns) {
        event.time_ns(TIME, time);
    }
    set_text(LEVEL, head.level, event);
    set_text(LOGGER, head.logger, event);
    set_text(THREAD, head.thread, event);
    set_text(FUNCTION, head.function, event);
    set_text(FILE, head.file, event);
    set_text(NODE, head.node, event);
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

collector_plugin::export!(Java as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
