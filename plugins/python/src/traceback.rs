//! `Traceback (most recent call last):`, its frames, and what was raised.

use collector_plugin::applog::{first_line, lines};
use collector_plugin::scan;

/// What begins a traceback.
const BEGIN: &[u8] = b"Traceback (most recent call last):";

/// A traceback, or several that belong together.
pub(crate) struct Traceback<'a> {
    /// Where the first one begins.
    pub(crate) start: usize,
    /// What was raised last.
    pub(crate) class: &'a [u8],
    /// What it says.
    pub(crate) text: &'a [u8],
    /// The line that tells it.
    pub(crate) raised: &'a [u8],
}

/// Looks for tracebacks in an event.
pub(crate) fn find(text: &[u8]) -> Option<Traceback<'_>> {
    let mut starts = lines(text, 0).filter(|(_, line)| line.ends_with(BEGIN));
    let (start, line) = starts.next()?;
    let last = starts.last().map_or(start, |(at, _)| at);
    // It may be the end of the message: `failed: Traceback (most recent call last):`.
    let start = start + line.len() - BEGIN.len();
    let (_, behind) = first_line(&text[last..]);
    let raised = lines(text, last + behind)
        .find(|(_, line)| line.first().is_some_and(|b| !matches!(b, b' ' | b'\t' | b'|' | b'+')));
    let Some((at, line)) = raised else {
        return Some(Traceback { start, class: &[], text: &[], raised: BEGIN });
    };
    let (class, said) = match scan::cut(line, b':') {
        Some((class, _)) if is_class(class) => (class, text[at + class.len() + 1..].trim_ascii()),
        _ if is_class(line) => (line, &line[..0]),
        _ => (&line[..0], line),
    };
    Some(Traceback { start, class, text: said, raised: line })
}

/// A name with a module or without.
fn is_class(word: &[u8]) -> bool {
    let is_part = |part: &[u8]| {
        part.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
            && part.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
    };
    word.split(|b| *b == b'.').all(is_part)
}
