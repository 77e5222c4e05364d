//! Documents that no index takes go to the dead letters, with the bytes of their line.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use collector_model::{DeadLetter, DeadLetters, Stage, envelope};

use crate::{
    answer::Fault,
    part::{Document, PartUnderWay},
};

/// Now, in ms since the epoch.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Buries documents and settles them. Their part's ticket is completed only when the dead letters are safe, because each burial
/// holds a share of it.
pub(crate) async fn bury(dead: &Arc<dyn DeadLetters>, mut hopeless: Vec<(Document, Fault)>) {
    while let Some((first, _)) = hopeless.first() {
        let part = Arc::clone(&first.part);
        let (same, others): (Vec<_>, Vec<_>) =
            hopeless.into_iter().partition(|(document, _)| Arc::ptr_eq(&document.part, &part));
        hopeless = others;
        let letters = same.iter().map(|(document, fault)| letter(&part, document, fault)).collect();
        let Some(share) = part.share() else { continue };
        let dead = Arc::clone(dead);
        // It may block while the dead letters' place is away.
        let buried = tokio::task::spawn_blocking(move || dead.bury(letters, share)).await;
        match buried {
            Ok(()) => same.iter().for_each(|(document, _)| document.settle()),
            // Not settled: the ticket counts as lost, and the lines are read again.
            Err(error) => tracing::error!(%error, "burying dead letters failed; their lines will be read again"),
        }
    }
}

fn letter(part: &PartUnderWay, document: &Document, fault: &Fault) -> DeadLetter {
    let batch = &part.batch;
    let line = &batch.lines[document.item().line as usize];
    let mut key = Vec::new();
    envelope::encode(&line.id, &line.fork, line.flags, batch.origin_of(line), &mut key);
    DeadLetter {
        topic: batch.topic.clone(),
        key,
        value: batch.raw.slice(line.raw.range()),
        error_type: fault.kind.clone(),
        error_reason: fault.reason.clone(),
        stage: Stage::Transfer,
        time_ms: now_ms(),
    }
}
