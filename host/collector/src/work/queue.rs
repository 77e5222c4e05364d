//! Batches that wait for their turn in a worker.

use std::collections::VecDeque;

use collector_model::{Batch, Position};
use collector_plugin_host::ChainWorker;

/// Batches of one topic or task, in their order.
pub type Queue = VecDeque<Batch>;

/// The first batch that the chain admits. One that has to wait, for lines before it to land, is passed by those of other sources, and by
/// lines before it that are read again.
pub fn take_admitted(waiting: &mut Queue, chain: &mut ChainWorker) -> Option<Batch> {
    let mut held_back: Vec<Position> = vec![];
    for index in 0..waiting.len() {
        let batch = &mut waiting[index];
        let position = batch.ticket.position();
        let is_behind = position.is_some_and(|position| held_back.iter().any(|first| comes_after(position, first)));
        if is_behind {
            continue;
        }
        if chain.admit(batch) {
            return waiting.remove(index);
        }
        held_back.extend(batch.ticket.position().cloned());
    }
    None
}

fn comes_after(position: &Position, first: &Position) -> bool {
    position.source == first.source && position.from >= first.from
}
