//! The general log: time, connection, command, argument. Old servers leave the time out where it is that of the line before.

use crate::clock::Clock;
use crate::{COMMAND, Entry, GENERAL_QUERY, MESSAGE, THREAD, TIME, account, timezone};
use collector_plugin::{Event, Reject, scan};

/// What the server calls its commands.
const COMMANDS: [&str; 36] = [
    "Query",
    "Connect",
    "Quit",
    "Prepare",
    "Execute",
    "Close stmt",
    "Init DB",
    "Reset stmt",
    "Statistics",
    "Ping",
    "Change user",
    "Field List",
    "Create DB",
    "Drop DB",
    "Refresh",
    "Shutdown",
    "Processlist",
    "Connect Out",
    "Kill",
    "Debug",
    "Time",
    "Delayed insert",
    "Binlog Dump",
    "Binlog Dump GTID",
    "Table Dump",
    "Register Slave",
    "Register Replica",
    "Long Data",
    "Set option",
    "Fetch",
    "Daemon",
    "Reset Connection",
    "Error",
    "Sleep",
    "Clone",
    "Bulk_execute",
];
/// Commands whose argument is a statement.
const STATEMENTS: [&str; 4] = ["Query", "Prepare", "Execute", "Bulk_execute"];

/// A line, taken apart.
struct Line<'a> {
    time_ns: Option<i64>,
    thread: i64,
    command: &'static str,
    argument: &'a [u8],
}

/// Whether a line is one of this log.
pub(crate) fn fits(line: &[u8], clock: &mut Clock) -> bool {
    read(line, clock).is_ok()
}

pub(crate) fn parse<'a>(line: &'a [u8], clock: &mut Clock, event: &mut Event<'a>) -> Result<Entry<'a>, Reject> {
    let Line { time_ns, thread, command, argument } = read(line, clock)?;
    if let Some(ns) = time_ns {
        event.time_ns(TIME, ns);
        timezone(clock, event);
    }
    event.int(THREAD, thread);
    event.constant(COMMAND, command);
    let mut entry = Entry { dataset: "mysql.general", ..Entry::default() };
    if STATEMENTS.contains(&command) {
        event.text(GENERAL_QUERY, argument);
    } else {
        event.text(MESSAGE, argument);
        account::parse(argument, &mut entry, event);
    }
    if command == "Connect" {
        connected(argument, &mut entry, event);
    }
    Ok(entry)
}

fn read<'a>(line: &'a [u8], clock: &mut Clock) -> Result<Line<'a>, Reject> {
    let (time_ns, rest) = match clock.read(line) {
        Some((ns, end)) => (Some(ns), &line[end..]),
        None if line.starts_with(b"\t\t") => (None, line),
        None => return Err(Reject("no time at the beginning of the line")),
    };
    let rest = rest.trim_ascii_start();
    let (thread, end) = scan::digits(rest, 0).ok_or(Reject("no number of a connection behind the time"))?;
    let rest = rest.get(end + 1..).filter(|_| rest[end] == b' ').ok_or(Reject("no command behind the connection"))?;
    for command in COMMANDS {
        let argument = rest.strip_prefix(command.as_bytes());
        if let Some(argument) = argument.filter(|rest| rest.is_empty() || rest[0] == b'\t' || rest.starts_with(b"  ")) {
            let thread = i64::try_from(thread).map_err(|_| Reject("no number of a connection behind the time"))?;
            return Ok(Line { time_ns, thread, command, argument: argument.trim_ascii_start() });
        }
    }
    Err(Reject("no command behind the connection"))
}

/// `root@localhost on test using Socket`
fn connected<'a>(argument: &'a [u8], entry: &mut Entry<'a>, event: &mut Event<'a>) {
    let account = scan::cut_text(argument, b" on ").map_or(argument, |(account, _)| account);
    if let Some((user, host)) = scan::cut_last(account, b'@').filter(|(user, _)| !user.contains(&b' ')) {
        account::user_name(user, entry, event);
        account::origin(host, entry, event);
    }
}
