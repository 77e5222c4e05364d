//! `pam_unix(sshd:session): session opened for user alice by (uid=0)` and other messages that name a user, whichever program has them.

use crate::facts::{Facts, Kind};
use crate::text::{split, split_last, unquoted, value, word};
use crate::{PAM_MODULE, PAM_ORIGIN, PAM_STATE};
use collector_plugin::Event;

const FAILURE: Kind =
    Kind { action: None, category: r#"["authentication"]"#, kind: r#"["info"]"#, outcome: Some("failure") };

/// Reads a message.
#[inline]
pub(crate) fn read<'a>(message: &'a [u8], facts: &mut Facts<'a>, event: &mut Event<'a>) {
    let text = match module(message) {
        Some((module, origin, text)) => {
            event.text(PAM_MODULE, module);
            event.text(PAM_ORIGIN, origin);
            text
        }
        None => message,
    };
    if text.starts_with(b"authentication failure;") || split(text, b" more authentication failure").is_some() {
        failure(text, facts);
        return;
    }
    if let Some(rest) = text.strip_prefix(b"session ") {
        session(word(rest).0, facts, event);
    }
    users(text, facts);
}

/// `pam_unix(sshd:session): text`
fn module(message: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    if !message.starts_with(b"pam_") {
        return None;
    }
    let (module, rest) = split(message, b"(")?;
    let (origin, text) = split(rest, b"): ")?;
    Some((module, origin, text))
}

/// `authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root`
fn failure<'a>(text: &'a [u8], facts: &mut Facts<'a>) {
    facts.source = value(text, b" rhost=");
    facts.user = value(text, b" user=");
    facts.kind = Some(FAILURE);
}

fn session<'a>(state: &'a [u8], facts: &mut Facts<'a>, event: &mut Event<'a>) {
    let kind = match state {
        b"opened" => r#"["start"]"#,
        b"closed" => r#"["end"]"#,
        _ => return,
    };
    event.text(PAM_STATE, state);
    facts.kind = Some(Kind { action: None, category: r#"["session"]"#, kind, outcome: None });
}

/// `… for user root by alice(uid=1000)`, `… by user "root"`, `… user 'root' …`
fn users<'a>(text: &'a [u8], facts: &mut Facts<'a>) {
    if let Some((_, user)) = split_last(text, b"for user ") {
        let (target, by) = split(user, b" by ").map_or((user, &user[..0]), |(target, by)| (target, by));
        let ((target, _), (by, id)) = (identity(target), identity(by));
        facts.user_id = id;
        (facts.user, facts.effective_user) = if by.is_empty() { (target, by) } else { (by, target) };
    } else if let Some((_, user)) = split_last(text, b"by user ") {
        facts.user = identity(user).0;
    } else if let Some((_, user)) = split_last(text, b" of user ") {
        // What logind says of sessions.
        facts.user = identity(user.strip_suffix(b".").unwrap_or(user)).0;
    } else if let Some((_, rest)) = split(text, b"user ") {
        named(rest, facts);
    }
}

/// A user in quotes, or with a number in parentheses.
fn named<'a>(rest: &'a [u8], facts: &mut Facts<'a>) {
    match rest {
        [quote @ (b'\'' | b'"'), inner @ ..] => {
            if let Some((user, _)) = split(inner, &[*quote]) {
                facts.user = user;
            }
        }
        _ => {
            let (user, behind) = word(rest);
            if let Some((id, _)) = behind.strip_prefix(b"(").and_then(|id| split(id, b")"))
                && !id.is_empty()
                && id.iter().all(u8::is_ascii_digit)
            {
                (facts.user, facts.user_id) = (user, id);
            }
        }
    }
}

/// Name and number of `"alice"(uid=1000)`.
fn identity(text: &[u8]) -> (&[u8], &[u8]) {
    let (name, id) = match split(text, b"(uid=") {
        Some((name, id)) => (name, id.strip_suffix(b")").unwrap_or(id)),
        None => (text, &text[..0]),
    };
    (unquoted(name), id)
}
