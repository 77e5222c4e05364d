//! The documents of all indices.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use collector_model::EventId;
use serde_json::{Value, json};

use super::{Find, Tally};
use crate::scene::{Scene, TOPIC, TOPICS, index_of};

const PAGE: usize = 10_000;
/// The tag of a document that was refused in its own form.
const SAFE: &str = "_safe_document";

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

/// Counts every document.
pub(super) async fn count(scene: &Scene, tally: &mut Tally) -> anyhow::Result<()> {
    let search = Search::of(scene)?;
    search.ask(&format!("/{TOPIC}-*/_refresh"), None).await?;
    let query = json!({"size": PAGE, "sort": ["_doc"], "_source": ["message", "event.original", "tags"]});
    let mut page = search.ask(&format!("/{TOPIC}-*/_search?scroll=2m"), Some(query)).await?;
    loop {
        let hits = page["hits"]["hits"].as_array().context("an answer without hits")?;
        if hits.is_empty() {
            return Ok(());
        }
        hits.iter().for_each(|hit| count_one(hit, tally));
        let next = json!({"scroll": "2m", "scroll_id": page["_scroll_id"]});
        page = search.ask("/_search/scroll", Some(next)).await?;
    }
}

fn count_one(hit: &Value, tally: &mut Tally) {
    let (index, id) = (hit["_index"].as_str().unwrap_or_default(), hit["_id"].as_str().unwrap_or_default());
    let source = &hit["_source"];
    let text = source["event"]["original"].as_str().or_else(|| source["message"].as_str()).unwrap_or_default();
    tally.count(Find::Document, text.as_bytes(), index);
    let is_safe = |tags: &Vec<Value>| tags.iter().any(|tag| tag == SAFE);
    tally.safe += u64::from(source["tags"].as_array().is_some_and(is_safe));
    let of_index = |topic: &&str| *topic != TOPIC && index.starts_with(topic);
    let topic = TOPICS.into_iter().find(of_index).unwrap_or(TOPIC);
    let day = id.get(..48).unwrap_or(id).parse::<EventId>().ok().map(|id| id.day());
    if day.is_none_or(|day| index_of(topic, day) != index) {
        tally.misplace(id, index);
    }
}
