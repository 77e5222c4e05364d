//! Taking a line apart without counting bytes.

use super::{digits, find};

/// What is before the first `byte`, and what is behind it.
///
/// ```
/// use collector_plugin::scan;
/// assert_eq!(scan::cut(b"GET /index", b' '), Some((&b"GET"[..], &b"/index"[..])));
/// assert_eq!(scan::cut(b"GET", b' '), None);
/// ```
#[inline(always)]
#[must_use]
pub fn cut(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = find(bytes, 0, byte)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// What is before the last `byte`, and what is behind it.
#[must_use]
pub fn cut_last(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().rposition(|&b| b == byte)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// What is before the first `text`, and what is behind it.
///
/// ```
/// use collector_plugin::scan;
/// assert_eq!(scan::cut_text(b"a: b: c", b": "), Some((&b"a"[..], &b"b: c"[..])));
/// ```
#[must_use]
pub fn cut_text<'a>(bytes: &'a [u8], text: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (&first, rest) = text.split_first()?;
    let mut from = 0;
    while let Some(at) = find(bytes, from, first) {
        if bytes[at + 1..].starts_with(rest) {
            return Some((&bytes[..at], &bytes[at + text.len()..]));
        }
        from = at + 1;
    }
    None
}

/// What lies between `open`, which is the first byte, and the first `close`; and what is behind that.
///
/// ```
/// use collector_plugin::scan;
/// assert_eq!(scan::between(b"[main] text", b'[', b']'), Some((&b"main"[..], &b" text"[..])));
/// ```
#[inline(always)]
#[must_use]
pub fn between(bytes: &[u8], open: u8, close: u8) -> Option<(&[u8], &[u8])> {
    match bytes.split_first() {
        Some((first, rest)) if *first == open => cut(rest, close),
        _ => None,
    }
}

/// The integer that all of `bytes` is: decimal digits, with a `-` or `+` before them or not. None beyond i64.
///
/// ```
/// use collector_plugin::scan;
/// assert_eq!((scan::int(b"-17"), scan::int(b"17 "), scan::int(b"")), (Some(-17), None, None));
/// ```
#[inline]
#[must_use]
pub fn int(bytes: &[u8]) -> Option<i64> {
    let (negative, number) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let (value, end) = digits(number, 0)?;
    match (end == number.len(), negative) {
        (true, false) => i64::try_from(value).ok(),
        (true, true) => 0i64.checked_sub_unsigned(value),
        (false, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_up_to_the_limits_of_their_type() {
        assert_eq!(int(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(int(b"-9223372036854775808"), Some(i64::MIN));
        for none in ["9223372036854775808", "-9223372036854775809", "1e3", "--1", "-", "+", "99999999999999999999"] {
            assert_eq!(int(none.as_bytes()), None, "{none}");
        }
        assert_eq!(int(b"+007"), Some(7));
    }

    #[test]
    fn what_is_not_there_is_not_cut() {
        assert_eq!(cut(b"", b' '), None);
        assert_eq!(cut_last(b"a(b(c", b'('), Some((&b"a(b"[..], &b"c"[..])));
        assert_eq!(cut_text(b"a:b", b": "), None);
        assert_eq!(cut_text(b"ab", b""), None);
        assert_eq!(cut_text(b"::: x", b": "), Some((&b"::"[..], &b"x"[..])));
        assert_eq!(between(b"main]", b'[', b']'), None);
        assert_eq!(between(b"[]", b'[', b']'), Some((&b""[..], &b""[..])));
        assert_eq!(between(b"[main", b'[', b']'), None);
    }
}
