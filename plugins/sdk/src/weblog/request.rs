//! The request: `GET /path?query HTTP/1.1`, and what clients send instead.

use super::{EXTENSION, METHOD, PATH, QUERY, URL, VERSION, set_url};
use crate::{Event, scan};

/// Sets the parts of the request that begins at `from` and ends with a quote that a space and a status code follow: gives where the space is.
/// A request that is none (nothing, garbage) sets nothing. None where it has no end.
#[inline(always)]
pub fn quoted_request<'a>(line: &'a [u8], from: usize, event: &mut Event<'a>) -> Option<usize> {
    match plain(line, from, event) {
        Some(end) => Some(end),
        None => unusual(line, from, event),
    }
}

/// A request for a plain path, as most are. Emits nothing where it is anything else.
#[inline(always)]
fn plain<'a>(line: &'a [u8], from: usize, event: &mut Event<'a>) -> Option<usize> {
    let method = scan::find2(line, from, b' ', b'"')?;
    let url = method + 1;
    if line.get(url) != Some(&b'/') || line[method] != b' ' {
        return None;
    }
    let path = scan::find_url_special(line, url)?;
    let end = if line[path] == b'?' { scan::find_url_special(line, path + 1)? } else { path };
    let version = end + 6;
    if line.get(end..version) != Some(b" HTTP/") || !line.get(version).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let quote = scan::find2(line, version, b'"', b' ')?;
    if line.get(quote..quote + 2) != Some(b"\" ") {
        return None;
    }
    event.text(METHOD, &line[from..method]);
    event.text(URL, &line[url..end]);
    event.text(PATH, &line[url..path]);
    if path + 1 < end {
        event.text(QUERY, &line[path + 1..end]);
    }
    if let Some(extension) = scan::extension(line, url, path) {
        event.text(EXTENSION, &line[extension..path]);
    }
    event.text(VERSION, &line[version..quote]);
    Some(quote + 1)
}

/// Whatever else is between the quotes.
#[inline(never)]
fn unusual<'a>(line: &'a [u8], from: usize, event: &mut Event<'a>) -> Option<usize> {
    let end = closing_quote(line, from)?;
    set_request(&line[from..end], event);
    Some(end + 1)
}

/// The quote that a status code follows.
fn closing_quote(line: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let quote = scan::find2(line, at, b'"', b'\\')?;
        if line[quote] == b'\\' {
            at = quote + 2;
            continue;
        }
        if let Some([b' ', status @ ..]) = line.get(quote + 1..quote + 5)
            && status.iter().all(u8::is_ascii_digit)
        {
            return Some(quote);
        }
        at = quote + 1;
    }
}

/// Sets the parts of a request without its quotes; nothing where it has not the form of one.
pub fn set_request<'a>(request: &'a [u8], event: &mut Event<'a>) {
    if let Some((method, url, version)) = request_line(request) {
        event.text(METHOD, method);
        set_url(url, event);
        event.text(VERSION, version);
    }
}

/// Method, URL and version, where a request has the form of one.
fn request_line(request: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let method = scan::find(request, 0, b' ')?;
    let last = request.iter().rposition(|b| *b == b' ').filter(|last| *last > method)?;
    let version = request[last + 1..].strip_prefix(b"HTTP/")?;
    let is_word = method > 0 && request[..method].iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let is_number = !version.is_empty() && version.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    (is_word && is_number).then(|| (&request[..method], &request[method + 1..last], version))
}
