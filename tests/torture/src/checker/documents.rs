//! The documents of all indices.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use collector_model::{EventId, IndexName};
use serde_json::{Value, json};

use super::{Find, Tally};
use crate::scene::Scene;

const PAGE: usize = 10_000;

struct Search {
    address: String,
    client: reqwest::Client,
}

impl Search {
    fn of(scene: &Scene) -> anyhow::Result<Search> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(120)).no_proxy().build()?;
        Ok(Search { address: scene.ground.elasticsearch(), client })
    }

    async fn ask(&self, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.address));
        let answer = if let Some(body) = body { request.json(&body) } else { request }.send().await;
        let answer = answer.with_context(|| format!("asking Elasticsearch for {path}"))?;
        let status = answer.status();
        let body: Value = answer.json().await.with_context(|| format!("reading the answer to {path}"))?;
        ensure!(status.is_success(), "{path} was answered with {status}: {body}");
        Ok(body)
    }
}

/// How many documents and dead letters there are, without looking at them.
pub(super) async fn count_roughly(scene: &Scene) -> anyhow::Result<u64> {
    let search = Search::of(scene)?;
    search.ask(&format!("/{}-*/_refresh", scene.topic), None).await?;
    let answer = search.ask(&format!("/{}-*/_count", scene.topic), None).await?;
    Ok(answer["count"].as_u64().unwrap_or(0))
}

/// Counts every document.
pub(super) async fn count(scene: &Scene, tally: &mut Tally) -> anyhow::Result<()> {
    let search = Search::of(scene)?;
    search.ask(&format!("/{}-*/_refresh", scene.topic), None).await?;
    let query = json!({"size": PAGE, "sort": ["_doc"], "_source": ["message", "event.original"]});
    let mut page = search.ask(&format!("/{}-*/_search?scroll=2m", scene.topic), Some(query)).await?;
    loop {
        let hits = page["hits"]["hits"].as_array().context("an answer without hits")?;
        if hits.is_empty() {
            return Ok(());
        }
        hits.iter().for_each(|hit| count_one(hit, &scene.topic, tally));
        let next = json!({"scroll": "2m", "scroll_id": page["_scroll_id"]});
        page = search.ask("/_search/scroll", Some(next)).await?;
    }
}

fn count_one(hit: &Value, topic: &str, tally: &mut Tally) {
    let (index, id) = (hit["_index"].as_str().unwrap_or_default(), hit["_id"].as_str().unwrap_or_default());
    let source = &hit["_source"];
    let text = source["event"]["original"].as_str().or_else(|| source["message"].as_str()).unwrap_or_default();
    tally.count(Find::Document, text.as_bytes(), index);
    let day = id.get(..48).unwrap_or(id).parse::<EventId>().ok().map(|id| id.day());
    if day.map(|day| IndexName::of_day(topic, day)).is_none_or(|name| name.as_str() != index) {
        tally.misplace(id, index);
    }
}
