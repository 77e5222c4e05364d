//! nginx access logs (`combined`, `common`, and their relatives with a virtual host or a list of proxies in front) to the fields of ECS, named as Elastic's nginx integration names them.
//!
//! A line as nginx writes it by default takes the short way: each field is found and emitted in turn. Whatever looks different on that way (a list of addresses, a user name with
//! spaces, a request that is no HTTP) is read again by code that is slower and knows more. What does not have the form of an access log at all is rejected.

mod config;
mod peers;
mod request;
mod timestamp;

pub use config::Config;

use collector_plugin::{Event, Field, Manifest, Parser, Reject, scan};
use timestamp::Timestamp;

collector_plugin::fields! {
    SOURCE_ADDRESS = "source.address",
    SOURCE_IP = "source.ip",
    USER = "user.name",
    TIME = "@timestamp",
    METHOD = "http.request.method",
    URL = "url.original",
    PATH = "url.path",
    QUERY = "url.query",
    SCHEME = "url.scheme",
    DOMAIN = "url.domain",
    PORT = "url.port",
    VERSION = "http.version",
    STATUS = "http.response.status_code",
    BODY_BYTES = "http.response.body.bytes",
    REFERRER = "http.request.referrer",
    AGENT = "user_agent.original",
    DESTINATION_DOMAIN = "destination.domain",
    DESTINATION_IP = "destination.ip",
    DESTINATION_PORT = "destination.port",
    REMOTE_IPS = "nginx.access.remote_ip_list",
    KIND = "event.kind",
    CATEGORY = "event.category",
    TYPE = "event.type",
    OUTCOME = "event.outcome",
}

/// The parser of access logs.
pub struct Nginx {
    config: Config,
    timestamp: Timestamp,
}

impl Parser for Nginx {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        config.check()?;
        Ok(Self { config, timestamp: Timestamp::default() })
    }

    fn manifest(&self) -> Manifest {
        let extra = self.config.extra_fields.iter().map(String::as_str);
        Manifest::reading(["message"]).writing(FIELDS.iter().copied().chain(extra))
    }

    #[inline(always)]
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let at = self.head(line, event)?;
        let at = request::parse(line, at, event)?;
        let at = self.response(line, at, event)?;
        if at < line.len() {
            self.tail(line, at, event)?;
        }
        Ok(())
    }
}

impl Nginx {
    /// `192.0.2.1 - user [07/Dec/2016:11:05:07 +0100] "`: gives where the request begins.
    #[inline(always)]
    fn head<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<usize, Reject> {
        let address = scan::find(line, 0, b' ').ok_or(Reject("no client address"))?;
        let user = address + 3;
        let bracket = match line.get(address + 1..user) {
            Some(b"- ") => {
                scan::find(line, user, b' ').map(|space| space + 1).filter(|at| line.get(*at) == Some(&b'['))
            }
            _ => None,
        };
        let bracket = match bracket {
            Some(bracket) => {
                event.text(SOURCE_ADDRESS, &line[..address]);
                if scan::is_ip(line, 0, address) {
                    event.text(SOURCE_IP, &line[..address]);
                }
                text_or_dash(event, USER, &line[user..bracket - 1]);
                bracket
            }
            None => peers::parse(line, event)?,
        };
        let time = line.get(bracket + 1..).and_then(|rest| rest.first_chunk()).ok_or(Reject("no time"))?;
        event.time_ns(TIME, self.timestamp.read(time).ok_or(Reject("the time is none"))?);
        match line.get(bracket + 27..bracket + 30) {
            Some(b"] \"") => Ok(bracket + 30),
            _ => Err(Reject("no request")),
        }
    }

    /// ` 200 571` from behind the request's closing quote: gives where it ends.
    #[inline(always)]
    fn response(&self, line: &[u8], at: usize, event: &mut Event<'_>) -> Result<usize, Reject> {
        let (status, end) = scan::digits(line, at + 1).ok_or(Reject("no status code"))?;
        let status = i64::try_from(status).map_err(|_| Reject("no status code"))?;
        event.int(STATUS, status);
        if self.config.event_fields {
            event_fields(status, event);
        }
        if line.get(end) != Some(&b' ') {
            return Err(Reject("no body bytes"));
        }
        if line.get(end + 1) == Some(&b'-') {
            return Ok(end + 2);
        }
        let (bytes, end) = scan::digits(line, end + 1).ok_or(Reject("no body bytes"))?;
        event.int(BODY_BYTES, i64::try_from(bytes).map_err(|_| Reject("no body bytes"))?);
        Ok(end)
    }

    /// ` "referrer" "user agent"`, which `common` does not have, and what comes after it.
    #[inline(always)]
    fn tail<'a>(&self, line: &'a [u8], at: usize, event: &mut Event<'a>) -> Result<(), Reject> {
        if line.get(at..at + 2) != Some(b" \"") {
            return if line[at] == b' ' { self.extra(line, at, event) } else { Err(Reject("no body bytes")) };
        }
        let referrer = scan::find(line, at + 2, b'"').ok_or(Reject("the referrer has no end"))?;
        text_or_dash(event, REFERRER, &line[at + 2..referrer]);
        if line.get(referrer + 1..referrer + 3) != Some(b" \"") {
            return Err(Reject("no user agent"));
        }
        let agent = scan::find(line, referrer + 3, b'"').ok_or(Reject("the user agent has no end"))?;
        text_or_dash(event, AGENT, &line[referrer + 3..agent]);
        if agent + 1 < line.len() { self.extra(line, agent + 1, event) } else { Ok(()) }
    }

    /// What a log format has behind the known fields: values in order, quoted or not.
    #[inline(never)]
    fn extra<'a>(&self, line: &'a [u8], mut at: usize, event: &mut Event<'a>) -> Result<(), Reject> {
        for index in 0..self.config.extra_fields.len() {
            while line.get(at) == Some(&b' ') {
                at += 1;
            }
            if at >= line.len() {
                break;
            }
            let field = Field::nth((FIELDS.len() + index) as u32);
            if line[at] == b'"' {
                let end = scan::find(line, at + 1, b'"').ok_or(Reject("a quoted value has no end"))?;
                text_or_dash(event, field, &line[at + 1..end]);
                at = end + 1;
            } else {
                let end = scan::find(line, at, b' ').unwrap_or(line.len());
                number_or_text(event, field, &line[at..end]);
                at = end;
            }
        }
        Ok(())
    }
}

/// Sets a text, where there is one: nginx writes `-` for nothing.
#[inline(always)]
fn text_or_dash<'a>(event: &mut Event<'a>, field: Field, text: &'a [u8]) {
    if !matches!(text, b"-" | b"") {
        event.text(field, text);
    }
}

/// Sets an integer, a number, or a text, as it looks.
fn number_or_text<'a>(event: &mut Event<'a>, field: Field, value: &'a [u8]) {
    let text = std::str::from_utf8(value).unwrap_or_default();
    if let Ok(int) = text.parse::<i64>() {
        event.int(field, int);
    } else if let Ok(float) = text.parse::<f64>()
        && float.is_finite()
    {
        event.float(field, float);
    } else {
        text_or_dash(event, field, value);
    }
}

/// What ECS says of any access to a web server.
#[inline(never)]
fn event_fields(status: i64, event: &mut Event<'_>) {
    event.constant(KIND, "event");
    event.constant_json(CATEGORY, r#"["web"]"#);
    event.constant_json(TYPE, r#"["access"]"#);
    event.constant(OUTCOME, if status < 400 { "success" } else { "failure" });
}

collector_plugin::export!(Nginx as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
