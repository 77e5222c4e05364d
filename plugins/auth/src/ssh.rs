//! What sshd says of logins and of connections.
//!
//! Names in these messages are chosen by whoever connects, before anybody knows them: the address is therefore looked for from the end.

use crate::facts::{Facts, Kind};
use crate::text::{is_address, split, split_last, word};
use crate::{SSH_DROPPED, SSH_EVENT, SSH_METHOD, SSH_SIGNATURE};
use collector_plugin::syslog::number;
use collector_plugin::{Event, scan};

const LOGIN: Kind = Kind {
    action: Some("ssh_login"),
    category: r#"["authentication","session"]"#,
    kind: r#"["info"]"#,
    outcome: Some("success"),
};
const FAILURE: Kind = Kind { category: r#"["authentication"]"#, outcome: Some("failure"), ..LOGIN };

/// Reads a message; says whether it is one of these.
#[inline]
pub(crate) fn read<'a>(message: &'a [u8], facts: &mut Facts<'a>, event: &mut Event<'a>) -> bool {
    let from = split_last(message, b" from ");
    from.and_then(|(before, behind)| login(before, behind, facts, event)).is_some()
        || from.and_then(|(before, behind)| invalid(before, behind, facts, event)).is_some()
        || dropped(message, facts, event).is_some()
        || not_allowed(message, facts).is_some()
        || refused(message, facts).is_some()
        || peer(message, facts).is_some()
}

/// `Failed password for invalid user bob from 192.0.2.7 port 22 ssh2: RSA …`
#[inline]
fn login<'a>(before: &'a [u8], behind: &'a [u8], facts: &mut Facts<'a>, event: &mut Event<'a>) -> Option<()> {
    let (address, rest) = word(behind);
    let (port, rest) = word(rest.strip_prefix(b"port ")?);
    let tail = rest.strip_prefix(b"ssh2")?;
    let (what, method) = word(before);
    let (method, user) = split(method, b" for ")?;
    let user = user.strip_prefix(b"invalid user ").unwrap_or(user);
    if !is_address(address) {
        return None;
    }
    (facts.user, facts.source, facts.source_port) = (user, address, Some(number(port)?));
    facts.kind = kind(what);
    event.text(SSH_EVENT, what);
    event.text(SSH_METHOD, method);
    if let Some(signature) = tail.strip_prefix(b": ") {
        event.text(SSH_SIGNATURE, signature);
    }
    Some(())
}

/// `Invalid user bob from 192.0.2.7 port 22`
#[inline]
fn invalid<'a>(before: &'a [u8], behind: &'a [u8], facts: &mut Facts<'a>, event: &mut Event<'a>) -> Option<()> {
    let (what, user) = match before.strip_suffix(b" user") {
        // There are clients that send no name at all.
        Some(what) => (what, &before[..0]),
        None => split(before, b" user ")?,
    };
    let (address, rest) = word(behind);
    if !is_address(address) {
        return None;
    }
    (facts.user, facts.source) = (user.trim_ascii(), address);
    facts.source_port = rest.strip_prefix(b"port ").and_then(|rest| number(word(rest).0));
    facts.kind = kind(what);
    event.text(SSH_EVENT, what);
    Some(())
}

/// `Did not receive identification string from 192.0.2.7`
fn dropped<'a>(message: &'a [u8], facts: &mut Facts<'a>, event: &mut Event<'a>) -> Option<()> {
    let (address, rest) = word(message.strip_prefix(b"Did not receive identification string from ")?);
    event.text(SSH_DROPPED, address);
    facts.source = address;
    facts.source_port = rest.strip_prefix(b"port ").and_then(|rest| number(word(rest).0));
    Some(())
}

/// `User root from 192.0.2.7 not allowed because not listed in AllowUsers`
fn not_allowed<'a>(message: &'a [u8], facts: &mut Facts<'a>) -> Option<()> {
    let (peer, _) = split_last(message.strip_prefix(b"User ")?, b" not allowed because ")?;
    let (user, address) = split_last(peer, b" from ")?;
    if !is_address(address) {
        return None;
    }
    (facts.user, facts.source) = (user, address);
    Some(())
}

/// `refused connect from client.example.com (192.0.2.7)`
fn refused<'a>(message: &'a [u8], facts: &mut Facts<'a>) -> Option<()> {
    let (_, address) = split_last(message.strip_prefix(b"refused connect from ")?, b" (")?;
    let address = address.strip_suffix(b")").filter(|address| is_address(address))?;
    facts.source = address;
    Some(())
}

/// `Connection closed by invalid user bob 192.0.2.7 port 22 [preauth]` and whatever else has an address before ` port `, and a user before that.
fn peer<'a>(message: &'a [u8], facts: &mut Facts<'a>) -> Option<()> {
    if message.starts_with(b"Server listening ") {
        return None;
    }
    let remote = match message.starts_with(b"Connection from ") {
        true => split(message, b" on ").map_or(message, |(remote, _)| remote),
        false => message,
    };
    let (before, behind) = split_last(remote, b" port ")?;
    let (port, _) = scan::digits(behind, 0)?;
    let (before, address) = scan::cut_last(before, b' ')?;
    if !scan::is_ip(address, 0, address.len()) {
        return None;
    }
    (facts.source, facts.source_port) = (address, i64::try_from(port).ok());
    let closes = [&b"Connection closed by "[..], b"Connection reset by ", b"Disconnected from ", b"Disconnecting "];
    if closes.iter().any(|start| before.starts_with(start))
        && let Some((_, user)) = split(before, b" user ").or_else(|| split(before, b"user "))
    {
        facts.user = user;
    }
    Some(())
}

/// Only these three words tell how a login ended.
fn kind(event: &[u8]) -> Option<Kind> {
    match event {
        b"Accepted" => Some(LOGIN),
        b"Failed" | b"Invalid" => Some(FAILURE),
        _ => None,
    }
}
