//! Where lines go once they were read: to Kafka and on to a search, or into the embedded index.

use std::sync::Arc;

use collector_model::Batch;
use collector_tail::{Coverage, NoCoverage};

use crate::{
    Struck,
    check::{Checker, Found},
    disk::Machine,
};

/// What a destination meets on its way.
pub(crate) struct Around<'a> {
    pub(crate) dice: &'a mut fastrand::Rng,
    pub(crate) checker: &'a mut Checker,
    pub(crate) machine: &'a Machine,
    pub(crate) struck: &'a mut Struck,
    /// Nothing goes wrong any more.
    pub(crate) is_calm: bool,
}

/// Everything behind the agent's reading. The errors name the invariant that does not hold.
pub(crate) trait Destination {
    /// What the reading asks before it goes on with a file.
    fn coverage(&self) -> Arc<dyn Coverage> {
        Arc::new(NoCoverage)
    }

    /// The schedule begins.
    fn begin(&mut self, _: &mut Around<'_>) -> Result<(), String> {
        Ok(())
    }

    /// Whether a worker can hand over another batch.
    fn has_room(&self) -> bool {
        true
    }

    /// A worker hands over a batch, read in that era of its file.
    fn take(&mut self, batch: Batch, era: u64, around: &mut Around<'_>);

    /// What was handed over goes on.
    fn accept(&mut self, around: &mut Around<'_>) -> Result<(), String>;

    /// Somebody behind has a turn.
    fn turn(&mut self, around: &mut Around<'_>) -> Result<(), String>;

    /// Everything on its way arrives.
    fn drain(&mut self, around: &mut Around<'_>) -> Result<(), String>;

    /// What is under way from the agent is given up.
    fn give_up(&mut self, _: &mut Around<'_>) {}

    /// Somebody behind is killed, or hands its work to another.
    fn end_member(&mut self, _: &mut Around<'_>) -> Result<(), String> {
        Ok(())
    }

    /// The agent was killed; what it had sent may still arrive.
    fn agent_killed(&mut self, around: &mut Around<'_>) -> Result<(), String>;

    /// The agent reads nothing more, and waits for what is under way.
    fn agent_stops(&mut self, _: &mut Around<'_>) -> Result<(), String> {
        Ok(())
    }

    /// The agent has ended in good order.
    fn agent_stopped(&mut self, around: &mut Around<'_>) -> Result<(), String>;

    /// Nothing is under way.
    fn is_idle(&self) -> bool;

    /// What a search finds.
    fn documents(&self) -> Vec<Found<'_>>;

    /// Whether what it counted is what happened.
    fn check_counters(&self) -> Result<(), String> {
        Ok(())
    }

    /// Adds what struck it.
    fn sum_up(&self, struck: &mut Struck);
}
