//! `cargo xtask simulate [--seeds N] [--from SEED] | --seed S [--plant NAME]`: schedules of faults, by their seeds.

use std::ffi::OsString;

use crate::{debian, native, process};

/// Runs the verb: the simulator understands the rest of the line.
pub(crate) fn run(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    let rest: Vec<OsString> = arguments.raw_args()?.collect();
    debian::ensure(&native::KAFKA)?;
    let mut command = native::cargo(&["run", "--quiet", "--package", "collector-simulate", "--bin", "simulate", "--"])?;
    process::run(command.args(rest))
}
