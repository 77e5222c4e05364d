//! How tickets come back: to the inbox, so that the reading thread alone keeps the ledgers.

use std::sync::Arc;

use collector_model::{Acknowledge, Position, Source};

use crate::inbox::{Inbox, Settled};

/// Takes the answers to the batches that one reader issued between two rewinds.
pub(crate) struct Returns {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) reader: u64,
    pub(crate) epoch: u32,
}

impl Returns {
    fn settle(&self, position: &Position, safe: bool) {
        let Source::File(uid) = position.source else { return };
        let (from, to) = (position.from, position.to);
        let settled = Settled { reader: self.reader, epoch: self.epoch, uid, from, to, safe };
        self.inbox.post(|mail| mail.settled.push(settled));
    }
}

impl Acknowledge for Returns {
    fn acknowledged(&self, position: &Position) {
        self.settle(position, true);
    }

    fn lost(&self, position: &Position) {
        self.settle(position, false);
    }
}
