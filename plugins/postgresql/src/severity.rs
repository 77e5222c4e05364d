//! `LOG:  `: the level of an entry, which ends its prefix.

use collector_plugin::scan;

/// The words of an English server.
const WORDS: [&str; 18] = [
    "LOG",
    "ERROR",
    "STATEMENT",
    "DETAIL",
    "HINT",
    "CONTEXT",
    "LOCATION",
    "WARNING",
    "FATAL",
    "PANIC",
    "NOTICE",
    "INFO",
    "QUERY",
    "DEBUG",
    "DEBUG1",
    "DEBUG2",
    "DEBUG3",
    "BACKTRACE",
];
/// Bytes that the longest word of any language has at most.
const WORD_MAX: usize = 48;
/// Where a level is looked for: a prefix has at most a few names of 63 bytes.
const PREFIX_MAX: usize = 1024;

/// A level, and where the text behind it begins.
pub(crate) struct Severity<'a> {
    pub(crate) level: &'a [u8],
    /// Where the level begins.
    pub(crate) start: usize,
    /// Where the text behind it begins.
    pub(crate) text: usize,
}

/// The level that begins at `at`.
pub(crate) fn at(line: &[u8], at: usize) -> Option<Severity<'_>> {
    let window = &line[..line.len().min(at + WORD_MAX)];
    let colon = scan::find(window, at, b':')?;
    before(line, at, colon).filter(|severity| severity.start == at)
}

/// The first level from `at` on.
pub(crate) fn find(line: &[u8], at: usize) -> Option<Severity<'_>> {
    let window = &line[..line.len().min(at + PREFIX_MAX)];
    let mut from = at;
    while let Some(colon) = scan::find2(window, from, b':', b'\n') {
        if line[colon] == b'\n' {
            return None;
        }
        if let Some(severity) = before(line, at, colon) {
            return Some(severity);
        }
        from = colon + 1;
    }
    None
}

/// The level whose colon is at `colon`: an English word, or one of any language with two spaces behind it, as the server writes them.
fn before(line: &[u8], from: usize, colon: usize) -> Option<Severity<'_>> {
    let spaces = line[colon + 1..].iter().take(2).take_while(|b| **b == b' ').count();
    let at_end = colon + 1 == line.len();
    if spaces == 0 && !at_end {
        return None;
    }
    // French writes a space in front of the colon.
    let end = if colon > from && line[colon - 1] == b' ' { colon - 1 } else { colon };
    let length = line[from..end].iter().rev().take(WORD_MAX).take_while(|b| is_letter(**b)).count();
    let level = &line[end - length..end];
    let is_english = DEBUGS.contains(&level) || WORDS.iter().any(|word| word.as_bytes() == level);
    let is_level =
        (1..WORD_MAX).contains(&length) && (is_english || spaces == 2 && level.iter().all(|b| !b.is_ascii_digit()));
    is_level.then_some(Severity { level, start: end - length, text: colon + 1 + spaces })
}

/// The two of the debug levels that are rarest.
const DEBUGS: [&[u8]; 2] = [b"DEBUG4", b"DEBUG5"];

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<(&str, &str)> {
        let severity = find(line.as_bytes(), 0)?;
        Some((std::str::from_utf8(severity.level).unwrap(), &line[severity.text..]))
    }

    #[test]
    fn the_first_level_is_found() {
        assert_eq!(found("[1] a@b LOG:  x: y ERROR:  z"), Some(("LOG", "x: y ERROR:  z")));
        assert_eq!(found("host:[local]:[12]:LOG: x"), Some(("LOG", "x")));
        assert_eq!(found("[1] DEBUG5:   x"), Some(("DEBUG5", " x")));
        assert_eq!(found("[1] FEHLER:  x"), Some(("FEHLER", "x")));
        assert_eq!(found("[1] ОШИБКА:  x"), Some(("ОШИБКА", "x")));
        assert_eq!(found("[1] ATTENTION :  x"), Some(("ATTENTION", "x")));
        assert_eq!(found("LOG:"), Some(("LOG", "")));
    }

    #[test]
    fn what_is_no_level_is_passed_over() {
        for line in [
            "",
            &format!("xx{}:  x", "é".repeat(40)),
            "hello: there",
            "a:b",
            "12:00:00",
            ":  x",
            "12:  x",
            "x\nLOG:  y",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }
}
