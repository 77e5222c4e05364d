//! Strict JSON as RFC 8259 has it: checked in place, without building anything.

/// Levels of a JSON value that a plugin makes, at most.
pub const PLUGIN_JSON_DEPTH_MAX: usize = 20;
/// Levels of a document that another collector made, at most.
pub const DOCUMENT_DEPTH_MAX: usize = 64;

/// Why bytes are not one JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// They end in the middle.
    #[error("the JSON value is cut short")]
    Short,
    /// A byte does not belong where it stands.
    #[error("byte {0} of the JSON value does not belong there")]
    Unexpected(usize),
    /// A `\u` escape of half a surrogate pair.
    #[error("the escape at byte {0} of the JSON value is half of a surrogate pair")]
    LoneSurrogate(usize),
    /// Arrays and objects are nested too deep.
    #[error("the JSON value is nested more than {0} levels deep")]
    TooDeep(usize),
}

/// What kind of value it is, as its first byte tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// A number of any size.
    Number,
    /// `true`, `false` or `null`.
    Literal,
}

impl JsonKind {
    /// The kind of the value that begins with this byte.
    pub fn of_first_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            b'{' => JsonKind::Object,
            b'[' => JsonKind::Array,
            b'"' => JsonKind::String,
            b'-' | b'0'..=b'9' => JsonKind::Number,
            b't' | b'f' | b'n' => JsonKind::Literal,
            _ => return None,
        })
    }
}

/// Checks that `text` (valid UTF-8) is exactly one JSON value with white space around it at most.
pub fn check(text: &[u8], depth_max: usize) -> Result<JsonKind, JsonError> {
    let mut scanner = Scanner::new(text, depth_max);
    scanner.skip_space();
    let kind = scanner.kind()?;
    scanner.skip_value()?;
    scanner.skip_space();
    if scanner.at == text.len() { Ok(kind) } else { Err(JsonError::Unexpected(scanner.at)) }
}

