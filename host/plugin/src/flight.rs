//! Which lines are under way, by which version of a chain, so that a chain that forks drains before it is swapped.
//!
//! A line that is read again (given up on its way, or after a crash) becomes the same events with the same ids, unless another version
//! of the chain makes another number of them: then events of the first version would stay beside those of the second. So a source (a
//! file, a partition) goes on with the version that it began with until everything treated by it is acknowledged, and what treats the
//! lines that follow is recorded by the source before they are treated. Chains that do not fork make at most one event of a line,
//! which overwrites itself: they are swapped at once.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use collector_model::{Acknowledge, Permit, Position, Source, Ticket};
use parking_lot::Mutex;

use crate::generation::Generation;

/// How long ranges that were given up are waited for. Sources read again within seconds; what does not come back by then was given to
/// another process, or is gone.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// The lines of one slot that are under way.
#[derive(Default)]
pub(crate) struct Flight(Mutex<HashMap<Source, UnderWay>>);

/// What is under way of one source.
struct UnderWay {
    generation: Arc<Generation>,
    /// Not acknowledged yet.
    owed: Ranges,
    /// The end of everything that was treated.
    end: u64,
    tickets: usize,
    /// Since when nobody holds a ticket although something is owed.
    given_up: Option<Instant>,
}

/// A batch that may be treated now, by that version.
pub(crate) struct Admitted {
    pub(crate) generation: Arc<Generation>,
    pub(crate) ticket: Ticket,
}

impl Flight {
    /// Lets a batch start, or gives its ticket back: it has to wait. `recall` finds a version that was used before.
    pub(crate) fn admit(
        self: &Arc<Self>,
        ticket: Ticket,
        current: &Arc<Generation>,
        recall: impl FnOnce(&str) -> Option<Arc<Generation>>,
    ) -> Result<Admitted, Ticket> {
        let Some(position) = ticket.position().cloned() else {
            return Ok(Admitted { generation: Arc::clone(current), ticket });
        };
        let mut sources = self.0.lock();
        forget_what_does_not_come_back(&mut sources, &position.source);
        let chosen = match sources.get(&position.source) {
            Some(under_way) if may_follow(&under_way.generation, current) => Some(Arc::clone(current)),
            // Read again.
            Some(under_way) if position.from < under_way.end => Some(Arc::clone(&under_way.generation)),
            Some(_) => None,
            None => Some(before_a_crash(&ticket, current, recall).unwrap_or_else(|| Arc::clone(current))),
        };
        let Some(generation) = chosen else { return Err(ticket) };
        let chain = if generation.forks() { &**generation.hash() } else { "" };
        if !ticket.record_chain(chain, Arc::ptr_eq(&generation, current)) {
            return Err(ticket);
        }
        let (from, to) = (position.from, position.to);
        let under_way = sources.entry(position.source.clone()).or_insert_with(|| UnderWay::of(&generation));
        under_way.generation = Arc::clone(&generation);
        under_way.owed.add(from, to);
        under_way.end = under_way.end.max(to);
        under_way.tickets += 1;
        under_way.given_up = None;
        drop(sources);
        let landing = Landing { flight: Arc::clone(self), ticket: Mutex::new(Some(ticket)) };
        Ok(Admitted { generation, ticket: Ticket::new(position, Permit::none(), Arc::new(landing)) })
    }

    /// How many sources still go by another version than that.
    pub(crate) fn draining(&self, current: &Arc<Generation>) -> usize {
        self.0.lock().values().filter(|under_way| !may_follow(&under_way.generation, current)).count()
    }

    fn landed(&self, position: &Position, is_safe: bool) {
        let mut sources = self.0.lock();
        let Some(under_way) = sources.get_mut(&position.source) else { return };
        under_way.tickets = under_way.tickets.saturating_sub(1);
        if is_safe {
            under_way.owed.remove(position.from, position.to);
        }
        if under_way.owed.is_empty() {
            sources.remove(&position.source);
        } else if under_way.tickets == 0 {
            under_way.given_up = Some(Instant::now());
        }
    }
}

impl UnderWay {
    fn of(generation: &Arc<Generation>) -> Self {
        UnderWay { generation: Arc::clone(generation), owed: Ranges::default(), end: 0, tickets: 0, given_up: None }
    }
}

/// Whether lines may be treated by one version while others of the same source are under way by the other.
fn may_follow(before: &Arc<Generation>, next: &Arc<Generation>) -> bool {
    Arc::ptr_eq(before, next) || before.hash() == next.hash() || !before.forks() && !next.forks()
}

/// The version by which the lines may have been treated before a crash, where it is another one.
fn before_a_crash(
    ticket: &Ticket,
    current: &Arc<Generation>,
    recall: impl FnOnce(&str) -> Option<Arc<Generation>>,
) -> Option<Arc<Generation>> {
    let chain = ticket.chain_before()?;
    if *chain == **current.hash() { None } else { recall(&chain) }
}

fn forget_what_does_not_come_back(sources: &mut HashMap<Source, UnderWay>, source: &Source) {
    let is_gone = |under_way: &UnderWay| under_way.given_up.is_some_and(|since| since.elapsed() > FORGET_AFTER);
    if sources.get(source).is_some_and(is_gone) {
        sources.remove(source);
    }
}

/// The source of the tickets that a slot hands on: passes what becomes of them to the ticket that it was given.
struct Landing {
    flight: Arc<Flight>,
    ticket: Mutex<Option<Ticket>>,
}

impl Acknowledge for Landing {
    fn acknowledged(&self, position: &Position) {
        // The source hears of it first: it is to know that everything is acknowledged when another version takes over.
        if let Some(ticket) = self.ticket.lock().take() {
            ticket.complete();
        }
        self.flight.landed(position, true);
    }

    fn lost(&self, position: &Position) {
        drop(self.ticket.lock().take());
        self.flight.landed(position, false);
    }
}

/// A set of ranges, in order, that do not touch.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let first = self.0.partition_point(|range| range.1 < from);
        let behind = self.0.partition_point(|range| range.0 <= to);
        let touched = &self.0[first..behind];
        let start = touched.first().map_or(from, |range| range.0.min(from));
        let end = touched.last().map_or(to, |range| range.1.max(to));
        self.0.splice(first..behind, [(start, end)]);
    }

    fn remove(&mut self, from: u64, to: u64) {
        let first = self.0.partition_point(|range| range.1 <= from);
        let behind = self.0.partition_point(|range| range.0 < to);
        if from >= to || first >= behind {
            return;
        }
        let (start, end) = (self.0[first].0, self.0[behind - 1].1);
        let left = [(start, from), (to, end)].into_iter().filter(|(from, to)| from < to);
        self.0.splice(first..behind, left);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_a_set_of_numbers(steps in prop::collection::vec((any::<bool>(), 0u64..40, 0u64..8), 0..40)) {
            let (mut ranges, mut numbers) = (Ranges::default(), BTreeSet::new());
            for (adds, from, length) in steps {
                if adds {
                    ranges.add(from, from + length);
                    numbers.extend(from..from + length);
                } else {
                    ranges.remove(from, from + length);
                    numbers.retain(|number| !(from..from + length).contains(number));
                }
                let held: Vec<u64> = ranges.0.iter().flat_map(|&(from, to)| from..to).collect();
                prop_assert_eq!(&held, &numbers.iter().copied().collect::<Vec<_>>());
                prop_assert!(ranges.0.windows(2).all(|pair| pair[0].1 < pair[1].0), "{:?}", ranges);
                prop_assert_eq!(ranges.is_empty(), numbers.is_empty());
            }
        }
    }
}
