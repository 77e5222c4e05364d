//! The slow, error and general logs of MySQL, MariaDB and Percona Server to the fields of ECS, named as Elastic's mysql integration names them.
//!
//! Which log a line is of is told from the line. An entry of several lines comes as one text with line feeds in it. What the server writes at the head of a file is no event and is dropped.

mod account;
mod clock;
mod config;
mod error;
mod event_fields;
mod general;
mod json_error;
mod metrics;
mod slow;

pub use config::{Config, Format};

use clock::Clock;
use collector_plugin::time::{Zone, zone_text};
use collector_plugin::{Event, Field, Filter, Input, Manifest, Reject, Verdict, scan};
use event_fields::EventFields;

collector_plugin::fields! {
    TIME = "@timestamp",
    MESSAGE = "message",
    LEVEL = "log.level",
    THREAD = "mysql.thread_id",
    USER = "user.name",
    SOURCE_IP = "source.ip",
    SOURCE_DOMAIN = "source.domain",
    DURATION = "event.duration",
    START = "event.start",
    END = "event.end",
    CODE = "event.code",
    PROVIDER = "event.provider",
    TIMEZONE = "event.timezone",
    CURRENT_USER = "mysql.slowlog.current_user",
    SCHEMA = "mysql.slowlog.schema",
    QUERY = "mysql.slowlog.query",
    LAST_ERRNO = "mysql.slowlog.last_errno",
    KILLED = "mysql.slowlog.killed",
    QUERY_CACHE_HIT = "mysql.slowlog.query_cache_hit",
    LOCK_TIME = "mysql.slowlog.lock_time.sec",
    ROWS_SENT = "mysql.slowlog.rows_sent",
    ROWS_EXAMINED = "mysql.slowlog.rows_examined",
    ROWS_AFFECTED = "mysql.slowlog.rows_affected",
    ROWS_READ = "mysql.slowlog.rows_read",
    BYTES_RECEIVED = "mysql.slowlog.bytes_received",
    BYTES_SENT = "mysql.slowlog.bytes_sent",
    READ_FIRST = "mysql.slowlog.read_first",
    READ_LAST = "mysql.slowlog.read_last",
    READ_KEY = "mysql.slowlog.read_key",
    READ_NEXT = "mysql.slowlog.read_next",
    READ_PREV = "mysql.slowlog.read_prev",
    READ_RND = "mysql.slowlog.read_rnd",
    READ_RND_NEXT = "mysql.slowlog.read_rnd_next",
    SORT_MERGE_PASSES = "mysql.slowlog.sort_merge_passes",
    SORT_RANGE_COUNT = "mysql.slowlog.sort_range_count",
    SORT_ROWS = "mysql.slowlog.sort_rows",
    SORT_SCAN_COUNT = "mysql.slowlog.sort_scan_count",
    TMP_TABLES = "mysql.slowlog.tmp_tables",
    TMP_DISK_TABLES = "mysql.slowlog.tmp_disk_tables",
    TMP_TABLE_SIZES = "mysql.slowlog.tmp_table_sizes",
    FULL_SCAN = "mysql.slowlog.full_scan",
    FULL_JOIN = "mysql.slowlog.full_join",
    TMP_TABLE = "mysql.slowlog.tmp_table",
    TMP_TABLE_ON_DISK = "mysql.slowlog.tmp_table_on_disk",
    FILESORT = "mysql.slowlog.filesort",
    FILESORT_ON_DISK = "mysql.slowlog.filesort_on_disk",
    MERGE_PASSES = "mysql.slowlog.merge_passes",
    PRIORITY_QUEUE = "mysql.slowlog.priority_queue",
    RATE_TYPE = "mysql.slowlog.log_slow_rate_type",
    RATE_LIMIT = "mysql.slowlog.log_slow_rate_limit",
    INNODB_TRX_ID = "mysql.slowlog.innodb.trx_id",
    INNODB_IO_R_OPS = "mysql.slowlog.innodb.io_r_ops",
    INNODB_IO_R_BYTES = "mysql.slowlog.innodb.io_r_bytes",
    INNODB_IO_R_WAIT = "mysql.slowlog.innodb.io_r_wait.sec",
    INNODB_REC_LOCK_WAIT = "mysql.slowlog.innodb.rec_lock_wait.sec",
    INNODB_QUEUE_WAIT = "mysql.slowlog.innodb.queue_wait.sec",
    INNODB_PAGES_DISTINCT = "mysql.slowlog.innodb.pages_distinct",
    INNODB_PAGES_ACCESSED = "mysql.slowlog.innodb.pages_accessed",
    INNODB_PAGES_READ = "mysql.slowlog.innodb.pages_read",
    INNODB_PAGES_UPDATED = "mysql.slowlog.innodb.pages_updated",
    INNODB_OLD_ROWS_READ = "mysql.slowlog.innodb.old_rows_read",
    COMMAND = "mysql.general.command",
    GENERAL_QUERY = "mysql.general.query",
    KIND = "event.kind",
    CATEGORY = "event.category",
    TYPE = "event.type",
    OUTCOME = "event.outcome",
    MODULE = "event.module",
    DATASET = "event.dataset",
    SERVICE = "service.type",
    RELATED_USER = "related.user",
    RELATED_IP = "related.ip",
}

