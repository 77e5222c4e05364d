//! Faults of agents and transfers among servers.

use std::{os::unix::fs::MetadataExt as _, time::Duration};

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, prlimit};

use super::process::{armed, came_to_its_end};
use crate::{
    fleet::{Program, descriptors},
    proxy::Mode,
    random::Random,
    scene::Scene,
    wait::within,
};

/// After this long a silent member of the group has lost its partitions.
const SESSION: Duration = Duration::from_secs(50);
/// The partitions of a silent member may have to be waited for.
const ASSIGNED_WITHIN: Duration = Duration::from_secs(70);

/// Lets the agent open no more than it has open now, while files come.
pub(super) async fn descriptor_limit(scene: &mut Scene) -> anyhow::Result<bool> {
    let Some(pid) = scene.agent.pid() else { return Ok(false) };
    let open = descriptors(pid);
    // The hard limit, which only root may raise again, stays: the agent has ours.
    let maximum = getrlimit(Resource::Nofile).maximum;
    let before = prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(open), maximum })
        .context("limiting the agent's descriptors")?;
    tokio::time::sleep(Duration::from_secs(6)).await;
    if !scene.agent.is_running() {
        return Ok(false);
    }
    prlimit(Some(pid), Resource::Nofile, before).context("lifting the limit of the agent's descriptors")?;
    Ok(true)
}

/// Deletes a file that the agent has open while Kafka cannot be reached, and waits until the agent has let go of it: nothing else
/// strikes meanwhile, so its lines are to be found.
pub(super) async fn file_deleted(scene: &mut Scene) -> anyhow::Result<bool> {
    scene.agent.ready().await?;
    scene.ground.proxies.produce.set(Mode::Cut);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let rotated = open_files(&scene.agent).into_iter().find(OpenFile::is_rotated_and_has_one_name);
    // Its writer may have compressed it this moment.
    let rotated = rotated.filter(|file| std::fs::remove_file(&file.path).is_ok());
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.ground.proxies.produce.set(Mode::Pass);
    let Some(deleted) = rotated else { return Ok(false) };
    within("the agent to let go of a deleted file", Duration::from_secs(120), async || {
        // Others had its path before, and have it later: the inode tells.
        let holds = open_files(&scene.agent).iter().any(|file| file.inode == deleted.inode);
        Ok((!holds).then_some(()))
    })
    .await?;
    Ok(true)
}

/// A log that a process has open.
struct OpenFile {
    /// As the system names it.
    path: String,
    inode: u64,
    names: u64,
}

impl OpenFile {
    fn is_rotated_and_has_one_name(&self) -> bool {
        self.path.contains(".log.") && !self.path.ends_with(".log") && self.names == 1
    }
}

/// What the process has open.
fn open_files(program: &Program) -> Vec<OpenFile> {
    let Some(pid) = program.pid() else { return vec![] };
    let Ok(entries) = std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())) else { return vec![] };
    let open = entries.flatten().filter_map(|entry| {
        let path = std::fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned();
        let meta = std::fs::metadata(entry.path()).ok().filter(|_| path.contains("/files/"))?;
        Some(OpenFile { path, inode: meta.ino(), names: meta.nlink() })
    });
    open.collect()
}

/// The transfers that run.
fn running(scene: &mut Scene) -> Vec<usize> {
    (0..scene.transfers.len()).filter(|number| scene.transfers[*number].is_running()).collect()
}

async fn any_running(scene: &mut Scene) -> anyhow::Result<usize> {
    match running(scene).first() {
        Some(number) => Ok(*number),
        None => {
            scene.transfers[0].start(&scene.plan.failpoints())?;
            Ok(0)
        }
    }
}

pub(super) async fn transfer_killed(scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    any_running(scene).await?;
    let running = running(scene);
    let number = running[random.below(running.len() as u64) as usize];
    scene.count_conflicts(number).await;
    scene.transfers[number].kill()?;
    scene.transfers[number].start(&scene.plan.failpoints())?;
    Ok(true)
}

