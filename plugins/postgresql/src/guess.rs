//! The usual prefixes, read without being told which one it is.
//!
//! What lies between time and level is looked at word by word: `[123]` and `[123-4]` are process and line of the session, `user@db` is what it looks like, and `key=value` says itself what it is.

use crate::clock::Clock;
use crate::head::{Head, What};
use crate::severity::{self, Severity};
use collector_plugin::scan;

/// Reads the prefix of a line.
pub(crate) fn read<'a>(line: &'a [u8], clock: &mut Clock) -> Option<(Head<'a>, Severity<'a>)> {
    let time = clock.read(line);
    let from = time.map_or(0, |stamp| stamp.text.len());
    let severity = severity::find(line, from)?;
    let mut head = Head::default();
    head.time = time;
    let between = &line[from..severity.start];
    match between.strip_prefix(b":") {
        Some(parts) => colons(parts, &mut head),
        None => words(between, &mut head),
    }
    Some((head, severity))
}

/// `10.0.0.1(4711):user@db:[123]:`, as Amazon's hosted servers have it; the address may have colons of its own.
fn colons<'a>(text: &'a [u8], head: &mut Head<'a>) {
    let text = text.strip_suffix(b":").unwrap_or(text);
    let mut parts = text.rsplitn(3, |b| *b == b':');
    let (pid, session, client) = (parts.next(), parts.next(), parts.next());
    head.set(What::Client, client.unwrap_or_default());
    if let Some(session) = session {
        user_at_database(session, head);
    }
    if let Some(pid) = pid.and_then(in_brackets) {
        head.set(What::Pid, pid);
    }
}

fn words<'a>(text: &'a [u8], head: &mut Head<'a>) {
    let mut at = 0;
    while let Some(skipped) = text[at..].iter().position(|b| !matches!(b, b' ' | b',' | b':')) {
        let start = at + skipped;
        let end = scan::find(text, start, b' ').unwrap_or(text.len());
        let word = &text[start..end];
        let word = word.strip_suffix(b":").unwrap_or(word);
        if let Some(inner) = in_brackets(word) {
            bracketed(inner, word, head);
        } else if word.contains(&b'=') {
            pairs(&text[start..], head);
            return;
        } else {
            user_at_database(word, head);
        }
        at = end;
    }
}

fn in_brackets(word: &[u8]) -> Option<&[u8]> {
    let inner = word.strip_prefix(b"[")?.strip_suffix(b"]")?;
    (!inner.contains(&b']')).then_some(inner)
}

/// `[123]`, `[123-4]`, `[4-1]` behind a process, `[queryid=5]`.
fn bracketed<'a>(inner: &'a [u8], word: &'a [u8], head: &mut Head<'a>) {
    if inner.contains(&b'=') {
        return pair(inner, head);
    }
    let mut numbers = inner.splitn(2, |b| *b == b'-');
    let (first, second) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if !is_number(first) || !second.is_empty() && !is_number(second) {
        user_at_database(word, head);
    } else if head.time.is_none() && !second.is_empty() {
        // `[4-1]` of syslog: its own count of messages and of their parts.
    } else if head.get(What::Pid).is_empty() {
        head.set(What::Pid, first);
        head.set(What::SessionLine, second);
    } else {
        head.set(What::SessionLine, first);
        head.set(What::Sequence, second);
    }
}

/// `user@db` or `[user]@[db]`; a user may have an at sign, a database rather not.
fn user_at_database<'a>(word: &'a [u8], head: &mut Head<'a>) {
    if let Some(at) = word.iter().rposition(|b| *b == b'@') {
        head.set(What::User, &word[..at]);
        head.set(What::Database, &word[at + 1..]);
    }
}

/// `user=a,db=b,app=c d,client=e`, or with spaces between them.
fn pairs<'a>(text: &'a [u8], head: &mut Head<'a>) {
    let separator = if text.contains(&b',') { b',' } else { b' ' };
    for part in text.split(|b| *b == separator) {
        pair(part.trim_ascii(), head);
    }
}

fn pair<'a>(text: &'a [u8], head: &mut Head<'a>) {
    let Some(equals) = text.iter().position(|b| *b == b'=') else {
        return;
    };
    let what = match &text[..equals] {
        b"user" | b"usr" | b"u" => What::User,
        b"db" | b"database" | b"dbname" | b"d" => What::Database,
        b"app" | b"application" | b"application_name" | b"a" => What::Application,
        b"client" | b"host" | b"remote" | b"h" | b"r" => What::Client,
        b"pid" | b"p" => What::Pid,
        b"line" | b"l" => What::SessionLine,
        b"session" | b"sess" | b"c" => What::SessionId,
        b"backend" | b"backend_type" | b"b" => What::Backend,
        b"queryid" | b"query_id" | b"qid" => What::QueryId,
        b"xid" | b"txid" | b"x" => What::Transaction,
        b"vxid" | b"v" => What::VirtualTransaction,
        b"state" | b"sqlstate" | b"e" => What::SqlState,
        b"cmd" | b"command" | b"tag" => What::CommandTag,
        _ => return,
    };
    head.set(what, &text[equals + 1..]);
}
