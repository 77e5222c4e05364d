//! Faults of Kafka and Elasticsearch themselves.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use rdkafka::admin::NewPartitions;
use rustix::process::Signal;
use serde_json::json;

use super::Fault;
use crate::{
    ground::Server,
    random::Random,
    scene::{self, Scene},
};

/// More partitions than this are not worth their memory here.
const PARTITIONS_MAX: usize = 12;
/// Lines a second while Kafka is away for long, and how long: more than the agent keeps in memory.
const OUTAGE: (u64, Duration) = (20_000, Duration::from_secs(12));

pub(super) async fn kafka(fault: Fault, scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    let servers = &scene.ground.servers;
    match fault {
        Fault::KafkaKilled => {
            servers.kill(Server::Kafka).await?;
            servers.up(Server::Kafka).await?;
        }
        Fault::KafkaRestarted => {
            servers.down(Server::Kafka).await?;
            servers.up(Server::Kafka).await?;
        }
        Fault::KafkaFrozen => freeze(scene, Server::Kafka, random).await?,
        Fault::KafkaOutage => {
            servers.kill(Server::Kafka).await?;
            scene.writers.set_rate(OUTAGE.0);
            tokio::time::sleep(OUTAGE.1).await;
            scene.writers.set_rate(scene.plan.rate);
            servers.up(Server::Kafka).await?;
        }
        _ => return add_partition(scene).await,
    }
    Ok(true)
}

async fn freeze(scene: &Scene, server: Server, random: &mut Random) -> anyhow::Result<()> {
    scene.ground.servers.signal(server, Signal::STOP)?;
    tokio::time::sleep(Duration::from_millis(random.between(1_000, 6_000))).await;
    scene.ground.servers.signal(server, Signal::CONT)
}

async fn add_partition(scene: &Scene) -> anyhow::Result<bool> {
    let admin = scene::admin(&scene.ground.kafka())?;
    let metadata = admin.inner().fetch_metadata(Some(&scene.topic), Duration::from_secs(20)).context("asking Kafka")?;
    let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
    if partitions >= PARTITIONS_MAX {
        return Ok(false);
    }
    let more = NewPartitions::new(&scene.topic, partitions + 1);
    admin.create_partitions([&more], &scene::options()).await.context("adding a partition")?;
    Ok(true)
}

pub(super) async fn elastic(fault: Fault, scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    match fault {
        Fault::ElasticKilled => {
            scene.ground.servers.kill(Server::Elasticsearch).await?;
            scene.ground.servers.up(Server::Elasticsearch).await?;
        }
        Fault::ElasticFrozen => freeze(scene, Server::Elasticsearch, random).await?,
        Fault::IndexRolledOver => return roll_over(scene).await,
        _ => {
            block(scene, true).await?;
            tokio::time::sleep(Duration::from_millis(random.between(500, 4_000))).await;
            block(scene, false).await?;
        }
    }
    Ok(true)
}

async fn block(scene: &Scene, is_blocked: bool) -> anyhow::Result<()> {
    let address = format!("{}/{}-*/_settings", scene.ground.elasticsearch(), scene.topic);
    let body = json!({"index.blocks.write": is_blocked});
    let answer = reqwest::Client::new().put(address).json(&body).send().await.context("blocking writes")?;
    ensure!(answer.status().is_success(), "blocking writes: {}", answer.text().await.unwrap_or_default());
    Ok(())
}

/// Has every data stream of the topic go on in another index.
async fn roll_over(scene: &Scene) -> anyhow::Result<bool> {
    let (client, address) = (reqwest::Client::new(), scene.ground.elasticsearch());
    let listed = client.get(format!("{address}/_data_stream/{}-*", scene.topic)).send().await.context("asking")?;
    let streams: serde_json::Value = listed.json().await.context("reading which data streams there are")?;
    let names = streams["data_streams"].as_array().into_iter().flatten().filter_map(|stream| stream["name"].as_str());
    let mut rolled = false;
    for name in names {
        let answer = client.post(format!("{address}/{name}/_rollover")).send().await.context("rolling over")?;
        ensure!(answer.status().is_success(), "rolling {name} over: {}", answer.text().await.unwrap_or_default());
        rolled = true;
    }
    Ok(rolled)
}

/// Has Elasticsearch make data streams of the topic's indices.
pub(crate) async fn make_data_streams(elasticsearch: &str, topic: &str) -> anyhow::Result<()> {
    // Above the collector's own template.
    let template = json!({"index_patterns": [format!("{topic}-*")], "data_stream": {}, "priority": 900});
    let put = reqwest::Client::new().put(format!("{elasticsearch}/_index_template/streams")).json(&template);
    let answer = put.send().await.context("installing a template")?;
    ensure!(answer.status().is_success(), "installing a template: {}", answer.text().await.unwrap_or_default());
    Ok(())
}
