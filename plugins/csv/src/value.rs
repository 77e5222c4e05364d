//! One value.

use collector_plugin::{Reject, scan};

/// How values are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    pub(crate) delimiter: u8,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
    pub(crate) trim: bool,
}

/// A value that was found.
pub(crate) struct Written<'a> {
    /// Without the quotes around it.
    pub(crate) raw: &'a [u8],
    pub(crate) quoted: bool,
    /// The quote and the escape character, where one of them makes something in the value mean something else.
    pub(crate) escape: Option<(u8, Option<u8>)>,
    /// Where it ends: at a delimiter, or at the end of the line.
    pub(crate) end: usize,
}

impl Format {
    /// The value that begins at `at`.
    pub(crate) fn read<'a>(&self, line: &'a [u8], at: usize) -> Result<Written<'a>, Reject> {
        let start = if self.trim { at + blanks(&line[at..]) } else { at };
        if let Some(quote) = self.quote.filter(|quote| line.get(start) == Some(quote)) {
            return self.quoted(line, start + 1, quote);
        }
        let end = scan::find(line, at, self.delimiter).unwrap_or(line.len());
        let raw = &line[at..end];
        let raw = if self.trim { raw.trim_ascii() } else { raw };
        Ok(Written { raw, quoted: false, escape: None, end })
    }

    fn quoted<'a>(&self, line: &'a [u8], start: usize, quote: u8) -> Result<Written<'a>, Reject> {
        const NO_END: Reject = Reject("a quoted value has no end");
        let escape = self.escape.filter(|escape| *escape != quote);
        let (mut at, mut escapes) = (start, false);
        let close = loop {
            let found = scan::find2(line, at, quote, escape.unwrap_or(quote)).ok_or(NO_END)?;
            if line[found] == quote && line.get(found + 1) != Some(&quote) {
                break found;
            }
            // What is behind an escape character may be of several bytes, none of which is a quote.
            escapes = true;
            at = found + 2;
        };
        let behind = close + 1;
        let end = if self.trim { behind + blanks(&line[behind..]) } else { behind };
        match line.get(end) {
            Some(byte) if *byte != self.delimiter => {
                Err(Reject("something between a closing quote and the next delimiter"))
            }
            _ => {
                let escape = escapes.then_some((quote, escape));
                Ok(Written { raw: &line[start..close], quoted: true, escape, end })
            }
        }
    }
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

impl Written<'_> {
    /// Appends what the value means.
    pub(crate) fn plain(&self, out: &mut Vec<u8>) {
        let Some((quote, escape)) = self.escape else {
            return out.extend_from_slice(self.raw);
        };
        let mut at = 0;
        while let Some(found) = scan::find2(self.raw, at, quote, escape.unwrap_or(quote)) {
            out.extend_from_slice(&self.raw[at..found]);
            let next = self.raw.get(found + 1);
            let is_escape =
                self.raw[found] == quote || next.is_some_and(|next| *next == quote || Some(*next) == escape);
            let kept = if is_escape { found + 1 } else { found };
            let end = (found + 2).min(self.raw.len());
            // A character of several bytes behind an escape character is copied with what follows.
            let end = if is_escape { end } else { found + 1 };
            out.extend_from_slice(&self.raw[kept..end]);
            at = end;
        }
        out.extend_from_slice(&self.raw[at..]);
    }
}

/// A finite number.
pub(crate) fn float(text: &[u8]) -> Option<f64> {
    let numeric = text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    let float = std::str::from_utf8(text).ok()?.parse::<f64>().ok()?;
    (numeric && float.is_finite()).then_some(float)
}

pub(crate) fn boolean(text: &[u8]) -> Option<bool> {
    let any = |words: [&[u8]; 5]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match (any([b"true", b"t", b"yes", b"y", b"1"]), any([b"false", b"f", b"no", b"n", b"0"])) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}
