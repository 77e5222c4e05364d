//! What a column becomes.

use crate::column::Column;
use crate::decode::{set_form, set_path};
use crate::{
    COOKIE, DESTINATION_ADDRESS, FULL_PATH, OWN, QUEUE, REASON, SERVER_NAME, SESSION, SITE_ID, SITE_NAME, SUB_STATUS,
    USER_DOMAIN, WIN32_STATUS,
};
use collector_plugin::weblog::{
    AGENT, BODY_BYTES, DESTINATION_DOMAIN, DESTINATION_IP, DESTINATION_PORT, DOMAIN, DURATION, EXTENSION, FORWARDED_IP,
    METHOD, PATH, QUERY, REFERRER, REQUEST_BODY_BYTES, SOURCE_ADDRESS, SOURCE_IP, SOURCE_PORT, STATUS, URL, USER,
    VERSION, host_and_port, own,
};
use collector_plugin::{Event, Field, scan};

/// Nanoseconds of a millisecond.
const MS_NS: i64 = 1_000_000;

/// What the constants of an event depend on; nothing where a line does not say.
#[derive(Default)]
pub(crate) struct Entry<'a> {
    pub(crate) is_error: bool,
    pub(crate) source_ip: &'a [u8],
    pub(crate) destination_ip: &'a [u8],
    pub(crate) user: &'a [u8],
    pub(crate) status: Option<i64>,
}

/// Sets what a column has; `-` is nothing.
pub(crate) fn set<'a>(column: Column, value: &'a [u8], entry: &mut Entry<'a>, event: &mut Event<'a>) {
    if value == b"-" {
        return;
    }
    match column {
        Column::Date | Column::Time | Column::Nothing => {}
        Column::SiteName => event.text(SITE_NAME, value),
        Column::ServerName => event.text(SERVER_NAME, value),
        Column::ServerIp => entry.destination_ip = address(DESTINATION_ADDRESS, DESTINATION_IP, value, event),
        Column::ClientIp => entry.source_ip = address(SOURCE_ADDRESS, SOURCE_IP, value, event),
        Column::Method => event.text(METHOD, value),
        Column::Stem => stem(value, event),
        Column::Query => set_form(QUERY, value, event),
        Column::Uri => uri(value, event),
        Column::ServerPort => int(DESTINATION_PORT, value, event),
        Column::ClientPort => int(SOURCE_PORT, value, event),
        Column::User => entry.user = user(value, event),
        Column::Version => event.text(VERSION, value.strip_prefix(b"HTTP/").unwrap_or(value)),
        Column::UserAgent => set_form(AGENT, value, event),
        Column::Cookie => event.text(COOKIE, value),
        Column::Referrer => event.text(REFERRER, value),
        Column::Host => host(value, event),
        Column::Status => {
            entry.status = scan::int(value);
            int(STATUS, value, event);
        }
        Column::SubStatus => int(SUB_STATUS, value, event),
        Column::Win32Status => int(WIN32_STATUS, value, event),
        Column::BytesSent => int(BODY_BYTES, value, event),
        Column::BytesReceived => int(REQUEST_BODY_BYTES, value, event),
        Column::Took => {
            if let Some(ns) = scan::int(value).and_then(|ms| ms.checked_mul(MS_NS)) {
                event.int(DURATION, ns);
            }
        }
        Column::ForwardedFor => forwarded(value, event),
        Column::SiteId => event.text(SITE_ID, value),
        Column::Reason => event.text(REASON, value),
        Column::Queue => event.text(QUEUE, value),
        Column::Session => event.text(SESSION, value),
        Column::FullPath => event.text(FULL_PATH, value),
        Column::Other(n) => event.text(own(OWN + n as u32), value),
    }
}

fn int(field: Field, value: &[u8], event: &mut Event<'_>) {
    if let Some(value) = scan::int(value) {
        event.int(field, value);
    }
}

fn is_ip(text: &[u8]) -> bool {
    scan::is_ip(text, 0, text.len())
}

/// An address, which may have a zone: `fe80::1%12`. Gives it without.
fn address<'a>(field: Field, ip_field: Field, value: &'a [u8], event: &mut Event<'a>) -> &'a [u8] {
    event.text(field, value);
    let ip = scan::cut(value, b'%').map_or(value, |(ip, _)| ip);
    if !is_ip(ip) {
        return &[];
    }
    event.text(ip_field, ip);
    ip
}

fn stem<'a>(stem: &'a [u8], event: &mut Event<'a>) {
    event.text(URL, stem);
    path(stem, event);
}

/// The error log has the query with the path.
fn uri<'a>(uri: &'a [u8], event: &mut Event<'a>) {
    event.text(URL, uri);
    let (before, query) = scan::cut(uri, b'?').unwrap_or((uri, b""));
    path(before, event);
    if !query.is_empty() {
        set_path(QUERY, query, event);
    }
}

fn path<'a>(path: &'a [u8], event: &mut Event<'a>) {
    set_path(PATH, path, event);
    if let Some(at) = scan::extension(path, 0, path.len()) {
        set_path(EXTENSION, &path[at..], event);
    }
}

/// `DOMAIN\name`, `name@domain`, `name`: gives the name.
fn user<'a>(value: &'a [u8], event: &mut Event<'a>) -> &'a [u8] {
    let (name, domain) = match (scan::cut(value, b'\\'), scan::cut_last(value, b'@')) {
        (Some((domain, name)), _) if !domain.is_empty() && !name.is_empty() => (name, domain),
        (None, Some((name, domain))) if !domain.is_empty() && !name.is_empty() => (name, domain),
        _ => (value, &b""[..]),
    };
    event.text(USER, name);
    if !domain.is_empty() {
        event.text(USER_DOMAIN, domain);
    }
    name
}

fn host<'a>(value: &'a [u8], event: &mut Event<'a>) {
    let (name, _) = host_and_port(value);
    event.text(DESTINATION_DOMAIN, name);
    event.text(DOMAIN, name);
}

/// The first of a list of addresses, with or without a port.
fn forwarded<'a>(value: &'a [u8], event: &mut Event<'a>) {
    let first = value.split(|b| matches!(b, b',' | b'+' | b' ')).next().unwrap_or_default();
    let (host, _) = host_and_port(first);
    let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
    if is_ip(host) {
        event.text(FORWARDED_IP, host);
    }
}
