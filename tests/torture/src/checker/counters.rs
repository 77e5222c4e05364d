//! Whether what the program counts adds up with what is there (I8).
//!
//! A process counts from its start, and a fault may end it at any moment. So the last lines of a run are written in a calm: all
//! processes were started anew in good order, and nothing strikes until everything is at rest.

use super::Totals;
use crate::{fleet::Program, scene::Scene};

/// What the counters since the calm began should come to, and do not, in words.
pub(super) async fn broken(scene: &Scene, at_begin: Totals) -> anyhow::Result<Vec<String>> {
    let at_end = Totals::of(scene.ground.kafka()).await?;
    let sent = (at_end.records - at_begin.records) as f64;
    let consumed = sent + at_begin.uncommitted as f64;
    let agent =
        Counted::of(&scene.agent, &["lines_delivered_total", "dead_letters_total", "events_dropped_total"]).await;
    let settled = [
        "documents_indexed_total",
        "documents_conflicted_total",
        "documents_past_retention_total",
        "dead_letters_total",
        "events_dropped_total",
    ];
    // One transfer runs in a calm, the first.
    let transfer = Counted::of(&scene.transfers[0], &settled).await;
    let delivered = scene.agent.metric("collector_lines_delivered_total").await.unwrap_or(-1.0);
    let sums = [
        ("lines that the agent has read, and those that it has delivered or buried", agent.read, agent.settled),
        ("lines that the agent has delivered, and records in Kafka", delivered, sent),
        ("records in Kafka, and lines that the transfer has read", consumed, transfer.read),
        ("lines that the transfer has read, and what became of them", transfer.read, transfer.settled),
    ];
    let unequal = sums.into_iter().filter(|(_, one, other)| one != other);
    let mut broken: Vec<String> =
        unequal.map(|(what, one, other)| format!("I8: counters do not add up: {what}: {one} and {other}")).collect();
    if sent <= 0.0 {
        broken.push("I8: no line was written in the calm, so that counters show nothing".to_owned());
    }
    Ok(broken)
}

/// What one process has counted.
struct Counted {
    read: f64,
    settled: f64,
}

impl Counted {
    async fn of(program: &Program, settled: &[&str]) -> Counted {
        let read = program.metric("collector_lines_read_total").await.unwrap_or(-1.0);
        let mut sum = 0.0;
        for name in settled {
            sum += program.metric(&format!("collector_{name}")).await.unwrap_or(0.0);
        }
        Counted { read, settled: sum }
    }
}
