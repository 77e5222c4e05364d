//! What is known of the text behind a part.

use crate::class::Bytes;

/// What has to follow a part for the expression to match.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Follow {
    /// These bytes.
    Literal(Box<[u8]>),
    /// One of these bytes.
    OneOf(Bytes),
    /// The end of the text.
    TextEnd,
    /// Nothing: the expression is at its end.
    End,
    /// Something else.
    Unknown,
}

impl Follow {
    /// Whether nothing that follows begins with a byte of the set.
    pub(crate) fn excludes(&self, bytes: &Bytes) -> bool {
        match self {
            Follow::Literal(literal) => literal.first().is_some_and(|&first| !bytes.has(first)),
            Follow::OneOf(others) => !others.meets(bytes),
            Follow::TextEnd => true,
            Follow::End | Follow::Unknown => false,
        }
    }
}
