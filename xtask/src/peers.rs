//! The programs that benchmarks compare the collector with. What is missing is left out by the benchmarks, which say so.

use std::{fs, path::PathBuf};

use crate::{debian, places};

const RSYSLOG: [&str; 3] = ["rsyslog", "rsyslog-kafka", "rsyslog-elasticsearch"];
const SYSLOG_NG: [&str; 3] = ["syslog-ng-core", "syslog-ng-mod-rdkafka", "syslog-ng-mod-http"];

/// Installs rsyslog, and unpacks syslog-ng. Where the benchmarks find what was unpacked: for their environment.
pub(crate) fn prepare() -> Vec<(&'static str, PathBuf)> {
    if let Err(error) = debian::ensure_packages(&RSYSLOG, "rsyslog, to compare with") {
        eprintln!("xtask: without rsyslog as a peer: {error:#}");
    }
    if places::on_path("syslog-ng").is_some() {
        return vec![];
    }
    match syslog_ng() {
        Ok(root) => vec![("COLLECTOR_BENCH_SYSLOG_NG", root)],
        Err(error) => {
            eprintln!("xtask: without syslog-ng as a peer: {error:#}");
            vec![]
        }
    }
}

/// syslog-ng in a folder: where it is installed, rsyslog cannot be.
fn syslog_ng() -> anyhow::Result<PathBuf> {
    let root = places::target().join("peers/syslog-ng");
    if root.is_dir() {
        return Ok(root);
    }
    // Renamed in the end, so that half of it is not taken for all.
    let new = root.with_extension("new");
    debian::unpack(&SYSLOG_NG, &new)?;
    fs::rename(&new, &root)?;
    Ok(root)
}
