//! `new user: name=apache, UID=48, GID=48, home=/usr/share/httpd, shell=/sbin/nologin` and other changes of users and groups.

use crate::facts::{Facts, Kind};
use crate::text::{split, unquoted};
use crate::{GROUP, GROUP_ID, HOME, SHELL};
use collector_plugin::Event;

/// Reads a message; says whether it is one of these.
pub(crate) fn read<'a>(program: &[u8], message: &'a [u8], facts: &mut Facts<'a>, event: &mut Event<'a>) -> bool {
    let Some(kind) = change(program) else {
        return false;
    };
    let failed = message.starts_with(b"failed ");
    facts.kind = Some(Kind {
        action: None,
        category: r#"["iam"]"#,
        kind,
        outcome: Some(if failed { "failure" } else { "success" }),
    });
    if let Some(rest) = message.strip_prefix(b"new group: ") {
        parameters(rest, GROUP_NAME, facts, event);
    } else if let Some(rest) = message.strip_prefix(b"new user: ") {
        parameters(rest, USER_NAME, facts, event);
    } else if let Some((_, rest)) = split(message, b" user ")
        && let Some(end) = rest.iter().skip(1).position(|b| *b == b'\'')
    {
        facts.user = unquoted(&rest[..end + 2]);
    }
    true
}

/// What `name=` names.
const GROUP_NAME: bool = true;
const USER_NAME: bool = false;

fn parameters<'a>(mut rest: &'a [u8], group: bool, facts: &mut Facts<'a>, event: &mut Event<'a>) {
    while !rest.is_empty() {
        let (part, behind) = split(rest, b", ").unwrap_or((rest, &[]));
        match split(part, b"=") {
            Some((b"name", name)) if group => event.text(GROUP, name),
            Some((b"name", name)) => facts.user = name,
            Some((b"UID", id)) => facts.user_id = id,
            Some((b"GID", id)) => event.text(GROUP_ID, id),
            Some((b"home", home)) => event.text(HOME, home),
            Some((b"shell", shell)) => event.text(SHELL, shell),
            _ => {}
        }
        rest = behind;
    }
}

/// What the program changes, as `event.type`.
fn change(program: &[u8]) -> Option<&'static str> {
    match program {
        b"useradd" => Some(r#"["creation","user"]"#),
        b"userdel" => Some(r#"["deletion","user"]"#),
        b"usermod" => Some(r#"["change","user"]"#),
        b"groupadd" => Some(r#"["creation","group"]"#),
        b"groupdel" => Some(r#"["deletion","group"]"#),
        b"groupmod" => Some(r#"["change","group"]"#),
        _ => None,
    }
}
