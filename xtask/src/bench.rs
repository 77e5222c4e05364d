//! `cargo xtask bench [NAME...] [--json]`: the figures of BENCHMARKS.md.

use std::{ffi::OsString, path::PathBuf, process::Command};

use anyhow::Context as _;

use crate::{debian, native, peers, places, plugins, process, services::Services};

/// Benchmarks that need Kafka and the collector's own program.
const OF_PIPELINES: [&str; 9] = ["B3", "B4", "B5", "B6", "B7", "B8", "B9", "curves", "pipeline"];

/// Benchmarks that run other programs beside the collector.
const WITH_PEERS: [&str; 9] = ["B1", "B3", "B5", "B6", "B7", "B8", "B9", "plugins", "pipeline"];

/// Runs the verb. The crate `bench/` reads the arguments; this builds what it measures, and starts servers where they are needed.
pub(crate) fn run(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    let rest: Vec<OsString> = arguments.raw_args()?.collect();
    debian::ensure(&native::KAFKA)?;
    plugins::build(&[])?;
    let names: Vec<_> = rest.iter().filter(|word| !word.to_string_lossy().starts_with('-')).collect();
    let is_any_of =
        |of: &[&str]| names.is_empty() || names.iter().any(|name| of.iter().any(|of| name.as_os_str() == *of));
    let peers = if is_any_of(&WITH_PEERS) { peers::prepare() } else { vec![] };
    // Both at once: alone, each would compile what they share with features of its own.
    process::run(&mut native::cargo(&[
        "build",
        "--release",
        "--package",
        "collector",
        "--package",
        "collector-bench",
    ])?)?;
    if !is_any_of(&OF_PIPELINES) {
        return measure(&rest, peers);
    }
    let servers = Services::prepare(&["kafka", "etcd", "elasticsearch"])?;
    servers.install()?;
    let ours = servers.stopped()?;
    ours.up().context("starting the servers to measure against")?;
    let measured = measure(&rest, peers);
    measured.and(ours.down())
}

fn measure(arguments: &[OsString], peers: Vec<(&str, PathBuf)>) -> anyhow::Result<()> {
    let mut command = Command::new(places::target().join("release/collector-bench"));
    process::run(command.args(arguments).env("COLLECTOR_BENCH_PLUGINS", places::plugins()).envs(peers))
}
