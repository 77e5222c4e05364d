//! The server log of Redis, its sentinels, and Valkey to the fields of ECS, named as Elastic's redis integration names them.
//!
//! Read are `4018:M 14 Nov 2017 07:01:22.119 * text`, its forms without a year, a role or a process (versions 1 to 3), `[4018] …` of Windows, the line of the signal handler,
//! `log-format logfmt` of Valkey, and what MONITOR prints. The picture that a server draws when it starts is dropped.

mod clock;
mod logfmt;
mod monitor;

use clock::Clock;
use collector_plugin::time::{SECOND_NS, Zone};
use collector_plugin::{Constants, Event, Filter, Input, Manifest, Reject, Value, Verdict, scan};
use serde::Deserialize;

collector_plugin::fields! {
    TIME = "@timestamp",
    MESSAGE = "message",
    LEVEL = "log.level",
    PID = "process.pid",
    ROLE = "redis.log.role",
    COMMAND = "redis.monitor.command",
    ARGUMENTS = "redis.monitor.arguments",
    DATABASE = "redis.monitor.database",
    CLIENT_IP = "client.ip",
    CLIENT_PORT = "client.port",
    KIND = "event.kind",
    CATEGORY = "event.category",
    TYPE = "event.type",
    MODULE = "event.module",
    DATASET = "event.dataset",
    SERVICE = "service.type",
    RELATED_IP = "related.ip",
}

/// Column of the line.
const LINE: usize = 0;
/// Column of the zone of the machine that read the line.
const LOCAL_ZONE: usize = 1;
/// Column of the day on which the line was read.
const DAY: usize = 2;

/// Configuration of the parser.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The zone of timestamps that name none.
    pub timezone: Zone,
    /// Also set `event.kind`, `event.category`, `event.type`, `event.module`, `event.dataset`, `service.type` and `related.ip`.
    pub event_fields: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { timezone: Zone::Local, event_fields: true }
    }
}

/// The parser. It is a filter because it drops the picture of a starting server.
pub struct Redis {
    config: Config,
    clock: Clock,
    /// The constants of an entry of the log, and of a command that MONITOR shows.
    constants: [Constants; 2],
}

impl Filter for Redis {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let constants = [("info", "redis.log"), ("access", "redis.monitor")].map(|(kind, set)| constants(kind, set));
        Ok(Self { config, clock: Clock::default(), constants })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(["message", Zone::META, "@meta.day"]).writing(FIELDS.iter().copied())
    }

    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        let line = input.text(LINE).ok_or(Reject("the field to parse is not a text"))?;
        if is_picture(line) {
            return Ok(Verdict::Drop);
        }
        self.clock.local_min = self.config.timezone.minutes(input.value(LOCAL_ZONE));
        self.clock.day_ns = match input.value(DAY) {
            Value::TimeNs(ns) => Some(ns),
            _ => None,
        };
        let monitored = self.parse(line, event)?;
        if self.config.event_fields {
            event.constants(&mut self.constants[usize::from(monitored)]);
        }
        Ok(Verdict::Keep)
    }
}

impl Redis {
    /// Says whether the line is one of MONITOR.
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<bool, Reject> {
        if line.starts_with(b"pid=") {
            return logfmt::parse(line, &mut self.clock, event).map(|()| false);
        }
        if monitor::fits(line) {
            return monitor::parse(line, self.config.event_fields, event).map(|()| true);
        }
        let rest = process(line, event);
        if let Some(rest) = rest.strip_prefix(b"signal-handler (") {
            return signal(rest, event).map(|()| false);
        }
        let stamp = self.clock.read(rest).ok_or(Reject("no time such as `30 May 2017 12:50:13.457`"))?;
        let level = match rest.get(stamp.end..stamp.end + 3) {
            Some(&[b' ', level, b' ']) => level_name(level),
            _ => None,
        };
        if let Some(ns) = stamp.ns {
            event.time_ns(TIME, ns);
        }
        event.constant(LEVEL, level.ok_or(Reject("no level (. - * #) behind the time"))?);
        event.text(MESSAGE, &rest[stamp.end + 3..]);
        Ok(false)
    }
}

/// `4018:M `, `[4018] `, `4018:` in front of the signal handler, or nothing: gives what is behind it.
fn process<'a>(line: &'a [u8], event: &mut Event<'a>) -> &'a [u8] {
    let digits = line.strip_prefix(b"[").unwrap_or(line);
    let Some((pid, end)) = scan::digits(digits, 0) else {
        return line;
    };
    let role = match &digits[end..] {
        [b']', b' ', ..] if digits.len() < line.len() => None,
        [b':', b's', b'i', ..] => None,
        [b':', role, b' ', ..] if role.is_ascii_alphabetic() => Some(*role),
        _ => return line,
    };
    if let Ok(pid) = i64::try_from(pid) {
        event.int(PID, pid);
    }
    match role {
        Some(role) => {
            match role_name(role) {
                Some(name) => event.constant(ROLE, name),
                None => event.text(ROLE, &digits[end + 1..end + 2]),
            }
            &digits[end + 3..]
        }
        None if digits[end] == b':' => &digits[end + 1..],
        None => &digits[end + 2..],
    }
}

fn role_name(letter: u8) -> Option<&'static str> {
    match letter {
        b'M' => Some("master"),
        b'S' => Some("slave"),
        b'C' => Some("child"),
        b'X' => Some("sentinel"),
        _ => None,
    }
}

fn level_name(mark: u8) -> Option<&'static str> {
    match mark {
        b'.' => Some("debug"),
        b'-' => Some("verbose"),
        b'*' => Some("notice"),
        b'#' => Some("warning"),
        _ => None,
    }
}

/// `1496141561) Received SIGINT scheduling shutdown...`
fn signal<'a>(text: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
    let (time, message) = scan::cut_text(text, b") ").ok_or(Reject("no text behind the signal handler's time"))?;
    let ns = scan::int(time).and_then(|second| second.checked_mul(SECOND_NS));
    event.time_ns(TIME, ns.ok_or(Reject("no time of the signal handler"))?);
    event.text(MESSAGE, message);
    Ok(())
}

/// A line of the picture: blanks, then a stroke of it; or nothing at all.
fn is_picture(line: &[u8]) -> bool {
    match line.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\r')) {
        None => true,
        Some(0) => false,
        Some(first) => matches!(line[first], b'-' | b'`' | b'(' | b'\'' | b'.' | b'|' | b'_'),
    }
}

/// What ECS says of any entry of a database's log.
fn constants(kind: &str, dataset: &str) -> Constants {
    Constants::new()
        .text(KIND, "event")
        .json(CATEGORY, r#"["database"]"#)
        .json(TYPE, &format!(r#"["{kind}"]"#))
        .text(MODULE, "redis")
        .text(DATASET, dataset)
        .text(SERVICE, "redis")
}

collector_plugin::export!(Redis as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
