//! The slow log: a head of lines that begin with `#`, then `use`, `SET timestamp` and the statement.

use crate::clock::Clock;
use crate::metrics::{self, Met};
use crate::{CURRENT_USER, Entry, QUERY, SCHEMA, SOURCE_DOMAIN, TIME, account, text};
use collector_plugin::time::SECOND_NS;
use collector_plugin::{Event, Reject, scan};

/// None where the entry is a time alone, whose query comes as an entry of its own.
pub(crate) fn parse<'a>(all: &'a [u8], clock: &mut Clock, event: &mut Event<'a>) -> Result<Option<Entry<'a>>, Reject> {
    let mut entry = Entry { dataset: "mysql.slowlog", ..Entry::default() };
    let (mut met, mut rest) = (Met::default(), all);
    let (mut logged_ns, mut has_user) = (None, false);
    while let Some(line) = head_line(rest) {
        rest = &rest[line.len().saturating_add(1).min(rest.len())..];
        let mut line = line.trim_ascii_end();
        if let Some(time) = line.strip_prefix(b"# Time:") {
            let (time, account) = scan::cut_text(time, b" # ").unwrap_or((time, b""));
            logged_ns = clock.whole(time.trim_ascii());
            // Very old servers put both on one line.
            line = if account.is_empty() { b"" } else { &line[line.len() - account.len() - 2..] };
        }
        if let Some(account) = line.strip_prefix(b"# User@Host:") {
            has_user = true;
            metrics::parse(user_at_host(account, &mut entry, event), &mut met, clock, event);
        } else if let Some(words) = line.strip_prefix(b"#").filter(|_| !line.starts_with(b"# explain:")) {
            metrics::parse(words, &mut met, clock, event);
        }
    }
    if !met.query_time {
        let is_time = all.starts_with(b"# Time:") && !has_user && rest.trim_ascii().is_empty();
        return if is_time { Ok(None) } else { Err(Reject("no Query_time in the head of the entry")) };
    }
    let set_ns = statement(rest, met.schema, event);
    if let Some(ns) = set_ns.or(logged_ns) {
        event.time_ns(TIME, ns);
    }
    Ok(Some(entry))
}

/// The line at the beginning, without its line feed, if it is one of the head.
fn head_line(text: &[u8]) -> Option<&[u8]> {
    let is_head = text.first() == Some(&b'#') && !text.starts_with(b"# administrator command:");
    is_head.then(|| &text[..scan::find(text, 0, b'\n').unwrap_or(text.len())])
}

/// ` root[root] @ localhost [127.0.0.1]  Id: 8`: gives what is behind the address.
fn user_at_host<'a>(account: &'a [u8], entry: &mut Entry<'a>, event: &mut Event<'a>) -> &'a [u8] {
    let Some((users, host)) = scan::cut_text(account, b" @ ") else {
        return account;
    };
    let users = users.trim_ascii();
    let (user, login) = match users.strip_suffix(b"]").and_then(|users| scan::cut_last(users, b'[')) {
        Some(parts) => parts,
        None => (users, &b""[..]),
    };
    account::user_name(user, entry, event);
    text(event, CURRENT_USER, login);
    let (domain, rest) = scan::cut(host, b'[').unwrap_or((host, b""));
    text(event, SOURCE_DOMAIN, domain.trim_ascii());
    let (address, rest) = scan::cut(rest, b']').unwrap_or((b"", rest));
    if account::is_ip(address) {
        account::origin(address, entry, event);
    }
    rest
}

/// Sets schema and statement; gives the time that the server would set to run it again.
fn statement<'a>(all: &'a [u8], schema: &'a [u8], event: &mut Event<'a>) -> Option<i64> {
    let (mut rest, mut schema, mut set_ns) = (all, schema, None);
    if let Some((used, after)) = line_of(rest).and_then(|(line, after)| Some((used(line)?, after))) {
        (schema, rest) = (used, after);
    }
    if let Some((ns, after)) = line_of(rest).and_then(|(line, after)| Some((set_timestamp(line)?, after))) {
        (set_ns, rest) = (Some(ns), after);
    }
    text(event, SCHEMA, schema);
    text(event, QUERY, without_head_of_file(rest.trim_ascii_end()));
    set_ns
}

fn line_of(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = scan::find(text, 0, b'\n').unwrap_or(text.len());
    (!text.is_empty()).then(|| (text[..end].trim_ascii_end(), &text[(end + 1).min(text.len())..]))
}

/// The name in "use `test`;".
fn used(line: &[u8]) -> Option<&[u8]> {
    let (word, name) = line.split_at_checked(4)?;
    let name = name.strip_suffix(b";")?.trim_ascii();
    let bare = name.strip_prefix(b"`").and_then(|name| name.strip_suffix(b"`")).unwrap_or(name);
    (word.eq_ignore_ascii_case(b"use ") && !bare.is_empty()).then_some(bare)
}

/// `SET timestamp=1547741043;`, or `SET last_insert_id=7,timestamp=1547741043.5;`
fn set_timestamp(line: &[u8]) -> Option<i64> {
    let settings = line.strip_prefix(b"SET ")?.strip_suffix(b";")?;
    let seconds = settings.split(|b| *b == b',').find_map(|setting| setting.strip_prefix(b"timestamp="))?;
    let (whole, end) = scan::digits(seconds, 0)?;
    let (fraction_ns, end) = collector_plugin::time::fraction(seconds, end)?;
    let ns = i64::try_from(whole).ok()?.checked_mul(SECOND_NS)?.checked_add(fraction_ns)?;
    (end == seconds.len()).then_some(ns)
}

/// A server that starts again writes the head of its file behind the last statement.
fn without_head_of_file(query: &[u8]) -> &[u8] {
    let Some((before, _)) = scan::cut_text(query, b" started with:\nTcp port: ") else {
        return query;
    };
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |feed| feed + 1);
    if scan::cut_text(&before[start..], b", Version: ").is_some() { query[..start].trim_ascii_end() } else { query }
}
