//! Everything before the time, where it is more than one address: a virtual host, a list of proxies, a user name with spaces.

use crate::{REMOTE_IPS, access::set_user};
use collector_plugin::weblog::{RELATED_IP, SOURCE_ADDRESS, SOURCE_IP, set_destination};
use collector_plugin::{Event, Reject, scan};
use std::net::IpAddr;

/// `example.com:80 "10.0.0.2, 10.0.0.1" 127.0.0.1 - user name [`: gives where the bracket is.
#[inline(never)]
pub(crate) fn parse<'a>(line: &'a [u8], related: bool, event: &mut Event<'a>) -> Result<usize, Reject> {
    let dash = position(line, 0, b" - ").ok_or(Reject("no client address"))?;
    let bracket = position(line, dash + 2, b" [").ok_or(Reject("no time"))? + 1;
    addresses(host(&line[..dash], event), related, event)?;
    if let Some(user) = line.get(dash + 3..bracket - 1) {
        set_user(user, related, event);
    }
    Ok(bracket)
}

/// Whether it is letters, digits and `_` alone: what a list of addresses may also have.
pub(crate) fn is_word(address: &[u8]) -> bool {
    !address.is_empty() && address.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

fn position(line: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let rest = line.get(from..)?;
    rest.windows(what.len()).position(|w| w == what).map(|at| from + at)
}

/// Takes a virtual host off the front: a first word without quotes or a comma that more words follow.
fn host<'a>(peers: &'a [u8], event: &mut Event<'a>) -> &'a [u8] {
    let Some(space) = scan::find(peers, 0, b' ') else {
        return peers;
    };
    let (word, rest) = (&peers[..space], &peers[space + 1..]);
    if word.iter().any(|b| matches!(b, b'"' | b',')) || word.is_empty() {
        return peers;
    }
    set_destination(word, event);
    rest
}

/// The source is the first public address, else the first.
fn addresses<'a>(peers: &'a [u8], related: bool, event: &mut Event<'a>) -> Result<(), Reject> {
    let words = || peers.split(|b| matches!(b, b' ' | b',' | b'"')).filter(|word| !word.is_empty());
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
        words().for_each(|word| event.append(REMOTE_IPS, word));
    }
    Ok(())
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
