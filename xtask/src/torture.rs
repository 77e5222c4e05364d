//! `cargo xtask torture [--minutes N] [--seed S] …`: the torture test, on servers of its own.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::services::{self, Services};
use crate::{debian, native, places, plugins, process};

/// The servers that it starts itself.
const SERVERS: [&str; 3] = ["etcd", "kafka", "elasticsearch"];

/// Runs the verb. The crate `tests/torture` reads the arguments; this installs and builds what it needs.
pub(crate) fn run(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    let rest: Vec<OsString> = arguments.raw_args()?.collect();
    debian::ensure(&[&native::KAFKA[..], &services::tools(&SERVERS)].concat())?;
    let servers = Services::prepare(&SERVERS)?;
    servers.install()?;
    plugins::build(&[])?;
    let program = build_armed()?;
    let mut command = native::cargo(&["run", "--quiet", "--package", "collector-torture", "--"])?;
    command.args(rest).envs(environment(&servers)).env("COLLECTOR_BIN", program);
    process::run(&mut command)
}

/// What the torture reads, besides the path of the program under test.
pub(crate) fn environment(servers: &Services) -> Vec<(&'static str, PathBuf)> {
    let mut environment = servers.environment();
    environment.push(("COLLECTOR_TORTURE_DIR", servers.beside("torture")));
    environment.push(("COLLECTOR_TEST_PLUGINS", places::plugins()));
    environment
}

/// Builds the program with the places at which the torture strikes, and puts it aside: the next build of the plain one would
/// take its place.
pub(crate) fn build_armed() -> anyhow::Result<PathBuf> {
    process::run(&mut native::cargo(&["build", "--package", "collector", "--features", "failpoints"])?)
        .context("building the program with failpoints")?;
    let aside = places::target().join("torture");
    std::fs::create_dir_all(&aside).with_context(|| format!("making {}", aside.display()))?;
    let program = aside.join("collector");
    // A copy over a program that runs is refused; a rename is not.
    let fresh = aside.join("collector.new");
    std::fs::copy(places::collector(), &fresh).context("putting the program with failpoints aside")?;
    std::fs::rename(&fresh, &program).context("putting the program with failpoints aside")?;
    Ok(program)
}
