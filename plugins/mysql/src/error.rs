//! The error log: time, thread and level where the server's generation has them, then the text.

use crate::clock::Clock;
use crate::{CODE, Entry, LEVEL, MESSAGE, PROVIDER, THREAD, TIME, account, timezone};
use collector_plugin::{Event, Reject, scan};

pub(crate) fn parse<'a>(line: &'a [u8], clock: &mut Clock, event: &mut Event<'a>) -> Result<Entry<'a>, Reject> {
    let (ns, end) = clock.read(line).ok_or(Reject("no time at the beginning of the line"))?;
    let rest = behind_spaces(&line[end..]);
    if rest.len() + end == line.len() {
        return Err(Reject("no text behind the time"));
    }
    event.time_ns(TIME, ns);
    timezone(clock, event);
    let mut entry = Entry { dataset: "mysql.error", ..Entry::default() };
    let rest = thread(rest, event);
    let message = match scan::between(rest, b'[', b']') {
        Some((level, message)) if is_level(level) => {
            event.text(LEVEL, level);
            entry.failed = level.eq_ignore_ascii_case(b"error");
            behind_spaces(message)
        }
        _ => rest,
    };
    event.text(MESSAGE, message);
    code(message, event);
    account::parse(message, &mut entry, event);
    Ok(entry)
}

fn behind_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    &text[spaces..]
}

/// A number in front of the text is the thread's.
fn thread<'a>(text: &'a [u8], event: &mut Event<'a>) -> &'a [u8] {
    match scan::digits(text, 0) {
        Some((id, end)) if matches!(text.get(end), Some(b' ')) => {
            if let Ok(id) = i64::try_from(id) {
                event.int(THREAD, id);
            }
            behind_spaces(&text[end..])
        }
        _ => text,
    }
}

fn is_level(text: &[u8]) -> bool {
    !text.is_empty() && text.len() <= 16 && text.iter().all(u8::is_ascii_alphabetic)
}

/// `[MY-013169] [Server] `, which stays in the text too.
fn code<'a>(message: &'a [u8], event: &mut Event<'a>) {
    if let Some((code, rest)) = scan::between(message, b'[', b']')
        && let Some((provider, _)) = scan::between(behind_spaces(rest), b'[', b']')
    {
        event.text(CODE, code);
        event.text(PROVIDER, provider);
    }
}
