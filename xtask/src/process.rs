//! Running other programs: each in a process group of its own, ended as a whole when we are interrupted.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::interrupt;

const POLL: Duration = Duration::from_millis(20);
/// How long an interrupted child may take to end by itself.
const GRACE: Duration = Duration::from_secs(20);

/// The command as a user would type it, without its environment.
pub(crate) fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// Starts the command in a process group of its own, with nothing to read.
///
/// The group is what lets an interrupt reach the children of a child (the test binaries of cargo, say),
/// and what keeps a terminal's Ctrl-C from reaching them before us.
pub(crate) fn spawn(command: &mut Command) -> anyhow::Result<Child> {
    interrupt::check()?;
    command.stdin(Stdio::null()).process_group(0).spawn().with_context(|| format!("starting `{}`", spelled(command)))
}

/// Runs the command to its end; an exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let mut child = spawn(command)?;
    let status = wait(&mut child).with_context(|| format!("running `{}`", spelled(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", spelled(command));
    }
    Ok(())
}

/// As [`run`], also after an interrupt: for what has to be done before we end.
pub(crate) fn run_regardless(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .stdin(Stdio::null())
        .process_group(0)
        .status()
        .with_context(|| format!("starting `{}`", spelled(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", spelled(command));
    }
    Ok(())
}

/// Waits for the child's end; when we are interrupted, ends it first.
pub(crate) fn wait(child: &mut Child) -> anyhow::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if interrupt::requested() {
            end(child);
            bail!("interrupted");
        }
        thread::sleep(POLL);
    }
}

/// Asks the child's whole group to end, and kills it when it does not.
pub(crate) fn end(child: &mut Child) {
    signal_group(child, Signal::TERM);
    let deadline = Instant::now() + GRACE;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() > deadline {
            signal_group(child, Signal::KILL);
        }
        thread::sleep(POLL);
    }
}

fn signal_group(child: &Child, signal: Signal) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // The group may have ended in this moment: then there is nothing to do.
        let _ = kill_process_group(group, signal);
    }
}

/// What the command prints to its standard output, trimmed.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("starting `{}`", spelled(command)))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}", spelled(command), complaint.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
