//! Hiding inside of a JSON value: its strings and numbers change, everything else stays byte for byte.

use crate::hide::Hide;
use crate::patterns::{Patterns, Spans};
use std::borrow::Cow;

/// Whether a value, which is valid JSON, has something to hide.
pub(crate) fn has(value: &[u8], patterns: &Patterns) -> bool {
    let mut spans = Spans::default();
    tokens(value).any(|token| patterns.find(&meaning(token), &mut spans))
}

/// Appends the value with what is to be hidden replaced; a number that goes becomes a text.
pub(crate) fn write(value: &[u8], patterns: &Patterns, hide: &Hide, out: &mut Vec<u8>) {
    let mut spans = Spans::default();
    for token in tokens(value) {
        let text = meaning(token);
        if !patterns.find(&text, &mut spans) {
            out.extend_from_slice(token);
            continue;
        }
        let mut hidden = Vec::with_capacity(text.len());
        spans.write(&text, hide, &mut hidden);
        let quoted = serde_json::Value::from(String::from_utf8_lossy(&hidden)).to_string();
        out.extend_from_slice(quoted.as_bytes());
    }
}

/// What a token says: a string without its quotes and escapes, anything else as it is.
fn meaning(token: &[u8]) -> Cow<'_, [u8]> {
    if token.first() == Some(&b'"') && token.contains(&b'\\') {
        let text: Option<String> = serde_json::from_slice(token).ok();
        return text.map_or(Cow::Borrowed(token), |text| Cow::Owned(text.into_bytes()));
    }
    match token {
        [b'"', text @ .., b'"'] => Cow::Borrowed(text),
        other => Cow::Borrowed(other),
    }
}

/// Strings, runs of what numbers and words are made of, and single bytes between them.
fn tokens(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = match rest.first()? {
            b'"' => string_bytes(rest),
            _ => rest.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count().max(1),
        };
        let (token, others) = rest.split_at(length);
        rest = others;
        Some(token)
    })
}

fn string_bytes(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}
