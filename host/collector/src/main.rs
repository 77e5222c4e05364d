//! The collector: log lines from machines to a place where they can be searched.

// A program has no outside: `pub` is what a module offers the others.
#![allow(unreachable_pub)]

mod check;
mod cli;
#[cfg(feature = "fleet")]
mod clients;
mod dead_file;
mod dead_letters;
mod follow;
mod frame;
mod host_address;
mod logging;
mod plugin;
#[cfg(feature = "fleet")]
mod readiness;
mod roles;
mod routes;
mod search_command;
mod settings;
mod signals;
mod status;
mod work;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    cli::{Cli, Command, PluginCommand, Role, RunArgs},
    logging::LogFormat,
    settings::{Common, Machine, Problems, Written},
};

/// Everything went as asked.
const FINE: u8 = 0;
/// It failed while running.
const FAILED: u8 = 1;
/// The settings or the command line are wrong.
const BAD_SETTINGS: u8 = 2;

fn main() -> ExitCode {
    collector_failpoints::arm();
    let cli = Cli::parse();
    let code = match cli.command {
        None => run_role(&cli.run),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Search(args)) => told(search_command::run(&args)),
        Some(Command::DeadLetters(command)) => {
            logging::start(LogFormat::Text, "error");
            told(dead_letters::run(&command))
        }
        Some(Command::Plugin(command)) => run_plugin_command(&command),
    };
    ExitCode::from(code)
}

fn run_plugin_command(command: &PluginCommand) -> u8 {
    // A test provokes faults, and tells of them itself.
    let level = if matches!(command, PluginCommand::Test(_)) { "off" } else { "warn" };
    logging::start(LogFormat::Text, level);
    match command {
        PluginCommand::New(args) => told(plugin::new(args)),
        PluginCommand::Build(args) => told(plugin::build(args)),
        PluginCommand::Check(args) => found(plugin::check(args)),
        PluginCommand::Test(args) => found(plugin::test(args)),
        PluginCommand::Bench(args) => told(plugin::bench(args)),
        PluginCommand::Run(args) => match args.mistake() {
            Some(mistake) => said(BAD_SETTINGS, &mistake),
            None => told(plugin::run(args)),
        },
    }
}

/// Runs a role until it is asked to end.
fn run_role(args: &RunArgs) -> u8 {
    let written = Written::read(&args.settings.request(), Machine::here());
    match args.role.unwrap_or_default() {
        #[cfg(feature = "fleet")]
        Role::Agent => start(written.agent(), |settings| &settings.common, roles::agent::run),
        #[cfg(feature = "fleet")]
        Role::Transfer => start(written.transfer(), |settings| &settings.common, roles::transfer::run),
        #[cfg(feature = "standalone")]
        Role::Standalone => start(written.standalone(), |settings| &settings.common, roles::standalone::run),
        Role::Console => {
            said(BAD_SETTINGS, "the role console is not there yet: every role serves its own pages under [http] listen")
        }
        #[allow(unreachable_patterns)]
        role => {
            said(BAD_SETTINGS, &format!("this program was built without the role {role:?}: build it with all features"))
        }
    }
}

fn start<S, F>(settings: Result<S, Problems>, common: impl Fn(&S) -> &Common, run: impl FnOnce(S) -> F) -> u8
where
    F: Future<Output = anyhow::Result<()>>,
{
    let settings = match settings {
        Ok(settings) => settings,
        Err(problems) => return said(BAD_SETTINGS, &problems.to_string()),
    };
    let log = &common(&settings).log;
    logging::start(log.format, &log.level);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return said(FAILED, &format!("starting the runtime's threads: {error}")),
    };
    let result = runtime.block_on(run(settings));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    told(result)
}

fn told(result: anyhow::Result<()>) -> u8 {
    match result {
        Ok(()) => FINE,
        Err(error) if is_closed_pipe(&error) => FINE,
        Err(error) => said(FAILED, &format!("{error:#}")),
    }
}

/// As [`told`], of what looks for faults and has said what it found.
fn found(result: anyhow::Result<bool>) -> u8 {
    match result {
        Ok(false) => FAILED,
        result => told(result.map(drop)),
    }
}

/// Whoever reads our output may stop reading: `collector plugin run … | head`.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let of_cause = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(of_cause)
}

fn said(code: u8, message: &str) -> u8 {
    eprintln!("collector: {message}");
    code
}
