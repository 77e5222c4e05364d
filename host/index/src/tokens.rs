//! How text becomes terms: lower-cased words, and, for a field's value, the whole value too.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// A value longer than this is found by its words, not as a whole.
pub(crate) const VALUE_BYTES_MAX: usize = 1024;
/// A longer word is not indexed.
pub(crate) const WORD_BYTES_MAX: usize = 255;

/// Splits into words (runs of letters and digits), lower-cased.
#[derive(Clone, Default)]
pub(crate) struct Words(Token);

/// The whole value, lower-cased, and its words as well where it has white space.
#[derive(Clone, Default)]
pub(crate) struct ValueAndWords(Token);

pub(crate) struct Stream<'a> {
    text: &'a str,
    at: usize,
    whole: bool,
    words: bool,
    token: &'a mut Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = Stream<'a>;
    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        self.0.reset();
        Stream { text, at: 0, whole: false, words: true, token: &mut self.0 }
    }
}

impl Tokenizer for ValueAndWords {
    type TokenStream<'a> = Stream<'a>;
    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        self.0.reset();
        let whole = text.len() <= VALUE_BYTES_MAX;
        Stream { text, at: 0, whole, words: !whole || text.contains(char::is_whitespace), token: &mut self.0 }
    }
}

impl Stream<'_> {
    fn emit(&mut self, from: usize, to: usize) -> bool {
        self.token.position = self.token.position.wrapping_add(1);
        (self.token.offset_from, self.token.offset_to) = (from, to);
        lower_into(&self.text[from..to], &mut self.token.text);
        true
    }
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        if std::mem::take(&mut self.whole) {
            return self.emit(0, self.text.len());
        }
        while self.words {
            let rest = &self.text[self.at..];
            let Some(start) = rest.find(char::is_alphanumeric) else { return false };
            let len = rest[start..].find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len() - start);
            let from = self.at + start;
            self.at = from + len;
            if len <= WORD_BYTES_MAX {
                return self.emit(from, self.at);
            }
        }
        false
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

fn lower_into(text: &str, out: &mut String) {
    out.clear();
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
    } else {
        out.extend(text.chars().flat_map(char::to_lowercase));
    }
}

/// The text as the whole-value term has it.
pub(crate) fn lower(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    lower_into(text, &mut out);
    out
}

/// The words of a text, as terms have them.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = vec![];
    Words::default().token_stream(text).process(&mut |token| words.push(token.text.clone()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(usize, String)> {
        let mut out = vec![];
        ValueAndWords::default()
            .token_stream(text)
            .process(&mut |token| out.push((token.position, token.text.clone())));
        out
    }

    #[test]
    fn a_value_without_spaces_is_one_term() {
        assert_eq!(values("10.0.0.1"), [(0, "10.0.0.1".to_owned())]);
        assert_eq!(values("/API/Users"), [(0, "/api/users".to_owned())]);
    }

    #[test]
    fn a_value_with_spaces_is_found_by_its_words_too() {
        let expected = ["mozilla/5.0 (é)", "mozilla", "5", "0", "é"];
        let found = values("Mozilla/5.0 (É)");
        assert_eq!(found.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), expected);
        assert!(found.iter().enumerate().all(|(i, (position, _))| i == *position));
    }

    #[test]
    fn overlong_values_keep_their_words_and_overlong_words_go() {
        let long = format!("{} end", "x".repeat(VALUE_BYTES_MAX));
        assert_eq!(values(&long), [(0, "end".to_owned())]);
        assert_eq!(words("GET /a?b=C"), ["get", "a", "b", "c"]);
    }
}
