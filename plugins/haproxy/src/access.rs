//! What was served. Numbers may be `-1`, and those that were not yet the last ones (`option logasap`) have a plus before them.
//!
//! `192.0.2.7:38862 [30/Jul/2018:09:03:52.726] in~ app/web1 0/0/1/0/2 304 168 - - ---- 6/6/0/0/0 0/0 {host||} {|||} "GET / HTTP/1.1"`, and the same of a connection.

use crate::names::{
    ACTIVE, BACKEND, BACKEND_CONNECTIONS, BACKEND_QUEUE, BIND, BYTES_READ, CONNECTION_MS, ERROR, FRONTEND,
    FRONTEND_CONNECTIONS, REQUEST_COOKIE, REQUEST_LINE, REQUEST_MS, RESPONSE_COOKIE, RESPONSE_MS, RETRIES, SERVER,
    SERVER_CONNECTIONS, SERVER_QUEUE, TERMINATION, WAITING_MS,
};
use crate::{Kind, captured, destination};
use collector_plugin::weblog::{
    CATEGORY, DURATION, MESSAGE, OUTCOME, RESPONSE_BYTES, STATUS, TLS_CIPHER, TLS_PROTOCOL, TLS_SERVER, TLS_VERSION,
    outcome, set_request,
};
use collector_plugin::{Event, Field, Reject, scan};

/// Nanoseconds of a millisecond.
const MS_NS: i64 = 1_000_000;

/// Where a line of access begins.
pub(crate) struct Client<'a> {
    pub(crate) address: &'a [u8],
    pub(crate) date: &'a [u8],
    pub(crate) rest: &'a [u8],
}

/// `ADDRESS:PORT [DATE] `, which tells such a line from all others.
#[inline]
pub(crate) fn client(body: &[u8]) -> Option<Client<'_>> {
    let (address, behind) = scan::cut(body, b' ')?;
    let (date, rest) = scan::cut(behind.strip_prefix(b"[")?, b']')?;
    Some(Client { address, date, rest: rest.strip_prefix(b" ")? })
}

/// Reads what is behind the date.
#[inline]
pub(crate) fn read<'a>(rest: &'a [u8], all: bool, event: &mut Event<'a>) -> Result<Kind, Reject> {
    let (frontend, rest) = scan::cut(rest, b' ').ok_or(Reject("no frontend"))?;
    if let Some((frontend, bind)) = scan::cut(frontend, b'/') {
        error(frontend, bind, rest, event);
        return Ok(Kind::Other);
    }
    event.text(FRONTEND, frontend);
    let (way, rest) = scan::cut(rest, b' ').ok_or(Reject("no backend"))?;
    let (backend, server) = scan::cut(way, b'/').ok_or(Reject("no server"))?;
    event.text(BACKEND, backend);
    event.text(SERVER, server);
    let (mut timers, mut rest) = scan::cut(rest, b' ').ok_or(Reject("no timers"))?;
    if !timers.contains(&b'/') {
        destination(timers, None, all, event);
        (timers, rest) = scan::cut(rest, b' ').ok_or(Reject("no timers"))?;
    }
    const HTTP: [Field; 4] = [REQUEST_MS, WAITING_MS, CONNECTION_MS, RESPONSE_MS];
    const TCP: [Field; 2] = [WAITING_MS, CONNECTION_MS];
    if timers.iter().filter(|b| **b == b'/').count() == HTTP.len() {
        duration(numbers(timers, HTTP, event).ok_or(Reject("no timers"))?, event)?;
        http(rest, all, event)?;
        return Ok(Kind::Http);
    }
    duration(numbers(timers, TCP, event).ok_or(Reject("no timers"))?, event)?;
    tcp(rest, event)?;
    Ok(Kind::Other)
}

/// `192.0.2.7:38862 [DATE] in/1: SSL handshake failure`
fn error<'a>(frontend: &'a [u8], bind: &'a [u8], text: &'a [u8], event: &mut Event<'a>) {
    event.text(FRONTEND, frontend);
    event.text(BIND, bind.strip_suffix(b":").unwrap_or(bind));
    event.text(ERROR, text);
    event.text(MESSAGE, text);
}

