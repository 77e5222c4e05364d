//! What the logs of programs have in common, whichever library writes them: times in many forms, levels, events of several lines.

mod glog;
mod moment;
#[cfg(test)]
mod tests;

pub use glog::Glog;
pub use moment::{Moment, Moments};

use crate::scan;

/// What a parser of such lines reads: the line, and the two values that [`Clues::of`](crate::syslog::Clues::of) takes from columns 1 and 2.
pub const READS: [&str; 3] = crate::syslog::READS;

/// Bytes of the longest level.
const LEVEL_BYTES_MAX: usize = 9;

/// Whether a word is a level: the usual names in upper or lower case, and their usual abbreviations.
///
/// ```
/// use collector_plugin::applog::is_level;
/// assert!(is_level(b"WARN") && is_level(b"warning") && is_level(b"Info") && !is_level(b"Informed"));
/// ```
#[inline]
#[must_use]
pub fn is_level(word: &[u8]) -> bool {
    let mut upper = [0; LEVEL_BYTES_MAX];
    let Some(upper) = upper.get_mut(..word.len()).filter(|upper| upper.len() >= 3) else {
        return false;
    };
    upper.copy_from_slice(word);
    upper.make_ascii_uppercase();
    let cased = upper == word || word[1..].iter().all(u8::is_ascii_lowercase);
    cased && is_upper_level(upper)
}

fn is_upper_level(word: &[u8]) -> bool {
    matches!(
        word,
        b"INFO"
            | b"WARN"
            | b"ERROR"
            | b"DEBUG"
            | b"TRACE"
            | b"WARNING"
            | b"FATAL"
            | b"CRITICAL"
            | b"NOTICE"
            | b"SEVERE"
            | b"CONFIG"
            | b"FINE"
            | b"FINER"
            | b"FINEST"
            | b"ALERT"
            | b"EMERG"
            | b"CRIT"
            | b"ERR"
            | b"PANIC"
            | b"DPANIC"
            | b"INF"
            | b"WRN"
            | b"DBG"
            | b"TRC"
            | b"FTL"
            | b"VERBOSE"
            | b"SUCCESS"
            | b"AUDIT"
            | b"EMERGENCY"
    )
}

/// The first line of an event, and where the second one begins (the event's end, where there is none).
#[inline]
#[must_use]
pub fn first_line(event: &[u8]) -> (&[u8], usize) {
    match scan::find(event, 0, b'\n') {
        Some(end) => (event[..end].strip_suffix(b"\r").unwrap_or(&event[..end]), end + 1),
        None => (event, event.len()),
    }
}

/// The lines of an event from `at` on, each with where it begins.
pub fn lines(event: &[u8], mut at: usize) -> impl Iterator<Item = (usize, &[u8])> {
    std::iter::from_fn(move || {
        if at >= event.len() {
            return None;
        }
        let start = at;
        let (line, behind) = first_line(&event[start..]);
        at = start + behind;
        Some((start, line))
    })
}
