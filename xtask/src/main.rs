//! Everything a contributor or CI runs: `cargo xtask VERB`.
//!
//! Each verb is one file of this folder; the files beside them are what several verbs share.

mod bench;
mod debian;
mod demo;
mod interrupt;
mod lint;
mod native;
mod peers;
mod places;
mod plugins;
mod process;
mod protoc;
mod python;
mod services;
mod simulate;
mod stages;
mod test;
mod torture;
mod wasm;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask VERB

  demo [--port N] [FILE...]          follow FILE... (none: what can be read under /var/log, and a
                                     generated nginx log) into a search page on this machine
  test [--no-servers] [FILTER...] [-- ARG...]
                                     install and start the real servers, run every test, stop them,
                                     and simulate 40,000 schedules of faults
  plugins [--python] [NAME...]       build plugins/NAME (none: all) into target/plugins/NAME.wasm;
                                     with --python also the example that is written in it
  services install|up|down|status|reset [NAME...]
                                     etcd, kafka, elasticsearch, opensearch, prometheus on 127.0.0.1
                                     (none named: the first four)
  torture [--minutes N] [--seed S] [--standalone] [--faults NAME,...] [--rate LINES]
          [--no-controls | --controls]
                                     writers, the program among servers of its own, faults by the
                                     seed's schedule, and a checker of every promise; then the negative
                                     controls, which the checker has to catch
  bench [NAME...] [--json]           build for release and print the benchmarks' figures
  simulate [--seeds N] [--from SEED] | --seed S [--plant NAME]
                                     run N schedules of faults over the decisions of reading, delivering
                                     and configuring (1000), and the planted faults; or replay one
  lint                               clippy on everything, warnings denied

Ctrl-C ends a verb and what it started.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    interrupt::watch()?;
    let mut arguments = lexopt::Parser::from_env();
    let verb = match arguments.next()? {
        Some(lexopt::Arg::Value(verb)) => verb.to_string_lossy().into_owned(),
        Some(lexopt::Arg::Short('h') | lexopt::Arg::Long("help")) => "help".to_owned(),
        Some(other) => return Err(other.unexpected().into()),
        None => anyhow::bail!("no verb was given\n\n{USAGE}"),
    };
    match verb.as_str() {
        "bench" => bench::run(arguments),
        "demo" => demo::run(arguments),
        "lint" => lint::run(arguments),
        "plugins" => plugins::run(arguments),
        "services" => services::run(arguments),
        "simulate" => simulate::run(arguments),
        "test" => test::run(arguments),
        "torture" => torture::run(arguments),
        "help" => {
            println!("{USAGE}");
            Ok(())
        }
        other => anyhow::bail!("there is no verb '{other}'\n\n{USAGE}"),
    }
}
