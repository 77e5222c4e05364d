//! What the prefix of a line says.

use crate::clock::{Clock, Stamp};
use crate::{
    APPLICATION, BACKEND_TYPE, CLIENT_ADDR, CLIENT_PORT, COMMAND_TAG, DATABASE, LEADER_PID, LOCAL_ADDR, PID, QUERY_ID,
    SEQUENCE, SESSION_ID, SESSION_LINE, SESSION_START, SQL_STATE, TRANSACTION, USER, VIRTUAL_TRANSACTION, int, text,
};
use collector_plugin::Event;

/// A value of a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Application,
    User,
    Database,
    /// `192.0.2.7`, `192.0.2.7(51000)`, `[local]`.
    Client,
    LocalAddress,
    Backend,
    Pid,
    LeaderPid,
    QueryId,
    CommandTag,
    SqlState,
    SessionId,
    SessionLine,
    SessionStart,
    Sequence,
    VirtualTransaction,
    Transaction,
}

/// How many there are.
const WHATS: usize = What::Transaction as usize + 1;

/// The values of a prefix; nothing where it has none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Head<'a> {
    pub(crate) time: Option<Stamp<'a>>,
    values: [&'a [u8]; WHATS],
}

impl<'a> Head<'a> {
    pub(crate) fn get(&self, what: What) -> &'a [u8] {
        self.values[what as usize]
    }

    /// Takes a value; the brackets of `[unknown]` and `[local]` are not part of it.
    pub(crate) fn set(&mut self, what: What, value: &'a [u8]) {
        let inner = value.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
        self.values[what as usize] = inner.unwrap_or(value);
    }

    /// Where the client is, without its port.
    pub(crate) fn host(&self) -> &'a [u8] {
        address_and_port(self.get(What::Client)).0
    }

    /// Sets the fields.
    pub(crate) fn emit(&self, clock: &mut Clock, event: &mut Event<'a>) {
        if let Some(stamp) = &self.time {
            clock.emit(stamp, event);
        }
        for (field, what) in [
            (USER, What::User),
            (DATABASE, What::Database),
            (APPLICATION, What::Application),
            (LOCAL_ADDR, What::LocalAddress),
            (BACKEND_TYPE, What::Backend),
            (COMMAND_TAG, What::CommandTag),
            (SQL_STATE, What::SqlState),
            (SESSION_ID, What::SessionId),
            (VIRTUAL_TRANSACTION, What::VirtualTransaction),
        ] {
            text(event, field, self.get(what));
        }
        for (field, what) in [
            (PID, What::Pid),
            (LEADER_PID, What::LeaderPid),
            (QUERY_ID, What::QueryId),
            (SESSION_LINE, What::SessionLine),
            (SEQUENCE, What::Sequence),
            (TRANSACTION, What::Transaction),
        ] {
            int(event, field, self.get(what));
        }
        if let Some(start) = clock.whole(self.get(What::SessionStart)) {
            event.time_ns(SESSION_START, start.ns);
        }
        let (address, port) = address_and_port(self.get(What::Client));
        text(event, CLIENT_ADDR, address);
        int(event, CLIENT_PORT, port);
    }
}

/// `192.0.2.7(51000)`, or an address alone.
fn address_and_port(client: &[u8]) -> (&[u8], &[u8]) {
    let parts = client.strip_suffix(b")").and_then(|inner| {
        let open = inner.iter().rposition(|b| *b == b'(')?;
        Some((&inner[..open], &inner[open + 1..]))
    });
    parts.unwrap_or((client, &[]))
}
