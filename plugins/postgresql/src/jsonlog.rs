//! `jsonlog` of PostgreSQL 15 and later: one object a line.

use crate::clock::Clock;
use crate::{
    APPLICATION, BACKEND_TYPE, CLIENT_ADDR, CLIENT_PORT, COMMAND_TAG, CONTEXT, DATABASE, DETAIL, Entry, HINT,
    INTERNAL_QUERY, INTERNAL_QUERY_POS, LEADER_PID, LEVEL, LOCATION, PID, QUERY, QUERY_ID, QUERY_POS, SESSION_ID,
    SESSION_LINE, SESSION_START, SQL_STATE, TRANSACTION, USER, VIRTUAL_TRANSACTION, csvlog, is_failure, text,
};
use collector_plugin::{Event, Reject};
use serde::Deserialize;
use std::borrow::Cow;

/// An entry; texts that are not there are empty.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Object<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow)]
    dbname: Cow<'a, str>,
    pid: Option<i64>,
    #[serde(borrow)]
    remote_host: Cow<'a, str>,
    remote_port: Option<i64>,
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    line_num: Option<i64>,
    #[serde(borrow)]
    ps: Cow<'a, str>,
    #[serde(borrow)]
    session_start: Cow<'a, str>,
    #[serde(borrow)]
    vxid: Cow<'a, str>,
    txid: Option<i64>,
    #[serde(borrow)]
    error_severity: Cow<'a, str>,
    #[serde(borrow)]
    state_code: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    detail: Cow<'a, str>,
    #[serde(borrow)]
    hint: Cow<'a, str>,
    #[serde(borrow)]
    internal_query: Cow<'a, str>,
    internal_position: Option<i64>,
    #[serde(borrow)]
    context: Cow<'a, str>,
    #[serde(borrow)]
    statement: Cow<'a, str>,
    cursor_position: Option<i64>,
    #[serde(borrow)]
    func_name: Cow<'a, str>,
    #[serde(borrow)]
    file_name: Cow<'a, str>,
    file_line_num: Option<i64>,
    #[serde(borrow)]
    application_name: Cow<'a, str>,
    #[serde(borrow)]
    backend_type: Cow<'a, str>,
    leader_pid: Option<i64>,
    query_id: Option<i64>,
}

pub(crate) fn parse<'a>(line: &'a [u8], clock: &mut Clock, event: &mut Event<'a>) -> Result<Entry<'a>, Reject> {
    let entry: Object<'a> = serde_json::from_slice(line).map_err(|_| Reject("no JSON object as jsonlog has it"))?;
    let stamp = clock.whole(entry.timestamp.as_bytes()).ok_or(Reject("no `timestamp` in the object"))?;
    if entry.error_severity.is_empty() {
        return Err(Reject("no `error_severity` in the object"));
    }
    clock.emit(&stamp, event);
    texts(&entry, event);
    numbers(&entry, event);
    if let Some(start) = clock.whole(entry.session_start.as_bytes()) {
        event.time_ns(SESSION_START, start.ns);
    }
    csvlog::message_fields(entry.message.as_bytes(), event);
    let failed = is_failure(entry.state_code.as_bytes());
    Ok(Entry { user: bytes(entry.user), host: bytes(entry.remote_host), failed })
}

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn texts(entry: &Object<'_>, event: &mut Event<'_>) {
    for (field, value) in [
        (USER, &entry.user),
        (DATABASE, &entry.dbname),
        (CLIENT_ADDR, &entry.remote_host),
        (SESSION_ID, &entry.session_id),
        (COMMAND_TAG, &entry.ps),
        (VIRTUAL_TRANSACTION, &entry.vxid),
        (LEVEL, &entry.error_severity),
        (SQL_STATE, &entry.state_code),
        (DETAIL, &entry.detail),
        (HINT, &entry.hint),
        (INTERNAL_QUERY, &entry.internal_query),
        (CONTEXT, &entry.context),
        (QUERY, &entry.statement),
        (APPLICATION, &entry.application_name),
        (BACKEND_TYPE, &entry.backend_type),
    ] {
        text(event, field, value.as_bytes());
    }
    if !entry.func_name.is_empty() {
        let line = entry.file_line_num.unwrap_or_default();
        let location = format!("{}, {}:{line}", entry.func_name, entry.file_name);
        event.text(LOCATION, &location);
    }
}

fn numbers(entry: &Object<'_>, event: &mut Event<'_>) {
    for (field, value) in [
        (PID, entry.pid),
        (CLIENT_PORT, entry.remote_port),
        (SESSION_LINE, entry.line_num),
        (TRANSACTION, entry.txid),
        (INTERNAL_QUERY_POS, entry.internal_position),
        (QUERY_POS, entry.cursor_position),
        (LEADER_PID, entry.leader_pid),
        (QUERY_ID, entry.query_id),
    ] {
        if let Some(value) = value {
            event.int(field, value);
        }
    }
}
