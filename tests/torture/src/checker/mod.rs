//! The checker: reads everything back and says which promises hold.

mod alone;
mod dead;
mod documents;
mod order;
mod tally;

use std::time::{Duration, Instant};

pub use alone::check_alone;
pub use order::Order;
pub use tally::{Find, Tally};

use crate::{fleet::Program, scene::Scene, wait::within};

/// How long everything may take to arrive after the last fault.
const ARRIVAL_MAX: Duration = Duration::from_secs(240);
/// How long nothing may have come any more before a negative control, of which not all arrives, is judged.
const QUIET: Duration = Duration::from_secs(4);

/// What was found.
pub struct Findings {
    /// Lines, counted one by one.
    pub tally: Tally,
    /// How lines stand in Kafka.
    pub order: Order,
    /// Promises that do not hold, in words.
    pub broken: Vec<String>,
}

/// Waits until everything has arrived, or has had its time, and reads it back.
pub async fn check(scene: &mut Scene) -> anyhow::Result<Findings> {
    let mut broken = std::mem::take(&mut scene.broken);
    let is_control = scene.plan.planted.is_some();
    let all = within("every line to arrive", ARRIVAL_MAX, async || match is_control {
        true => is_quiet(scene).await,
        false => arrived(scene).await,
    });
    if let Err(error) = all.await {
        broken.push(format!("I7: {error}"));
    }
    for number in 0..scene.transfers.len() {
        scene.count_conflicts(number).await;
    }
    let mut tally = counted(scene).await?;
    let begun = Instant::now();
    // Lines of which none is claimed count among the documents, too, so that those which are claimed may still be on their way.
    while !is_control && tally.missing() > 0 && begun.elapsed() < ARRIVAL_MAX {
        tokio::time::sleep(Duration::from_secs(3)).await;
        tally = counted(scene).await?;
    }
    let (kafka, topic) = (scene.ground.kafka(), scene.topic.clone());
    let (mut tally, order) = tokio::task::spawn_blocking(move || -> anyhow::Result<(Tally, Order)> {
        let order = order::of_topic(&kafka, &topic, &mut tally)?;
        Ok((tally, order))
    })
    .await??;
    tally.finish();
    broken.extend(tally.broken());
    // A producer that begins anew goes back; without that, lines of a file follow each other.
    let rewinds = u64::from(scene.agent.starts)
        + count_of(&scene.agent, "reading them again")
        + count_of(&scene.agent, "built anew");
    if order.steps_back_max > rewinds {
        broken.push(format!(
            "I4: a file goes back {} times in a partition, with {rewinds} reasons to",
            order.steps_back_max
        ));
    }
    Ok(Findings { tally, order, broken })
}

/// Every document and every dead letter.
async fn counted(scene: &Scene) -> anyhow::Result<Tally> {
    let mut tally = Tally::new(scene.writers.written());
    documents::count(scene, &mut tally).await?;
    let (kafka, topic) = (scene.ground.kafka(), scene.topic.clone());
    let with_letters = tokio::task::spawn_blocking(move || dead::count(&kafka, &topic, &mut tally).map(|()| tally));
    with_letters.await?
}

fn count_of(program: &Program, words: &str) -> u64 {
    program.log().lines().filter(|line| line.contains(words)).count() as u64
}

/// Whether as many documents are there as lines, and nothing is left to read.
async fn arrived(scene: &mut Scene) -> anyhow::Result<Option<()>> {
    tokio::time::sleep(Duration::from_millis(900)).await;
    let claimed = scene.writers.written().into_iter().filter(|written| written.is_claimed).map(|written| written.lines);
    if documents::count_roughly(scene).await? < claimed.sum() {
        return Ok(None);
    }
    Ok((lag(scene).await == Some(0.0)).then_some(()))
}

/// Whether nothing is left to read, and nothing comes any more, whatever is missing.
async fn is_quiet(scene: &mut Scene) -> anyhow::Result<Option<()>> {
    let before = documents::count_roughly(scene).await?;
    tokio::time::sleep(QUIET).await;
    let is_still = documents::count_roughly(scene).await? == before;
    Ok((is_still && lag(scene).await == Some(0.0)).then_some(()))
}

/// What agent and transfers have left to do; `None` where one of them does not say.
async fn lag(scene: &mut Scene) -> Option<f64> {
    let mut lag = scene.agent.metric("collector_lag_bytes").await;
    for transfer in scene.transfers.iter_mut() {
        if transfer.is_running() {
            lag = lag.zip(transfer.metric("collector_lag_records").await).map(|(a, b)| a + b);
        }
    }
    lag
}
