//! `cargo xtask bench [NAME...] [--json]`: the figures of BENCHMARKS.md.

use std::{ffi::OsString, process::Command};

use anyhow::Context as _;

use crate::{debian, native, places, plugins, process, services::Services};

/// Benchmarks that need Kafka and the collector's own program.
const OF_PIPELINES: [&str; 9] = ["B3", "B4", "B5", "B6", "B7", "B8", "B9", "curves", "pipeline"];

/// A program that the plugins are compared with.
const PEER: debian::Tool = debian::Tool { command: "rsyslogd", packages: "rsyslog" };

/// Runs the verb. The crate `bench/` reads the arguments; this builds what it measures, and starts servers where they are needed.
pub(crate) fn run(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    let rest: Vec<OsString> = arguments.raw_args()?.collect();
    debian::ensure(&native::KAFKA)?;
    plugins::build(&[])?;
    let names: Vec<_> = rest.iter().filter(|word| !word.to_string_lossy().starts_with('-')).collect();
    let of_pipeline = |name: &&OsString| OF_PIPELINES.iter().any(|pipeline| name.as_os_str() == *pipeline);
    if names.is_empty()
        || names.iter().any(|name| ["B1", "B5", "plugins", "pipeline"].iter().any(|of| name.as_os_str() == *of))
    {
        // The benchmark says so where it is not there.
        let _ = debian::ensure(&[PEER]).inspect_err(|error| eprintln!("xtask: without rsyslog as a peer: {error:#}"));
    }
    // Both at once: alone, each would compile what they share with features of its own.
    process::run(&mut native::cargo(&[
        "build",
        "--release",
        "--package",
        "collector",
        "--package",
        "collector-bench",
    ])?)?;
    if !names.is_empty() && !names.iter().any(of_pipeline) {
        return measure(&rest);
    }
    let servers = Services::prepare(&["kafka", "etcd", "elasticsearch"])?;
    servers.install()?;
    let ours = servers.stopped()?;
    ours.up().context("starting the servers to measure against")?;
    let measured = measure(&rest);
    measured.and(ours.down())
}

fn measure(arguments: &[OsString]) -> anyhow::Result<()> {
    let mut command = Command::new(places::target().join("release/collector-bench"));
    process::run(command.args(arguments).env("COLLECTOR_BENCH_PLUGINS", places::plugins()))
}
