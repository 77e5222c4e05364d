//! Who did what from where: what the messages of all programs come down to.

use crate::{
    ACTION, CATEGORY, EFFECTIVE_USER, OUTCOME, RELATED_IP, RELATED_USER, SOURCE_ADDRESS, SOURCE_DOMAIN, SOURCE_IP,
    SOURCE_PORT, TYPE, USER, USER_ID,
};
use collector_plugin::{Event, scan};

/// What a message says. Texts that are not there are empty.
#[derive(Default)]
pub(crate) struct Facts<'a> {
    pub(crate) user: &'a [u8],
    pub(crate) user_id: &'a [u8],
    /// The user who somebody becomes.
    pub(crate) effective_user: &'a [u8],
    /// An address or a name.
    pub(crate) source: &'a [u8],
    pub(crate) source_port: Option<i64>,
    pub(crate) kind: Option<Kind>,
}

/// What kind of event it is, in words of ECS.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) action: Option<&'static str>,
    /// A JSON array.
    pub(crate) category: &'static str,
    /// A JSON array.
    pub(crate) kind: &'static str,
    pub(crate) outcome: Option<&'static str>,
}

impl<'a> Facts<'a> {
    /// Sets the fields, and with `all` those that say the same in other words.
    #[inline]
    pub(crate) fn emit(&self, all: bool, event: &mut Event<'a>) {
        for (field, value) in [(USER, self.user), (USER_ID, self.user_id), (EFFECTIVE_USER, self.effective_user)] {
            if !value.is_empty() {
                event.text(field, value);
            }
        }
        if !self.source.is_empty() {
            self.emit_source(all, event);
        }
        if all {
            self.emit_event(event);
        }
    }

    fn emit_source(&self, all: bool, event: &mut Event<'a>) {
        event.text(SOURCE_ADDRESS, self.source);
        if scan::is_ip(self.source, 0, self.source.len()) {
            event.text(SOURCE_IP, self.source);
            if all {
                event.append(RELATED_IP, self.source);
            }
        } else {
            event.text(SOURCE_DOMAIN, self.source);
        }
        if let Some(port) = self.source_port {
            event.int(SOURCE_PORT, port);
        }
    }

    fn emit_event(&self, event: &mut Event<'a>) {
        let mut users = [self.user, self.effective_user];
        users.sort_unstable();
        for (index, user) in users.iter().enumerate() {
            if !user.is_empty() && (index == 0 || users[index - 1] != *user) {
                event.append(RELATED_USER, user);
            }
        }
        let Some(kind) = self.kind else { return };
        if let Some(action) = kind.action {
            event.constant(ACTION, action);
        }
        event.constant_json(CATEGORY, kind.category);
        event.constant_json(TYPE, kind.kind);
        if let Some(outcome) = kind.outcome {
            event.constant(OUTCOME, outcome);
        }
    }
}
