//! `panic: text`, and the stacks of goroutines that follow.

use collector_plugin::applog::{first_line, lines};
use collector_plugin::scan;

/// A panic, or a stack without one.
pub(crate) struct Panic<'a> {
    /// `panic`, `fatal error`, `data race`.
    pub(crate) kind: Option<&'static str>,
    /// What it says.
    pub(crate) text: &'a [u8],
    /// Where the stacks begin.
    pub(crate) stacks: usize,
    /// Where the event's message ends.
    pub(crate) message_end: usize,
}

/// Looks for a panic in an event whose message begins at `message`, and whose second line at `second`.
pub(crate) fn find(text: &[u8], message: usize, second: usize) -> Option<Panic<'_>> {
    let (first, _) = first_line(text);
    if let Some((kind, said)) = begins(&text[message..first.len()]) {
        return Some(Panic { kind: Some(kind), text: said, stacks: stacks(text, second), message_end: first.len() });
    }
    if is_data_race(text, first, second) {
        return Some(Panic {
            kind: Some("data race"),
            text: &[],
            stacks: second,
            message_end: first.len().max(second),
        });
    }
    let own = lines(text, second).find(|(_, line)| begins(line).is_some() || is_goroutine(line) || is_frame(line));
    let (at, line) = own?;
    match begins(line) {
        Some((kind, said)) => Some(Panic { kind: Some(kind), text: said, stacks: at, message_end: at }),
        None => {
            let at = if is_frame(line) { before(text, second, at) } else { at };
            let served = served(&text[message..first.len()]);
            Some(Panic { kind: served.map(|_| "panic"), text: served.unwrap_or_default(), stacks: at, message_end: at })
        }
    }
}

/// `panic: text`, `fatal error: text`, in the line or behind what has logged it.
fn begins(line: &[u8]) -> Option<(&'static str, &[u8])> {
    for (mark, kind) in [(&b"panic: "[..], "panic"), (b"fatal error: ", "fatal error")] {
        if let Some(text) = line.strip_prefix(mark) {
            return Some((kind, text));
        }
    }
    served(line).map(|text| ("panic", text))
}

/// `http: panic serving 192.0.2.7:54143: text`
fn served(line: &[u8]) -> Option<&[u8]> {
    let (_, rest) = scan::cut_text(line, b"http: panic serving ")?;
    scan::cut_text(rest, b": ").map(|(_, text)| text)
}

/// `goroutine 1 [running]:`
fn is_goroutine(line: &[u8]) -> bool {
    line.starts_with(b"goroutine ") && line.ends_with(b"]:")
}

/// `\t/src/main.go:42 +0x1d`
fn is_frame(line: &[u8]) -> bool {
    let place = line.strip_prefix(b"\t").and_then(|line| scan::cut_text(line, b".go:"));
    place.is_some_and(|(_, number)| number.first().is_some_and(u8::is_ascii_digit))
}

/// Where the stacks begin: at the first goroutine, or else in the second line.
fn stacks(text: &[u8], second: usize) -> usize {
    lines(text, second).find(|(_, line)| is_goroutine(line)).map_or(second, |(at, _)| at)
}

/// Where the line before the one at `at` begins, which names the function of a frame.
fn before(text: &[u8], second: usize, at: usize) -> usize {
    lines(text, second).take_while(|(start, _)| *start < at).last().map_or(at, |(start, _)| start)
}

/// What the race detector writes, with a line of equals signs before it or not.
fn is_data_race(text: &[u8], first: &[u8], second: usize) -> bool {
    const MARK: &[u8] = b"WARNING: DATA RACE";
    first == MARK || first.starts_with(b"=====") && text.get(second..).is_some_and(|rest| rest.starts_with(MARK))
}
