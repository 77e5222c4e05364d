//! Telling words apart.

use collector_plugin::applog::is_level;
use collector_plugin::scan;

/// Takes the colours of a terminal off a word.
pub(crate) fn plain(word: &[u8]) -> &[u8] {
    let mut word = word;
    while let Some(rest) = word.strip_prefix(b"\x1b[") {
        match scan::cut(rest, b'm') {
            Some((_, behind)) => word = behind,
            None => return word,
        }
    }
    scan::cut(word, 0x1b).map_or(word, |(word, _)| word)
}

/// Whether a word is a level and not the first word of a message.
pub(crate) fn is_capital_level(word: &[u8]) -> bool {
    is_level(word) && word.iter().all(u8::is_ascii_uppercase)
}

/// `server/main.go:42`
pub(crate) fn place(word: &[u8]) -> Option<(&[u8], i64)> {
    let (file, line) = scan::cut_last(word.strip_suffix(b":").unwrap_or(word), b':')?;
    if file.ends_with(b".go") { Some((file, scan::int(line)?)) } else { None }
}

/// Whether a word can be the name of a logger or of a part of a program.
pub(crate) fn is_name(word: &[u8]) -> bool {
    word.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
        && word.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/'))
}

/// The level of one letter.
pub(crate) fn letter(letter: u8) -> Option<&'static str> {
    match letter {
        b'D' => Some("DEBUG"),
        b'I' => Some("INFO"),
        b'N' => Some("NOTICE"),
        b'W' => Some("WARNING"),
        b'E' => Some("ERROR"),
        b'C' => Some("CRITICAL"),
        b'F' => Some("FATAL"),
        _ => None,
    }
}
