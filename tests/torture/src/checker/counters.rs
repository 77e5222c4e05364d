//! Whether what the program counts adds up with what is there (I8).
//!
//! A process counts from its start, and a fault may end it at any moment. So the last lines of a run are written in a calm: all
//! processes were started anew in good order, and nothing strikes until everything is at rest.

use super::Positions;
use crate::{
    fleet::Program,
    scene::{Scene, TOPICS},
};

/// How many records there were when the calm began, all of them committed but for those that nobody had treated yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calm {
    /// Records in all topics.
    pub records: i64,
    /// Those of them that were not committed.
    pub uncommitted: i64,
}

impl Calm {
    /// Begins now: nothing may run that reads files or Kafka.
    pub async fn begin(scene: &Scene) -> anyhow::Result<Calm> {
        let kafka = scene.ground.kafka();
        tokio::task::spawn_blocking(move || Calm::of(&kafka)).await?
    }

    fn of(kafka: &str) -> anyhow::Result<Calm> {
        let positions = Positions::of(kafka)?;
        let mut calm = Calm::default();
        for topic in TOPICS {
            for position in positions.of_topic(topic)? {
                calm.records += position.high;
                calm.uncommitted += position.lag();
            }
        }
        Ok(calm)
    }
}

/// What the counters since the calm began should come to, and do not, in words.
pub(super) async fn broken(scene: &Scene, calm: Calm) -> anyhow::Result<Vec<String>> {
    let now = Calm::begin(scene).await?;
    let sent = (now.records - calm.records) as f64;
    let consumed = sent + calm.uncommitted as f64;
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
