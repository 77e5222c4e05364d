//! The characters of a query, one piece at a time.

use super::{BadQuery, Value};

/// Reads a query from left to right. Offsets are in bytes.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    pub(super) query: &'a str,
    pub(super) at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn rest(&self) -> &'a str {
        &self.query[self.at..]
    }

    pub(super) fn skip_space(&mut self) {
        self.at = self.query.len() - self.rest().trim_start().len();
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.query.len()
    }

    /// Takes the text if it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// Takes the keyword if it comes next as a word of its own.
    pub(super) fn eat_keyword(&mut self, keyword: &str) -> bool {
        let after = self.rest().strip_prefix(keyword);
        let found =
            after.is_some_and(|after| after.is_empty() || after.starts_with(|c: char| c.is_whitespace() || c == '('));
        self.at += if found { keyword.len() } else { 0 };
        found
    }

    /// Takes `name:` if it comes next. `https://…` is no field, and neither is `::1`.
    pub(super) fn eat_field(&mut self) -> Option<String> {
        let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '/');
        let rest = self.rest();
        let len = rest.find(|c| !is_of_name(c))?;
        let begins = rest.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '@'));
        let is_field = begins && rest[len..].starts_with(':') && !rest[len..].starts_with("://");
        if !is_field {
            return None;
        }
        self.at += len + 1;
        Some(rest[..len].to_owned())
    }

    /// Takes a quoted text or a bare word up to a space or one of `ends`.
    pub(super) fn value(&mut self, ends: &[char]) -> Result<Value, BadQuery> {
        if self.rest().starts_with('"') {
            return self.quoted();
        }
        let rest = self.rest();
        let len = rest.find(|c: char| c.is_whitespace() || c == '"' || ends.contains(&c)).unwrap_or(rest.len());
        self.at += len;
        Ok(Value { text: rest[..len].to_owned(), quoted: false })
    }

    fn quoted(&mut self) -> Result<Value, BadQuery> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.at = start + i + 1;
                    return Ok(Value { text, quoted: true });
                }
                '\\' => match chars.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err(BadQuery::at(
            self.query,
            start,
            "this quotation mark is never closed; end the text with \", or write \\\" for the mark itself",
        ))
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> BadQuery {
        BadQuery::at(self.query, self.at, problem)
    }
}
