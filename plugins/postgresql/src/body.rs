//! What the server says of statements: `duration: 0.327 ms  statement: select 1`.

use collector_plugin::scan::digits;
use collector_plugin::time::fraction;

/// Nanoseconds of a millisecond.
const MS_NS: i64 = 1_000_000;
/// Bytes that the names of a prepared statement and a portal have together, at most.
const NAME_MAX: usize = 160;

/// Steps of a statement; a name may stand behind those that are true.
const STEPS: [(&str, bool); 6] = [
    ("statement", false),
    ("parse", true),
    ("bind", true),
    ("execute fetch from", true),
    ("execute", true),
    ("fastpath function call", false),
];

/// A message, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Body<'t> {
    /// Nanoseconds.
    pub(crate) duration_ns: Option<i64>,
    /// What was done to which statement.
    pub(crate) step: Option<Step<'t>>,
    /// What is behind the duration: nothing where that is all.
    pub(crate) rest: &'t [u8],
}

/// `execute S_1: select 1`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step<'t> {
    pub(crate) step: &'static str,
    /// Nothing where it has none.
    pub(crate) name: &'t [u8],
    pub(crate) query: &'t [u8],
}

/// Takes a message apart.
pub(crate) fn read(text: &[u8]) -> Body<'_> {
    match duration(text) {
        Some((duration_ns, rest)) => Body { duration_ns: Some(duration_ns), step: step(rest, true), rest },
        None => Body { duration_ns: None, step: step(text, false), rest: text },
    }
}

fn duration(text: &[u8]) -> Option<(i64, &[u8])> {
    let number = text.strip_prefix(b"duration: ")?;
    let (whole, end) = digits(number, 0)?;
    let (part, end) = fraction(number, end)?;
    let rest = number.get(end..)?.strip_prefix(b" ms")?;
    let spaces = rest.iter().take_while(|b| **b == b' ').count();
    if spaces == 0 && !rest.is_empty() {
        return None;
    }
    let duration_ns = i64::try_from(whole).ok()?.checked_mul(MS_NS)?.checked_add(part / 1_000)?;
    Some((duration_ns, &rest[spaces..]))
}

/// Without a duration the server says `statement` and `execute` only, and other words begin other messages.
fn step(text: &[u8], timed: bool) -> Option<Step<'_>> {
    for (step, named) in STEPS {
        let Some(rest) = text.strip_prefix(step.as_bytes()) else {
            continue;
        };
        if let Some(query) = rest.strip_prefix(b": ") {
            return Some(Step { step, name: &[], query });
        }
        let may_have_name = named && (timed || step.starts_with("execute"));
        if let Some(found) = rest.strip_prefix(b" ").filter(|_| may_have_name).and_then(name) {
            return Some(Step { step, name: found.0, query: found.1 });
        }
    }
    None
}

/// `S_1: select`: a name without spaces, and what follows it.
fn name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let window = &text[..text.len().min(NAME_MAX)];
    let end = window.windows(2).position(|pair| pair == b": ")?;
    let is_name = end > 0 && !window[..end].iter().any(u8::is_ascii_whitespace);
    is_name.then(|| (&text[..end], &text[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step_of<'t>(text: &'t str) -> Option<(&'static str, &'t str, &'t str)> {
        let utf8 = |bytes: &'t [u8]| std::str::from_utf8(bytes).unwrap();
        read(text.as_bytes()).step.map(|s| (s.step, utf8(s.name), utf8(s.query)))
    }

    #[test]
    fn a_duration_is_read_to_the_nanosecond() {
        for (text, ns, rest) in [
            ("duration: 719.436 ms", 719_436_000, ""),
            ("duration: 3 ms  statement: x", 3_000_000, "statement: x"),
            ("duration: 0.000001 ms", 1, ""),
            ("duration: 1.5 ms statement: x", 1_500_000, "statement: x"),
        ] {
            let body = read(text.as_bytes());
            assert_eq!((body.duration_ns, body.rest), (Some(ns), rest.as_bytes()), "{text}");
        }
        for text in [
            "duration: x ms",
            "duration: 1. ms",
            "duration: 1 s",
            "duration: 1 msx",
            "duration: 99999999999999999999 ms",
        ] {
            assert_eq!(read(text.as_bytes()).duration_ns, None, "{text}");
        }
    }

    #[test]
    fn steps_are_told_from_other_messages() {
        assert_eq!(step_of("statement: select 1"), Some(("statement", "", "select 1")));
        assert_eq!(step_of("duration: 1 ms  parse <unnamed>: s"), Some(("parse", "<unnamed>", "s")));
        assert_eq!(
            step_of("duration: 1 ms  execute fetch from S_1/C_2: s"),
            Some(("execute fetch from", "S_1/C_2", "s"))
        );
        assert_eq!(step_of("execute S_1: s"), Some(("execute", "S_1", "s")));
        assert_eq!(step_of("parse error: s"), None);
        assert_eq!(step_of("statement timeout: s"), None);
        assert_eq!(step_of("execute the plan: s"), None);
    }
}
