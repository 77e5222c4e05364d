//! A peer's process, measured as the collector's is.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use super::{Peer, Work};
use crate::measured::Measured;

const RUN_TIME_MAX: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How many descriptors a program may have at most.
pub(crate) fn descriptors_max() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Starts a peer, if its settings are to its liking.
pub(crate) fn start(peer: &Peer, work: &Work<'_>) -> anyhow::Result<Measured> {
    let check = (peer.command)(work)?.arg(peer.check).stdin(Stdio::null()).output()?;
    ensure!(check.status.success(), "its settings: {}", String::from_utf8_lossy(&check.stderr).trim());
    Measured::start(&mut (peer.command)(work)?, work.home.join("log"))
        .with_context(|| format!("starting {}", peer.name))
}

/// Waits until so many lines of a peer have arrived, and no more.
pub(crate) fn until(
    peer: &mut Measured,
    lines: u64,
    arrived: impl FnMut() -> anyhow::Result<u64>,
) -> anyhow::Result<()> {
    let found = until_least(peer, lines, arrived)?;
    ensure!(found == lines, "{found} lines arrived of {lines}");
    Ok(())
}

/// Waits until at least so many lines of a peer have arrived; how many they are.
pub(crate) fn until_least(
    peer: &mut Measured,
    least: u64,
    mut arrived: impl FnMut() -> anyhow::Result<u64>,
) -> anyhow::Result<u64> {
    let began = Instant::now();
    loop {
        let found = arrived()?;
        if found >= least {
            return Ok(found);
        }
        peer.ensure_runs()?;
        let late = began.elapsed() > RUN_TIME_MAX;
        ensure!(!late, "{found} of {least} lines arrived in {RUN_TIME_MAX:?}: {}", peer.last_words());
        std::thread::sleep(LOOK_EVERY);
    }
}
