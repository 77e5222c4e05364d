//! Logs of HAProxy: `option httplog` (and `httpslog`), `option tcplog`, the default format, errors of connections, and what it says of itself; with or without the header of syslog.

mod access;
mod captured;
mod clock;
mod config;
mod names;
mod notice;

pub use config::Config;

use clock::Clock;
use collector_plugin::syslog::{Clues, Header, READS, Reader, tag};
use collector_plugin::time::zone_text;
use collector_plugin::weblog::{
    DATASET, DESTINATION_DOMAIN, DESTINATION_IP, DESTINATION_PORT, KIND, MODULE, NAMES, PID, RELATED_IP, SERVICE,
    SOURCE_ADDRESS, SOURCE_IP, SOURCE_PORT, TIME, TIMEZONE,
};
use collector_plugin::{Constants, Event, Manifest, Parser, Reject, scan};
use names::{DESTINATION_ADDRESS, HOSTNAME, OWN, PROCESS, RELATED_HOSTS, SOURCE};

/// The parser.
pub struct Haproxy {
    config: Config,
    reader: Reader,
    clock: Clock,
    constants: Constants,
}

/// What a line is besides its header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A request of HTTP.
    Http,
    /// A connection, or a message.
    Other,
}

impl Parser for Haproxy {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let constants = Constants::new()
            .text(KIND, "event")
            .text(MODULE, "haproxy")
            .text(DATASET, "haproxy.log")
            .text(SERVICE, "haproxy");
        Ok(Self { config, reader: Reader::new(config.timezone), clock: Clock::default(), constants })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading(READS).writing(NAMES.iter().chain(OWN).copied())
    }

    #[inline]
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let east_min = self.config.timezone.minutes(Clues::of(event).timezone);
        let header = self.header(line, event);
        let body = header.message(line);
        match access::client(body) {
            Some(client) => {
                event.time_ns(TIME, self.clock.read(client.date, east_min).ok_or(Reject("no date of the request"))?);
                peer(client.address, self.config.event_fields, event);
                let kind = access::read(client.rest, self.config.event_fields, event)?;
                if kind == Kind::Other && !header.host.is_empty() {
                    event.text(SOURCE, header.host);
                }
            }
            None => notice::read(body, &header, self.config.event_fields, event)?,
        }
        if self.config.event_fields {
            event.constants(&mut self.constants);
            event.text(TIMEZONE, &zone_text(east_min));
        }
        Ok(())
    }
}

impl Haproxy {
    /// The header of syslog, or the tag alone, or nothing: a line that HAProxy writes to its standard output has none.
    #[inline]
    fn header<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Header<'a> {
        let header = self.reader.read(line, Clues::of(event)).unwrap_or_else(|_| match tag(line, 0) {
            Some(tag) if !tag.pid.is_empty() => {
                Header { program: tag.name, pid: tag.pid, message: tag.end, ..Header::default() }
            }
            _ => Header::default(),
        });
        if !header.host.is_empty() {
            event.text(HOSTNAME, header.host);
        }
        if !header.program.is_empty() {
            event.text(PROCESS, header.program);
        }
        if let Some(pid) = header.pid_number() {
            event.int(PID, pid);
        }
        header
    }
}

/// The client: an address and a port, `-` or a socket's path instead of the address.
#[inline]
fn peer<'a>(client: &'a [u8], related: bool, event: &mut Event<'a>) {
    let Some((address, port)) = scan::cut_last(client, b':') else {
        return;
    };
    if let Some(port) = scan::int(port) {
        event.int(SOURCE_PORT, port);
    }
    if address.is_empty() || address == b"-" {
        return;
    }
    event.text(SOURCE_ADDRESS, address);
    if scan::is_ip(address, 0, address.len()) {
        event.text(SOURCE_IP, address);
        if related {
            event.append(RELATED_IP, address);
        }
    }
}

/// The machine that was asked; `related` says whether it is not a related one already.
fn destination<'a>(address: &'a [u8], port: Option<i64>, related: bool, event: &mut Event<'a>) {
    event.text(DESTINATION_ADDRESS, address);
    let is_ip = scan::is_ip(address, 0, address.len());
    event.text(if is_ip { DESTINATION_IP } else { DESTINATION_DOMAIN }, address);
    if let Some(port) = port {
        event.int(DESTINATION_PORT, port);
    }
    if related {
        event.append(if is_ip { RELATED_IP } else { RELATED_HOSTS }, address);
    }
}

collector_plugin::export!(Haproxy as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
