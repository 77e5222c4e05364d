//! Lines that a chain gave up, on their way to the dead letters.

use std::time::{SystemTime, UNIX_EPOCH};

use collector_model::{Batch, DeadLetter, Stage, Table, envelope};
#[cfg(feature = "fleet")]
use collector_model::{DeadLetters, Ticket};

/// Now, in ms since the epoch.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Buries the lines that the chain gave up, under a share of the batch's duty.
#[cfg(feature = "fleet")]
pub fn bury(batch: &Batch, table: &Table, stage: Stage, dead: &dyn DeadLetters, ticket: &Ticket) {
    let letters = letters(batch, table, stage);
    if !letters.is_empty() {
        dead.bury(letters, ticket.clone());
    }
}

/// A letter for each line that the chain gave up.
pub fn letters(batch: &Batch, table: &Table, stage: Stage) -> Vec<DeadLetter> {
    let time_ms = now_ms();
    let letters = table.dead().iter().map(|gone| {
        let line = &batch.lines[gone.line as usize];
        let mut key = Vec::with_capacity(128);
        // The line's own path: what it was forked into here comes of it again when it is sent once more.
        envelope::encode(&line.id, &line.fork, line.flags, batch.origin_of(line), &mut key);
        DeadLetter {
            topic: batch.topic.clone(),
            key,
            value: batch.raw.slice(line.raw.range()),
            error_type: gone.error_type.to_owned(),
            error_reason: gone.reason.clone(),
            stage,
            time_ms,
        }
    });
    letters.collect()
}
