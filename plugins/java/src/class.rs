//! The names of classes, methods and files.

/// Whether a word is the name of a class with its package: `org.example.Main`, also `o.e.Main` and `kafka.log.Log$`.
pub(crate) fn is_dotted(word: &[u8]) -> bool {
    word.contains(&b'.') && word.split(|b| *b == b'.').all(is_identifier)
}

/// Whether a word is the name of a class, with its package or without.
pub(crate) fn is_class(word: &[u8]) -> bool {
    word.split(|b| *b == b'.').all(is_identifier)
}

/// Whether a word is dotted and has a part that begins as classes do.
pub(crate) fn is_class_of_package(word: &[u8]) -> bool {
    is_dotted(word) && word.split(|b| *b == b'.').any(|part| part[0].is_ascii_uppercase())
}

/// Whether a word without a dot can hardly be anything but a class: `FSNamesystem`.
pub(crate) fn is_camel(word: &[u8]) -> bool {
    let capitals = word.iter().filter(|b| b.is_ascii_uppercase()).count();
    let lower = word.iter().any(u8::is_ascii_lowercase);
    capitals >= 2 && lower && word[0].is_ascii_uppercase() && is_identifier(word) && !is_throwable(word)
}

/// Whether a class is one that is thrown, by its name.
pub(crate) fn is_throwable(word: &[u8]) -> bool {
    is_class(word) && [&b"Exception"[..], b"Error", b"Throwable"].iter().any(|end| word.ends_with(end))
}

/// Cuts the method off: `org.apache.catalina.startup.HostConfig.deployDirectory`.
pub(crate) fn method(word: &[u8]) -> (&[u8], &[u8]) {
    let Some(dot) = word.iter().rposition(|b| *b == b'.') else {
        return (word, &[]);
    };
    let (class, method) = (&word[..dot], &word[dot + 1..]);
    let last = class.rsplit(|b| *b == b'.').next().unwrap_or(class);
    let of_class = last.first().is_some_and(u8::is_ascii_uppercase);
    let is_method = method.first().is_some_and(|b| b.is_ascii_lowercase() || *b == b'<');
    if of_class && is_method { (class, method) } else { (word, &[]) }
}

/// Whether a word is a method's name.
pub(crate) fn is_method(word: &[u8]) -> bool {
    is_identifier(word) || matches!(word, b"<init>" | b"<clinit>")
}

fn is_identifier(part: &[u8]) -> bool {
    let begins = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'$');
    part.first().is_some_and(begins) && part.iter().all(|b| begins(b) || b.is_ascii_digit())
}
