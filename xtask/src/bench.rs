//! `cargo xtask bench [NAME...] [--json]`: the figures of BENCHMARKS.md.

use std::ffi::OsString;

use crate::{debian, native, places, plugins, process};

/// Runs the verb. The crate `bench/` reads the arguments; this only builds what it measures.
pub(crate) fn run(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    let rest: Vec<OsString> = arguments.raw_args()?.collect();
    debian::ensure(&native::KAFKA)?;
    plugins::build(&[])?;
    let mut command = native::cargo(&["run", "--release", "--package", "collector-bench", "--"])?;
    command.args(rest).env("COLLECTOR_BENCH_PLUGINS", places::plugins());
    process::run(&mut command)
}
