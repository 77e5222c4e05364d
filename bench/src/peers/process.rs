//! A peer's process, measured as the collector's is.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use super::{Peer, Work};
use crate::clock::{cpu_of, rss_peak_mib_of};

const RUN_TIME_MAX: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running peer; killed when dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it, if its settings are to its liking.
    pub(crate) fn start(peer: &Peer, work: &Work<'_>) -> anyhow::Result<Process> {
        let check = (peer.command)(work)?.arg(peer.check).stdin(Stdio::null()).output()?;
        ensure!(check.status.success(), "its settings: {}", String::from_utf8_lossy(&check.stderr).trim());
        let log = work.home.join("log");
        let file = File::create(&log)?;
        let mut command = (peer.command)(work)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("starting {}", peer.name))?;
        Ok(Process { child, log })
    }

    /// Waits until so many lines have arrived.
    pub(crate) fn until(&mut self, lines: u64, mut arrived: impl FnMut() -> anyhow::Result<u64>) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let found = arrived()?;
            ensure!(found <= lines, "{found} lines arrived of {lines}");
            if found == lines {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}: {}", self.last_words());
            }
            let late = began.elapsed() > RUN_TIME_MAX;
            ensure!(!late, "{found} of {lines} lines arrived in {RUN_TIME_MAX:?}: {}", self.last_words());
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().rev().take(3).collect::<Vec<_>>().join(" | ")
    }

    /// CPU time that it has used, in seconds.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        cpu_of(self.child.id())
    }

    /// The most memory it ever had, in MiB.
    pub(crate) fn rss_peak_mib(&self) -> anyhow::Result<f64> {
        rss_peak_mib_of(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
