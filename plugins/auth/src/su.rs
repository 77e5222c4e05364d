//! `(to root) alice on pts/0`, `Successful su for root by alice`, `FAILED SU (to root) alice on pts/0`, `+ /dev/pts/0 alice:root`

use crate::facts::{Facts, Kind};
use crate::text::{split, word};

const SUCCESS: Kind =
    Kind { action: None, category: r#"["authentication"]"#, kind: r#"["info"]"#, outcome: Some("success") };
const FAILURE: Kind = Kind { outcome: Some("failure"), ..SUCCESS };

/// Reads a message; says whether it is one of these.
pub(crate) fn read<'a>(message: &'a [u8], facts: &mut Facts<'a>) -> bool {
    let found = to(message).or_else(|| by(message)).or_else(|| terminal(message)).or_else(|| quoted(message));
    let Some((effective_user, user, kind)) = found else {
        return false;
    };
    (facts.effective_user, facts.user, facts.kind) = (effective_user, user, Some(kind));
    true
}

/// The user who is to be, the one who is, and how it ended.
type Found<'a> = Option<(&'a [u8], &'a [u8], Kind)>;

fn to(message: &[u8]) -> Found<'_> {
    let (rest, kind) = match message.strip_prefix(b"FAILED SU ") {
        Some(rest) => (rest, FAILURE),
        None => (message, SUCCESS),
    };
    let (target, rest) = split(rest.strip_prefix(b"(to ")?, b") ")?;
    Some((target, split(rest, b" on ").map_or(rest, |(user, _)| user), kind))
}

fn by(message: &[u8]) -> Found<'_> {
    let (rest, kind) = match (message.strip_prefix(b"Successful su for "), message.strip_prefix(b"FAILED su for ")) {
        (Some(rest), _) => (rest, SUCCESS),
        (_, Some(rest)) => (rest, FAILURE),
        _ => return None,
    };
    let (target, user) = split(rest, b" by ")?;
    Some((target, user, kind))
}

fn terminal(message: &[u8]) -> Found<'_> {
    let kind = match message {
        [b'+', b' ', ..] => SUCCESS,
        [b'-', b' ', ..] => FAILURE,
        _ => return None,
    };
    let (_, users) = word(&message[2..]);
    let (user, target) = split(users, b":")?;
    Some((target, user, kind))
}

/// `'su root' failed for alice on /dev/pts/8`, as the BSDs have it.
fn quoted(message: &[u8]) -> Found<'_> {
    let (target, rest) = split(message.strip_prefix(b"'su ")?, b"' ")?;
    let (what, rest) = split(rest, b" for ")?;
    let user = word(rest).0;
    Some((target, user, if what == b"succeeded" { SUCCESS } else { FAILURE }))
}