/// Status, bytes, cookies, then what a connection has too, captured headers and the request.
#[inline]
fn http<'a>(rest: &'a [u8], all: bool, event: &mut Event<'a>) -> Result<(), Reject> {
    let (status, rest) = scan::cut(rest, b' ').ok_or(Reject("no status code"))?;
    let status = scan::int(status).ok_or(Reject("no status code"))?;
    let (bytes, rest) = scan::cut(rest, b' ').ok_or(Reject("no bytes"))?;
    let bytes = scan::int(bytes).ok_or(Reject("no bytes"))?;
    event.int(STATUS, status);
    event.int(RESPONSE_BYTES, bytes);
    event.int(BYTES_READ, bytes);
    let (request_cookie, rest) = scan::cut(rest, b' ').ok_or(Reject("no cookies"))?;
    let (response_cookie, rest) = scan::cut(rest, b' ').ok_or(Reject("no cookies"))?;
    event.text(REQUEST_COOKIE, request_cookie);
    event.text(RESPONSE_COOKIE, response_cookie);
    let rest = counters(rest, event)?;
    let rest = captured::read(rest, event)?;
    request(rest, event);
    if all {
        event.constant_json(CATEGORY, r#"["web"]"#);
        event.constant(OUTCOME, if status < 0 { "failure" } else { outcome(status) });
    }
    Ok(())
}

/// Bytes, and what a request has too.
fn tcp<'a>(rest: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
    let (bytes, rest) = scan::cut(rest, b' ').ok_or(Reject("no bytes"))?;
    event.int(BYTES_READ, scan::int(bytes).ok_or(Reject("no bytes"))?);
    counters(rest, event)?;
    Ok(())
}

/// `---- 6/6/0/0/0 0/0`: gives what is behind it.
#[inline]
fn counters<'a>(rest: &'a [u8], event: &mut Event<'a>) -> Result<&'a [u8], Reject> {
    let (state, rest) = scan::cut(rest, b' ').ok_or(Reject("no termination state"))?;
    event.text(TERMINATION, state);
    let (connections, rest) = scan::cut(rest, b' ').ok_or(Reject("no numbers of connections"))?;
    let retries = numbers(connections, [ACTIVE, FRONTEND_CONNECTIONS, BACKEND_CONNECTIONS, SERVER_CONNECTIONS], event);
    event.int(RETRIES, retries.and_then(scan::int).ok_or(Reject("no numbers of connections"))?);
    let (queues, rest) = scan::cut(rest, b' ').unwrap_or((rest, &[]));
    let backend = numbers(queues, [SERVER_QUEUE], event);
    event.int(BACKEND_QUEUE, backend.and_then(scan::int).ok_or(Reject("no lengths of queues"))?);
    Ok(rest)
}

/// `"GET / HTTP/1.1"`, without its end where the line was too long, and what `httpslog` has behind it.
#[inline]
fn request<'a>(rest: &'a [u8], event: &mut Event<'a>) {
    let Some(quoted) = rest.strip_prefix(b"\"") else {
        return;
    };
    let (request, behind) = scan::cut(quoted, b'"').unwrap_or((quoted, &[]));
    event.text(REQUEST_LINE, request);
    set_request(request, event);
    if let [b' ', tls @ ..] = behind {
        secured(tls, event);
    }
}

/// `0/0/0/0/1 www.example.com/TLSv1.3/TLS_AES_128_GCM_SHA256`
fn secured<'a>(tls: &'a [u8], event: &mut Event<'a>) {
    let parts = scan::cut(tls, b' ').and_then(|(_, parts)| scan::cut(parts, b'/'));
    let Some((name, (version, cipher))) = parts.and_then(|(name, rest)| Some((name, scan::cut(rest, b'/')?))) else {
        return;
    };
    if name != b"-" {
        event.text(TLS_SERVER, name);
    }
    if let Some(version) = version.strip_prefix(b"TLSv") {
        event.constant(TLS_PROTOCOL, "tls");
        event.text(TLS_VERSION, version);
        event.text(TLS_CIPHER, cipher);
    }
}

/// Sets the numbers between slashes: gives the last one, which has no field of its own.
#[inline]
fn numbers<'a, const N: usize>(mut text: &'a [u8], fields: [Field; N], event: &mut Event<'a>) -> Option<&'a [u8]> {
    for field in fields {
        let (value, rest) = scan::cut(text, b'/')?;
        event.int(field, scan::int(value)?);
        text = rest;
    }
    Some(text)
}

/// The whole time, in milliseconds there, in nanoseconds here.
fn duration(total: &[u8], event: &mut Event<'_>) -> Result<(), Reject> {
    let total = scan::int(total).and_then(|ms| ms.checked_mul(MS_NS)).ok_or(Reject("no timers"))?;
    if total >= 0 {
        event.int(DURATION, total);
    }
    Ok(())
}
