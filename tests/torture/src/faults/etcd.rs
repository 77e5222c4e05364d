//! Faults of the configuration: none of them may stop or change collection (I9).

use std::time::Duration;

use anyhow::Context as _;
use etcd_client::{CompactionOptions, GetOptions};
use serde_json::json;

use super::Fault;
use crate::{ground::Server, proxy::Mode, random::Random, scene::Scene, wait::within};

/// etcd refuses what is larger than 1.5 MiB; this fits just so.
const HUGE_BYTES: usize = 1_500_000;
const GOES_ON_WITHIN: Duration = Duration::from_secs(30);
/// What struck before may keep lines waiting: a member of the group that is gone keeps its partitions for 45 s.
const RECOVERS_WITHIN: Duration = Duration::from_secs(90);

pub(super) async fn strike(fault: Fault, scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    if let Err(error) = flows(RECOVERS_WITHIN, scene).await {
        scene.broken.push(format!("I7: before {}: {error}", fault.name()));
    }
    match fault {
        Fault::EtcdCut => {
            let before = scene.ground.proxies.configure.struck();
            scene.ground.proxies.configure.set(Mode::Cut);
            goes_on("etcd that is cut off", scene).await;
            scene.ground.proxies.configure.set(Mode::Pass);
            return Ok(scene.ground.proxies.configure.struck() > before);
        }
        Fault::EtcdKilled => {
            scene.ground.servers.kill(Server::Etcd).await?;
            goes_on("etcd that is gone", scene).await;
            scene.ground.servers.up(Server::Etcd).await?;
        }
        Fault::EtcdWiped => {
            scene.ground.servers.kill(Server::Etcd).await?;
            scene.ground.servers.wipe(Server::Etcd)?;
            scene.ground.servers.up(Server::Etcd).await?;
            goes_on("etcd that has lost everything", scene).await;
            scene.put_configuration().await?;
        }
        Fault::EtcdCompacted => {
            compact(scene).await?;
            goes_on("a compacted history", scene).await;
        }
        Fault::EtcdBadValue => return wrong_values(scene, random).await,
        Fault::EtcdHugeValue => {
            let value = "[".repeat(HUGE_BYTES);
            return wrong_tasks("tasks of 1.5 MiB", &value, scene).await;
        }
        Fault::EtcdManyPuts => {
            for number in 0..100 {
                // Spaces change the value, and nothing of what it means.
                scene.put_tasks(&format!("{}{}", scene.tasks, " ".repeat(number))).await?;
            }
            scene.put_tasks(&scene.tasks).await?;
            goes_on("a hundred changes", scene).await;
        }
        _ => return key_deleted(scene, random).await,
    }
    Ok(true)
}

/// Deleted tasks end; when they are back, what was written meanwhile is collected, too.
async fn key_deleted(scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    let mut etcd = scene.etcd().await?;
    etcd.delete(scene.tasks_key.as_str(), None).await.context("deleting the tasks")?;
    tokio::time::sleep(Duration::from_millis(random.between(300, 3_000))).await;
    scene.put_tasks(&scene.tasks).await?;
    goes_on("tasks that were deleted and are back", scene).await;
    Ok(true)
}

/// Whether lines are read, and documents made, although something is wrong with the configuration.
async fn goes_on(what: &str, scene: &mut Scene) {
    if let Err(error) = flows(GOES_ON_WITHIN, scene).await {
        scene.broken.push(format!("I9: {what} has stopped collection: {error}"));
    }
}

/// Waits until the agent and the transfers have read more than now.
async fn flows(deadline: Duration, scene: &mut Scene) -> anyhow::Result<()> {
    let read = "collector_lines_read_total";
    let agent = scene.agent.metric(read).await.unwrap_or(0.0);
    let transfers = scene.transfers_sum(read).await;
    within("collection to go on", deadline, async || {
        let is_read = scene.agent.metric(read).await.is_some_and(|lines| lines > agent);
        Ok((is_read && scene.transfers_sum(read).await > transfers).then_some(()))
    })
    .await
}

/// Some ways to be wrong, of tasks and of rules.
async fn wrong_values(scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    let task = |change: serde_json::Value| {
        let mut tasks: serde_json::Value = serde_json::from_str(&scene.tasks).unwrap_or_default();
        for (name, value) in change.as_object().into_iter().flatten() {
            tasks[0][name] = value.clone();
        }
        tasks.to_string()
    };
    let wrong = [
        ("tasks that are no JSON", "[{\"path\":".to_owned()),
        ("tasks that are no list", "{\"path\": 1}".to_owned()),
        ("a topic that cannot be", task(json!({"topic": "no topic/at all"}))),
        ("a plugin that is not there", task(json!({"plugins": [{"path": "no-such-plugin"}]}))),
    ];
    let (what, value) = &wrong[random.below(wrong.len() as u64) as usize];
    let met = wrong_tasks(what, value, scene).await?;
    let rules = ["{\"plugins\": 7", "{\"plugins\": [{\"path\": \"no-such-plugin\"}]}"];
    scene.put_rule(rules[random.below(2) as usize]).await?;
    goes_on("a rule that means nothing", scene).await;
    scene.put_configuration().await?;
    Ok(met)
}

/// Wrong tasks are refused, and what runs stays as it is.
async fn wrong_tasks(what: &str, value: &str, scene: &mut Scene) -> anyhow::Result<bool> {
    let before = Running::of(scene).await;
    scene.put_tasks(value).await?;
    let refused = within("wrong tasks to be refused", GOES_ON_WITHIN, async || {
        Ok(scene.agent.status().await.is_some_and(|status| status["state"] == "FAILED").then_some(()))
    });
    let is_refused = refused.await.is_ok();
    goes_on(what, scene).await;
    let after = Running::of(scene).await;
    if (after.files == 0.0) != (before.files == 0.0) || after.chains != before.chains {
        scene.broken.push(format!("I9: {what} changed what runs: {before:?}, then {after:?}"));
    }
    scene.put_tasks(&scene.tasks).await?;
    Ok(is_refused)
}

/// What the agent runs.
#[derive(Debug)]
struct Running {
    files: f64,
    chains: f64,
}

impl Running {
    async fn of(scene: &Scene) -> Running {
        let metric = async |name: &str| scene.agent.metric(name).await.unwrap_or(0.0);
        Running { files: metric("collector_files_followed").await, chains: metric("collector_chain_generation").await }
    }
}

async fn compact(scene: &Scene) -> anyhow::Result<()> {
    let mut etcd = scene.etcd().await?;
    let answer = etcd.get(scene.tasks_key.as_str(), Some(GetOptions::new())).await.context("reading the tasks")?;
    let revision = answer.header().map_or(1, |header| header.revision());
    scene.put_tasks(&scene.tasks).await?;
    etcd.compact(revision, Some(CompactionOptions::new().with_physical())).await.context("compacting")?;
    Ok(())
}
