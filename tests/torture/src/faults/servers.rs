//! Faults of Kafka's brokers.

use std::time::Duration;

use anyhow::Context as _;
use rdkafka::admin::{AlterConfig, NewPartitions, ResourceSpecifier};
use rustix::process::Signal;

use super::Fault;
use crate::{
    ground::{Server, Servers},
    random::Random,
    scene::{self, INDEXED, Scene, TOPICS},
    wait::within,
};

/// More partitions than this are not worth their memory here.
const PARTITIONS_MAX: usize = 12;
/// Lines a second while Kafka is away for long, and how long: more than the agent keeps in memory.
const OUTAGE: (u64, Duration) = (20_000, Duration::from_secs(12));
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// A broker that is gone is no replica in sync after its session, and then some.
const SHRUNK_WITHIN: Duration = Duration::from_secs(30);

pub(super) async fn strike(fault: Fault, scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    let servers = &scene.ground.servers;
    match fault {
        Fault::KafkaKilled => {
            kill_all(servers).await?;
            servers.up_together(servers.kafka()).await?;
        }
        Fault::KafkaRestarted => {
            // One after another, as in an upgrade.
            for broker in servers.kafka() {
                servers.down(broker).await?;
                servers.up(broker).await?;
            }
        }
        Fault::KafkaFrozen => {
            servers.kafka().try_for_each(|broker| servers.signal(broker, Signal::STOP))?;
            // Beyond the brokers' session of four seconds it comes back to a controller that has given it up.
            tokio::time::sleep(Duration::from_millis(random.between(1_000, 7_000))).await;
            servers.kafka().try_for_each(|broker| servers.signal(broker, Signal::CONT))?;
        }
        Fault::KafkaOutage => {
            kill_all(servers).await?;
            scene.writers.set_rate(OUTAGE.0);
            tokio::time::sleep(OUTAGE.1).await;
            scene.writers.set_rate(scene.plan.rate);
            servers.up_together(servers.kafka()).await?;
        }
        Fault::KafkaLeaderKilled => return leader_killed(scene, random).await,
        Fault::KafkaReplicasShort => return replicas_short(scene).await,
        _ => return add_partition(scene, random).await,
    }
    Ok(true)
}

async fn kill_all(servers: &Servers) -> anyhow::Result<()> {
    for broker in servers.kafka() {
        servers.kill(broker).await?;
    }
    Ok(())
}

/// The leader of each partition, and how many replicas are in sync.
fn leaders(scene: &Scene, topic: &str) -> anyhow::Result<Vec<(i32, usize)>> {
    let admin = scene::admin(&scene.ground.kafka())?;
    let metadata = admin.inner().fetch_metadata(Some(topic), ANSWER_WITHIN).context("asking Kafka for leaders")?;
    let partitions = metadata.topics().first().map(|topic| topic.partitions()).unwrap_or_default();
    Ok(partitions.iter().map(|partition| (partition.leader(), partition.isr().len())).collect())
}

fn of_all_topics(scene: &Scene) -> anyhow::Result<Vec<(i32, usize)>> {
    let leaders = TOPICS.iter().map(|topic| leaders(scene, topic)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(leaders.concat())
}

/// The broker that leads a partition ends; another one leads it until the first is back and in sync.
async fn leader_killed(scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    let topic = INDEXED[random.below(INDEXED.len() as u64) as usize];
    let leaders = leaders(scene, topic)?;
    let partition = random.below(leaders.len() as u64) as usize;
    let (leader, copies) = leaders[partition];
    let broker = Server::Kafka(usize::try_from(leader - 1).context("a partition without a leader")?);
    scene.ground.servers.kill(broker).await?;
    let moved = within("another leader", SHRUNK_WITHIN, async || {
        let leaders = self::leaders(scene, topic)?;
        Ok((leaders[partition].0 != leader && leaders[partition].0 > 0).then_some(()))
    });
    let moved = moved.await.is_ok();
    tokio::time::sleep(Duration::from_millis(random.between(1_000, 4_000))).await;
    scene.ground.servers.up(broker).await?;
    in_sync(scene, copies).await?;
    Ok(moved)
}

/// More replicas have to be in sync than are, so that nothing is acknowledged; then all are back.
async fn replicas_short(scene: &mut Scene) -> anyhow::Result<bool> {
    let copies = scene.plan.brokers;
    in_sync_min(scene, copies).await?;
    let broker = Server::Kafka(copies - 1);
    scene.ground.servers.kill(broker).await?;
    let shrunk = within("a replica to fall out", SHRUNK_WITHIN, async || {
        Ok(of_all_topics(scene)?.iter().all(|(_, in_sync)| *in_sync < copies).then_some(()))
    });
    let shrunk = shrunk.await.is_ok();
    let before = scene.agent.metric("collector_lines_delivered_total").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let is_held_up = scene.agent.metric("collector_lines_delivered_total").await == before;
    scene.ground.servers.up(broker).await?;
    in_sync(scene, copies).await?;
    in_sync_min(scene, copies.div_ceil(2)).await?;
    Ok(shrunk && is_held_up)
}

async fn in_sync(scene: &Scene, copies: usize) -> anyhow::Result<()> {
    within("all replicas in sync", Duration::from_secs(120), async || {
        // A broker that has just come back may not answer yet.
        let leaders = of_all_topics(scene).unwrap_or_default();
        Ok((!leaders.is_empty() && leaders.iter().all(|(_, in_sync)| *in_sync >= copies)).then_some(()))
    })
    .await
}

async fn in_sync_min(scene: &Scene, copies: usize) -> anyhow::Result<()> {
    let admin = scene::admin(&scene.ground.kafka())?;
    let copies = copies.to_string();
    let config = |topic| AlterConfig::new(ResourceSpecifier::Topic(topic)).set("min.insync.replicas", &copies);
    let configs = TOPICS.map(config);
    admin.alter_configs(&configs, &scene::options()).await.context("changing min.insync.replicas")?;
    Ok(())
}

async fn add_partition(scene: &Scene, random: &mut Random) -> anyhow::Result<bool> {
    let topic = INDEXED[random.below(INDEXED.len() as u64) as usize];
    let partitions = leaders(scene, topic)?.len();
    if partitions >= PARTITIONS_MAX {
        return Ok(false);
    }
    let more = NewPartitions::new(topic, partitions + 1);
    let admin = scene::admin(&scene.ground.kafka())?;
    admin.create_partitions([&more], &scene::options()).await.context("adding a partition")?;
    Ok(true)
}
