//! Faults of the configuration: none of them may stop or change collection.

use std::time::Duration;

use anyhow::Context as _;
use etcd_client::{CompactionOptions, GetOptions};

use super::{Fault, ways};
use crate::{ground::Server, random::Random, scene::Scene, wait::within};

/// etcd refuses what is larger than 1.5 MiB; this fits just so.
const HUGE_BYTES: usize = 1_500_000;
const GOES_ON_WITHIN: Duration = Duration::from_secs(30);

pub(super) async fn strike(fault: Fault, scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    match fault {
        Fault::EtcdCut => return Ok(ways::strike(fault, scene, random).await),
        Fault::EtcdKilled => {
            scene.ground.servers.kill(Server::Etcd).await?;
            pause(random).await;
            scene.ground.servers.up(Server::Etcd).await?;
        }
        Fault::EtcdWiped => {
            scene.ground.servers.kill(Server::Etcd).await?;
            scene.ground.servers.wipe(Server::Etcd)?;
            scene.ground.servers.up(Server::Etcd).await?;
            pause(random).await;
            put(scene, &scene.tasks).await?;
        }
        Fault::EtcdCompacted => compact(scene).await?,
        Fault::EtcdBadValue => wrong_value(scene, "[{\"path\":", random).await?,
        Fault::EtcdHugeValue => wrong_value(scene, &"[".repeat(HUGE_BYTES), random).await?,
        Fault::EtcdManyPuts => {
            for number in 0..100 {
                // Spaces change the value, and nothing of what it means.
                put(scene, &format!("{}{}", scene.tasks, " ".repeat(number))).await?;
            }
            put(scene, &scene.tasks).await?;
        }
        _ => {
            let mut etcd = scene.etcd().await?;
            etcd.delete(scene.tasks_key.as_str(), None).await.context("deleting the tasks")?;
            pause(random).await;
            put(scene, &scene.tasks).await?;
        }
    }
    Ok(true)
}

async fn pause(random: &mut Random) {
    tokio::time::sleep(Duration::from_millis(random.between(300, 3_000))).await;
}

async fn put(scene: &Scene, value: &str) -> anyhow::Result<()> {
    let mut etcd = scene.etcd().await?;
    etcd.put(scene.tasks_key.as_str(), value, None).await.context("writing the tasks").map(drop)
}

async fn wrong_value(scene: &mut Scene, value: &str, random: &mut Random) -> anyhow::Result<()> {
    put(scene, value).await?;
    pause(random).await;
    let before = scene.agent.metric("collector_lines_read_total").await.unwrap_or(0.0);
    let goes_on = within("collection to go on after a wrong value", GOES_ON_WITHIN, async || {
        let lines = scene.agent.metric("collector_lines_read_total").await;
        Ok(lines.filter(|lines| *lines > before).map(drop))
    });
    if let Err(error) = goes_on.await {
        scene.broken.push(format!("I9: a wrong value has stopped collection: {error}"));
    }
    put(scene, &scene.tasks).await
}

async fn compact(scene: &Scene) -> anyhow::Result<()> {
    let mut etcd = scene.etcd().await?;
    let answer = etcd.get(scene.tasks_key.as_str(), Some(GetOptions::new())).await.context("reading the tasks")?;
    let revision = answer.header().map_or(1, |header| header.revision());
    put(scene, &scene.tasks).await?;
    etcd.compact(revision, Some(CompactionOptions::new().with_physical())).await.context("compacting")?;
    Ok(())
}
