//! `[GIN] 2026/02/12 - 14:10:21 | 200 |    1.5ms |   192.0.2.7 | GET      "/path"`

use crate::{DURATION, LOGGER, METHOD, SOURCE_ADDRESS, SOURCE_IP, STATUS, TIME, URL};
use collector_plugin::applog::Moments;
use collector_plugin::syslog::Clues;
use collector_plugin::{Event, scan};

/// Where the date, and the time, are in such a line.
const DATE_AT: usize = 6;
const CLOCK_AT: usize = 19;
/// Where the values begin.
const VALUES_AT: usize = 27;

/// Reads the line, and gives where its message begins: the whole line is one, as there is no text.
pub(crate) fn read<'a>(
    line: &'a [u8],
    moments: &mut Moments,
    clues: Clues<'_>,
    event: &mut Event<'a>,
) -> Option<usize> {
    if !line.starts_with(b"[GIN] ") || line.get(16..CLOCK_AT) != Some(b" - ") {
        return None;
    }
    let mut written = *b"2026/02/12 14:10:21";
    written[..10].copy_from_slice(line.get(DATE_AT..DATE_AT + 10)?);
    written[11..].copy_from_slice(line.get(CLOCK_AT..CLOCK_AT + 8)?);
    let moment = moments.read(&written, 0, clues)?;
    let mut values = line.get(VALUES_AT..)?.strip_prefix(b" |")?.splitn(4, |b| *b == b'|').map(<[u8]>::trim_ascii);
    let (status, took, client, request) = (values.next()?, values.next()?, values.next()?, values.next()?);
    let status = scan::int(status)?;
    event.time_ns(TIME, moment.ns?);
    event.constant(LOGGER, "GIN");
    event.int(STATUS, status);
    if let Some(took) = duration_ns(took) {
        event.int(DURATION, took);
    }
    event.text(SOURCE_ADDRESS, client);
    if scan::is_ip(client, 0, client.len()) {
        event.text(SOURCE_IP, client);
    }
    if let Some((method, url)) = scan::cut(request, b' ')
        && let Some(url) = url.trim_ascii().strip_prefix(b"\"").and_then(|url| url.strip_suffix(b"\""))
    {
        event.text(METHOD, method);
        event.text(URL, url);
    }
    Some(0)
}

/// Nanoseconds of `1m2.5s`, `52.1µs`.
fn duration_ns(text: &[u8]) -> Option<i64> {
    let (mut rest, mut total) = (text, 0f64);
    while !rest.is_empty() {
        let length = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        let value: f64 = std::str::from_utf8(&rest[..length]).ok()?.parse().ok()?;
        rest = &rest[length..];
        let length = rest.iter().take_while(|b| !b.is_ascii_digit()).count();
        total += value * unit_ns(&rest[..length])?;
        rest = &rest[length..];
    }
    (total < 9e18).then_some(total.round() as i64)
}

fn unit_ns(unit: &[u8]) -> Option<f64> {
    match std::str::from_utf8(unit).ok()? {
        "ns" => Some(1.0),
        "µs" | "μs" | "us" => Some(1e3),
        "ms" => Some(1e6),
        "s" => Some(1e9),
        "m" => Some(60e9),
        "h" => Some(3600e9),
        _ => None,
    }
}
