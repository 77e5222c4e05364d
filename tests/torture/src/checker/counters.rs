//! Whether what the program counts adds up with what is there (I8).
//!
//! A process counts from its start, and a fault may end it at any moment. So the last lines of a run are written in a calm: all
//! processes were started anew in good order, and nothing strikes until everything is at rest.

use super::{Marks, order::read_from};
use crate::{fleet::Program, record::lines_in, scene::Scene};

/// What the counters since the calm began should come to, and do not, in words.
pub(super) async fn broken(scene: &Scene, at_begin: Marks) -> anyhow::Result<Vec<String>> {
    let kafka = scene.ground.kafka();
    let Since { sent, consumed } = tokio::task::spawn_blocking(move || Since::read(&kafka, &at_begin)).await??;
    let (sent, consumed) = (sent as f64, consumed as f64);
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
        ("lines that the agent has delivered, and those in Kafka", delivered, sent),
        ("lines in Kafka, and those that the transfer has read", consumed, transfer.read),
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

/// Lines in Kafka since the calm began.
#[derive(Default)]
struct Since {
    /// Those that came.
    sent: i64,
    /// Those that were not committed then.
    consumed: i64,
}

impl Since {
    fn read(kafka: &str, at_begin: &Marks) -> anyhow::Result<Since> {
        use rdkafka::Message as _;
        let mut since = Since::default();
        for (topic, positions) in &at_begin.0 {
            let of = |partition: i32| positions.iter().find(|position| position.partition == partition);
            let from = |partition| of(partition).map(|position| position.committed.unwrap_or(position.low));
            read_from(kafka, topic, from, |record| {
                let lines = lines_in(record.key().unwrap_or_default());
                since.consumed += lines;
                if of(record.partition()).is_none_or(|position| record.offset() >= position.high) {
                    since.sent += lines;
                }
            })?;
        }
        Ok(since)
    }
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
