//! What the logs of web servers have in common: the fields of ECS for a request, the parts of a URL, the time of the common log format, and
//! lines whose layout the operator describes.

mod clock;
mod config;
mod event_fields;
mod layout;
mod peers;
mod request;
mod url;
mod values;

pub use clock::Clock;
pub use config::{Config, Log};
pub use event_fields::EventFields;
pub use layout::{Extent, Layout, Slot};
pub use peers::{is_word, set_clients, set_user, set_virtual_host};
pub use request::{quoted_request, set_request};
pub use url::set_url;
pub use values::{Meaning, Values, list};

use crate::{Event, Field, scan};

crate::fields! {
    pub SOURCE_ADDRESS = "source.address",
    pub SOURCE_IP = "source.ip",
    pub SOURCE_DOMAIN = "source.domain",
    pub SOURCE_PORT = "source.port",
    pub USER = "user.name",
    pub TIME = "@timestamp",
    pub METHOD = "http.request.method",
    pub URL = "url.original",
    pub PATH = "url.path",
    pub QUERY = "url.query",
    pub FRAGMENT = "url.fragment",
    pub EXTENSION = "url.extension",
    pub SCHEME = "url.scheme",
    pub DOMAIN = "url.domain",
    pub PORT = "url.port",
    pub URL_USER = "url.username",
    pub VERSION = "http.version",
    pub STATUS = "http.response.status_code",
    pub BODY_BYTES = "http.response.body.bytes",
    pub RESPONSE_BYTES = "http.response.bytes",
    pub REQUEST_BYTES = "http.request.bytes",
    pub REQUEST_BODY_BYTES = "http.request.body.bytes",
    pub REQUEST_ID = "http.request.id",
    pub REQUEST_TYPE = "http.request.mime_type",
    pub RESPONSE_TYPE = "http.response.mime_type",
    pub REFERRER = "http.request.referrer",
    pub AGENT = "user_agent.original",
    pub DURATION = "event.duration",
    pub DESTINATION_DOMAIN = "destination.domain",
    pub DESTINATION_IP = "destination.ip",
    pub DESTINATION_PORT = "destination.port",
    pub FORWARDED_IP = "network.forwarded_ip",
    pub TLS_VERSION = "tls.version",
    pub TLS_PROTOCOL = "tls.version_protocol",
    pub TLS_CIPHER = "tls.cipher",
    pub TLS_SERVER = "tls.client.server_name",
    pub PID = "process.pid",
    pub THREAD = "process.thread.id",
    pub LEVEL = "log.level",
    pub MESSAGE = "message",
    pub RELATED_IP = "related.ip",
    pub RELATED_USER = "related.user",
    pub KIND = "event.kind",
    pub CATEGORY = "event.category",
    pub TYPE = "event.type",
    pub OUTCOME = "event.outcome",
    pub MODULE = "event.module",
    pub DATASET = "event.dataset",
    pub SERVICE = "service.type",
    pub TIMEZONE = "event.timezone",
}

/// The names of the fields of this module: a plugin that uses them begins its `writes` with these.
pub const NAMES: &[&str] = FIELDS;

/// The first field behind those of this module, for a plugin's own; the `n`-th of them is `own(n)`.
#[must_use]
pub const fn own(n: u32) -> Field {
    Field::nth(FIELDS.len() as u32 + n)
}

/// A word host, or an address, that may have a port behind it: `example.com:8080`, `[2001:db8::1]:443`.
#[must_use]
pub fn host_and_port(host: &[u8]) -> (&[u8], Option<i64>) {
    let colon = host.iter().rposition(|b| *b == b':').filter(|colon| {
        let name = &host[..*colon];
        name.ends_with(b"]") || !name.contains(&b':')
    });
    let Some(colon) = colon else {
        return (host, None);
    };
    match scan::digits(host, colon + 1) {
        Some((port, end)) if end == host.len() && port <= u64::from(u16::MAX) => (&host[..colon], Some(port as i64)),
        _ => (host, None),
    }
}

/// Sets what a line says of the server that was asked: a name or an address, with or without a port. An address becomes a related one, where that is wanted.
pub fn set_destination<'a>(host: &'a [u8], related: bool, event: &mut Event<'a>) {
    let (name, port) = host_and_port(host);
    let name = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")).unwrap_or(name);
    if name.is_empty() {
        return;
    }
    if scan::is_ip(name, 0, name.len()) {
        event.text(DESTINATION_IP, name);
        if related {
            event.append(RELATED_IP, name);
        }
    } else {
        event.text(DESTINATION_DOMAIN, name);
        event.text(DOMAIN, name);
    }
    if let Some(port) = port {
        event.int(DESTINATION_PORT, port);
    }
}

/// The outcome that a status code stands for.
#[inline(always)]
#[must_use]
pub const fn outcome(status: i64) -> &'static str {
    if status < 400 { "success" } else { "failure" }
}

#[cfg(test)]
mod tests;
