//! Which columns a line has, told from its shape: where a method, addresses, and a status with its two companions are.

use crate::column::Column::{self, *};

/// Columns that a line has at most.
pub(crate) const COLUMNS_MAX: usize = 48;

/// The error log; newer systems put a stream's number, or two, before the status, and what carried the request at the end.
const ERROR: [Column; 13] =
    [Date, Time, ClientIp, ClientPort, ServerIp, ServerPort, Version, Method, Uri, Status, SiteId, Reason, Queue];
/// Columns of the error log before those of streams.
const BEFORE_STREAMS: usize = 9;
/// The log of the FTP server.
const FTP: [Column; 13] =
    [Date, Time, ClientIp, User, ServerIp, ServerPort, Method, Stem, Status, Win32Status, SubStatus, Session, FullPath];
/// What may lie between the client's address and the status.
const HEADERS: [&[Column]; 4] =
    [&[UserAgent], &[UserAgent, Referrer], &[UserAgent, Cookie, Referrer], &[UserAgent, Cookie, Referrer, Host]];
/// What may lie behind the status and its companions.
const ENDINGS: [&[Column]; 5] = [
    &[],
    &[Took],
    &[Took, ForwardedFor],
    &[BytesSent, BytesReceived, Took],
    &[BytesSent, BytesReceived, Took, ForwardedFor],
];

/// The columns of a line, as many as it has.
pub(crate) struct Shape {
    pub(crate) columns: [Column; COLUMNS_MAX],
    count: usize,
    pub(crate) is_error: bool,
}

impl Shape {
    fn new() -> Self {
        Self { columns: [Nothing; COLUMNS_MAX], count: 0, is_error: false }
    }

    fn put(&mut self, columns: &[Column]) {
        for column in columns {
            if let Some(slot) = self.columns.get_mut(self.count) {
                *slot = *column;
                self.count += 1;
            }
        }
    }
}

/// The shape of a line; None where it is none that is known.
pub(crate) fn tell(values: &[&[u8]]) -> Option<Shape> {
    if is_error(values) { error(values) } else { ftp(values).or_else(|| access(values)) }
}

fn is_number(value: &[u8]) -> bool {
    value == b"-" || !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

fn is_method(value: &[u8]) -> bool {
    value == b"-" || !value.is_empty() && value.iter().all(|b| b.is_ascii_uppercase() || matches!(b, b'_' | b'-'))
}

fn is_status(value: &[u8]) -> bool {
    value.len() == 3 && value.iter().all(u8::is_ascii_digit)
}

fn is_version(value: &[u8]) -> bool {
    value.starts_with(b"HTTP/")
}

fn is_error(values: &[&[u8]]) -> bool {
    matches!(values.len(), 13..=16)
        && is_number(values[3])
        && is_number(values[5])
        && (is_version(values[6]) || values[6] == b"-")
        && is_method(values[7])
}

fn error(values: &[&[u8]]) -> Option<Shape> {
    let mut shape = Shape::new();
    shape.is_error = true;
    let streams = (values.len() - ERROR.len()).min(2);
    shape.put(&ERROR[..BEFORE_STREAMS]);
    shape.put(&[Nothing, Nothing][..streams]);
    shape.put(&ERROR[BEFORE_STREAMS..]);
    let status = values[BEFORE_STREAMS + streams];
    (status == b"-" || is_status(status)).then_some(shape)
}

fn ftp(values: &[&[u8]]) -> Option<Shape> {
    let [_, _, _, _, _, port, _, _, status, win32, sub, session, _] = values else {
        return None;
    };
    let is_ftp = [port, status, win32, sub].iter().all(|value| is_number(value)) && session.len() == 36;
    is_ftp.then(|| {
        let mut shape = Shape::new();
        shape.put(&FTP);
        shape
    })
}

/// Date, time, of site, server and address what there is, method, path, query, port, user, client, version if there is one, headers, status, ending.
fn access(values: &[&[u8]]) -> Option<Shape> {
    let method = (2..=5).find(|at| {
        let is_path = |value: &&[u8]| value.starts_with(b"/") || *value == b"-" || *value == b"*";
        values.get(*at).is_some_and(|value| is_method(value))
            && values.get(at + 1).is_some_and(is_path)
            && values.get(at + 3).is_some_and(|value| is_number(value))
    })?;
    let client = method + 5;
    let has_version = values.get(client + 1).is_some_and(|value| is_version(value));
    let headers = client + 1 + usize::from(has_version);
    let status = (headers + 1..=headers + HEADERS.len()).find(|at| {
        values.get(*at).is_some_and(|value| is_status(value))
            && values.get(at + 1..at + 3).is_some_and(|values| values.iter().all(|value| is_number(value)))
            && has_ending(&values[at + 3..])
    })?;
    let mut shape = Shape::new();
    shape.put(&[Date, Time]);
    shape.put(origin(&values[2..method]));
    shape.put(&[Method, Stem, Query, ServerPort, User, ClientIp]);
    shape.put(&[Version][..usize::from(has_version)]);
    shape.put(HEADERS[status - headers - 1]);
    shape.put(&[Status, SubStatus, Win32Status]);
    shape.put(ENDINGS.get(values.len() - status - 3)?);
    Some(shape)
}

/// Whether what is behind status, sub-status and the system's code are numbers, but for the addresses of a proxy at the end.
fn has_ending(values: &[&[u8]]) -> bool {
    let numbers = match values.len() {
        2 | 4 => &values[..values.len() - 1],
        0 | 1 | 3 => values,
        _ => return false,
    };
    numbers.iter().all(|value| is_number(value))
}

/// What is before the method: the server's address, the site, or more of them.
fn origin(values: &[&[u8]]) -> &'static [Column] {
    let is_site = |value: &[u8]| value.starts_with(b"W3SVC");
    match values {
        [] => &[],
        [value] if is_site(value) => &[SiteName],
        [_] => &[ServerIp],
        [_, _] => &[SiteName, ServerIp],
        _ => &[SiteName, ServerName, ServerIp],
    }
}
