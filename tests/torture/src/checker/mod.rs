//! The checker: reads everything back and says which promises hold.

mod alone;
mod counters;
mod covered;
mod dead;
mod documents;
mod order;
mod positions;
mod rest;
mod tally;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

pub use alone::check_alone;
use covered::Compared;
pub use order::Order;
pub use positions::{Marks, Position, Positions, Totals};
pub use tally::{Find, Tally};

use crate::{
    fleet::Program,
    observer::Observed,
    scene::{Scene, TOPICS},
};

/// How long everything may take to come to rest after the last fault.
const REST_MAX: Duration = Duration::from_secs(600);
/// The same where a wrong turn was planted, of which the verdict has to come soon.
const CONTROL_REST_MAX: Duration = Duration::from_secs(45);
/// Directories are searched anew after ten seconds at the latest: what the system did not tell of is found then.
const SEARCHED_WITHIN: Duration = Duration::from_secs(30);

/// What was found.
pub struct Findings {
    /// Lines, counted one by one.
    pub tally: Tally,
    /// How lines stand in Kafka.
    pub order: Order,
    /// How many lines were below a checkpoint, and were looked for in what Kafka had then.
    pub lines_below_checkpoints: u64,
    /// Promises that do not hold, in words.
    pub broken: Vec<String>,
}

/// Waits until everything is at rest, or has had its time, and reads it back. `calm` is how much there was when the calm began.
pub async fn check(scene: &mut Scene, observed: Observed, calm: Option<Marks>) -> anyhow::Result<Findings> {
    let mut broken = std::mem::take(&mut scene.broken);
    let (tally, is_at_rest) = read_back(scene, &mut broken).await?;
    if let Some(calm) = calm.filter(|_| is_at_rest) {
        broken.extend(counters::broken(scene, calm).await?);
    }
    for number in 0..scene.transfers.len() {
        scene.count_conflicts(number).await;
    }
    let Observed { snapshots, uncovered, .. } = observed;
    let kafka = scene.ground.kafka();
    let (mut tally, order, compared) = tokio::task::spawn_blocking(move || -> anyhow::Result<_> {
        let mut tally = tally;
        let (mut order, mut compared) = (Order::default(), Compared::default());
        for topic in TOPICS {
            order::of_topic(&kafka, topic, &mut tally, &mut order)?.compare_with(&snapshots, topic, &mut compared);
        }
        Ok((tally, order, compared))
    })
    .await??;
    tally.finish();
    broken.extend(tally.broken(is_at_rest));
    broken.extend(too_far("the checkpoint was past lines that Kafka did not have", &compared.uncovered));
    broken.extend(too_far("the group has committed past lines that the index did not have", &uncovered));
    broken.extend(out_of_order(scene, &order));
    scene.tell_ends("reading back");
    broken.append(&mut scene.broken);
    broken.extend(std::iter::once(&scene.agent).chain(&scene.transfers).filter_map(panicked));
    Ok(Findings { tally, order, lines_below_checkpoints: compared.lines, broken })
}

/// Every document and dead letter, as soon as collection is at rest, and whether it is.
async fn read_back(scene: &mut Scene, broken: &mut Vec<String>) -> anyhow::Result<(Tally, bool)> {
    let is_control = scene.plan.planted.is_some();
    let deadline = if is_control { CONTROL_REST_MAX } else { REST_MAX };
    let begun = Instant::now();
    loop {
        let rested = rest::reached(scene, deadline).await;
        let tally = counted(scene).await?;
        if let Err(error) = &rested {
            broken.push(format!("I7: {error:#}"));
        }
        if is_control || rest::is_settled(&rested, &tally, begun) {
            return Ok((tally, rested.is_ok()));
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
}

fn too_far(what: &str, lines: &BTreeSet<String>) -> Option<String> {
    let first = lines.first()?;
    Some(format!("I5: {what}: {} ({first})", lines.len()))
}

/// Whatever strikes, no thread of the program may panic.
pub(crate) fn panicked(program: &Program) -> Option<String> {
    let panics = program.panics();
    let first = panics.first()?;
    Some(format!("I7: {} has panicked, times: {} ({first})", program.name(), panics.len()))
}

/// A producer that begins anew goes back; without that, lines of a file follow each other.
fn out_of_order(scene: &Scene, order: &Order) -> Option<String> {
    let rewinds = u64::from(scene.agent.starts)
        + count_of(&scene.agent, "reading them again")
        + count_of(&scene.agent, "built anew");
    let steps = order.steps_back_max;
    (steps > rewinds).then(|| format!("I4: a file goes back {steps} times in a partition, with {rewinds} reasons to"))
}

/// Every document and every dead letter.
async fn counted(scene: &Scene) -> anyhow::Result<Tally> {
    let mut tally = Tally::new(scene.writers.written());
    documents::count(scene, &mut tally).await?;
    let kafka = scene.ground.kafka();
    let with_letters = tokio::task::spawn_blocking(move || -> anyhow::Result<Tally> {
        for topic in TOPICS {
            dead::count(&kafka, topic, &mut tally)?;
        }
        Ok(tally)
    });
    with_letters.await?
}

fn count_of(program: &Program, words: &str) -> u64 {
    program.log().lines().filter(|line| line.contains(words)).count() as u64
}
