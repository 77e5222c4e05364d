//! A program beside this one, whose CPU time and memory are measured.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, bail};

/// A running program; killed when dropped.
pub(crate) struct Measured {
    child: Child,
    log: PathBuf,
}

impl Measured {
    /// Starts it; what it says goes to that file.
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> anyhow::Result<Measured> {
        let file = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Measured { child, log })
    }

    /// Refuses to wait for one that has ended.
    pub(crate) fn ensure_runs(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("it ended with {status}: {}", self.last_words()),
            None => Ok(()),
        }
    }

    /// The last lines that it said.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().rev().take(3).collect::<Vec<_>>().join(" | ")
    }

    /// CPU time that it has used, in seconds.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Fields are counted from behind the name, which may hold spaces: utime is the 12th there, stime the 13th.
        let (_, fields) = stat.rsplit_once(')').context("reading /proc/PID/stat")?;
        let ticks = |at: usize| fields.split_whitespace().nth(at).and_then(|field| field.parse::<f64>().ok());
        let ticks = ticks(11).zip(ticks(12)).context("reading /proc/PID/stat")?;
        Ok((ticks.0 + ticks.1) / rustix::param::clock_ticks_per_second() as f64)
    }

    /// The most memory it ever had, in MiB.
    pub(crate) fn rss_peak_mib(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("reading /proc/PID/status")?;
        let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok());
        Ok(kib.context("reading VmHWM")? / 1024.0)
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
