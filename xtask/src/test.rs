//! `cargo xtask test [--no-servers] [FILTER...] [-- ARG...]`: every test, on real servers, and schedules of the simulator.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::services::{self, Services};
use crate::stages::Stages;
use crate::wasm::Compiler;
use crate::{debian, interrupt, native, places, plugins, process, python, torture};

/// What is built and what is tested are the same units to cargo only when both commands choose alike.
const BUILD: [&str; 5] = ["build", "--workspace", "--lib", "--bins", "--tests"];

/// How many schedules are simulated: a minute's work for two cores that do nothing else.
const SCHEDULES: &str = "40000";

/// The verb's arguments.
#[derive(Default)]
struct Wanted {
    no_servers: bool,
    /// What the test programs get: filters and options.
    passed_on: Vec<OsString>,
}

/// What property tests draw their cases from, unless the caller says: whether a commit passes depends on the commit alone.
const PROPERTY_SEED: (&str, &str) = ("PROPTEST_RNG_SEED", "1");

/// Runs the verb.
pub(crate) fn run(arguments: lexopt::Parser) -> anyhow::Result<()> {
    let wanted = parse(arguments)?;
    let mut stages = Stages::default();
    let result = run_stages(&wanted, &mut stages);
    eprint!("{}", stages.report());
    result
}

fn parse(mut arguments: lexopt::Parser) -> anyhow::Result<Wanted> {
    let mut wanted = Wanted::default();
    loop {
        // Everything behind `--` is the test programs' business.
        if let Some(rest) = arguments.try_raw_args()
            && rest.peek().is_some_and(|word| word == "--")
        {
            wanted.passed_on.extend(rest.skip(1));
            return Ok(wanted);
        }
        match arguments.next()? {
            Some(lexopt::Arg::Long("no-servers")) => wanted.no_servers = true,
            Some(lexopt::Arg::Value(filter)) => wanted.passed_on.push(filter),
            Some(other) => return Err(other.unexpected().into()),
            None => return Ok(wanted),
        }
    }
}

fn run_stages(wanted: &Wanted, stages: &mut Stages) -> anyhow::Result<()> {
    if wanted.no_servers {
        let compiler = stages.run("tools", || tools(&[]))?;
        stages.run("building", || build(&compiler))?;
        stages.run("testing", || test(wanted, &[]))?;
        return simulate(wanted, stages);
    }
    let (compiler, servers) = stages.run("tools", || {
        let compiler = tools(&services::tools(&services::TESTED))?;
        Ok((compiler, Services::prepare(&services::TESTED)?))
    })?;
    // First, because the plain build after it has to leave the plain program in its place.
    let tortured = stages.run("building the torture's program", torture::build_armed)?;
    build_beside_installation(&compiler, &servers, stages)?;
    let mut more = torture::environment(&servers);
    more.push(("COLLECTOR_TORTURE_BIN", tortured));
    // Servers that ran before us stay up.
    let ours = servers.stopped()?;
    let result =
        stages.run("starting the servers", || ours.up()).and_then(|()| stages.run("testing", || test(wanted, &more)));
    let stopped = stages.run("stopping the servers", || ours.down());
    result.and(stopped)?;
    simulate(wanted, stages)
}

/// Runs schedules of the simulator, and its planted faults, unless only some tests are wanted.
fn simulate(wanted: &Wanted, stages: &mut Stages) -> anyhow::Result<()> {
    if !wanted.passed_on.is_empty() {
        return Ok(());
    }
    stages.run("simulating", || process::run(Command::new(places::simulator()).args(["--seeds", SCHEDULES])))
}

/// Makes sure of everything that has to be installed, in as few goes as possible.
fn tools(more: &[debian::Tool]) -> anyhow::Result<Compiler> {
    debian::ensure(&[&native::KAFKA, more].concat())?;
    Compiler::find()
}

/// Downloads wait for the network, builds for the processor: together they take as long as the longer.
fn build_beside_installation(compiler: &Compiler, servers: &Services, stages: &mut Stages) -> anyhow::Result<()> {
    let (installed, took) = thread::scope(|scope| {
        let installation = scope.spawn(|| timed(|| servers.install()));
        let built = stages.run("building", || build(compiler));
        let installed = installation.join();
        let (installed, took) = installed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (built.and(installed), took)
    });
    stages.note("installing the servers (meanwhile)", took);
    installed
}

fn timed(step: impl FnOnce() -> anyhow::Result<()>) -> (anyhow::Result<()>, Duration) {
    let begun = Instant::now();
    (step(), begun.elapsed())
}

fn build(compiler: &Compiler) -> anyhow::Result<()> {
    plugins::build_with(compiler, &[])?;
    build_python()?;
    interrupt::check()?;
    process::run(&mut native::cargo(&BUILD)?).context("building the tests")
}

/// The plugin in Python needs a download: where that cannot be had, its test says that it was skipped.
fn build_python() -> anyhow::Result<()> {
    match python::Environment::prepare() {
        Ok(environment) => environment.build(),
        Err(error) => {
            interrupt::check()?;
            eprintln!("xtask: the plugin in Python is not tested: {error:#}");
            Ok(())
        }
    }
}

fn test(wanted: &Wanted, more: &[(&str, PathBuf)]) -> anyhow::Result<()> {
    let mut command = native::cargo(&["test", "--workspace", "--no-fail-fast", "--"])?;
    command.args(&wanted.passed_on);
    set_environment(&mut command, wanted.no_servers);
    command.envs(more.iter().map(|(name, value)| (name, value)));
    process::run(&mut command)
}

/// What the end-to-end tests read; with servers, a test that finds none fails instead of being skipped.
fn set_environment(command: &mut Command, no_servers: bool) {
    command.env("COLLECTOR_BIN", places::collector()).env("COLLECTOR_TEST_PLUGINS", places::plugins());
    if env::var_os(PROPERTY_SEED.0).is_none() {
        command.env(PROPERTY_SEED.0, PROPERTY_SEED.1);
    }
    if no_servers {
        return;
    }
    command.envs(services::ADDRESSES).env("COLLECTOR_TEST_SERVERS", "required");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> anyhow::Result<Wanted> {
        parse(lexopt::Parser::from_args(words))
    }

    #[test]
    fn filters_and_what_follows_two_dashes_reach_the_test_programs() {
        let wanted = parsed(&["--no-servers", "hot_swap", "--", "--nocapture"]).unwrap();
        assert!(wanted.no_servers);
        assert_eq!(wanted.passed_on, ["hot_swap", "--nocapture"]);
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(parsed(&["--no-server"]).is_err());
        assert!(!parsed(&["rotation"]).unwrap().no_servers);
    }

    #[test]
    fn servers_are_required_unless_they_are_unwanted() {
        for (no_servers, expected) in [(true, false), (false, true)] {
            let mut command = Command::new("true");
            set_environment(&mut command, no_servers);
            let required = command.get_envs().any(|(name, _)| name == "COLLECTOR_TEST_SERVERS");
            assert_eq!(required, expected);
        }
    }
}
