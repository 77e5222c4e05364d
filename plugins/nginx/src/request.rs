//! The request: `GET /path?query HTTP/1.1`, up to its closing quote; and what clients send instead.

use crate::{DOMAIN, METHOD, PATH, PORT, QUERY, SCHEME, URL, VERSION};
use collector_plugin::{Event, Reject, scan};

/// Parses the request that begins at `from`: gives where the space behind its closing quote is.
#[inline(always)]
pub(crate) fn parse<'a>(line: &'a [u8], from: usize, event: &mut Event<'a>) -> Result<usize, Reject> {
    match plain(line, from, event) {
        Some(end) => Ok(end),
        None => unusual(line, from, event),
    }
}

/// A request for a path, as nearly all are. Emits nothing where it is anything else.
#[inline(always)]
fn plain<'a>(line: &'a [u8], from: usize, event: &mut Event<'a>) -> Option<usize> {
    let method = scan::find2(line, from, b' ', b'"')?;
    let url = method + 1;
    if line.get(url) != Some(&b'/') || line[method] != b' ' {
        return None;
    }
    let path = scan::find3(line, url, b' ', b'?', b'"')?;
    let end = if line[path] == b'?' { scan::find2(line, path, b' ', b'"')? } else { path };
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
    event.text(VERSION, &line[version..quote]);
    Some(quote + 1)
}

/// Whatever else is between the quotes: nothing, garbage, an absolute URL, a URL with spaces or quotes.
#[cold]
#[inline(never)]
fn unusual<'a>(line: &'a [u8], from: usize, event: &mut Event<'a>) -> Result<usize, Reject> {
    let end = closing_quote(line, from).ok_or(Reject("the request has no end"))?;
    if let Some((method, url, version)) = words(&line[from..end]) {
        event.text(METHOD, method);
        event.text(URL, url);
        parts(url, event);
        event.text(VERSION, version);
    }
    Ok(end + 1)
}

/// The quote that a status code follows.
fn closing_quote(line: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let quote = scan::find(line, at, b'"')?;
        if let Some([b' ', status @ ..]) = line.get(quote + 1..quote + 5)
            && status.iter().all(u8::is_ascii_digit)
        {
            return Some(quote);
        }
        at = quote + 1;
    }
}

/// Method, URL and version, where the request has the form of one.
fn words(request: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let method = scan::find(request, 0, b' ')?;
    let last = request.iter().rposition(|b| *b == b' ').filter(|last| *last > method)?;
    let version = request[last + 1..].strip_prefix(b"HTTP/")?;
    let is_word = method > 0 && request[..method].iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let is_number = !version.is_empty() && version.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    (is_word && is_number).then(|| (&request[..method], &request[method + 1..last], version))
}

/// The parts of a URL that is a path or absolute; others (`*`, `host:443`) have none.
fn parts<'a>(url: &'a [u8], event: &mut Event<'a>) {
    let path = match scheme_end(url) {
        Some(colon) => {
            event.text(SCHEME, &url[..colon]);
            let authority = colon + 3;
            let end =
                url[authority..].iter().position(|b| matches!(b, b'/' | b'?')).map_or(url.len(), |i| authority + i);
            host_and_port(&url[authority..end], event);
            &url[end..]
        }
        None => url,
    };
    let (path, query) = match scan::find(path, 0, b'?') {
        Some(mark) => (&path[..mark], &path[mark + 1..]),
        None => (path, &path[path.len()..]),
    };
    if path.first() == Some(&b'/') {
        event.text(PATH, path);
        if !query.is_empty() {
            event.text(QUERY, query);
        }
    }
}

/// Where the colon of `http://` is.
fn scheme_end(url: &[u8]) -> Option<usize> {
    let colon = scan::find(url, 0, b':')?;
    let is_scheme = colon > 0 && url[..colon].iter().all(u8::is_ascii_alphanumeric);
    (is_scheme && url[colon..].starts_with(b"://")).then_some(colon)
}

fn host_and_port<'a>(authority: &'a [u8], event: &mut Event<'a>) {
    let host = authority.iter().rposition(|b| *b == b'@').map_or(authority, |at| &authority[at + 1..]);
    let colon = host.iter().rposition(|b| *b == b':').filter(|colon| !host[*colon..].contains(&b']'));
    let (name, port) = match colon {
        Some(colon) => (&host[..colon], scan::digits(host, colon + 1).filter(|(_, end)| *end == host.len())),
        None => (host, None),
    };
    if !name.is_empty() {
        event.text(DOMAIN, name);
    }
    if let Some((port, _)) = port
        && port <= u64::from(u16::MAX)
    {
        event.int(PORT, port as i64);
    }
}
