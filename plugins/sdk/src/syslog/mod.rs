//! The header that syslog daemons put before a message, in the form of RFC 3164 and of the files that daemons write; for every parser whose lines come through syslog.
//!
//! ```
//! use collector_plugin::syslog::{Clues, Reader};
//! use collector_plugin::time::Zone;
//!
//! let line = b"<38>2026-02-12T14:10:21Z web1 sshd[16378]: Invalid user pascal";
//! let header = Reader::new(Zone::Local).read(line, Clues::default()).unwrap();
//! assert_eq!((header.priority, header.host, header.program, header.pid), (Some(38), &b"web1"[..], &b"sshd"[..], &b"16378"[..]));
//! assert_eq!(header.message(line), b"Invalid user pascal");
//! ```

mod stamp;
mod tag;
#[cfg(test)]
mod tests;

pub use stamp::{Clues, Stamp, Stamps};
pub use tag::{Tag, tag};

use crate::scan;
use crate::time::Zone;
use crate::{Event, Reject};

/// What a parser of such lines reads: the line, and the two values that [`Clues::of`] takes from columns 1 and 2.
pub const READS: [&str; 3] = ["message", Zone::META, "@meta.day"];

/// The highest priority: facility 23, severity 7.
const PRIORITY_MAX: u64 = 191;

/// What stands before the message. Texts that are not there are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// Facility × 8 + severity.
    pub priority: Option<u8>,
    /// When it was written; none where the line does not say it, or not the year, and nothing is known of that.
    pub time_ns: Option<i64>,
    /// The number that Cisco's devices put before the time.
    pub sequence: Option<u32>,
    /// The machine.
    pub host: &'a [u8],
    /// The program, without its process id.
    pub program: &'a [u8],
    /// What the brackets behind the program hold.
    pub pid: &'a [u8],
    /// Where the message begins.
    pub message: usize,
}

impl<'a> Header<'a> {
    /// The message; one space behind the header is not part of it.
    #[inline]
    #[must_use]
    pub fn message(&self, line: &'a [u8]) -> &'a [u8] {
        line.get(self.message..).unwrap_or_default()
    }

    /// The process id as a number, where it is one.
    #[inline]
    #[must_use]
    pub fn pid_number(&self) -> Option<i64> {
        number(self.pid)
    }
}

/// A text that is a decimal number and nothing else.
#[inline]
#[must_use]
pub fn number(text: &[u8]) -> Option<i64> {
    let (value, end) = scan::digits(text, 0)?;
    if end == text.len() { i64::try_from(value).ok() } else { None }
}

impl<'a> Clues<'a> {
    /// From the columns of a parser that reads [`READS`].
    #[inline(always)]
    #[must_use]
    pub fn of(event: &Event<'a>) -> Self {
        let input = event.input();
        Self { timezone: input.value(1), day: input.value(2) }
    }
}

/// Reads headers; what neighbouring lines have in common is remembered.
pub struct Reader {
    stamps: Stamps,
}

impl Reader {
    /// A reader of times in `zone` where they name none.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        Self { stamps: Stamps::new(zone) }
    }

    /// The header of a line, which has a priority, a time, or both.
    ///
    /// # Errors
    /// The line has neither, or a priority that is none.
    #[inline]
    pub fn read<'a>(&mut self, line: &'a [u8], clues: Clues<'_>) -> Result<Header<'a>, Reject> {
        let (priority, start) = match line.first() {
            Some(b'<') => priority(line, 0).map(|(priority, end)| (Some(priority), end))?,
            _ => (None, 0),
        };
        if let Some(stamp) = self.stamps.read(line, start, clues) {
            return Ok(Header { priority, ..behind_time(line, stamp) });
        }
        if let Some(header) = self.device(line, start, clues) {
            return Ok(Header { priority, ..header });
        }
        match priority {
            Some(_) => Ok(Header { priority, ..with_tag(line, start) }),
            None => Err(Reject("no timestamp of syslog")),
        }
    }

