//! Lines as the server writes them to stderr: prefix, level, text.

use crate::clock::Clock;
use crate::head::What;
use crate::prefix::Prefix;
use crate::{
    DURATION, Entry, LEVEL, MESSAGE, QUERY, QUERY_NAME, QUERY_STEP, SQL_STATE, body, guess, is_failure, severity, text,
};
use collector_plugin::{Event, Reject};

pub(crate) fn parse<'a>(
    line: &'a [u8],
    prefix: Option<&Prefix>,
    clock: &mut Clock,
    event: &mut Event<'a>,
) -> Result<Entry<'a>, Reject> {
    let (head, severity) = match prefix {
        Some(prefix) => {
            let (head, end) =
                prefix.read(line, clock).ok_or(Reject("the line does not begin as log_line_prefix says"))?;
            (head, severity::at(line, end).ok_or(Reject("no level behind the prefix"))?)
        }
        None => guess::read(line, clock).ok_or(Reject("no level such as `LOG: `"))?,
    };
    head.emit(clock, event);
    event.text(LEVEL, severity.level);
    let (sql_state, message) = sql_state(&line[severity.text..]);
    text(event, SQL_STATE, sql_state);
    message_fields(message, !sql_state.is_empty(), event);
    let sql_state = if sql_state.is_empty() { head.get(What::SqlState) } else { sql_state };
    Ok(Entry { user: head.get(What::User).into(), host: head.host().into(), failed: is_failure(sql_state) })
}

/// `00000: ` in front of the text, where `log_error_verbosity` is `verbose`.
fn sql_state(text: &[u8]) -> (&[u8], &[u8]) {
    match text.split_at_checked(5) {
        Some((state, rest))
            if rest.starts_with(b": ") && state.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) =>
        {
            (state, &rest[2..])
        }
        _ => (&[], text),
    }
}

/// A statement goes to its own field, and then the line stays the message, but for a verbose one.
fn message_fields<'a>(message: &'a [u8], verbose: bool, event: &mut Event<'a>) {
    let body = body::read(message);
    if let Some(duration_ns) = body.duration_ns {
        event.int(DURATION, duration_ns);
    }
    if let Some(step) = &body.step {
        event.constant(QUERY_STEP, step.step);
        text(event, QUERY, step.query);
        if step.name != b"<unnamed>" {
            text(event, QUERY_NAME, step.name);
        }
    }
    let is_statement = body.step.as_ref().is_some_and(|step| step.step == "statement");
    let is_duration = body.duration_ns.is_some() && (body.step.is_some() || body.rest.is_empty());
    if verbose || !is_statement && !is_duration {
        event.text(MESSAGE, message);
    }
}
