//! Strings and their escapes.

use crate::value::BAD;
use collector_plugin::{Reject, scan};
use std::borrow::Cow;

/// A string that was found.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    start: usize,
    quote: usize,
    escaped: bool,
}

impl Text {
    /// What is between the quotes, as it was written.
    #[inline(always)]
    pub(crate) fn raw(self, line: &[u8]) -> &[u8] {
        &line[self.start..self.quote]
    }

    /// Whether it has escapes.
    #[inline(always)]
    pub(crate) fn escaped(self) -> bool {
        self.escaped
    }

    /// What it means.
    pub(crate) fn plain(self, line: &[u8]) -> Cow<'_, [u8]> {
        let raw = self.raw(line);
        if !self.escaped {
            return Cow::Borrowed(raw);
        }
        let mut plain = Vec::new();
        unescape(raw, &mut plain);
        Cow::Owned(plain)
    }

    /// Behind the closing quote.
    #[inline(always)]
    pub(crate) fn end(self) -> usize {
        self.quote + 1
    }
}

/// The string whose opening quote is before `start`. Its escapes are valid.
#[inline(always)]
pub(crate) fn scan(line: &[u8], start: usize) -> Result<Text, Reject> {
    let at = scan::find_json_special(line, start).ok_or(BAD)?;
    if line[at] == b'"' {
        return Ok(Text { start, quote: at, escaped: false });
    }
    let quote = scan_escaped(line, at)?;
    Ok(Text { start, quote, escaped: true })
}

/// Goes on at the first byte that is not plain: gives where the closing quote is.
#[inline(never)]
fn scan_escaped(line: &[u8], mut at: usize) -> Result<usize, Reject> {
    loop {
        match line[at] {
            b'"' => return Ok(at),
            b'\\' => at += escape_bytes(&line[at + 1..])?,
            _ => return Err(BAD),
        }
        at = scan::find_json_special(line, at).ok_or(BAD)?;
    }
}

/// Bytes of the escape, of which `rest` is what is behind the backslash.
fn escape_bytes(rest: &[u8]) -> Result<usize, Reject> {
    match rest {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Ok(2),
        [b'u', digits @ ..] if hex(digits).is_some() => Ok(6),
        _ => Err(BAD),
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    let digits = digits.first_chunk::<4>()?;
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

/// What one escape stands for, and how many bytes it has. None for half a surrogate pair, which has six.
fn escape(raw: &[u8]) -> (Option<char>, usize) {
    let plain = match raw.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(raw),
        Some(other) => char::from(*other),
        None => return (None, 1),
    };
    (Some(plain), 2)
}

fn unicode(raw: &[u8]) -> (Option<char>, usize) {
    let first = raw.get(2..).and_then(hex).unwrap_or(0xd800);
    if let 0xd800..0xdc00 = first
        && raw.get(6..8) == Some(b"\\u")
        && let Some(second @ 0xdc00..0xe000) = raw.get(8..).and_then(hex)
    {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code), 12);
    }
    (char::from_u32(first), 6)
}

/// Calls `piece` with each run of plain bytes and `one` with each escape of a string whose escapes are valid.
fn each<S>(state: &mut S, raw: &[u8], piece: impl Fn(&mut S, &[u8]), one: impl Fn(&mut S, &[u8], Option<char>)) {
    let mut at = 0;
    while let Some(backslash) = scan::find(raw, at, b'\\') {
        piece(state, &raw[at..backslash]);
        let (char, bytes) = escape(&raw[backslash..]);
        at = (backslash + bytes).min(raw.len());
        one(state, &raw[backslash..at], char);
    }
    piece(state, &raw[at..]);
}

/// Appends what a string with valid escapes means; half a surrogate pair becomes U+FFFD.
#[inline(never)]
pub(crate) fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    each(
        out,
        raw,
        |out, plain| out.extend_from_slice(plain),
        |out, _, char| {
            let mut buffer = [0; 4];
            out.extend_from_slice(char.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut buffer).as_bytes());
        },
    );
}

/// Whether a string with valid escapes has half a surrogate pair.
pub(crate) fn has_halves(raw: &[u8]) -> bool {
    let mut found = false;
    each(&mut found, raw, |_, _| (), |found, _, char| *found |= char.is_none());
    found
}

/// Appends a JSON value whose half surrogate pairs are replaced by `\ufffd`. Backslashes are only in strings.
#[cold]
pub(crate) fn mend(raw: &[u8], out: &mut Vec<u8>) {
    each(
        out,
        raw,
        |out, plain| out.extend_from_slice(plain),
        |out, escape, char| out.extend_from_slice(if char.is_some() { escape } else { b"\\ufffd" }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(raw: &str) -> String {
        let mut out = Vec::new();
        unescape(raw.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_mean_what_they_should() {
        assert_eq!(plain(r#"a\"\\\/\b\f\n\r\tz"#), "a\"\\/\u{8}\u{c}\n\r\tz");
        assert_eq!(plain(r"\u0041\u00e9\u4E2d\u0000"), "Aé中\0");
        assert_eq!(plain(r"\ud83d\ude00!"), "😀!");
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        assert_eq!(plain(r"\ud83d"), "\u{fffd}");
        assert_eq!(plain(r"\ude00\ud83d"), "\u{fffd}\u{fffd}");
        assert_eq!(plain(r"\ud83dx\ude00"), "\u{fffd}x\u{fffd}");
        assert_eq!(plain(r"\ud83d\ud83d\ude00"), "\u{fffd}😀");
        assert_eq!(plain(r"\ud83d\n"), "\u{fffd}\n");
    }

    #[test]
    fn a_value_is_mended_in_place() {
        let mut out = Vec::new();
        mend(br#"["\ud83d\ude00","\\ud83d","\ud83d"]"#, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r#"["\ud83d\ude00","\\ud83d","\ufffd"]"#);
    }

    proptest! {
        #[test]
        fn what_was_escaped_comes_back(text in any::<String>(), ascii in any::<bool>()) {
            let mut json = serde_json::to_string(&text).unwrap();
            if ascii {
                json = json.chars().flat_map(|c| {
                    let mut units = [0; 2];
                    if c.is_ascii() { vec![c.to_string()] } else { c.encode_utf16(&mut units).iter().map(|u| format!("\\u{u:04x}")).collect() }
                }).collect();
            }
            let found = scan(json.as_bytes(), 1).ok().unwrap();
            prop_assert_eq!(found.end(), json.len());
            prop_assert_eq!(plain(std::str::from_utf8(found.raw(json.as_bytes())).unwrap()), text);
        }
    }
}
