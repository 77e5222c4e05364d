//! `I0212 14:10:21.123456   12345 main.go:42] text`: the form of glog, klog, absl and what descends from them.

use super::{Moment, Moments};
use crate::scan;
use crate::syslog::Clues;

/// The parts of such a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glog<'a> {
    /// `INFO`, `WARNING`, `ERROR` or `FATAL`.
    pub level: &'static str,
    /// When it was written.
    pub moment: Moment,
    /// The thread, or the process.
    pub thread: i64,
    /// The file that logged it.
    pub file: &'a [u8],
    /// Its line.
    pub line: i64,
    /// Where the message begins.
    pub message: usize,
}

impl<'a> Glog<'a> {
    /// Reads the first line of an event.
    #[must_use]
    pub fn read(text: &'a [u8], moments: &Moments, clues: Clues<'_>) -> Option<Self> {
        let level = match text.first()? {
            b'I' => "INFO",
            b'W' => "WARNING",
            b'E' => "ERROR",
            b'F' => "FATAL",
            _ => return None,
        };
        let moment = moments.glog(text, 1, clues)?;
        let rest = text[moment.end..].trim_ascii_start();
        let (thread, rest) = scan::cut(rest, b' ')?;
        let (place, _) = scan::cut(rest, b']')?;
        let (file, line) = scan::cut_last(place, b':')?;
        let end = text.len() - rest.len() + place.len() + 1;
        let message = end + usize::from(text.get(end) == Some(&b' '));
        Some(Self { level, moment, thread: scan::int(thread)?, file, line: scan::int(line)?, message })
    }
}
