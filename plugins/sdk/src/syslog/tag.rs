//! The tag: `sshd[16378]: `.

use crate::scan;
use crate::syslog::number;

/// How far the brackets of a program whose name has spaces are looked for.
const SPACED_NAME_BYTES_MAX: usize = 64;

/// The program that wrote the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// What the brackets behind the name hold: mostly the process id. Empty where there are none.
    pub pid: &'a [u8],
    /// Where the message begins.
    pub end: usize,
}

/// The tag at `at`. None where the first word is none: the message has no tag then.
#[inline]
#[must_use]
pub fn tag(line: &[u8], at: usize) -> Option<Tag<'_>> {
    let stop = scan::find2(line, at, b'[', b' ').unwrap_or(line.len());
    // An event in ArcSight's format: its header has brackets only by chance.
    if stop == at || line[at..].starts_with(b"CEF:") {
        return None;
    }
    if line.get(stop) == Some(&b'[') && line[stop - 1] != b':' {
        return bracketed(line, at, stop);
    }
    // A number is the one that a device of Cisco has for its message.
    if line[stop - 1] == b':' && stop - 1 > at && line[at] != b'%' && number(&line[at..stop - 1]).is_none() {
        return Some(Tag { name: &line[at..stop - 1], pid: &line[..0], end: behind(line, stop) });
    }
    spaced(line, at, stop)
}

/// `name[pid]: `, and `name[pid] ` of programs that leave the colon out.
#[inline]
fn bracketed(line: &[u8], at: usize, bracket: usize) -> Option<Tag<'_>> {
    let close = scan::find2(line, bracket + 1, b']', b' ').filter(|close| line[*close] == b']')?;
    let colon = line.get(close + 1) == Some(&b':');
    let pid = &line[bracket + 1..close];
    if !colon && (number(pid).is_none() || line.get(close + 1).is_some_and(|b| *b != b' ')) {
        return None;
    }
    Some(Tag { name: &line[at..bracket], pid, end: behind(line, close + 1 + usize::from(colon)) })
}

/// `Google Chrome Helper[123]: `: only the brackets tell such a name from a message.
#[inline(never)]
fn spaced(line: &[u8], at: usize, from: usize) -> Option<Tag<'_>> {
    let near = &line[..line.len().min(at + SPACED_NAME_BYTES_MAX)];
    let bracket = scan::find2(near, from, b'[', b':').filter(|stop| near[*stop] == b'[')?;
    let named = line[at..bracket].iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'.' | b'-' | b'_'));
    if !named || line[bracket - 1] == b' ' {
        return None;
    }
    bracketed(line, at, bracket)
        .filter(|tag| number(tag.pid).is_some() && line[..tag.end].trim_ascii_end().ends_with(b":"))
}

/// Behind one space, where there is one.
#[inline(always)]
fn behind(line: &[u8], at: usize) -> usize {
    at + usize::from(line.get(at) == Some(&b' '))
}
