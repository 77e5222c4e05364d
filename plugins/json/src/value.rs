//! Walking over values without keeping anything: strict, so that what is handed on as JSON is JSON.

use crate::string;
use collector_plugin::Reject;
use collector_plugin::abi::JSON_DEPTH_MAX;

/// Rejected: something inside of the object.
pub(crate) const BAD: Reject = Reject("not JSON");

/// A value that was walked over.
pub(crate) struct Walked {
    /// Where it ends.
    pub(crate) end: usize,
    /// Whether one of its strings has half a surrogate pair.
    pub(crate) halves: bool,
}

/// Where the white space at `at` ends.
#[inline(always)]
pub(crate) fn skip_space(line: &[u8], at: usize) -> usize {
    // Mostly there is none, or one blank.
    match line.get(at..) {
        Some([byte, ..]) if *byte > b' ' => at,
        Some([b' ', byte, ..]) if *byte > b' ' => at + 1,
        _ => skip_spaces(line, at),
    }
}

#[inline(never)]
fn skip_spaces(line: &[u8], mut at: usize) -> usize {
    while line.get(at).is_some_and(is_space) {
        at += 1;
    }
    at
}

#[inline(always)]
fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Where `word` at `at` ends.
#[inline(always)]
pub(crate) fn word(line: &[u8], at: usize, word: &[u8]) -> Result<usize, Reject> {
    if line[at..].starts_with(word) { Ok(at + word.len()) } else { Err(BAD) }
}

/// Where the number at `at` ends.
pub(crate) fn number(line: &[u8], at: usize) -> Result<usize, Reject> {
    let digits = |from: usize| -> Result<usize, Reject> {
        let count = line[from.min(line.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
        if count > 0 { Ok(from + count) } else { Err(BAD) }
    };
    let mut end = at + usize::from(line.get(at) == Some(&b'-'));
    end = if line.get(end) == Some(&b'0') { end + 1 } else { digits(end)? };
    if line.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if matches!(line.get(end), Some(b'e' | b'E')) {
        end += 1;
        end = digits(end + usize::from(matches!(line.get(end), Some(b'+' | b'-'))))?;
    }
    Ok(end)
}

/// Walks over the value at `at`, which lies inside of `depth` others.
pub(crate) fn skip(line: &[u8], at: usize, depth: usize) -> Result<Walked, Reject> {
    let mut walked = Walked { end: at, halves: false };
    walked.value(line, depth)?;
    Ok(walked)
}

impl Walked {
    fn value(&mut self, line: &[u8], depth: usize) -> Result<(), Reject> {
        let at = self.end;
        self.end = match line.get(at) {
            Some(b'"') => return self.string(line),
            Some(b'{' | b'[') if depth >= JSON_DEPTH_MAX => return Err(Reject("nested too deep")),
            Some(b'{') => return self.items(line, b'}', |walk| walk.member(line, depth + 1)),
            Some(b'[') => return self.items(line, b']', |walk| walk.value(line, depth + 1)),
            Some(b't') => word(line, at, b"true")?,
            Some(b'f') => word(line, at, b"false")?,
            Some(b'n') => word(line, at, b"null")?,
            _ => number(line, at)?,
        };
        Ok(())
    }

    fn string(&mut self, line: &[u8]) -> Result<(), Reject> {
        let text = string::scan(line, self.end + 1)?;
        self.halves |= text.escaped() && string::has_halves(text.raw(line));
        self.end = text.end();
        Ok(())
    }

    fn member(&mut self, line: &[u8], depth: usize) -> Result<(), Reject> {
        if line.get(self.end) != Some(&b'"') {
            return Err(BAD);
        }
        self.string(line)?;
        let colon = skip_space(line, self.end);
        if line.get(colon) != Some(&b':') {
            return Err(BAD);
        }
        self.end = skip_space(line, colon + 1);
        self.value(line, depth)
    }

    /// Items with commas between them, up to `close`.
    fn items(&mut self, line: &[u8], close: u8, item: impl Fn(&mut Self) -> Result<(), Reject>) -> Result<(), Reject> {
        self.end = skip_space(line, self.end + 1);
        if line.get(self.end) == Some(&close) {
            self.end += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            self.end = skip_space(line, self.end);
            match line.get(self.end) {
                Some(b',') => self.end = skip_space(line, self.end + 1),
                Some(byte) if *byte == close => {
                    self.end += 1;
                    return Ok(());
                }
                _ => return Err(BAD),
            }
        }
    }
}
