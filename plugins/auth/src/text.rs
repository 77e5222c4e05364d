//! Cutting messages.

use collector_plugin::scan;

pub(crate) use scan::cut_text as split;

/// What is before and behind the last `what`, which is looked for by its second byte: the first is mostly a space.
pub(crate) fn split_last<'a>(text: &'a [u8], what: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mark = *what.get(1)?;
    let mut end = text.len();
    loop {
        let at = text[..end].iter().rposition(|b| *b == mark)?;
        let start = at.checked_sub(1)?;
        if text[start..].starts_with(what) {
            return Some((&text[..start], &text[start + what.len()..]));
        }
        end = at;
    }
}

/// The first word and what is behind the space that ends it.
pub(crate) fn word(text: &[u8]) -> (&[u8], &[u8]) {
    match scan::find(text, 0, b' ') {
        Some(space) => (&text[..space], &text[space + 1..]),
        None => (text, &[]),
    }
}

/// The value of `key=value`, up to the next space; empty where there is no such key.
pub(crate) fn value<'a>(text: &'a [u8], key: &[u8]) -> &'a [u8] {
    split(text, key).map_or(&[], |(_, rest)| word(rest).0)
}

/// Takes a pair of quotes off.
pub(crate) fn unquoted(text: &[u8]) -> &[u8] {
    match text {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        _ => text,
    }
}

/// Whether a text can be a machine's name or address.
pub(crate) fn is_address(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'%'))
}