/// Ends a transfer at a place in its code, after it came past fewer than so many times.
pub(super) async fn transfer_killed_at(
    (point, passes_max): (&str, u64),
    scene: &mut Scene,
    random: &mut Random,
) -> anyhow::Result<bool> {
    let number = any_running(scene).await?;
    scene.count_conflicts(number).await;
    let armed = armed(&scene.plan.failpoints(), point, random.below(passes_max));
    let transfer = &mut scene.transfers[number];
    // Ended in good order, it gives its partitions back, so that its successor need not wait for the session's end.
    transfer.ready().await?;
    transfer.terminate().await?;
    transfer.start_to_be_killed(&armed)?;
    let met = came_to_its_end(transfer).await;
    transfer.kill()?;
    transfer.start(&scene.plan.failpoints())?;
    Ok(met)
}

/// The transfer ends while it gives a part of its partitions to a second one.
pub(super) async fn transfer_killed_on_revoke(scene: &mut Scene) -> anyhow::Result<bool> {
    let planted = scene.plan.failpoints();
    let number = any_running(scene).await?;
    let second = (number + 1) % scene.transfers.len();
    for leaving in [second, number] {
        if scene.transfers[leaving].is_running() {
            scene.transfers[leaving].ready().await?;
            scene.count_conflicts(leaving).await;
            scene.transfers[leaving].terminate().await?;
        }
    }
    let transfer = &mut scene.transfers[number];
    transfer.start_to_be_killed(&armed(&planted, "revoking", 0))?;
    transfer.ready().await?;
    // Only who has partitions can give some away.
    let read = async || Ok(transfer.metric("collector_lines_read_total").await.filter(|&lines| lines > 0.0));
    let has_partitions = within("partitions to be assigned", ASSIGNED_WITHIN, read).await.is_ok();
    scene.transfers[second].start(&planted)?;
    let met = came_to_its_end(&mut scene.transfers[number]).await;
    scene.transfers[number].kill()?;
    scene.transfers[number].start(&planted)?;
    Ok(has_partitions && met)
}

pub(super) async fn transfer_terminated(scene: &mut Scene) -> anyhow::Result<bool> {
    let number = any_running(scene).await?;
    scene.transfers[number].ready().await?;
    scene.count_conflicts(number).await;
    scene.transfers[number].terminate().await?;
    scene.transfers[number].start(&scene.plan.failpoints())?;
    Ok(true)
}

pub(super) async fn transfers_scaled(scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    let planted = scene.plan.failpoints();
    for number in 0..scene.transfers.len() {
        if !scene.transfers[number].is_running() {
            scene.transfers[number].start(&planted)?;
        }
    }
    for transfer in &mut scene.transfers {
        transfer.ready().await?;
    }
    tokio::time::sleep(Duration::from_millis(random.between(2_000, 6_000))).await;
    for left in [2, 1] {
        while running(scene).len() > left {
            let number = running(scene)[left];
            scene.count_conflicts(number).await;
            scene.transfers[number].terminate().await?;
        }
        tokio::time::sleep(Duration::from_millis(random.between(500, 4_000))).await;
    }
    Ok(true)
}

pub(super) async fn rebalance_in_outage(scene: &mut Scene) -> anyhow::Result<bool> {
    let before = scene.ground.proxies.index.struck();
    scene.ground.proxies.index.set(Mode::Cut);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let first = any_running(scene).await?;
    let second = (first + 1) % scene.transfers.len();
    if !scene.transfers[second].is_running() {
        scene.transfers[second].start(&scene.plan.failpoints())?;
    }
    scene.transfers[second].ready().await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    scene.count_conflicts(second).await;
    scene.transfers[second].terminate().await?;
    scene.ground.proxies.index.set(Mode::Pass);
    Ok(scene.ground.proxies.index.struck() > before)
}

/// One of two transfers stands still until the group has given its partitions to the other, and goes on as if nothing had been.
pub(super) async fn zombie(scene: &mut Scene) -> anyhow::Result<bool> {
    let first = any_running(scene).await?;
    let second = (first + 1) % scene.transfers.len();
    if !scene.transfers[second].is_running() {
        scene.transfers[second].start(&scene.plan.failpoints())?;
    }
    scene.transfers[second].ready().await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    scene.transfers[first].signal(Signal::STOP)?;
    tokio::time::sleep(SESSION).await;
    scene.transfers[first].signal(Signal::CONT)?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    scene.count_conflicts(second).await;
    scene.transfers[second].terminate().await?;
    Ok(true)
}
