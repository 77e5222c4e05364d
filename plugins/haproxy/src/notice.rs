//! Lines that are no access: the default format, and what HAProxy says of itself and its servers.

use crate::names::{FRONTEND, MODE, SOURCE};
use crate::{destination, peer};
use collector_plugin::syslog::Header;
use collector_plugin::weblog::{LEVEL, MESSAGE, PID, TIME};
use collector_plugin::{Event, Reject, scan};

/// Reads a line; without a header only those that have the form of such a message.
pub(crate) fn read<'a>(body: &'a [u8], header: &Header<'a>, all: bool, event: &mut Event<'a>) -> Result<(), Reject> {
    if header.program.is_empty() && own_header(body, event).is_some() {
        return Ok(());
    }
    if header.program.is_empty() {
        return Err(Reject("neither a client nor a header"));
    }
    if let Some(time) = header.time_ns {
        event.time_ns(TIME, time);
    }
    if !header.host.is_empty() {
        event.text(SOURCE, header.host);
    }
    if connect(body, all, event).is_none() && own_header(body, event).is_none() {
        event.text(MESSAGE, body);
    }
    Ok(())
}

/// `Connect from 192.0.2.7:40780 to 198.51.100.1:5000 (main/HTTP)`
fn connect<'a>(body: &'a [u8], all: bool, event: &mut Event<'a>) -> Option<()> {
    let (client, rest) = scan::cut_text(body.strip_prefix(b"Connect from ")?, b" to ")?;
    let (server, rest) = scan::cut_text(rest, b" (")?;
    let (frontend, mode) = scan::cut(rest.strip_suffix(b")")?, b'/')?;
    let (address, port) = scan::cut_last(server, b':')?;
    peer(client, all, event);
    let itself = scan::cut_last(client, b':').is_some_and(|(client, _)| client == address);
    destination(address, scan::int(port), all && !itself, event);
    event.text(FRONTEND, frontend);
    event.text(MODE, mode);
    event.text(MESSAGE, body);
    Some(())
}

/// `[WARNING]  (1) : text`, with a day and a time before the process id in older versions.
fn own_header<'a>(body: &'a [u8], event: &mut Event<'a>) -> Option<()> {
    let (level, rest) = scan::cut(body.strip_prefix(b"[")?, b']')?;
    let level = match level {
        b"EMERG" => "emerg",
        b"ALERT" => "alert",
        b"WARNING" => "warning",
        b"NOTICE" => "notice",
        b"INFO" => "info",
        b"DIAG" => "debug",
        _ => return None,
    };
    let (head, text) = scan::cut_text(rest, b" : ")?;
    let (_, pid) = scan::cut_last(head.strip_suffix(b")")?, b'(')?;
    event.constant(LEVEL, level);
    event.int(PID, scan::int(pid)?);
    event.text(MESSAGE, text);
    Some(())
}