/// Whether it is a number without an exponent, and nothing else: most values that plugins hand on as they stand.
pub fn is_plain_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let has_leading_zero = whole > 1 && digits[0] == b'0';
    match &digits[whole..] {
        [] => whole > 0 && !has_leading_zero,
        [b'.', fraction @ ..] => {
            whole > 0 && !has_leading_zero && !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

/// Walks over JSON text, value by value.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    depth_left: usize,
    depth_max: usize,
}

impl<'a> Scanner<'a> {
    /// A scanner at the beginning of `text`.
    pub fn new(text: &'a [u8], depth_max: usize) -> Self {
        Scanner { text, at: 0, depth_left: depth_max, depth_max }
    }

    /// The offset of the next byte.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The next byte, if any.
    pub fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The kind of the value that begins here.
    pub fn kind(&self) -> Result<JsonKind, JsonError> {
        let first = self.peek().ok_or(JsonError::Short)?;
        JsonKind::of_first_byte(first).ok_or(JsonError::Unexpected(self.at))
    }

    /// Steps over white space.
    #[inline]
    pub fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over that byte, which has to be the next.
    pub fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(JsonError::Unexpected(self.at)),
            None => Err(JsonError::Short),
        }
    }

    /// Steps over one value and checks it.
    pub fn skip_value(&mut self) -> Result<(), JsonError> {
        match self.kind()? {
            JsonKind::Object => self.nested(b'}', true),
            JsonKind::Array => self.nested(b']', false),
            JsonKind::String => self.skip_string(),
            JsonKind::Number => self.skip_number(),
            JsonKind::Literal => self.skip_literal(),
        }
    }

    fn nested(&mut self, close: u8, with_keys: bool) -> Result<(), JsonError> {
        self.at += 1;
        self.depth_left = self.depth_left.checked_sub(1).ok_or(JsonError::TooDeep(self.depth_max))?;
        self.skip_space();
        if self.peek() != Some(close) {
            loop {
                if with_keys {
                    self.skip_key()?;
                }
                self.skip_value()?;
                self.skip_space();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(byte) if byte == close => break,
                    Some(_) => return Err(JsonError::Unexpected(self.at)),
                    None => return Err(JsonError::Short),
                }
                self.skip_space();
            }
        }
        self.at += 1;
        self.depth_left += 1;
        Ok(())
    }

    /// Steps over a key, its colon and the space around them.
    pub fn skip_key(&mut self) -> Result<(), JsonError> {
        if self.peek().is_some_and(|byte| byte != b'"') {
            return Err(JsonError::Unexpected(self.at));
        }
        self.skip_string()?;
        self.skip_space();
        self.expect(b':')?;
        self.skip_space();
        Ok(())
    }

    /// Steps over a string, from its opening to its closing quote.
    pub fn skip_string(&mut self) -> Result<(), JsonError> {
        self.expect(b'"')?;
        loop {
            match self.peek().ok_or(JsonError::Short)? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.skip_escape()?,
                0..0x20 => return Err(JsonError::Unexpected(self.at)),
                _ => self.at += 1,
            }
        }
    }

    fn skip_escape(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        match self.text.get(self.at + 1).ok_or(JsonError::Short)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => match self.skip_unit()? {
                0xd800..0xdc00 => {
                    let pairs =
                        self.text[self.at..].starts_with(b"\\u") && (0xdc00..0xe000).contains(&self.skip_unit()?);
                    if !pairs {
                        return Err(JsonError::LoneSurrogate(start));
                    }
                }
                0xdc00..0xe000 => return Err(JsonError::LoneSurrogate(start)),
                _ => {}
            },
            _ => return Err(JsonError::Unexpected(self.at + 1)),
        }
        Ok(())
    }

    /// Steps over `\uXXXX` and gives its number.
    fn skip_unit(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at + 2..self.at + 6).ok_or(JsonError::Short)?;
        let mut unit = 0;
        for (i, &digit) in digits.iter().enumerate() {
            let value = char::from(digit).to_digit(16).ok_or(JsonError::Unexpected(self.at + 2 + i))?;
            unit = unit << 4 | value;
        }
        self.at += 6;
        Ok(unit)
    }

    fn skip_number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.skip_digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.skip_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.skip_digits()?;
        }
        Ok(())
    }

    fn skip_digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        match self.peek() {
            _ if self.at > start => Ok(()),
            Some(_) => Err(JsonError::Unexpected(self.at)),
            None => Err(JsonError::Short),
        }
    }

    fn skip_literal(&mut self) -> Result<(), JsonError> {
        for word in ["true", "false", "null"] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(());
            }
        }
        Err(JsonError::Unexpected(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_strict_json_is_refused() {
        let bad = [
            "",
            " ",
            "01",
            "1.",
            "-",
            ".5",
            "1e",
            "tru",
            "nul",
            "[1,]",
            "[",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":1,}",
            "\"\n\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\udc00\"",
            "\"\\u12\"",
            "1 2",
            "[1 2]",
            "'a'",
            "NaN",
            "\"a",
            "{\"a\":1}}",
        ];
        for text in bad {
            assert!(check(text.as_bytes(), 20).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_of_any_size_and_surrogate_pairs_pass() {
        for text in ["123456789012345678901234567890", "-0.0e+999", "\"\\ud83d\\ude00\"", " [ ] ", "{ \"a\" : { } }"] {
            assert!(check(text.as_bytes(), 20).is_ok(), "{text}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(check(nested(20).as_bytes(), 20).is_ok());
        assert_eq!(check(nested(21).as_bytes(), 20), Err(JsonError::TooDeep(20)));
    }

    proptest! {
        #[test]
        fn a_plain_number_is_json_without_an_exponent(text in r"-{0,2}[0-9]{0,3}\.{0,2}[0-9]{0,3}[eE+]?[0-9]{0,1}") {
            let is_number = check(text.as_bytes(), 1) == Ok(JsonKind::Number);
            let expected = is_number && !text.contains(['e', 'E']);
            prop_assert_eq!(is_plain_number(text.as_bytes()), expected, "{}", text);
        }

        #[test]
        fn agrees_with_serde_json_on_near_json(text in r#"[\[\]{}",:\\0-9eE.\-+a-fnrtul \n]{0,24}"#) {
            let ours = check(text.as_bytes(), 100).is_ok();
            // serde_json ranges over f64; numbers beyond it are legal JSON all the same.
            let theirs = match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(_) => true,
                Err(error) => error.to_string().starts_with("number out of range"),
            };
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }
}
