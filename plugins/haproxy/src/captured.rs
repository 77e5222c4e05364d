//! `{docs.example.com||} {text/html|||}`: headers of the request, then of the response.

use crate::names::{REQUEST_HEADERS, RESPONSE_HEADERS};
use collector_plugin::{Event, Field, Reject, scan};

/// Reads up to two groups: gives what is behind them.
#[inline]
pub(crate) fn read<'a>(mut rest: &'a [u8], event: &mut Event<'a>) -> Result<&'a [u8], Reject> {
    for field in [REQUEST_HEADERS, RESPONSE_HEADERS] {
        let Some(group) = rest.strip_prefix(b"{") else {
            break;
        };
        // HAProxy encodes braces and bars within the values.
        let (group, behind) = scan::cut(group, b'}').ok_or(Reject("captured headers without an end"))?;
        headers(group, field, event);
        rest = behind.strip_prefix(b" ").unwrap_or(behind);
    }
    Ok(rest)
}

/// The values of one group; what is empty at its end is left away.
fn headers<'a>(group: &'a [u8], field: Field, event: &mut Event<'a>) {
    let end = group.iter().rposition(|b| *b != b'|').map_or(0, |last| last + 1);
    if end == 0 {
        return event.constant_json(field, "[]");
    }
    for value in group[..end].split(|b| *b == b'|') {
        event.append(field, value);
    }
}
