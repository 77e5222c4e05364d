//! What MONITOR prints: `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`

use crate::{ARGUMENTS, CLIENT_IP, CLIENT_PORT, COMMAND, DATABASE, RELATED_IP, TIME};
use collector_plugin::time::unix;
use collector_plugin::{Event, Reject, scan};

/// Whether a line begins as one of MONITOR: seconds with a fraction, then a bracket.
pub(crate) fn fits(line: &[u8]) -> bool {
    let number = line.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    line[..number].contains(&b'.') && line[number..].starts_with(b" [")
}

pub(crate) fn parse<'a>(line: &'a [u8], related: bool, event: &mut Event<'a>) -> Result<(), Reject> {
    let (time, rest) = scan::cut(line, b' ').ok_or(Reject("no time of a command"))?;
    event.time_ns(TIME, unix(time).ok_or(Reject("no time of a command"))?);
    // An address of version 6 stands in brackets of its own.
    let (origin, command) = scan::cut_text(&rest[1..], b"] \"").ok_or(Reject("no command behind the client"))?;
    let (database, client) = scan::cut(origin, b' ').ok_or(Reject("no client of a command"))?;
    event.int(DATABASE, scan::int(database).ok_or(Reject("no database of a command"))?);
    if let Some((host, port)) = scan::cut_last(client, b':') {
        let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
        if scan::is_ip(host, 0, host.len()) {
            event.text(CLIENT_IP, host);
            if related {
                event.append(RELATED_IP, host);
            }
            if let Some(port) = scan::int(port) {
                event.int(CLIENT_PORT, port);
            }
        }
    }
    let (name, arguments) = scan::cut(command, b'"').ok_or(Reject("the command has no end"))?;
    event.text(COMMAND, name);
    let arguments = arguments.trim_ascii();
    if !arguments.is_empty() {
        event.text(ARGUMENTS, arguments);
    }
    Ok(())
}