/// Column of the line.
const LINE: usize = 0;
/// Column of the zone of the machine that read the line.
const LOCAL_ZONE: usize = 1;

/// The parser. It is a filter because it drops what the server writes at the head of a file.
pub struct Mysql {
    config: Config,
    clock: Clock,
    event_fields: EventFields,
}

/// What the constants of an event depend on.
#[derive(Default)]
struct Entry<'a> {
    dataset: &'static str,
    /// Nothing where no user is known.
    user: &'a [u8],
    /// Nothing where no address is known.
    ip: &'a [u8],
    /// The level says that something failed.
    failed: bool,
    /// What it is about, beside the database.
    about: About,
}

/// What an entry is about, beside the database.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum About {
    #[default]
    Nothing,
    /// Somebody was not let in.
    Denied,
    /// A name or an address.
    Network,
}

impl Filter for Mysql {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        Ok(Self { config, clock: Clock::default(), event_fields: EventFields::default() })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(["message", Zone::META]).writing(FIELDS.iter().copied())
    }

    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        let line = input.text(LINE).ok_or(Reject("the field to parse is not a text"))?;
        self.clock.local_min = self.config.timezone.minutes(input.value(LOCAL_ZONE));
        let entry = match self.config.format {
            _ if is_head_of_file(line) => return Ok(Verdict::Drop),
            Format::Auto => self.told_from_the_line(line, event)?,
            Format::Slow => slow::parse(line, &mut self.clock, event)?,
            Format::Error if line.first() == Some(&b'{') => Some(json_error::parse(line, &mut self.clock, event)?),
            Format::Error => Some(error::parse(line, &mut self.clock, event)?),
            Format::General => Some(general::parse(line, &mut self.clock, event)?),
        };
        let Some(entry) = entry else {
            return Ok(Verdict::Drop);
        };
        if self.config.event_fields {
            self.event_fields.set(&entry, event);
        }
        Ok(Verdict::Keep)
    }
}

impl Mysql {
    fn told_from_the_line<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<Option<Entry<'a>>, Reject> {
        if line.first() == Some(&b'#') {
            return slow::parse(line, &mut self.clock, event);
        }
        if line.first() == Some(&b'{') {
            return json_error::parse(line, &mut self.clock, event).map(Some);
        }
        if general::fits(line, &mut self.clock) {
            return general::parse(line, &mut self.clock, event).map(Some);
        }
        error::parse(line, &mut self.clock, event).map(Some)
    }
}

/// The three lines at the head of slow and general logs, alone or together.
fn is_head_of_file(text: &[u8]) -> bool {
    let is_head = |line: &[u8]| {
        line.ends_with(b"started with:") && scan::cut_text(line, b", Version: ").is_some()
            || line.starts_with(b"Tcp port: ")
            || line.starts_with(b"Time ") && line.ends_with(b"Argument")
    };
    matches!(text.first(), Some(b'/' | b'm' | b'T' | b'A'..=b'Z' | b'a'..=b'z'))
        && text.split(|b| *b == b'\n').all(|line| is_head(line.trim_ascii_end()))
}

/// Sets a text, where there is one.
fn text<'a>(event: &mut Event<'a>, field: Field, text: &'a [u8]) {
    if !text.is_empty() {
        event.text(field, text);
    }
}

/// Sets `event.timezone` to the zone of times without one.
fn timezone(clock: &Clock, event: &mut Event<'_>) {
    event.build(TIMEZONE, |arena| arena.extend_from_slice(&zone_text(clock.local_min)));
}

collector_plugin::export!(Mysql as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
