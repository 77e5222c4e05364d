//! The error log: `[Mon Dec 26 16:22:08 2016] [error] [client 192.0.2.7] text` of httpd 2.2, and
//! `[Mon Dec 26 16:22:08.103786 2016] [core:error] [pid 17:tid 18] [client 192.0.2.7:1234] text` of 2.4.

use crate::{ERROR_MODULE, FILE, access::set_domain};
use collector_plugin::time::{self, Midnight, SECOND_NS, days, month, second_of_day};
use collector_plugin::weblog::{
    LEVEL, MESSAGE, PID, REFERRER, RELATED_IP, SOURCE_ADDRESS, SOURCE_IP, SOURCE_PORT, THREAD, TIME,
};
use collector_plugin::{Event, Reject, scan};

/// What the levels of events that are no errors begin with (`trace3`).
const INFO: [&[u8]; 4] = [b"notice", b"info", b"debug", b"trace"];
/// How far into a message the client may stand.
const CLIENT_WITHIN: usize = 256;
/// Bytes of `Mon Dec 26 `.
const DAY_BYTES: usize = 11;

/// Whether a line begins with the error log's date.
#[inline(always)]
pub(crate) fn has_its_date(line: &[u8]) -> bool {
    matches!(line, [b'[', b'A'..=b'Z', ..])
}

/// Reads lines of the error log.
#[derive(Default)]
pub(crate) struct Errors {
    /// Of the date with its year.
    midnight: Midnight<15>,
}

impl Errors {
    /// Parses a line whose time is one of the zone `east_min` minutes east of UTC; says whether it tells of no error.
    pub(crate) fn parse<'a>(
        &mut self,
        line: &'a [u8],
        east_min: i64,
        related: bool,
        event: &mut Event<'a>,
    ) -> Result<bool, Reject> {
        let end = scan::find(line, 0, b']').ok_or(Reject("no time"))?;
        let time = line.strip_prefix(b"[").and_then(|line| line.get(..end - 1)).ok_or(Reject("no time"))?;
        event.time_ns(TIME, self.time_ns(time, east_min).ok_or(Reject("the time is none"))?);
        let (level, mut at) = bracketed(line, end + 1).ok_or(Reject("no level"))?;
        let is_info = set_level(level, event)?;
        let mut client = None;
        while let Some((inner, end)) = bracketed(line, at) {
            if let Some(pid) = inner.strip_prefix(b"pid ") {
                set_pid(pid, event)?;
            } else if let Some(address) = inner.strip_prefix(b"client ") {
                client = Some(address);
            } else {
                break;
            }
            at = end;
            if client.is_some() {
                break;
            }
        }
        let message = line.get(at + 1..).filter(|_| line.get(at) == Some(&b' ')).ok_or(Reject("no message"))?;
        event.text(MESSAGE, message);
        if let Some(client) = client.or_else(|| client_within(message)) {
            set_client(client, related, event);
        }
        set_details(message, event);
        Ok(is_info)
    }

    /// `Mon Dec 26 16:22:08.103786 2016`
    fn time_ns(&mut self, text: &[u8], east_min: i64) -> Option<i64> {
        let clock = text.get(DAY_BYTES..)?.first_chunk()?;
        let (fraction_ns, year) = time::fraction(text, DAY_BYTES + 8)?;
        let year: &[u8; 5] = text.get(year..)?.try_into().ok()?;
        let mut date = [0; DAY_BYTES + 4];
        date[..DAY_BYTES].copy_from_slice(&text[..DAY_BYTES]);
        date[DAY_BYTES..].copy_from_slice(&year[1..]);
        let midnight = self.midnight.of(&date, |date| {
            let separators = [date[3], date[7], date[10], year[0]];
            let day = if date[8] == b' ' { u32::from(date[9].wrapping_sub(b'0')) } else { scan::two_digits(date, 8)? };
            let year = scan::two_digits(date, 11)? * 100 + scan::two_digits(date, 13)?;
            let days = days(year, month(&date[4..7])?, day)?;
            (separators == *b"    ").then_some(days * 86_400)
        })?;
        (midnight + second_of_day(clock)? - east_min * 60).checked_mul(SECOND_NS)?.checked_add(fraction_ns)
    }
}

