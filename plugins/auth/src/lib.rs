//! `/var/log/auth.log` and `/var/log/secure`: logins by ssh, sudo, su, PAM, and changes of users and groups, to the fields of Elastic's `system.auth`.
//!
//! The header is that of syslog (see the SDK). Where a parser in front has set `process.name`, the line is the message alone. A message that is none of those known here keeps its
//! header's fields and its text.

mod account;
mod config;
mod facts;
mod pam;
mod ssh;
mod su;
mod sudo;
mod text;

pub use config::Config;

use collector_plugin::syslog::{Clues, READS, Reader};
use collector_plugin::time::zone_text;
use collector_plugin::{Constants, Event, Manifest, Parser, Reject};
use facts::Facts;

collector_plugin::fields! {
    TIME = "@timestamp",
    TIMEZONE = "event.timezone",
    HOSTNAME = "host.hostname",
    PROCESS = "process.name",
    PID = "process.pid",
    MESSAGE = "message",
    PRIORITY = "log.syslog.priority",
    FACILITY = "log.syslog.facility.code",
    SEVERITY = "log.syslog.severity.code",
    USER = "user.name",
    USER_ID = "user.id",
    EFFECTIVE_USER = "user.effective.name",
    GROUP = "group.name",
    GROUP_ID = "group.id",
    SOURCE_ADDRESS = "source.address",
    SOURCE_IP = "source.ip",
    SOURCE_DOMAIN = "source.domain",
    SOURCE_PORT = "source.port",
    SSH_EVENT = "system.auth.ssh.event",
    SSH_METHOD = "system.auth.ssh.method",
    SSH_SIGNATURE = "system.auth.ssh.signature",
    SSH_DROPPED = "system.auth.ssh.dropped_ip",
    SUDO_ERROR = "system.auth.sudo.error",
    SUDO_TTY = "system.auth.sudo.tty",
    SUDO_PWD = "system.auth.sudo.pwd",
    SUDO_USER = "system.auth.sudo.user",
    SUDO_COMMAND = "system.auth.sudo.command",
    HOME = "system.auth.useradd.home",
    SHELL = "system.auth.useradd.shell",
    PAM_MODULE = "system.auth.pam.module",
    PAM_ORIGIN = "system.auth.pam.origin",
    PAM_STATE = "system.auth.pam.session_state",
    RELATED_HOSTS = "related.hosts",
    RELATED_IP = "related.ip",
    RELATED_USER = "related.user",
    KIND = "event.kind",
    MODULE = "event.module",
    DATASET = "event.dataset",
    SERVICE = "service.type",
    ACTION = "event.action",
    CATEGORY = "event.category",
    TYPE = "event.type",
    OUTCOME = "event.outcome",
}

/// The column in which a parser in front has put the program.
const PROCESS_COLUMN: usize = READS.len();

/// The parser.
pub struct Auth {
    config: Config,
    reader: Reader,
    constants: Constants,
}

impl Parser for Auth {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let reader = Reader::new(config.timezone);
        let constants = Constants::new()
            .text(KIND, "event")
            .text(MODULE, "system")
            .text(DATASET, "system.auth")
            .text(SERVICE, "system");
        Ok(Self { config, reader, constants })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(READS.into_iter().chain(["process.name"])).writing(FIELDS.iter().copied())
    }

    #[inline]
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let (program, message) = match event.input().text(PROCESS_COLUMN) {
            Some(program) => (program, line),
            None => self.header(line, event)?,
        };
        let mut facts = Facts::default();
        read(program, message, &mut facts, event);
        facts.emit(self.config.event_fields, event);
        if self.config.event_fields {
            self.event_fields(event);
        }
        Ok(())
    }
}

impl Auth {
    /// The header of syslog: gives the program and the message.
    #[inline]
    fn header<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(&'a [u8], &'a [u8]), Reject> {
        let header = self.reader.read(line, Clues::of(event))?;
        if let Some(time) = header.time_ns {
            event.time_ns(TIME, time);
        }
        if let Some(value) = header.priority {
            event.int(PRIORITY, i64::from(value));
            event.int(FACILITY, i64::from(value >> 3));
            event.int(SEVERITY, i64::from(value & 7));
        }
        if !header.host.is_empty() {
            event.text(HOSTNAME, header.host);
            if self.config.event_fields {
                event.append(RELATED_HOSTS, header.host);
            }
        }
        if !header.program.is_empty() {
            event.text(PROCESS, header.program);
        }
        if let Some(pid) = header.pid_number() {
            event.int(PID, pid);
        }
        let message = header.message(line).trim_ascii_start();
        event.text(MESSAGE, message);
        Ok((header.program, message))
    }

    /// What Elastic's integration says of any line.
    #[inline]
    fn event_fields(&mut self, event: &mut Event<'_>) {
        event.constants(&mut self.constants);
        let east_min = self.config.timezone.minutes(Clues::of(event).timezone);
        event.text(TIMEZONE, &zone_text(east_min));
    }
}

/// Looks for what the program is known to write, then for what any program may have from PAM.
#[inline]
fn read<'a>(program: &'a [u8], message: &'a [u8], facts: &mut Facts<'a>, event: &mut Event<'a>) {
    let known = match program {
        _ if message.starts_with(b"pam_") => false,
        b"sshd" | b"sshd-session" | b"sshd-auth" | b"dropbear" => ssh::read(message, facts, event),
        b"sudo" => sudo::read(message, facts, event),
        b"su" => su::read(message, facts),
        _ => account::read(program, message, facts, event),
    };
    if !known {
        pam::read(message, facts, event);
    }
}

collector_plugin::export!(Auth as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
