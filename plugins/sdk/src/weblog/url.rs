//! The parts of a URL.

use super::{DOMAIN, EXTENSION, FRAGMENT, PATH, PORT, QUERY, SCHEME, URL, URL_USER, host_and_port};
use crate::{Event, Field, scan};

/// Sets a URL and its parts. Path, query and fragment are percent-decoded where the URL is well-formed, as Elastic's do; what is no path (`*`, `host:443`) has the parts that it has.
pub fn set_url<'a>(url: &'a [u8], event: &mut Event<'a>) {
    event.text(URL, url);
    let decoded = is_well_escaped(url);
    let (rest, fragment) = cut(url, b'#');
    let (rest, query) = cut(rest, b'?');
    let path = match scheme_end(rest) {
        Some(colon) => {
            event.text(SCHEME, &rest[..colon]);
            let authority = colon + 3;
            let end = scan::find(rest, authority, b'/').unwrap_or(rest.len());
            set_authority(&rest[authority..end], event);
            &rest[end..]
        }
        None if is_authority(rest) => {
            set_authority(rest, event);
            &rest[rest.len()..]
        }
        None => rest,
    };
    set_part(PATH, path, decoded, event);
    set_part(QUERY, query, decoded, event);
    set_part(FRAGMENT, fragment, decoded, event);
    if let Some(at) = scan::extension(path, 0, path.len()) {
        set_part(EXTENSION, &path[at..], decoded, event);
    }
}

/// What is before and behind the first `mark`.
fn cut(text: &[u8], mark: u8) -> (&[u8], &[u8]) {
    match scan::find(text, 0, mark) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &text[text.len()..]),
    }
}

fn set_part<'a>(field: Field, part: &'a [u8], decoded: bool, event: &mut Event<'a>) {
    if part.is_empty() {
        return;
    }
    match scan::find(part, 0, b'%') {
        Some(_) if decoded => event.build(field, |arena| decode(part, arena)),
        _ => event.text(field, part),
    }
}

/// Where the colon of `http://` is.
fn scheme_end(url: &[u8]) -> Option<usize> {
    let colon = scan::find(url, 0, b':')?;
    let is_scheme =
        colon > 0 && url[..colon].iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    (is_scheme && url[colon..].starts_with(b"://")).then_some(colon)
}

/// Whether it is what a client asks a proxy to connect to: `example.com:443`.
fn is_authority(url: &[u8]) -> bool {
    !url.starts_with(b"/") && host_and_port(url).1.is_some()
}

fn set_authority<'a>(authority: &'a [u8], event: &mut Event<'a>) {
    let host = match authority.iter().rposition(|b| *b == b'@') {
        Some(at) => {
            let user = cut(&authority[..at], b':').0;
            if !user.is_empty() {
                event.text(URL_USER, user);
            }
            &authority[at + 1..]
        }
        None => authority,
    };
    let (name, port) = host_and_port(host);
    if !name.is_empty() {
        event.text(DOMAIN, name);
    }
    if let Some(port) = port {
        event.int(PORT, port);
    }
}

/// Whether every `%` has two hexadecimal digits behind it.
fn is_well_escaped(url: &[u8]) -> bool {
    let mut at = 0;
    while let Some(percent) = scan::find(url, at, b'%') {
        if !url.get(percent + 1..percent + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return false;
        }
        at = percent + 3;
    }
    true
}

/// Appends the text that a well-escaped part stands for; bytes that are no UTF-8 become U+FFFD.
fn decode(part: &[u8], out: &mut Vec<u8>) {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or_default() as u8;
    let mut bytes = Vec::with_capacity(part.len());
    let mut at = 0;
    while let Some(byte) = part.get(at) {
        match (byte, part.get(at + 1..at + 3)) {
            (b'%', Some(digits)) => {
                bytes.push(digit(digits[0]) << 4 | digit(digits[1]));
                at += 3;
            }
            _ => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
    out.extend_from_slice(String::from_utf8_lossy(&bytes).as_bytes());
}