/// What is between the brackets that a space and `at` are before, and where they end.
fn bracketed(line: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let inner = at + 2;
    if line.get(at..inner)? != b" [" {
        return None;
    }
    let end = scan::find(line, inner, b']')?;
    Some((&line[inner..end], end + 1))
}

/// `core:notice` or `notice`; says whether it is the level of no error.
fn set_level<'a>(text: &'a [u8], event: &mut Event<'a>) -> Result<bool, Reject> {
    let level = match scan::find(text, 0, b':') {
        Some(colon) => {
            if colon > 0 {
                event.text(ERROR_MODULE, &text[..colon]);
            }
            &text[colon + 1..]
        }
        None => text,
    };
    if level.is_empty() || !level.iter().all(u8::is_ascii_alphanumeric) {
        return Err(Reject("no level"));
    }
    event.text(LEVEL, level);
    Ok(INFO.iter().any(|info| level.starts_with(info)))
}

/// `17:tid 18`
fn set_pid(text: &[u8], event: &mut Event<'_>) -> Result<(), Reject> {
    const NONE: Reject = Reject("no process id");
    let number = |at: usize| scan::digits(text, at).and_then(|(number, end)| Some((i64::try_from(number).ok()?, end)));
    let (pid, end) = number(0).ok_or(NONE)?;
    event.int(PID, pid);
    if let Some(thread) = text[end..].strip_prefix(b":tid ") {
        let (thread, _) = number(text.len() - thread.len()).ok_or(Reject("no thread id"))?;
        event.int(THREAD, thread);
    } else if end != text.len() {
        return Err(NONE);
    }
    Ok(())
}

/// The client that a message names near its beginning: `(70014)End of file found: [client 192.0.2.7:1234] AH02006: …`.
fn client_within(message: &[u8]) -> Option<&[u8]> {
    const MARK: &[u8] = b": [client ";
    let near = &message[..message.len().min(CLIENT_WITHIN)];
    let start = near.windows(MARK.len()).position(|bytes| bytes == MARK)? + MARK.len();
    let end = scan::find(message, start, b']')?;
    Some(&message[start..end])
}

fn set_client<'a>(text: &'a [u8], related: bool, event: &mut Event<'a>) {
    let (address, port) = address_and_port(text);
    if address.is_empty() {
        return;
    }
    event.text(SOURCE_ADDRESS, address);
    if scan::is_ip(address, 0, address.len()) {
        event.text(SOURCE_IP, address);
        if related {
            event.append(RELATED_IP, address);
        }
    } else {
        set_domain(address, event);
    }
    if let Some(port) = port {
        event.int(SOURCE_PORT, port);
    }
}

/// An address of version 6 has no brackets here: the port is behind the last colon, unless what is before it is no address.
fn address_and_port(text: &[u8]) -> (&[u8], Option<i64>) {
    let split = text.iter().rposition(|b| *b == b':').and_then(|colon| {
        let (port, end) = scan::digits(text, colon + 1)?;
        let is_port = end == text.len() && port > 0 && port <= u64::from(u16::MAX);
        let address = &text[..colon];
        let is_whole = !address.contains(&b':') || scan::is_ip(address, 0, address.len());
        (is_port && is_whole).then_some((address, port as i64))
    });
    split.map_or((text, None), |(address, port)| (address, Some(port)))
}

/// `File does not exist: /srv/www/x, referer: http://a.example/`
fn set_details<'a>(message: &'a [u8], event: &mut Event<'a>) {
    const REFERER: &[u8] = b", referer: ";
    let referer = message.windows(REFERER.len()).rposition(|bytes| bytes == REFERER);
    if let Some(at) = referer {
        let url = &message[at + REFERER.len()..];
        if !url.is_empty() && !url.contains(&b' ') {
            event.text(REFERRER, url);
        }
    }
    let missing = [&b"File does not exist: "[..], b"AH00128: File does not exist: "];
    if let Some(prefix) = missing.iter().find(|prefix| message.starts_with(prefix)) {
        let path = &message[prefix.len()..referer.unwrap_or(message.len()).max(prefix.len())];
        if path.starts_with(b"/") {
            event.text(FILE, path);
        }
    }
}
