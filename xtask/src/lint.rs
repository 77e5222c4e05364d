//! `cargo xtask lint`: clippy on everything, warnings denied.

use crate::{debian, native, process};

/// Runs the verb.
pub(crate) fn run(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    if let Some(argument) = arguments.next()? {
        return Err(argument.unexpected().into());
    }
    debian::ensure(&native::KAFKA)?;
    let words = ["clippy", "--workspace", "--all-targets", "--", "-Dwarnings"];
    process::run(&mut native::cargo(&words)?)
}
