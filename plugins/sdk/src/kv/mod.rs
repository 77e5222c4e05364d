//! `key=value` and values in quotes.

mod run;

pub use run::Usual;
pub(crate) use run::{OPERATION_WORDS, Operation, run};

use crate::scan::{find, find2};
use std::borrow::Cow;

/// A value in double quotes, with escapes by backslashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted<'l> {
    /// What is between the quotes, as it was written.
    pub raw: &'l [u8],
    /// Whether there is a backslash in it.
    pub escaped: bool,
    /// Where it ends: behind the closing quote.
    pub end: usize,
}

impl<'l> Quoted<'l> {
    /// The value whose opening quote is at `at`; None where it has no end.
    ///
    /// ```
    /// use collector_plugin::kv::Quoted;
    /// let quoted = Quoted::at(br#"msg="say \"hi\"" x=1"#, 4).unwrap();
    /// assert_eq!((quoted.plain().unwrap().as_ref(), quoted.end), (&br#"say "hi""#[..], 16));
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn at(line: &'l [u8], at: usize) -> Option<Self> {
        let start = at + 1;
        let stop = find2(line, start, b'"', b'\\')?;
        if line[stop] == b'"' {
            return Some(Self { raw: &line[start..stop], escaped: false, end: stop + 1 });
        }
        Self::with_escapes(line, start, stop)
    }

    #[inline(never)]
    fn with_escapes(line: &'l [u8], start: usize, mut stop: usize) -> Option<Self> {
        while line[stop] == b'\\' {
            // Whatever is escaped ends nothing; where it is of several bytes, the others are no quotes.
            stop = find2(line, stop + 2, b'"', b'\\')?;
        }
        Some(Self { raw: &line[start..stop], escaped: true, end: stop + 1 })
    }

    /// What it means; None where an escape is none.
    #[must_use]
    pub fn plain(&self) -> Option<Cow<'l, [u8]>> {
        if !self.escaped {
            return Some(Cow::Borrowed(self.raw));
        }
        let mut plain = Vec::with_capacity(self.raw.len());
        unescape(self.raw, &mut plain).then_some(Cow::Owned(plain))
    }
}

/// Appends what a text with the escapes of JSON and `\'` means; half a surrogate pair becomes U+FFFD. False where an escape is none.
#[inline(never)]
pub fn unescape(raw: &[u8], out: &mut Vec<u8>) -> bool {
    let mut at = 0;
    while let Some(backslash) = find(raw, at, b'\\') {
        out.extend_from_slice(&raw[at..backslash]);
        let Some((char, bytes)) = escape(&raw[backslash..]) else {
            return false;
        };
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        at = backslash + bytes;
    }
    out.extend_from_slice(&raw[at..]);
    true
}

/// What the escape at the beginning means, and its bytes.
fn escape(raw: &[u8]) -> Option<(char, usize)> {
    let char = match raw.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'\'' => '\'',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(raw),
        _ => return None,
    };
    Some((char, 2))
}

fn unicode(raw: &[u8]) -> Option<(char, usize)> {
    let hex = |at: usize| {
        let digits = raw.get(at..)?.first_chunk::<4>()?;
        digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
    };
    let first = hex(2)?;
    if let 0xd800..0xdc00 = first
        && raw.get(6..8) == Some(b"\\u")
        && let Some(second @ 0xdc00..0xe000) = hex(8)
    {
        return Some((char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?, 12));
    }
    Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6))
}

/// What a value without quotes looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bare {
    /// An integer, written as JSON would have it.
    Int(i64),
    /// A number with a fraction, written as JSON would have it; its text is its value.
    Decimal,
    /// `true` or `false`.
    Bool(bool),
    /// Anything else: words, numbers with zeros in front or an exponent, which may be names.
    Text,
}

impl Bare {
    /// Of which type the value is.
    ///
    /// ```
    /// use collector_plugin::kv::Bare;
    /// assert_eq!([Bare::of(b"-7"), Bare::of(b"2.50"), Bare::of(b"007")], [Bare::Int(-7), Bare::Decimal, Bare::Text]);
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn of(value: &[u8]) -> Self {
        Self::at(value, 0, value.len())
    }

