//! What the values of a layout mean, and how each becomes fields.

use super::{
    Clock, DESTINATION_IP, DOMAIN, DURATION, FORWARDED_IP, PORT, SOURCE_ADDRESS, SOURCE_IP, STATUS, TIME, TLS_PROTOCOL,
    TLS_VERSION, USER, VERSION, host_and_port, set_destination, set_request, set_url,
};
use crate::{Event, Field, Reject, scan, time};

/// What a value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It is passed over.
    Nothing,
    /// The client: an address or a name.
    Client,
    /// The name of the user, which may be empty in its own way: `""`.
    User,
    /// `GET /path?query HTTP/1.1`
    Request,
    /// `/path?query`
    Url,
    /// `HTTP/1.1`
    Protocol,
    /// The status code.
    Status,
    /// The host that the client asked for, with or without a port.
    Host,
    /// The server that answered: a name or an address, with or without a port.
    Server,
    /// The server's address.
    ServerAddress,
    /// A list of addresses that proxies wrote down: the first is the forwarded one, all of them are kept in this field.
    Forwarded(Field),
    /// `TLSv1.3`
    Tls,
    /// `07/Dec/2016:11:05:07 +0100`
    ClockTime,
    /// RFC 3339, or a Unix time.
    AnyTime,
    /// How long it took; the unit is so many nanoseconds.
    Duration(i64),
    /// A text; `-` means that there is none.
    Text(Field),
    /// A text, `-` included.
    Verbatim(Field),
    /// A whole number.
    Int(Field),
    /// A number.
    Float(Field),
    /// Texts with commas between them.
    Texts(Field),
    /// Numbers with commas between them.
    Numbers(Field),
}

/// Sets fields of values.
#[derive(Default)]
pub struct Values {
    /// Reads times.
    pub clock: Clock,
    /// Texts are escaped as JSON does it.
    pub json: bool,
}

impl Values {
    /// Sets the fields that a value means.
    ///
    /// # Errors
    /// It is not what its meaning asks for.
    pub fn set<'a>(&mut self, meaning: Meaning, value: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        if let Meaning::Verbatim(field) = meaning {
            self.text(field, value, event);
            return Ok(());
        }
        if matches!(value, b"" | b"-") {
            return Ok(());
        }
        match meaning {
            Meaning::Status | Meaning::ClockTime | Meaning::AnyTime => return self.vital(meaning, value, event),
            Meaning::Duration(_) | Meaning::Int(_) | Meaning::Float(_) | Meaning::Numbers(_) => {
                return number(meaning, value, event);
            }
            Meaning::Text(field) => self.text(field, value, event),
            Meaning::User => self.text(USER, value, event),
            Meaning::Texts(field) => texts(field, value, event),
            Meaning::Forwarded(field) => forwarded(field, value, event),
            Meaning::Client => client(value, event),
            Meaning::Request => set_request(value, event),
            Meaning::Url => set_url(value, event),
            Meaning::Protocol => event.text(VERSION, value.strip_prefix(b"HTTP/").unwrap_or(value)),
            Meaning::Host => host(value, event),
            Meaning::Server => set_destination(value, false, event),
            Meaning::ServerAddress if scan::is_ip(value, 0, value.len()) => event.text(DESTINATION_IP, value),
            Meaning::Tls => tls(value, event),
            Meaning::ServerAddress | Meaning::Nothing | Meaning::Verbatim(_) => {}
        }
        Ok(())
    }

    fn text<'a>(&self, field: Field, value: &'a [u8], event: &mut Event<'a>) {
        if self.json && scan::find(value, 0, b'\\').is_some() {
            event.build(field, |arena| unescape(value, arena));
        } else {
            event.text(field, value);
        }
    }

    /// What no line is without.
    fn vital(&mut self, meaning: Meaning, value: &[u8], event: &mut Event<'_>) -> Result<(), Reject> {
        if meaning == Meaning::Status {
            event.int(STATUS, int(value).ok_or(Reject("no status code"))?);
            return Ok(());
        }
        let ns = match meaning {
            Meaning::ClockTime => self.clock.read_any(value),
            _ => time::rfc3339(value).or_else(|| time::unix(value)),
        };
        event.time_ns(TIME, ns.ok_or(Reject("the time is none"))?);
        Ok(())
    }
}

/// The items of a list as nginx and proxies write it: `a, b : c`.
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let items = value.split(|b| *b == b' ').map(|item| item.strip_suffix(b",").unwrap_or(item));
    items.flat_map(|item| item.split(|b| *b == b',')).filter(|item| !matches!(*item, b"" | b":" | b"-"))
}

