//! Clients: an address, a name, or a list of proxies, with or without the server's name before it.

use super::{RELATED_IP, RELATED_USER, SOURCE_ADDRESS, SOURCE_IP, USER, set_destination};
use crate::{Event, Field, Reject, scan};
use std::net::IpAddr;

/// Sets the user, where there is one.
#[inline(always)]
pub fn set_user<'a>(user: &'a [u8], related: bool, event: &mut Event<'a>) {
    if !matches!(user, b"-" | b"") {
        event.text(USER, user);
        if related {
            event.append(RELATED_USER, user);
        }
    }
}

/// Whether it is letters, digits and `_` alone: what a list of addresses may also have.
#[must_use]
pub fn is_word(address: &[u8]) -> bool {
    !address.is_empty() && address.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Takes a virtual host off the front and sets it: a first word without quotes or a comma that more words follow. Gives the rest.
pub fn set_virtual_host<'a>(peers: &'a [u8], related: bool, event: &mut Event<'a>) -> &'a [u8] {
    let Some(space) = scan::find(peers, 0, b' ') else {
        return peers;
    };
    let (word, rest) = (&peers[..space], &peers[space + 1..]);
    if word.iter().any(|b| matches!(b, b'"' | b',')) || word.is_empty() {
        return peers;
    }
    set_destination(word, related, event);
    rest
}

/// Sets the source: of the addresses between commas, quotes and spaces the first public one, else the first. They all go to the field `list`, sorted, where there
/// are more than one, or `related` is wanted. Gives the source.
///
/// # Errors
/// There is none.
pub fn set_clients<'a>(
    clients: &'a [u8],
    list: Field,
    related: bool,
    event: &mut Event<'a>,
) -> Result<&'a [u8], Reject> {
    let words = || clients.split(|b| matches!(b, b' ' | b',' | b'"')).filter(|word| !word.is_empty());
    let first = words().next().ok_or(Reject("no client address"))?;
    let source = words().find(|word| ip(word).is_some_and(is_public)).unwrap_or(first);
    let is_ip = scan::is_ip(source, 0, source.len());
    event.text(SOURCE_ADDRESS, source);
    if is_ip {
        event.text(SOURCE_IP, source);
        if related {
            event.append(RELATED_IP, source);
        }
    }
    let is_list = words().nth(1).is_some();
    if is_list || related && (is_ip || is_word(source)) {
        // In this order Elastic's pipelines keep them; the line has the order in which they were passed on.
        let mut sorted: Vec<&[u8]> = words().collect();
        sorted.sort_unstable();
        sorted.into_iter().for_each(|word| event.append(list, word));
    }
    Ok(source)
}

fn ip(word: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified()),
        IpAddr::V6(ip) => {
            !(ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local())
        }
    }
}
