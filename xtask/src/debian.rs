//! What is missing is installed with apt where we may; elsewhere the error names the command.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};

use crate::{places, process};

/// A program that must be on `PATH`, and the Debian packages that bring it.
#[derive(Clone, Copy)]
pub(crate) struct Tool {
    /// The command.
    pub(crate) command: &'static str,
    /// Its packages, separated by blanks.
    pub(crate) packages: &'static str,
}

/// Makes sure that every tool is there, installing what is missing in one go.
pub(crate) fn ensure(tools: &[Tool]) -> anyhow::Result<()> {
    let missing: Vec<Tool> = tools.iter().copied().filter(|tool| places::on_path(tool.command).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let commands: Vec<&str> = missing.iter().map(|tool| tool.command).collect();
    let packages: Vec<&str> = missing.iter().map(|tool| tool.packages).collect();
    install(&packages.join(" "), &commands.join(", "))
}

/// Installs the packages (separated by blanks). `why` names what is missing without them.
pub(crate) fn install(packages: &str, why: &str) -> anyhow::Result<()> {
    may_install(packages, why)?;
    eprintln!("xtask: {why}: installing {packages}");
    let mut command = apt();
    command.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages.split(' ')).stdout(Stdio::null());
    process::run(&mut command).with_context(|| format!("installing {packages} for {why}"))
}

/// Installs the first of the packages that this release of Debian has.
pub(crate) fn install_first(packages: [&str; 2], why: &str) -> anyhow::Result<()> {
    let [first, second] = packages;
    may_install(first, why)?;
    let known = process::output(Command::new("apt-cache").args(["show", first])).is_ok();
    install(if known { first } else { second }, why)
}

/// Installs those of the packages that are not there: for what is no program on `PATH`.
pub(crate) fn ensure_packages(packages: &[&str], why: &str) -> anyhow::Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() { Ok(()) } else { install(&missing.join(" "), why) }
}

fn is_installed(package: &str) -> bool {
    let status = process::output(Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package]));
    status.is_ok_and(|status| status == "installed")
}

/// Unpacks packages, and those that they need and that are not installed, into a folder: for what apt would not let stand beside others.
pub(crate) fn unpack(packages: &[&str], folder: &Path) -> anyhow::Result<()> {
    if is_ours() {
        update()?;
    }
    let downloads = folder.join("packages");
    fs::create_dir_all(&downloads).with_context(|| format!("making {}", downloads.display()))?;
    let plan = process::output(apt().args(["install", "--simulate", "--no-install-recommends"]).args(packages))?;
    let download = &mut apt();
    download.args(["download", "-qq"]).args(to_install(&plan)).current_dir(&downloads);
    process::run(download).with_context(|| format!("downloading {}", packages.join(" ")))?;
    for package in fs::read_dir(&downloads)? {
        process::run(Command::new("dpkg").arg("-x").arg(package?.path()).arg(folder))?;
    }
    Ok(fs::remove_dir_all(downloads)?)
}

/// The packages that apt says it would install.
fn to_install(plan: &str) -> Vec<&str> {
    plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next()).collect()
}

/// Whether apt is ours to use; its lists are brought up to date the first time.
fn may_install(packages: &str, why: &str) -> anyhow::Result<()> {
    if !is_ours() {
        bail!("{}", advice(packages, why));
    }
    update()
}

fn is_ours() -> bool {
    rustix::process::geteuid().is_root() && places::on_path("apt-get").is_some()
}

/// Brings apt's lists up to date, once.
fn update() -> anyhow::Result<()> {
    static UPDATED: Mutex<bool> = Mutex::new(false);
    let mut updated = UPDATED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*updated {
        process::run(apt().args(["update", "-qq"]))?;
        *updated = true;
    }
    Ok(())
}

/// apt, waiting for its turn where another process (or another verb) is installing.
fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]);
    command
}

fn advice(packages: &str, why: &str) -> String {
    format!(
        "missing: {why}. On Debian or Ubuntu install with:\n\n    \
         sudo apt-get update && sudo apt-get install -y --no-install-recommends {packages}\n\n\
         then run this again (elsewhere: the packages of the same meaning)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_is_a_command_to_paste() {
        let text = advice("cmake perl", "cmake");
        assert!(text.contains("sudo apt-get install -y --no-install-recommends cmake perl\n"));
        assert!(text.starts_with("missing: cmake."));
    }

    #[test]
    fn what_apt_would_remove_is_not_unpacked() {
        let plan = "Remv rsyslog [8.2302.0-1]\nInst libnet1 (1.1.6 Debian:12 [amd64])\nInst syslog-ng-core (3.38.1 Debian:12 [amd64])\nConf libnet1";
        assert_eq!(to_install(plan), ["libnet1", "syslog-ng-core"]);
    }

    #[test]
    fn tools_that_are_there_need_no_installation() {
        let shell = Tool { command: "sh", packages: "no-such-package" };
        ensure(&[shell]).unwrap();
    }
}