fn int(value: &[u8]) -> Option<i64> {
    let (number, end) = scan::digits(value, 0)?;
    if end == value.len() { i64::try_from(number).ok() } else { None }
}

fn float(value: &[u8]) -> Option<f64> {
    let plain = value.first()?.is_ascii_digit() && value.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    std::str::from_utf8(value).ok().filter(|_| plain)?.parse().ok()
}

fn number(meaning: Meaning, value: &[u8], event: &mut Event<'_>) -> Result<(), Reject> {
    const NO_INT: Reject = Reject("a value that should be a whole number is none");
    const NO_FLOAT: Reject = Reject("a value that should be a number is none");
    match meaning {
        Meaning::Int(field) => event.int(field, int(value).ok_or(NO_INT)?),
        Meaning::Float(field) => event.float(field, float(value).ok_or(NO_FLOAT)?),
        Meaning::Duration(unit_ns) => {
            let units = float(value).ok_or(Reject("a duration is none"))?;
            event.int(DURATION, (units * unit_ns as f64).round() as i64);
        }
        Meaning::Numbers(field) => numbers(field, value, event)?,
        _ => {}
    }
    Ok(())
}

fn numbers(field: Field, value: &[u8], event: &mut Event<'_>) -> Result<(), Reject> {
    const NONE: Reject = Reject("a list of numbers has something else in it");
    let mut items = list(value);
    let (first, second) = (items.next(), items.next());
    let Some(first) = first else {
        return Ok(());
    };
    if second.is_none() {
        match int(first) {
            Some(int) => event.int(field, int),
            None => event.float(field, float(first).ok_or(NONE)?),
        }
        return Ok(());
    }
    let numbers: Vec<f64> =
        list(value).map(|item| float(item).filter(|n| n.is_finite()).ok_or(NONE)).collect::<Result<_, _>>()?;
    let texts: Vec<String> = numbers.iter().map(f64::to_string).collect();
    event.build_json(field, |arena| {
        arena.push(b'[');
        arena.extend_from_slice(texts.join(",").as_bytes());
        arena.push(b']');
    });
    Ok(())
}

fn texts<'a>(field: Field, value: &'a [u8], event: &mut Event<'a>) {
    let mut items = list(value);
    match (items.next(), items.next()) {
        (Some(only), None) => event.text(field, only),
        _ => list(value).for_each(|item| event.append(field, item)),
    }
}

fn forwarded<'a>(field: Field, value: &'a [u8], event: &mut Event<'a>) {
    if let Some(first) = list(value).find(|item| scan::is_ip(item, 0, item.len())) {
        event.text(FORWARDED_IP, first);
    }
    list(value).for_each(|item| event.append(field, item));
}

fn client<'a>(value: &'a [u8], event: &mut Event<'a>) {
    event.text(SOURCE_ADDRESS, value);
    if scan::is_ip(value, 0, value.len()) {
        event.text(SOURCE_IP, value);
    }
}

fn host<'a>(value: &'a [u8], event: &mut Event<'a>) {
    let (name, port) = host_and_port(value);
    event.text(DOMAIN, name);
    if let Some(port) = port {
        event.int(PORT, port);
    }
}

fn tls<'a>(value: &'a [u8], event: &mut Event<'a>) {
    let (protocol, version) = match (value.strip_prefix(b"TLSv"), value.strip_prefix(b"SSLv")) {
        (Some(version), _) => ("tls", version),
        (_, Some(version)) => ("ssl", version),
        _ => return event.text(TLS_VERSION, value),
    };
    event.constant(TLS_PROTOCOL, protocol);
    event.text(TLS_VERSION, version);
}

/// Appends the text that a JSON string without its quotes stands for; what is no escape of JSON stays as it is.
fn unescape(value: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(backslash) = scan::find(value, at, b'\\') {
        out.extend_from_slice(&value[at..backslash]);
        let plain = match value.get(backslash + 1) {
            Some(b'n') => Some('\n'),
            Some(b'r') => Some('\r'),
            Some(b't') => Some('\t'),
            Some(b'b') => Some('\u{8}'),
            Some(b'f') => Some('\u{c}'),
            Some(byte @ (b'"' | b'\\' | b'/')) => Some(char::from(*byte)),
            Some(b'u') => {
                let digits =
                    value.get(backslash + 2..backslash + 6).and_then(|digits| std::str::from_utf8(digits).ok());
                let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
                at = backslash + 6;
                if let Some(character) = code {
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    continue;
                }
                None
            }
            _ => None,
        };
        match plain {
            Some(character) => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                at = backslash + 2;
            }
            None => {
                out.push(b'\\');
                at = backslash + 1;
            }
        }
    }
    out.extend_from_slice(value.get(at..).unwrap_or_default());
}
