//! `common`, `combined`, `vhost_combined`, and what `ssl_request_log` has by default.

use crate::{REMOTE_ADDRESSES, SSL_CIPHER, SSL_PROTOCOL};
use collector_plugin::weblog::{
    AGENT, BODY_BYTES, Clock, Meaning, REFERRER, RELATED_USER, SOURCE_DOMAIN, STATUS, TIME, TLS_CIPHER, USER, Values,
    quoted_request, set_clients, set_request, set_virtual_host,
};
use collector_plugin::{Event, Reject, scan};

/// Reads lines in the usual formats. What is behind the known fields is ignored.
#[derive(Default)]
pub(crate) struct Access {
    clock: Clock,
}

impl Access {
    /// Parses a line; gives its status, where it has one.
    pub(crate) fn parse<'a>(
        &mut self,
        line: &'a [u8],
        related: bool,
        event: &mut Event<'a>,
    ) -> Result<Option<i64>, Reject> {
        if line.first() == Some(&b'[') {
            return self.ssl(line, related, event);
        }
        let bracket = bracket(line).ok_or(Reject("no time"))?;
        head(&line[..bracket - 1], related, event)?;
        let at = self.time(line, bracket, event)?;
        if line.get(at..at + 2) != Some(b" \"") {
            return Err(Reject("no request"));
        }
        let at = quoted_request(line, at + 2, event).ok_or(Reject("the request has no end"))?;
        let (at, status) = response(line, at, event)?;
        if line.get(at..at + 2) == Some(b" \"") {
            tail(line, at + 2, event)?;
        }
        Ok(Some(status))
    }

    /// `[07/Dec/2016:11:05:07 +0100]`: gives where it ends.
    fn time(&mut self, line: &[u8], bracket: usize, event: &mut Event<'_>) -> Result<usize, Reject> {
        let time = line.get(bracket + 1..).and_then(|rest| rest.first_chunk()).ok_or(Reject("no time"))?;
        event.time_ns(TIME, self.clock.read(time).ok_or(Reject("the time is none"))?);
        let end = bracket + 1 + Clock::BYTES;
        if line.get(end) == Some(&b']') { Ok(end + 1) } else { Err(Reject("the time has no end")) }
    }

    /// `[07/Dec/2016:11:05:07 +0100] 192.0.2.7 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 "GET / HTTP/1.1" 1375`
    #[inline(never)]
    fn ssl<'a>(&mut self, line: &'a [u8], related: bool, event: &mut Event<'a>) -> Result<Option<i64>, Reject> {
        let mut at = self.time(line, 0, event)?;
        let mut word = || {
            let start = at + 1;
            let end = scan::find(line, start, b' ').filter(|end| line.get(at) == Some(&b' ') && *end > start)?;
            at = end;
            Some(&line[start..end])
        };
        let client = word().ok_or(Reject("no client address"))?;
        let protocol = word().ok_or(Reject("no protocol"))?;
        let cipher = word().ok_or(Reject("no cipher"))?;
        let request = at + 2;
        if line.get(at..request) != Some(b" \"") {
            return Err(Reject("no request"));
        }
        let end = quote(line, request).ok_or(Reject("the request has no end"))?;
        set_client(client, related, event)?;
        event.text(SSL_PROTOCOL, protocol);
        event.text(SSL_CIPHER, cipher);
        Values::default().set(Meaning::Tls, protocol, event)?;
        event.text(TLS_CIPHER, cipher);
        set_request(&line[request..end], event);
        body_bytes(line, end + 1, event)?;
        Ok(None)
    }
}

/// Where the bracket before the time is: the first that a space is before and digits and a slash behind.
fn bracket(line: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let bracket = scan::find(line, at, b'[')?;
        let is_time = matches!(line.get(bracket + 1..), Some([b'0'..=b'3', b'0'..=b'9', b'/', ..]));
        if is_time && bracket > 0 && line[bracket - 1] == b' ' {
            return Some(bracket);
        }
        at = bracket + 1;
    }
}

/// `example.com:80 192.0.2.7 - user`: a virtual host or none, the client, its identity and the user.
fn head<'a>(head: &'a [u8], related: bool, event: &mut Event<'a>) -> Result<(), Reject> {
    let dash = head.windows(3).position(|three| three == b" - ");
    let (clients, user) = match dash {
        Some(dash) => (&head[..dash], &head[dash + 3..]),
        // An identity that is one: the last but one word.
        None => {
            let user = head.iter().rposition(|b| *b == b' ').ok_or(Reject("no client address"))?;
            let identity = head[..user].iter().rposition(|b| *b == b' ').ok_or(Reject("no client address"))?;
            (&head[..identity], &head[user + 1..])
        }
    };
    set_client(set_virtual_host(clients, related, event), related, event)?;
    if !user.is_empty() {
        event.text(USER, user);
        if related && user != b"-" {
            event.append(RELATED_USER, user);
        }
    }
    Ok(())
}

/// Sets the client; a name is its domain.
pub(crate) fn set_client<'a>(clients: &'a [u8], related: bool, event: &mut Event<'a>) -> Result<(), Reject> {
    let source = set_clients(clients, REMOTE_ADDRESSES, related, event)?;
    set_domain(source, event);
    Ok(())
}

/// Sets the domain of a client that is no address.
pub(crate) fn set_domain<'a>(client: &'a [u8], event: &mut Event<'a>) {
    let is_name = client.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if is_name && !scan::is_ip(client, 0, client.len()) {
        event.text(SOURCE_DOMAIN, client);
    }
}

/// ` 200 571` from behind the request's closing quote: gives where it ends, and the status.
fn response(line: &[u8], at: usize, event: &mut Event<'_>) -> Result<(usize, i64), Reject> {
    let (status, end) = scan::digits(line, at + 1).ok_or(Reject("no status code"))?;
    let status = i64::try_from(status).map_err(|_| Reject("no status code"))?;
    event.int(STATUS, status);
    Ok((body_bytes(line, end, event)?, status))
}

/// ` 571` or ` -`: gives where it ends.
fn body_bytes(line: &[u8], at: usize, event: &mut Event<'_>) -> Result<usize, Reject> {
    const NONE: Reject = Reject("no body bytes");
    let end = match (line.get(at), line.get(at + 1)) {
        (Some(b' '), Some(b'-')) => at + 2,
        (Some(b' '), _) => {
            let (bytes, end) = scan::digits(line, at + 1).ok_or(NONE)?;
            event.int(BODY_BYTES, i64::try_from(bytes).map_err(|_| NONE)?);
            end
        }
        _ => return Err(NONE),
    };
    if matches!(line.get(end), None | Some(b' ')) { Ok(end) } else { Err(NONE) }
}

/// `referrer" "user agent"` from behind the first quote.
fn tail<'a>(line: &'a [u8], at: usize, event: &mut Event<'a>) -> Result<(), Reject> {
    let referrer = quote(line, at).ok_or(Reject("the referrer has no end"))?;
    if referrer > at {
        event.text(REFERRER, &line[at..referrer]);
    }
    let agent = referrer + 3;
    if line.get(referrer + 1..agent) != Some(b" \"") {
        return Ok(());
    }
    let end = quote(line, agent).ok_or(Reject("the user agent has no end"))?;
    if end > agent {
        event.text(AGENT, &line[agent..end]);
    }
    Ok(())
}

/// The first quote that has no backslash before it.
fn quote(line: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let found = scan::find2(line, at, b'"', b'\\')?;
        if line[found] == b'"' {
            return Some(found);
        }
        at = found + 2;
    }
}
