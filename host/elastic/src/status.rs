//! How the indices fare.

use std::time::{Duration, Instant};

use collector_model::{
    IndexName,
    metrics::{GaugePerIndex, IndexLabel},
};
use parking_lot::Mutex;

use crate::outcome::{Trouble, TroubleKind};

/// How one index fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexStatus {
    /// The index.
    pub index: IndexName,
    /// Whether documents get in.
    pub state: IndexState,
    /// How many documents were sent again so far.
    pub retries: u64,
    /// How many bytes of documents wait or are under way.
    pub held_bytes: usize,
}

/// Whether documents get into an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// They do.
    Running,
    /// Not now; it is tried again, and usually passes by itself.
    Retrying {
        /// Why.
        reason: String,
    },
    /// Not before somebody does something; it is tried again without end.
    Blocked {
        /// Why, and what to do.
        reason: String,
    },
}

/// Lets a matter be said once a minute.
#[derive(Default)]
pub(crate) struct OnceAMinute(Mutex<Option<Instant>>);

impl OnceAMinute {
    pub(crate) fn is_due(&self) -> bool {
        let mut last = self.0.lock();
        let due = last.is_none_or(|at| at.elapsed() >= Duration::from_secs(60));
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

/// The trouble of an index, kept for those who ask, and said in the log.
#[derive(Default)]
pub(crate) struct Condition {
    state: Mutex<State>,
    said: OnceAMinute,
    blocked: GaugePerIndex,
}

#[derive(Default)]
struct State {
    trouble: Option<Trouble>,
    write_blocked_since: Option<Instant>,
    retries: u64,
}

impl Condition {
    /// Nothing is wrong; what is, is shown in the gauge.
    pub(crate) fn shown_in(blocked: GaugePerIndex) -> Self {
        Condition { blocked, ..Condition::default() }
    }

    /// Only what is blocked is shown: indices come and go by the day.
    fn show(&self, index: &IndexName, is_blocked: bool) {
        let label = IndexLabel { index: index.as_str().to_owned() };
        if is_blocked {
            self.blocked.get_or_create(&label).set(1);
        } else {
            self.blocked.remove(&label);
        }
    }

    /// Notes a trouble, and says it once a minute.
    pub(crate) fn note(&self, index: &IndexName, trouble: &Trouble, documents: usize) {
        let mut state = self.state.lock();
        state.retries += documents as u64;
        match trouble.kind {
            TroubleKind::WriteBlocked => {
                state.write_blocked_since.get_or_insert_with(Instant::now);
            }
            _ => state.write_blocked_since = None,
        }
        state.trouble = Some(trouble.clone());
        self.show(index, trouble.is_urgent());
        drop(state);
        if !self.said.is_due() {
            return;
        }
        let (reason, advice) = (&trouble.reason, trouble.kind.advice());
        if trouble.is_urgent() {
            tracing::error!(%index, %reason, %advice, "an index takes no documents; trying again without end");
        } else {
            tracing::warn!(%index, %reason, %advice, "documents have to be sent again");
        }
    }

    /// Documents get in again.
    pub(crate) fn clear(&self, index: &IndexName) {
        let mut state = self.state.lock();
        state.write_blocked_since = None;
        self.show(index, false);
        if state.trouble.take().is_some_and(|trouble| trouble.is_urgent()) {
            tracing::info!(%index, "the index takes documents again");
        }
    }

    /// How long the index has refused writes.
    pub(crate) fn write_blocked_for(&self) -> Option<Duration> {
        self.state.lock().write_blocked_since.map(|since| since.elapsed())
    }

    pub(crate) fn status(&self, index: &IndexName, held_bytes: usize) -> IndexStatus {
        let state = self.state.lock();
        let shown = match &state.trouble {
            None => IndexState::Running,
            Some(trouble) if trouble.is_urgent() => {
                IndexState::Blocked { reason: format!("{}; {}", trouble.reason, trouble.kind.advice()) }
            }
            Some(trouble) => IndexState::Retrying { reason: trouble.reason.clone() },
        };
        IndexStatus { index: index.clone(), state: shown, retries: state.retries, held_bytes }
    }
}

impl Trouble {
    /// Whether it does not pass by itself.
    fn is_urgent(&self) -> bool {
        self.kind >= TroubleKind::Unexpected && self.kind != TroubleKind::IndexMissing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_shown_with_what_to_do_until_it_is_lifted() {
        let blocked = GaugePerIndex::default();
        let (condition, index) = (Condition::shown_in(blocked.clone()), IndexName::fixed("web"));
        let shown = || blocked.get(&IndexLabel { index: "web".to_owned() }).map(|gauge| gauge.get());
        let trouble = Trouble { kind: TroubleKind::WriteBlocked, reason: "status 403".to_owned() };
        condition.note(&index, &trouble, 7);
        let status = condition.status(&index, 5);
        assert!(matches!(&status.state, IndexState::Blocked { reason } if reason.contains("status 403; remove the")));
        assert_eq!((status.retries, status.held_bytes), (7, 5));
        assert!(condition.write_blocked_for().is_some());
        assert_eq!(shown(), Some(1));
        let passing = Trouble { kind: TroubleKind::Overloaded, reason: "status 429".to_owned() };
        condition.note(&index, &passing, 1);
        assert_eq!(shown(), None, "it passes by itself");
        condition.note(&index, &trouble, 1);
        assert_eq!(shown(), Some(1));
        condition.clear(&index);
        assert_eq!(shown(), None);
        assert_eq!(condition.status(&index, 0).state, IndexState::Running);
        assert!(condition.write_blocked_for().is_none());
    }
}
