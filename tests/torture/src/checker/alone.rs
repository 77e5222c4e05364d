//! What standalone's own index finds.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{
    Find, Findings, Order, REST_MAX, Tally,
    rest::{APART, is_settled},
};
use crate::{fleet::Program, wait::within, writers::Written};

/// Lines that are asked for at once, as many as one wildcard for the last digits stands for.
const BLOCK: u64 = 100;
/// The most hits of one answer; a block, each of its lines in two halves and found some times too often, is fewer.
const HITS_MAX: u64 = 1_000;

/// Waits until everything has arrived, or has had its time, and reads it back.
pub async fn check_alone(program: &mut Program, written: Vec<Written>) -> anyhow::Result<Findings> {
    let mut broken = vec![];
    program.ready().await?;
    let begun = Instant::now();
    let (mut tally, is_at_rest) = loop {
        let rested = rest(program).await;
        let tally = counted(program, &written).await?;
        if let Err(error) = &rested {
            broken.push(format!("I7: {error:#}"));
        }
        if is_settled(&rested, &tally, begun) {
            break (tally, rested.is_ok());
        }
    };
    tally.finish();
    broken.extend(tally.broken(is_at_rest));
    Ok(Findings { tally, order: Order::default(), lines_below_checkpoints: 0, broken })
}

/// Waits until nothing is left to read: the gauges, which are set once a second, say so twice.
async fn rest(program: &Program) -> anyhow::Result<()> {
    let mut last = None;
    within("everything to be indexed", REST_MAX, async || {
        tokio::time::sleep(APART).await;
        let files = program.metric("collector_files_followed").await;
        let now = (
            files,
            program.metric("collector_lag_bytes").await,
            search(program, "", 1).await.map(|a| a["total"].clone()),
        );
        let before = last.replace(now.clone());
        let is_at_rest = files.is_some_and(|files| files > 0.0) && now.1 == Some(0.0) && before == Some(now);
        Ok(is_at_rest.then_some(()))
    })
    .await
}

async fn counted(program: &Program, written: &[Written]) -> anyhow::Result<Tally> {
    let mut tally = Tally::new(written.to_vec());
    for (number, writer) in written.iter().enumerate() {
        for block in 0..writer.lines.div_ceil(BLOCK) {
            let query = format!("{number:02}%20{block:07}*");
            let answer = search(program, &query, HITS_MAX).await.with_context(|| format!("searching for {query}"))?;
            let hits = answer["hits"].as_array().context("an answer without hits")?;
            ensure!((hits.len() as u64) < HITS_MAX, "{query} has more hits than an answer takes");
            let texts = hits.iter().map(text).filter(|text| !is_of_another_block(text, block));
            texts.for_each(|text| tally.count(Find::Document, text.as_bytes(), "the index"));
        }
    }
    Ok(tally)
}

fn text(hit: &Value) -> &str {
    let document = &hit["document"];
    document["event"]["original"].as_str().or_else(|| document["message"].as_str()).unwrap_or_default()
}

/// Whether the line was found by digits that its checksum begins with: its own block finds it too.
fn is_of_another_block(text: &str, block: u64) -> bool {
    let line = text.split('/').nth(2).and_then(|number| number.parse::<u64>().ok());
    line.is_some_and(|line| line / BLOCK != block)
}

async fn search(program: &Program, query: &str, limit: u64) -> Option<Value> {
    let answer = program.get(&format!("/api/search?q={query}&limit={limit}")).await?;
    serde_json::from_str(&answer).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_for_its_own_block_and_not_for_the_one_that_its_checksum_looks_like() {
        for line in ["s41/02/000003104/0000223ee93818fd the quick", "~s41/02/000003104/0000223ee93818fd the rest"] {
            assert!(!is_of_another_block(line, 31) && is_of_another_block(line, 223), "{line}");
        }
        assert!(!is_of_another_block("nothing that a writer wrote", 223), "it is told as what nobody wrote");
    }
}
