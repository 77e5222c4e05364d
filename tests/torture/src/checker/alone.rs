//! What standalone's own index finds.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{ARRIVAL_MAX, Find, Findings, Order, Tally};
use crate::{fleet::Program, wait::within, writers::Written};

/// Lines that are asked for at once, as many as one wildcard for the last digits stands for.
const BLOCK: u64 = 100;
/// The most hits of one answer; a block, each of its lines in two halves and found some times too often, is fewer.
const HITS_MAX: u64 = 1_000;

/// Waits until everything has arrived, or has had its time, and reads it back.
pub async fn check_alone(program: &mut Program, written: Vec<Written>) -> anyhow::Result<Findings> {
    let mut broken = vec![];
    program.ready().await?;
    let claimed: u64 = written.iter().filter(|written| written.is_claimed).map(|written| written.lines).sum();
    let arrived = within("every line to arrive", ARRIVAL_MAX, async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let total = search(program, "", 1).await.map_or(0, |answer| answer["total"].as_u64().unwrap_or(0));
        let lag = program.metric("collector_lag_bytes").await;
        Ok((total >= claimed && lag == Some(0.0)).then_some(()))
    });
    if let Err(error) = arrived.await {
        broken.push(format!("I7: {error}"));
    }
    let mut tally = Tally::new(written.clone());
    for (number, writer) in written.iter().enumerate() {
        for block in 0..writer.lines.div_ceil(BLOCK) {
            let query = format!("{number:02}%20{block:07}*");
            let answer = search(program, &query, HITS_MAX).await.with_context(|| format!("searching for {query}"))?;
            let hits = answer["hits"].as_array().context("an answer without hits")?;
            ensure!((hits.len() as u64) < HITS_MAX, "{query} has more hits than an answer takes");
            hits.iter().for_each(|hit| count_one(hit, &mut tally));
        }
    }
    tally.finish();
    broken.extend(tally.broken());
    Ok(Findings { tally, order: Order::default(), broken })
}

fn count_one(hit: &Value, tally: &mut Tally) {
    let document = &hit["document"];
    let text = document["event"]["original"].as_str().or_else(|| document["message"].as_str()).unwrap_or_default();
    tally.count(Find::Document, text.as_bytes(), "the index");
}

async fn search(program: &Program, query: &str, limit: u64) -> Option<Value> {
    let answer = program.get(&format!("/api/search?q={query}&limit={limit}")).await?;
    serde_json::from_str(&answer).ok()
}
