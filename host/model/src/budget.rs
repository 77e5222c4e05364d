//! Memory is budgeted in bytes: a permit rides with each batch, and when there is none to be had, reading stops.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::Topic;

/// The bytes that lines under way may occupy, shared by all topics so that a blocked one stops itself alone.
///
/// Each topic may always hold its guaranteed minimum, and never more than its cap; between the two it takes from what the
/// guarantees of the others leave. Cheap to clone.
#[derive(Clone)]
pub struct Budget(Arc<Shared>);

struct Shared {
    limits: BudgetLimits,
    held: Mutex<Held>,
    freed: Notify,
}

#[derive(Default)]
struct Held {
    of_topic: HashMap<Topic, usize>,
    /// What topics hold beyond their guarantee.
    beyond_guarantee: usize,
}

/// The figures of a budget, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetLimits {
    /// What topics may hold together beyond their guarantees.
    pub shared_bytes_max: usize,
    /// What one topic may hold.
    pub topic_bytes_max: usize,
    /// What each topic may always hold.
    pub topic_bytes_guaranteed: usize,
}

impl BudgetLimits {
    /// Splits a total: a topic may take half of it, and always has room for a batch or two.
    pub fn of_total(bytes_max: usize) -> Self {
        BudgetLimits {
            shared_bytes_max: bytes_max,
            topic_bytes_max: bytes_max / 2,
            topic_bytes_guaranteed: (bytes_max / 64).max(256 << 10),
        }
    }
}

impl Budget {
    /// A budget of those limits.
    pub fn new(limits: BudgetLimits) -> Self {
        Budget(Arc::new(Shared { limits, held: Mutex::default(), freed: Notify::new() }))
    }

    /// Takes `bytes` for a topic, or says that its reading has to stop for now. A topic that holds nothing always gets what it asks
    /// for, so that a batch larger than any limit still passes, alone.
    pub fn try_acquire(&self, topic: &Topic, bytes: usize) -> Option<Permit> {
        let limits = self.0.limits;
        let mut held = self.0.held.lock();
        let before = held.of_topic.get(topic).copied().unwrap_or(0);
        let after = before + bytes;
        let beyond = |total: usize| total.saturating_sub(limits.topic_bytes_guaranteed);
        let more_beyond = beyond(after) - beyond(before);
        let fits = after <= limits.topic_bytes_max.max(limits.topic_bytes_guaranteed)
            && (more_beyond == 0 || held.beyond_guarantee + more_beyond <= limits.shared_bytes_max);
        if before > 0 && !fits {
            return None;
        }
        held.of_topic.insert(topic.clone(), after);
        held.beyond_guarantee += more_beyond;
        Some(Permit(Some(Grant { budget: self.clone(), topic: topic.clone(), bytes })))
    }

    /// Waits until some permit is given back.
    pub async fn freed(&self) {
        self.0.freed.notified().await;
    }

    /// What all topics hold, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.0.held.lock().of_topic.values().sum()
    }

    fn give_back(&self, topic: &Topic, bytes: usize) {
        let guaranteed = self.0.limits.topic_bytes_guaranteed;
        let mut held = self.0.held.lock();
        let before = held.of_topic.get(topic).copied().unwrap_or(0);
        let after = before.saturating_sub(bytes);
        held.beyond_guarantee -= before.saturating_sub(guaranteed) - after.saturating_sub(guaranteed);
        if after == 0 {
            held.of_topic.remove(topic);
        } else {
            held.of_topic.insert(topic.clone(), after);
        }
        drop(held);
        self.0.freed.notify_waiters();
    }
}

/// The right to hold some bytes; given back when dropped.
pub struct Permit(Option<Grant>);

struct Grant {
    budget: Budget,
    topic: Topic,
    bytes: usize,
}

impl Permit {
    /// A permit for what is not budgeted (tools, tests).
    pub fn none() -> Self {
        Permit(None)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(grant) = self.0.take() {
            grant.budget.give_back(&grant.topic, grant.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> Topic {
        Topic::new(name).unwrap()
    }

    #[test]
    fn a_full_topic_stops_and_another_goes_on() {
        let budget =
            Budget::new(BudgetLimits { shared_bytes_max: 100, topic_bytes_max: 60, topic_bytes_guaranteed: 10 });
        let first = budget.try_acquire(&topic("a"), 60).unwrap();
        assert!(budget.try_acquire(&topic("a"), 1).is_none());
        let other = budget.try_acquire(&topic("b"), 50).unwrap();
        assert_eq!(budget.held_bytes(), 110);
        assert!(
            budget.try_acquire(&topic("c"), 10).is_some(),
            "the guarantee is there although the shared part is used up"
        );
        drop((first, other));
        assert_eq!(budget.held_bytes(), 0);
        assert!(budget.try_acquire(&topic("a"), 60).is_some());
    }

    #[test]
    fn one_batch_beyond_every_limit_passes_alone() {
        let budget = Budget::new(BudgetLimits { shared_bytes_max: 10, topic_bytes_max: 10, topic_bytes_guaranteed: 5 });
        let huge = budget.try_acquire(&topic("a"), 1000).unwrap();
        assert!(budget.try_acquire(&topic("a"), 1).is_none());
        drop(huge);
        assert_eq!(budget.held_bytes(), 0);
    }
}
