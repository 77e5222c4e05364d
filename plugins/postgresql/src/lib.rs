//! The server log of PostgreSQL to the fields of ECS, named as Elastic's postgresql integration names them.
//!
//! What goes to stderr (with any `log_line_prefix`), csvlog and jsonlog are told from each other by the line. An entry of several lines comes as one text with line feeds in it.

mod abbreviation;
mod body;
mod clock;
mod config;
mod csvlog;
mod guess;
mod head;
mod jsonlog;
mod prefix;
mod severity;
mod stderr;

pub use config::{Config, Format};

use clock::Clock;
use collector_plugin::time::Zone;
use collector_plugin::{Constants, Event, Field, Manifest, Parser, Reject, scan};
use prefix::Prefix;
use std::borrow::Cow;

collector_plugin::fields! {
    TIME = "@timestamp",
    MESSAGE = "message",
    LEVEL = "log.level",
    USER = "user.name",
    PID = "process.pid",
    DURATION = "event.duration",
    TIMEZONE = "event.timezone",
    TIMESTAMP = "postgresql.log.timestamp",
    DATABASE = "postgresql.log.database",
    APPLICATION = "postgresql.log.application_name",
    CLIENT_ADDR = "postgresql.log.client_addr",
    CLIENT_PORT = "postgresql.log.client_port",
    LOCAL_ADDR = "postgresql.log.local_addr",
    BACKEND_TYPE = "postgresql.log.backend_type",
    LEADER_PID = "postgresql.log.leader_pid",
    QUERY_ID = "postgresql.log.query_id",
    COMMAND_TAG = "postgresql.log.command_tag",
    SQL_STATE = "postgresql.log.sql_state_code",
    SESSION_ID = "postgresql.log.session_id",
    SESSION_LINE = "postgresql.log.session_line_number",
    SEQUENCE = "postgresql.log.sequence_number",
    SESSION_START = "postgresql.log.session_start_time",
    VIRTUAL_TRANSACTION = "postgresql.log.virtual_transaction_id",
    TRANSACTION = "postgresql.log.transaction_id",
    DETAIL = "postgresql.log.detail",
    HINT = "postgresql.log.hint",
    INTERNAL_QUERY = "postgresql.log.internal_query",
    INTERNAL_QUERY_POS = "postgresql.log.internal_query_pos",
    CONTEXT = "postgresql.log.context",
    QUERY = "postgresql.log.query",
    QUERY_POS = "postgresql.log.query_pos",
    QUERY_STEP = "postgresql.log.query_step",
    QUERY_NAME = "postgresql.log.query_name",
    LOCATION = "postgresql.log.location",
    KIND = "event.kind",
    CATEGORY = "event.category",
    TYPE = "event.type",
    MODULE = "event.module",
    DATASET = "event.dataset",
    SERVICE = "service.type",
    RELATED_USER = "related.user",
    RELATED_HOSTS = "related.hosts",
}

/// Column of the zone of the machine that read the line.
const LOCAL_ZONE: usize = 1;

/// The parser.
pub struct Postgresql {
    config: Config,
    prefix: Option<Prefix>,
    clock: Clock,
    /// The constants of an entry, and of one that tells of a failure.
    constants: [Constants; 2],
}

impl Parser for Postgresql {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let prefix = config.log_line_prefix.as_deref().map(Prefix::new).transpose()?;
        let constants = [r#"["info"]"#, r#"["error"]"#].map(constants);
        Ok(Self { config, prefix, clock: Clock::default(), constants })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(["message", Zone::META]).writing(FIELDS.iter().copied())
    }

    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        self.clock.local_min = self.config.timezone.minutes(event.input().value(LOCAL_ZONE));
        let entry = match self.config.format {
            Format::Auto => self.told_from_the_line(line, event)?,
            Format::Stderr => stderr::parse(line, self.prefix.as_ref(), &mut self.clock, event)?,
            Format::Csvlog => csvlog::parse(line, &mut self.clock, event)?,
            Format::Jsonlog => jsonlog::parse(line, &mut self.clock, event)?,
        };
        if self.config.event_fields {
            event.constants(&mut self.constants[usize::from(entry.failed)]);
            related(&entry, event);
        }
        Ok(())
    }
}

impl Postgresql {
    fn told_from_the_line<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<Entry<'a>, Reject> {
        if line.first() == Some(&b'{') {
            return jsonlog::parse(line, &mut self.clock, event);
        }
        if csvlog::begins(line) && self.prefix.as_ref().is_none_or(|p| !p.fits(line, &mut self.clock)) {
            return csvlog::parse(line, &mut self.clock, event);
        }
        stderr::parse(line, self.prefix.as_ref(), &mut self.clock, event)
    }
}

/// What the constants of an event depend on.
struct Entry<'a> {
    /// Nothing where no user is known.
    user: Cow<'a, [u8]>,
    /// Nothing where no client is known.
    host: Cow<'a, [u8]>,
    /// The SQLSTATE says that something failed.
    failed: bool,
}

/// Whether a SQLSTATE is of the classes for success, a warning, or no data.
fn is_failure(sql_state: &[u8]) -> bool {
    !sql_state.is_empty() && !matches!(sql_state, [b'0', b'0' | b'1' | b'2', ..])
}

/// What ECS says of any entry of a database's log.
fn constants(kind: &str) -> Constants {
    Constants::new()
        .text(KIND, "event")
        .json(CATEGORY, r#"["database"]"#)
        .json(TYPE, kind)
        .text(MODULE, "postgresql")
        .text(DATASET, "postgresql.log")
        .text(SERVICE, "postgresql")
}

fn related(entry: &Entry<'_>, event: &mut Event<'_>) {
    if !entry.user.is_empty() {
        event.append(RELATED_USER, &entry.user);
    }
    if !entry.host.is_empty() {
        event.append(RELATED_HOSTS, &entry.host);
    }
}

/// Sets a text, where there is one.
fn text<'a>(event: &mut Event<'a>, field: Field, text: &[u8]) {
    if !text.is_empty() {
        event.text(field, text);
    }
}

/// Sets an integer, where there is one.
fn int(event: &mut Event<'_>, field: Field, digits: &[u8]) {
    if let Some(value) = scan::int(digits) {
        event.int(field, value);
    }
}

collector_plugin::export!(Postgresql as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
