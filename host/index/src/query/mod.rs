//! The language of queries.
//!
//! | a query | finds |
//! |---|---|
//! | (nothing), or `*` | everything |
//! | `timeout` | lines with that word, in any case |
//! | `"connection reset"` | lines with these words in a row |
//! | `conn*` | lines with a word that begins so; `*` stands for any characters, `?` for one |
//! | `http.response.status_code:500` | documents whose field has that value, in any case |
//! | `url.path:/api/*` | … whose value fits the pattern |
//! | `user_agent.original:firefox` | … whose value has that word, where the value has spaces |
//! | `http.response.status_code:>=500` | … whose number (or RFC 3339 time) is at least that; also `>`, `<`, `<=` |
//! | `http.response.status_code:[500 TO 599]` | … lies in the range; `{` and `}` leave the ends out; `*` is an open end |
//! | `source.ip:10.0.0.0/8` | … whose IPv4 address is in the network |
//! | `error.message:*` | … that have the field |
//! | `@timestamp:>=2026-01-31T00:00:00Z` | … by their time |
//! | `topic:web_log`, `_id:…` | … of a topic, or the very document |
//! | `http.request.method:(GET OR HEAD)` | several values of one field |
//! | `a b`, `a AND b`, `a OR b`, `NOT a`, `-a`, `(a OR b) c` | both, both, either, the others, the others, groups |
//!
//! A value with spaces, parentheses or quotation marks is written in `"…"`, where `\"` and `\\` stand for the marks themselves.

mod compile;
mod lex;
mod parse;
mod pattern;
#[cfg(test)]
mod tests;

use std::ops::Bound;

pub(crate) use compile::compile;
pub use parse::parse;

/// Longest query, in bytes.
pub const QUERY_BYTES_MAX: usize = 8 << 10;
/// Deepest nesting of parentheses and negations.
pub const DEPTH_MAX: usize = 32;

/// A query that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// Everything.
    All,
    /// What all of them find.
    And(Vec<Expr>),
    /// What any of them finds.
    Or(Vec<Expr>),
    /// What it does not find.
    Not(Box<Expr>),
    /// The line has these words.
    Line(Value),
    /// A field passes a test.
    Field(String, Test),
}

/// A word or a quoted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The text, without its quotation marks.
    pub text: String,
    /// Whether it was quoted, so that `*` and `?` stand for themselves.
    pub quoted: bool,
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is there.
    Exists,
    /// It has the value, or fits the pattern.
    Is(Value),
    /// Its number or time lies between the two.
    Between(Bound<String>, Bound<String>),
}

/// Why a query is not understood: what is wrong, where, and how to write it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the query cannot be understood at character {at}{}: {problem}", .near.as_ref().map(|near| format!(" (“{near}”)")).unwrap_or_default())]
pub struct BadQuery {
    /// The place, counted in characters from 1.
    pub at: usize,
    /// What stands there; none at the end.
    pub near: Option<String>,
    /// What is wrong and how to put it right.
    pub problem: String,
}

impl BadQuery {
    /// An error at a byte offset of the query.
    fn at(query: &str, offset: usize, problem: impl Into<String>) -> BadQuery {
        const NEAR_CHARS_MAX: usize = 20;
        let offset = offset.min(query.len());
        let near: String = query[offset..].chars().take(NEAR_CHARS_MAX).collect();
        let at = query[..offset].chars().count() + 1;
        BadQuery { at, near: (!near.is_empty()).then_some(near), problem: problem.into() }
    }
}
