//! The names of loggers.

/// Whether a word can be the name of a logger: parts of letters, digits, `_` and `-` with dots between them.
pub(crate) fn is_name(word: &[u8]) -> bool {
    let is_part = |part: &[u8]| {
        part.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
            && part.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    word.split(|b| *b == b'.').all(is_part)
}

/// Whether a word is hardly anything but the name of a logger.
pub(crate) fn is_certain(word: &[u8]) -> bool {
    matches!(word, b"root" | b"__main__") || is_name(word) && word.contains(&b'.')
}

/// Whether a word before a colon is a module rather than the beginning of a message.
pub(crate) fn is_module(word: &[u8]) -> bool {
    is_certain(word) || is_name(word) && !word.iter().any(u8::is_ascii_uppercase)
}

/// Whether a word is how Python names threads.
pub(crate) fn is_thread(word: &[u8]) -> bool {
    [&b"MainThread"[..], b"Thread-", b"ThreadPoolExecutor", b"Dummy-", b"AnyIO worker", b"asyncio_"]
        .iter()
        .any(|start| word.starts_with(start))
}
