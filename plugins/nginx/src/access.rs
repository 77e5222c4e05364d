//! `combined`, `common`, and their relatives with a virtual host or a list of proxies in front.

use crate::REMOTE_IPS;
use collector_plugin::time::Zone;
use collector_plugin::weblog::{
    AGENT, BODY_BYTES, Clock, EventFields, REFERRER, RELATED_IP, SOURCE_ADDRESS, SOURCE_IP, STATUS, TIME, is_word,
    quoted_request, set_clients, set_user, set_virtual_host,
};
use collector_plugin::{Event, Field, Reject, scan};

/// Reads lines in `combined`. What is behind the known fields is ignored.
#[derive(Default)]
pub(crate) struct Access {
    clock: Clock,
}

impl Access {
    /// Parses a line.
    #[inline(always)]
    pub(crate) fn parse<'a>(
        &mut self,
        line: &'a [u8],
        fields: Option<&mut EventFields>,
        zone: Zone,
        event: &mut Event<'a>,
    ) -> Result<(), Reject> {
        let (at, status) = self.combined(line, fields.is_some(), event)?;
        if at < line.len() {
            tail(line, at, event)?;
        }
        if let Some(fields) = fields {
            fields.set_access(Some(status), zone, event);
        }
        Ok(())
    }

    /// Everything up to the size of the answer: gives where that ends, and the status.
    #[inline(always)]
    fn combined<'a>(&mut self, line: &'a [u8], related: bool, event: &mut Event<'a>) -> Result<(usize, i64), Reject> {
        let at = self.head(line, related, event)?;
        let at = quoted_request(line, at, event).ok_or(Reject("the request has no end"))?;
        response(line, at, event)
    }

    /// As [`parse`](Self::parse), for a line that more values follow: gives where those begin, and the status.
    #[inline(always)]
    pub(crate) fn beginning<'a>(
        &mut self,
        line: &'a [u8],
        related: bool,
        event: &mut Event<'a>,
    ) -> Result<(usize, i64), Reject> {
        let (at, status) = self.combined(line, related, event)?;
        Ok((tail(line, at, event)?, status))
    }

    /// `192.0.2.1 - user [07/Dec/2016:11:05:07 +0100] "`: gives where the request begins.
    #[inline(always)]
    fn head<'a>(&mut self, line: &'a [u8], related: bool, event: &mut Event<'a>) -> Result<usize, Reject> {
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
                client(&line[..address], scan::is_ip(line, 0, address), related, event);
                set_user(&line[user..bracket - 1], related, event);
                bracket
            }
            None => peers(line, related, event)?,
        };
        let time = line.get(bracket + 1..).and_then(|rest| rest.first_chunk()).ok_or(Reject("no time"))?;
        event.time_ns(TIME, self.clock.read(time).ok_or(Reject("the time is none"))?);
        match line.get(bracket + 27..bracket + 30) {
            Some(b"] \"") => Ok(bracket + 30),
            _ => Err(Reject("no request")),
        }
    }
}

/// Sets a client that is alone.
#[inline(always)]
fn client<'a>(address: &'a [u8], is_ip: bool, related: bool, event: &mut Event<'a>) {
    event.text(SOURCE_ADDRESS, address);
    if is_ip {
        event.text(SOURCE_IP, address);
    }
    if related {
        if is_ip {
            event.append(RELATED_IP, address);
        }
        if is_ip || is_word(address) {
            event.append(REMOTE_IPS, address);
        }
    }
}

/// `example.com:80 "10.0.0.2, 10.0.0.1" 127.0.0.1 - user name [`: gives where the bracket is.
#[inline(never)]
fn peers<'a>(line: &'a [u8], related: bool, event: &mut Event<'a>) -> Result<usize, Reject> {
    let dash = position(line, 0, b" - ").ok_or(Reject("no client address"))?;
    let bracket = position(line, dash + 2, b" [").ok_or(Reject("no time"))? + 1;
    set_clients(set_virtual_host(&line[..dash], related, event), REMOTE_IPS, related, event)?;
    if let Some(user) = line.get(dash + 3..bracket - 1) {
        set_user(user, related, event);
    }
    Ok(bracket)
}

fn position(line: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let rest = line.get(from..)?;
    rest.windows(what.len()).position(|w| w == what).map(|at| from + at)
}

/// ` 200 571` from behind the request's closing quote: gives where it ends, and the status.
#[inline(always)]
fn response(line: &[u8], at: usize, event: &mut Event<'_>) -> Result<(usize, i64), Reject> {
    let (status, end) = scan::digits(line, at + 1).ok_or(Reject("no status code"))?;
    let status = i64::try_from(status).map_err(|_| Reject("no status code"))?;
    event.int(STATUS, status);
    if line.get(end) != Some(&b' ') {
        return Err(Reject("no body bytes"));
    }
    if line.get(end + 1) == Some(&b'-') {
        return Ok((end + 2, status));
    }
    let (bytes, end) = scan::digits(line, end + 1).ok_or(Reject("no body bytes"))?;
    event.int(BODY_BYTES, i64::try_from(bytes).map_err(|_| Reject("no body bytes"))?);
    Ok((end, status))
}

/// ` "referrer" "user agent"`, which `common` does not have: gives where it ends.
#[inline(always)]
fn tail<'a>(line: &'a [u8], at: usize, event: &mut Event<'a>) -> Result<usize, Reject> {
    if line.get(at..at + 2) != Some(b" \"") {
        return if matches!(line.get(at), None | Some(b' ')) { Ok(at) } else { Err(Reject("no body bytes")) };
    }
    let referrer = scan::find(line, at + 2, b'"').ok_or(Reject("the referrer has no end"))?;
    text_or_dash(event, REFERRER, &line[at + 2..referrer]);
    if line.get(referrer + 1..referrer + 3) != Some(b" \"") {
        return Err(Reject("no user agent"));
    }
    let agent = scan::find(line, referrer + 3, b'"').ok_or(Reject("the user agent has no end"))?;
    text_or_dash(event, AGENT, &line[referrer + 3..agent]);
    Ok(agent + 1)
}

/// Sets a text, where there is one: nginx writes `-` for nothing.
#[inline(always)]
fn text_or_dash<'a>(event: &mut Event<'a>, field: Field, text: &'a [u8]) {
    if !matches!(text, b"-" | b"") {
        event.text(field, text);
    }
}
