//! `alice : user NOT in sudoers ; TTY=pts/1 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/ls`

use crate::facts::Facts;
use crate::text::split;
use crate::{SUDO_COMMAND, SUDO_ERROR, SUDO_PWD, SUDO_TTY, SUDO_USER};
use collector_plugin::Event;

/// Reads a message; says whether it is one of these.
#[inline]
pub(crate) fn read<'a>(message: &'a [u8], facts: &mut Facts<'a>, event: &mut Event<'a>) -> bool {
    let Some((user, rest)) = split(message, b" : ") else {
        return false;
    };
    // The command is the last, and may hold anything.
    let Some((head, command)) = split(rest, b"COMMAND=") else {
        return false;
    };
    if !head.is_empty() && !head.ends_with(b" ; ") {
        return false;
    }
    facts.user = user.trim_ascii();
    let mut at = head;
    while let Some((part, rest)) = split(at, b" ; ") {
        parameter(part, facts, event);
        at = rest;
    }
    event.text(SUDO_COMMAND, command);
    true
}

/// `USER=root`; what has no name is what was wrong.
fn parameter<'a>(part: &'a [u8], facts: &mut Facts<'a>, event: &mut Event<'a>) {
    match split(part, b"=") {
        Some((b"TTY", tty)) => event.text(SUDO_TTY, tty),
        Some((b"PWD", folder)) => event.text(SUDO_PWD, folder),
        Some((b"USER", user)) => {
            event.text(SUDO_USER, user);
            facts.effective_user = user;
        }
        Some((b"HOST" | b"GROUP" | b"ENV" | b"TSID" | b"CHROOT", _)) => {}
        _ => event.text(SUDO_ERROR, part),
    }
}