    /// What network devices put before the time: a sequence number, the host's name, a colon alone.
    #[cold]
    #[inline(never)]
    fn device<'a>(&mut self, line: &'a [u8], start: usize, clues: Clues<'_>) -> Option<Header<'a>> {
        let (mut at, mut sequence, mut host) = (start, None, &line[..0]);
        for _ in 0..3 {
            let colon = scan::find2(line, at, b':', b' ').filter(|colon| line[*colon] == b':')?;
            let word = &line[at..colon];
            match number(word) {
                Some(number) => sequence = u32::try_from(number).ok(),
                None if word.is_empty() || is_host(word) => host = word,
                None => return None,
            }
            at = colon + 1;
            at += usize::from(line.get(at) == Some(&b' '));
            if let Some(stamp) = self.stamps.read(line, at, clues) {
                let header = behind_time(line, stamp);
                let host = if header.host.is_empty() { host } else { header.host };
                return Some(Header { sequence, host, ..header });
            }
        }
        None
    }
}

/// The priority `<34>` at `at`, and where it ends: 0 to 191, without leading zeros.
///
/// # Errors
/// There is none.
#[inline]
pub fn priority(line: &[u8], at: usize) -> Result<(u8, usize), Reject> {
    const BAD: Reject = Reject("no priority from <0> to <191>");
    let (value, end) = scan::digits(line, at + 1).ok_or(BAD)?;
    let shortest = line[at + 1] != b'0' || end == at + 2;
    if line[at] != b'<' || line.get(end) != Some(&b'>') || value > PRIORITY_MAX || !shortest {
        return Err(BAD);
    }
    Ok((value as u8, end + 1))
}

/// The machine and the tag behind the time.
#[inline]
fn behind_time<'a>(line: &'a [u8], stamp: Stamp) -> Header<'a> {
    let time_ns = stamp.ns;
    let at = match line.get(stamp.end..) {
        Some([b' ', ..]) => stamp.end + 1,
        // Cisco's devices have a colon here, and what follows is the message.
        Some([b':', b' ', ..]) => return Header { time_ns, message: stamp.end + 2, ..Header::default() },
        _ => return Header { time_ns, message: stamp.end, ..Header::default() },
    };
    let end = scan::find(line, at, b' ').unwrap_or(line.len());
    let word = &line[at..end];
    if word.ends_with(b":") || word.first() == Some(&b'[') || !is_host(word) || repeated(&line[at..]) {
        return Header { time_ns, ..with_tag(line, at) };
    }
    if word == b"Message" && line[at..].starts_with(b"Message forwarded from ") {
        return Header { time_ns, ..forwarded(line, at) };
    }
    let mut tag = (end + 1).min(line.len());
    if line[tag..].starts_with(b": ") {
        // Firewalls of Cisco have a colon of its own behind their name.
        return Header { time_ns, host: word, message: tag + 2, ..Header::default() };
    }
    // Gateways of Ubiquiti name themselves twice.
    if let Some([b' ', ..]) = line[tag..].strip_prefix(word) {
        tag += word.len() + 1;
    }
    Header { time_ns, host: word, ..with_tag(line, tag) }
}

/// `Message forwarded from HOST: tag: text`, as AIX writes it.
#[cold]
fn forwarded(line: &[u8], at: usize) -> Header<'_> {
    let host = at + b"Message forwarded from ".len();
    match scan::find2(line, host, b':', b' ') {
        Some(colon) if line[colon..].starts_with(b": ") => {
            Header { host: &line[host..colon], ..with_tag(line, colon + 2) }
        }
        _ => Header { message: at, ..Header::default() },
    }
}

/// The tag at `at`, where there is one, else the message.
#[inline]
fn with_tag(line: &[u8], at: usize) -> Header<'_> {
    match tag(line, at) {
        Some(Tag { name, pid, end }) => Header { program: name, pid, message: end, ..Header::default() },
        None => Header { message: at, ..Header::default() },
    }
}

/// Whether a word can be the name or the address of a machine.
#[inline]
fn is_host(word: &[u8]) -> bool {
    let begins = word.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b':' || *b >= 0x80);
    begins
        && word
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'%' | b'/') || *b >= 0x80)
}

/// What a daemon writes instead of the same message again.
fn repeated(text: &[u8]) -> bool {
    text.starts_with(b"last message repeated ")
}
