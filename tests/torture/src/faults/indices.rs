//! Faults of Elasticsearch itself, and of its indices.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use collector_model::BucketDay;
use reqwest::{Client, Method};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::Fault;
use crate::{
    ground::Server,
    random::Random,
    scene::{POISONED, Scene, TOPIC, index_of},
};

const DAY_MS: i64 = 86_400_000;

pub(super) async fn strike(fault: Fault, scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    let servers = &scene.ground.servers;
    match fault {
        Fault::ElasticKilled => {
            servers.kill(Server::Elasticsearch).await?;
            servers.up(Server::Elasticsearch).await?;
        }
        Fault::ElasticFrozen => {
            servers.signal(Server::Elasticsearch, Signal::STOP)?;
            tokio::time::sleep(Duration::from_millis(random.between(1_000, 6_000))).await;
            servers.signal(Server::Elasticsearch, Signal::CONT)?;
        }
        Fault::IndexRolledOver => return roll_over(&scene.ground.elasticsearch()).await,
        _ => {
            block(scene, true).await?;
            tokio::time::sleep(Duration::from_millis(random.between(500, 4_000))).await;
            block(scene, false).await?;
        }
    }
    Ok(true)
}

async fn ask(what: &str, method: Method, url: String, body: Option<Value>) -> anyhow::Result<Value> {
    let request = Client::new().request(method, url);
    let request = if let Some(body) = body { request.json(&body) } else { request };
    let answer = request.send().await.with_context(|| what.to_owned())?;
    let status = answer.status();
    let body: Value = answer.json().await.with_context(|| what.to_owned())?;
    ensure!(status.is_success(), "{what}: {status}: {body}");
    Ok(body)
}

async fn block(scene: &Scene, is_blocked: bool) -> anyhow::Result<()> {
    let url = format!("{}/{TOPIC}-*/_settings", scene.ground.elasticsearch());
    ask("blocking writes", Method::PUT, url, Some(json!({"index.blocks.write": is_blocked}))).await.map(drop)
}

/// Has every data stream of the topic go on in another index.
async fn roll_over(address: &str) -> anyhow::Result<bool> {
    let listed = ask("asking for data streams", Method::GET, format!("{address}/_data_stream/{TOPIC}-*"), None).await?;
    let streams = listed["data_streams"].as_array().into_iter().flatten();
    let mut rolled = false;
    for name in streams.filter_map(|stream| stream["name"].as_str()) {
        ask("rolling over", Method::POST, format!("{address}/{name}/_rollover"), None).await?;
        rolled = true;
    }
    Ok(rolled)
}

/// Has Elasticsearch make data streams of the topic's indices.
pub(crate) async fn make_data_streams(address: &str) -> anyhow::Result<()> {
    // Above the collector's own template.
    let template = json!({"index_patterns": [format!("{TOPIC}-2*")], "data_stream": {}, "priority": 900});
    ask("installing a template", Method::PUT, format!("{address}/_index_template/streams"), Some(template))
        .await
        .map(drop)
}

/// Makes the indices of a topic, in which a message has to be a number: no document of it fits, nor its safe form.
pub(crate) async fn refuse_documents(address: &str) -> anyhow::Result<()> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_millis() as i64;
    // The agent's clock goes wrong by a day, and a run may last over midnight.
    for day in -1..=2 {
        let index = index_of(POISONED, BucketDay::from_unix_ms(now_ms + day * DAY_MS));
        let settings = json!({"number_of_replicas": 0});
        let mappings = json!({"properties": {"message": {"type": "integer"}}});
        let body = json!({"settings": settings, "mappings": mappings});
        ask("making an index", Method::PUT, format!("{address}/{index}"), Some(body)).await?;
    }
    Ok(())
}
