//! Messages of syslog: RFC 5424, RFC 3164, and the files that rsyslog, syslog-ng and journald's forwarding write, to the fields of ECS.
//!
//! Host, program and process id become `host.hostname`, `process.name` and `process.pid`. A line with a priority came over the wire (or looks as if): it has `log.syslog.*` as well,
//! as Elastic's `syslog` processor sets it.

mod config;
mod data;
mod names;
mod rfc5424;

pub use config::{Config, Format};
use rfc5424::{Clock, Mode};

use collector_plugin::syslog::{Clues, READS, Reader, number};
use collector_plugin::time::zone_text;
use collector_plugin::{Constants, Event, Manifest, Parser, Reject, scan};

collector_plugin::fields! {
    TIME = "@timestamp",
    TIMEZONE = "event.timezone",
    HOSTNAME = "host.hostname",
    PROCESS = "process.name",
    PID = "process.pid",
    MESSAGE = "message",
    ORIGINAL = "event.original",
    SEQUENCE = "event.sequence",
    PRIORITY = "log.syslog.priority",
    FACILITY = "log.syslog.facility.code",
    FACILITY_NAME = "log.syslog.facility.name",
    SEVERITY = "log.syslog.severity.code",
    SEVERITY_NAME = "log.syslog.severity.name",
    VERSION = "log.syslog.version",
    SENDER = "log.syslog.hostname",
    APP = "log.syslog.appname",
    PROC_ID = "log.syslog.procid",
    MSG_ID = "log.syslog.msgid",
    DATA = "log.syslog.structured_data",
    RELATED_HOSTS = "related.hosts",
    KIND = "event.kind",
    MODULE = "event.module",
    DATASET = "event.dataset",
    SERVICE = "service.type",
}

/// The parser.
pub struct Syslog {
    config: Config,
    reader: Reader,
    clock: Clock,
    constants: Constants,
}

impl Parser for Syslog {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let reader = Reader::new(config.timezone);
        let constants = Constants::new()
            .text(KIND, "event")
            .text(MODULE, "system")
            .text(DATASET, "system.syslog")
            .text(SERVICE, "system");
        Ok(Self { config, reader, clock: Clock::default(), constants })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(READS).writing(FIELDS.iter().copied())
    }

    #[inline]
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let line = without_frame(line);
        let related = self.config.event_fields;
        match self.config.format {
            Format::Auto if rfc5424::begins(line) => {
                rfc5424::parse(line, event, &mut self.clock, Mode { strict: false, related })?;
            }
            Format::Rfc5424 => rfc5424::parse(line, event, &mut self.clock, Mode { strict: true, related })?,
            Format::Auto | Format::Rfc3164 => self.rfc3164(line, event)?,
        }
        if self.config.event_fields {
            self.event_fields(event);
        }
        Ok(())
    }
}

impl Syslog {
    /// `<34>Oct 11 22:14:15 host su[77]: text`, with all that varies in it.
    #[inline]
    fn rfc3164<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let header = self.reader.read(line, Clues::of(event))?;
        if let Some(time) = header.time_ns {
            event.time_ns(TIME, time);
        }
        if let Some(sequence) = header.sequence {
            event.int(SEQUENCE, i64::from(sequence));
        }
        let wire = header.priority.is_some();
        if let Some(value) = header.priority {
            priority(value, event);
        }
        if !header.host.is_empty() {
            host(header.host, wire, self.config.event_fields, event);
        }
        if !header.program.is_empty() {
            process(header.program, header.pid, wire, event);
        }
        event.text(MESSAGE, header.message(line));
        Ok(())
    }

    /// What Elastic's integration says of any line of syslog.
    fn event_fields(&mut self, event: &mut Event<'_>) {
        event.constants(&mut self.constants);
        let east_min = self.config.timezone.minutes(Clues::of(event).timezone);
        event.text(TIMEZONE, &zone_text(east_min));
    }
}

/// Takes off what frames a message in a stream: its length in octets, and a mark of the encoding.
#[inline]
fn without_frame(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    match scan::digits(line, 0) {
        Some((_, end)) if line.get(end..end + 2) == Some(b" <") => &line[end + 1..],
        _ => line,
    }
}

/// Facility and severity.
#[inline]
fn priority(value: u8, event: &mut Event<'_>) {
    event.int(PRIORITY, i64::from(value));
    event.int(FACILITY, i64::from(value >> 3));
    event.constant(FACILITY_NAME, names::facility(value));
    event.int(SEVERITY, i64::from(value & 7));
    event.constant(SEVERITY_NAME, names::severity(value));
}

/// The machine that sent the message.
#[inline]
fn host<'a>(name: &'a [u8], wire: bool, related: bool, event: &mut Event<'a>) {
    event.text(HOSTNAME, name);
    if wire {
        event.text(SENDER, name);
    }
    if related {
        event.append(RELATED_HOSTS, name);
    }
}

/// The program, and its process id where that is a number.
#[inline]
fn process<'a>(name: &'a [u8], pid: &'a [u8], wire: bool, event: &mut Event<'a>) {
    if !name.is_empty() {
        event.text(PROCESS, name);
        if wire {
            event.text(APP, name);
        }
    }
    if !pid.is_empty() {
        if let Some(pid) = number(pid) {
            event.int(PID, pid);
        }
        if wire {
            event.text(PROC_ID, pid);
        }
    }
}

collector_plugin::export!(Syslog as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
