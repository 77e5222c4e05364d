//! The error log of MySQL 8 as JSON (`log_sink_json`): one object a line.

use crate::clock::Clock;
use crate::{CODE, Entry, LEVEL, MESSAGE, PROVIDER, THREAD, TIME, account, timezone};
use collector_plugin::{Event, Reject};
use serde::Deserialize;
use std::borrow::Cow;

/// An entry; texts that are not there are empty.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Object<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    label: Cow<'a, str>,
    #[serde(borrow)]
    subsystem: Cow<'a, str>,
    #[serde(borrow)]
    component: Cow<'a, str>,
    #[serde(borrow)]
    msg: Cow<'a, str>,
    err_code: Option<u32>,
    thread: Option<i64>,
    prio: Option<i64>,
}

/// Levels by their priority, where the entry has no label.
const LEVELS: [&str; 4] = ["System", "Error", "Warning", "Note"];

pub(crate) fn parse<'a>(line: &'a [u8], clock: &mut Clock, event: &mut Event<'a>) -> Result<Entry<'a>, Reject> {
    let object: Object<'a> = serde_json::from_slice(line).map_err(|_| Reject("no JSON object of the error log"))?;
    let ns = clock.whole(object.time.as_bytes()).ok_or(Reject("no `time` in the object"))?;
    if object.msg.is_empty() {
        return Err(Reject("no `msg` in the object"));
    }
    event.time_ns(TIME, ns);
    timezone(clock, event);
    if let Some(thread) = object.thread {
        event.int(THREAD, thread);
    }
    let named = object.prio.and_then(|prio| LEVELS.get(usize::try_from(prio).ok()?)).copied().unwrap_or_default();
    let level = if object.label.is_empty() { named } else { object.label.as_ref() };
    if !level.is_empty() {
        event.text(LEVEL, level);
    }
    if let Some(code) = object.err_code {
        event.text(CODE, &format!("MY-{code:06}"));
    }
    let provider = if object.subsystem.is_empty() { &object.component } else { &object.subsystem };
    if !provider.is_empty() {
        event.text(PROVIDER, provider.as_ref());
    }
    let failed = level.eq_ignore_ascii_case("error");
    let mut entry = Entry { dataset: "mysql.error", failed, ..Entry::default() };
    match object.msg {
        Cow::Borrowed(message) => {
            event.text(MESSAGE, message);
            account::parse(message.as_bytes(), &mut entry, event);
        }
        // With an escape in it: what it names is not looked for.
        Cow::Owned(message) => event.text(MESSAGE, &message),
    }
    Ok(entry)
}
