//! Users and addresses that a message names: `Access denied for user 'root'@'203.0.113.7' (using password: YES)`.

use crate::{About, Entry, SOURCE_DOMAIN, SOURCE_IP, USER, text};
use collector_plugin::{Event, scan};

/// Whether all of a text is an IP address.
pub(crate) fn is_ip(text: &[u8]) -> bool {
    scan::is_ip(text, 0, text.len())
}

/// Sets where somebody came from: an address or a name.
pub(crate) fn origin<'a>(host: &'a [u8], entry: &mut Entry<'a>, event: &mut Event<'a>) {
    if is_ip(host) {
        event.text(SOURCE_IP, host);
        entry.ip = host;
    } else {
        text(event, SOURCE_DOMAIN, host);
    }
}

/// Sets what a message says of a user or an address.
pub(crate) fn parse<'a>(message: &'a [u8], entry: &mut Entry<'a>, event: &mut Event<'a>) {
    let quoted = |before: &[u8]| {
        let (_, rest) = scan::cut_text(message, before)?;
        scan::cut(rest, b'\'')
    };
    if let Some((user, rest)) = quoted(b"Access denied for user '") {
        entry.about = About::Denied;
        user_name(user, entry, event);
        if let Some((host, _)) = rest.strip_prefix(b"@'").and_then(|rest| scan::cut(rest, b'\'')) {
            origin(host, entry, event);
        }
    } else if let Some((user, _)) = quoted(b"  user: '").filter(|_| forces_a_close(message)) {
        user_name(user, entry, event);
    } else if let Some((address, rest)) = quoted(b"IP address '").filter(|(address, _)| is_ip(address)) {
        if rest.starts_with(b" could not be resolved") {
            entry.about = About::Network;
            origin(address, entry, event);
        }
    } else if let Some((address, _)) = quoted(b"Server socket created on IP: '").filter(|(address, _)| is_ip(address)) {
        origin(address, entry, event);
    }
}

fn forces_a_close(message: &[u8]) -> bool {
    scan::cut_text(message, b": Forcing close of thread ").is_some()
}

/// Sets the user, where there is one.
pub(crate) fn user_name<'a>(user: &'a [u8], entry: &mut Entry<'a>, event: &mut Event<'a>) {
    text(event, USER, user);
    entry.user = user;
}