    /// As [`of`](Self::of), for the value that stands in a line from `at` to `end`, behind which no digit follows. What stands around a short number lets it be read at once.
    #[inline(always)]
    #[must_use]
    pub fn at(line: &[u8], at: usize, end: usize) -> Self {
        match line.get(at) {
            Some(b'0'..=b'9' | b'-') if at < end => Self::number(line, at, end),
            Some(b't') if line.get(at..end) == Some(b"true") => Self::Bool(true),
            Some(b'f') if line.get(at..end) == Some(b"false") => Self::Bool(false),
            _ => Self::Text,
        }
    }

    #[inline(always)]
    fn number(line: &[u8], at: usize, end: usize) -> Self {
        let first = at + usize::from(line[at] == b'-');
        let Some((magnitude, stop)) = crate::scan::digits(line, first) else {
            return Self::Text;
        };
        if line[first] == b'0' && stop > first + 1 {
            return Self::Text;
        }
        if stop == end {
            return match i64::try_from(magnitude) {
                Ok(0) if first > at => Self::Text,
                Ok(int) => Self::Int(if first > at { -int } else { int }),
                Err(_) => Self::Text,
            };
        }
        match crate::scan::digits(line, stop + 1) {
            Some((_, stop_of_fraction)) if stop_of_fraction == end && line[stop] == b'.' => Self::Decimal,
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_stands_around_a_value_does_not_change_its_type(before in "[ =a-z]{0,9}", value in "-{0,2}[0-9]{0,22}(\\.[0-9]{0,22})?[a-f]?", behind in "( [0-9a-z.]{0,9})?") {
            let line = format!("{before}{value}{behind}");
            let end = before.len() + value.len();
            prop_assert_eq!(Bare::at(line.as_bytes(), before.len(), end), Bare::of(value.as_bytes()), "{}", line);
            let plain = !value.starts_with("-0") || value.contains('.');
            if let Ok(int) = value.parse::<i64>() && int.to_string() == value && plain {
                prop_assert_eq!(Bare::of(value.as_bytes()), Bare::Int(int));
            }
        }
    }

    #[test]
    fn escapes_mean_what_they_should() {
        let plain = |raw: &str| {
            let mut out = Vec::new();
            unescape(raw.as_bytes(), &mut out).then(|| String::from_utf8(out).unwrap())
        };
        assert_eq!(plain(r#"a\"\\\/\'\b\f\n\r\tz"#).unwrap(), "a\"\\/'\u{8}\u{c}\n\r\tz");
        assert_eq!(plain(r"\u0041\ud83d\ude00\ud83d").unwrap(), "A😀\u{fffd}");
        for wrong in [r"\x", r"\u12", r"\", r"\é"] {
            assert_eq!(plain(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_quoted_value_ends_at_the_quote_that_is_not_escaped() {
        let end = |line: &str| Quoted::at(line.as_bytes(), 0).map(|quoted| quoted.end);
        assert_eq!(end(r#""""#), Some(2));
        assert_eq!(end(r#""a\"b" c""#), Some(6));
        assert_eq!(end(r#""a\\" "#), Some(5));
        assert_eq!([end("\""), end(r#""a\"#), end(r#""a\""#)], [None; 3]);
    }

    proptest! {
        #[test]
        fn what_looks_like_a_number_is_that_number(value in "-?[0-9]{0,20}([.][0-9]{0,5})?(e1)?x?") {
            match Bare::of(value.as_bytes()) {
                Bare::Int(int) => prop_assert_eq!(int.to_string(), value),
                Bare::Decimal => prop_assert!(serde_json::from_str::<f64>(&value).is_ok(), "{}", value),
                _ => prop_assert!(value.parse::<i64>().is_err() || value.starts_with("0") || value.starts_with("-0")),
            }
        }

        #[test]
        fn anything_may_be_quoted(line in "\\PC{0,40}|[\"\\\\u0-9a]{0,20}", at in 0usize..50) {
            if let Some(quoted) = Quoted::at(line.as_bytes(), at) {
                prop_assert!(quoted.end <= line.len());
                let _ = quoted.plain();
            }
        }
    }
}
