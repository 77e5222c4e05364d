//! Stack traces: `java.io.IOException: text`, its frames, and its causes.

use crate::class::{is_dotted, is_throwable};
use collector_plugin::applog::{first_line, lines};
use collector_plugin::scan;

/// A stack trace.
pub(crate) struct Trace<'a> {
    /// What was thrown.
    pub(crate) class: &'a [u8],
    /// What it says.
    pub(crate) text: &'a [u8],
    /// All of it.
    pub(crate) whole: &'a [u8],
    /// Where the event's message ends.
    pub(crate) message_end: usize,
}

/// What begins a stack trace.
struct Header<'a> {
    at: usize,
    class: &'a [u8],
    /// Where its text begins.
    text_at: usize,
}

impl Header<'_> {
    /// In a text in which the line begins at `by`.
    fn moved(self, by: usize) -> Self {
        Self { at: self.at + by, text_at: self.text_at + by, ..self }
    }
}

/// Looks for a stack trace in an event whose message begins at `message`, and whose second line at `second`.
pub(crate) fn find(text: &[u8], message: usize, second: usize) -> Option<Trace<'_>> {
    let frame = lines(text, second).find(|(_, line)| is_frame(line)).map(|(at, _)| at);
    let between = lines(text, second).take_while(|(at, _)| frame.is_none_or(|frame| *at < frame));
    let header = between.filter_map(|(at, line)| header_of(line, 0).map(|header| header.moved(at))).next();
    // Without frames, only what has a package is an exception and no text.
    if let Some(header) = header.filter(|header| frame.is_some() || is_dotted(header.class)) {
        return Some(trace(text, header.at, header, frame));
    }
    let frame = frame?;
    // The exception is the first line, or the end of its message.
    let (first, _) = first_line(text);
    match within(first, message.min(first.len())).or_else(|| header_of(first, message)) {
        Some(header) => Some(trace(text, second, header, Some(frame))),
        None => Some(Trace { class: &[], text: &[], whole: text[frame..].trim_ascii_end(), message_end: frame }),
    }
}

fn trace<'a>(text: &'a [u8], message_end: usize, header: Header<'a>, frame: Option<usize>) -> Trace<'a> {
    let end = match frame {
        Some(frame) => frame,
        None => header.text_at + first_line(&text[header.text_at..]).0.len(),
    };
    let said = text.get(header.text_at..end).unwrap_or_default().trim_ascii();
    Trace { class: header.class, text: said, whole: text[header.at..].trim_ascii_end(), message_end }
}

/// `at org.example.Main.run(Main.java:42)`, also behind Maven's level.
fn is_frame(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"[ERROR] ").map_or(line, <[u8]>::trim_ascii_start);
    line.strip_prefix(b"at ").is_some_and(|rest| rest.contains(&b'(') || is_dotted(rest))
}

/// The exception that a line is from `from` on: its class, and its text behind a colon.
fn header_of(line: &[u8], from: usize) -> Option<Header<'_>> {
    let rest = line.get(from..)?.trim_ascii_start();
    let at = line.len() - rest.len();
    if [&b"Caused by: "[..], b"Exception in thread "].iter().any(|prefix| rest.starts_with(prefix)) {
        return within(line, at);
    }
    let (class, text_at) = match scan::cut(rest, b':') {
        Some((class, _)) => (class, at + class.len() + 1),
        None => (rest.trim_ascii_end(), line.len()),
    };
    let is_class = is_dotted(class) && class.iter().any(u8::is_ascii_uppercase);
    (is_class || is_throwable(class)).then_some(Header { at, class, text_at })
}

/// The first exception that a line names from `from` on.
fn within(line: &[u8], from: usize) -> Option<Header<'_>> {
    let mut at = from;
    while at < line.len() {
        let end = scan::find(line, at, b' ').unwrap_or(line.len());
        let whole = &line[at..end];
        let word = whole.strip_suffix(b":").unwrap_or(whole);
        let ends = word.len() < whole.len() || end == line.len() || is_dotted(word);
        if ends && is_throwable(word) {
            return Some(Header { at, class: word, text_at: end.min(at + word.len() + 1) });
        }
        at = end + 1;
    }
    None
}
