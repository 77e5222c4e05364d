//! `cargo xtask torture` runs this program; see the library.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, bail, ensure};
use collector_torture::{
    alone,
    controls::{self, Control},
    faults::Fault,
    ground::Installed,
    plan::Plan,
    report::Report,
    run::run,
    verdict::{self, Total, Verdict},
};

const USAGE: &str =
    "usage: cargo xtask torture [--minutes N] [--seed S[,S...]] [--rate LINES_PER_SECOND] [--faults NAME,NAME...]
                     [--no-controls | --controls | --control NAME] [--standalone]

Faults strike; then each negative control, a wrong turn that the program takes on purpose, has to be noticed by the same checker within
two minutes, with the same seed. The last line has both, and the exit code is 1 unless all of it holds. With several seeds each has a
line, and the last one is of all together: then each fault has to have struck five times, and ten million lines have to be written.

  --minutes N      how long faults strike (2), with each seed; each has its turn, which may take longer
  --seed S[,S...]  what the choices follow from (1); several: one after the other
  --rate N         lines a second (3000)
  --faults NAME,…  these alone
  --no-controls    the faults alone
  --controls       the controls alone; --control NAME: this one
  --standalone     one process with its own index, and no servers; it has no controls";

/// One of so many lines is written in two halves, with a pause between them.
const HALTING_OF: u64 = 4_000;
/// The same for a control: a boundary that the time-out decided has to be met within the time.
const CONTROL_HALTING_OF: u64 = 500;

struct Wanted {
    minutes: f64,
    seeds: Vec<u64>,
    rate: u64,
    faults: Vec<Fault>,
    /// Whether a run without a wrong turn is wanted.
    run: bool,
    controls: Vec<&'static Control>,
    is_standalone: bool,
}

fn main() -> ExitCode {
    let wanted = match parse() {
        Ok(Some(wanted)) => wanted,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("torture: {error:#}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = runtime.context("starting").and_then(|runtime| runtime.block_on(until_told_to_end(&wanted)));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("torture: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What is wanted; none where help is.
fn parse() -> anyhow::Result<Option<Wanted>> {
    let (faults, controls) = (vec![], controls::CONTROLS.iter().collect());
    let mut wanted =
        Wanted { minutes: 2.0, seeds: vec![1], rate: 3_000, faults, run: true, controls, is_standalone: false };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        let lexopt::Arg::Long(name) = argument else { return Err(argument.unexpected().into()) };
        let name = name.to_owned();
        let mut value = || -> anyhow::Result<String> { Ok(arguments.value()?.to_string_lossy().into_owned()) };
        match name.as_str() {
            "minutes" => wanted.minutes = value()?.parse().context("--minutes takes a number")?,
            "seed" => wanted.seeds = seeds(&value()?)?,
            "rate" => wanted.rate = value()?.parse().context("--rate takes lines a second")?,
            "faults" => wanted.faults = self::faults(&value()?)?,
            "control" => (wanted.run, wanted.controls) = (false, vec![control(&value()?)?]),
            "controls" => wanted.run = false,
            "no-controls" => wanted.controls.clear(),
            "standalone" => {
                wanted.is_standalone = true;
                wanted.controls.clear();
            }
            "help" => return Ok(None),
            other => bail!("there is no option --{other}"),
        }
    }
    if wanted.faults.is_empty() {
        wanted.faults = if wanted.is_standalone { Fault::ALONE.to_vec() } else { Fault::of_a_fleet() };
    }
    ensure!(wanted.run || !wanted.controls.is_empty(), "standalone has no controls");
    Ok(Some(wanted))
}

fn seeds(words: &str) -> anyhow::Result<Vec<u64>> {
    let seed = |word: &str| word.trim().parse().context("--seed takes a number, or several with commas between them");
    words.split(',').map(seed).collect()
}

fn control(name: &str) -> anyhow::Result<&'static Control> {
    let known = controls::CONTROLS.iter().map(|control| control.name).collect::<Vec<_>>().join(", ");
    controls::control(name).with_context(|| format!("there is no control '{name}'; there are: {known}"))
}

fn faults(names: &str) -> anyhow::Result<Vec<Fault>> {
    let fault = |name: &str| match Fault::ALL.iter().find(|fault| fault.name() == name.trim()) {
        Some(fault) => Ok(*fault),
        None => {
            let known = Fault::ALL.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ");
            bail!("there is no fault '{name}'; there are: {known}")
        }
    };
    names.split(',').map(fault).collect()
}

/// The torture; a signal ends it and, with it, every server and process that it has started.
async fn until_told_to_end(wanted: &Wanted) -> anyhow::Result<bool> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupted, mut terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        result = torture(wanted) => result,
        _ = interrupted.recv() => bail!("interrupted"),
        _ = terminated.recv() => bail!("told to end"),
    }
}

async fn torture(wanted: &Wanted) -> anyhow::Result<bool> {
    let installed = if wanted.is_standalone { None } else { Some(Installed::from_environment()?) };
    let mut verdicts = vec![];
    for seed in &wanted.seeds {
        let verdict = of_seed(installed.as_ref(), wanted, *seed).await?;
        println!("{verdict}");
        verdicts.push(verdict);
    }
    if let [verdict] = verdicts.as_slice() {
        return Ok(verdict.held());
    }
    let total = Total::of(&verdicts);
    println!("{total}");
    Ok(total.held())
}

/// The run and the controls of a seed.
async fn of_seed(installed: Option<&Installed>, wanted: &Wanted, seed: u64) -> anyhow::Result<Verdict> {
    let run = if wanted.run { Some(one(installed, wanted, seed, None).await?) } else { None };
    let mut verdict = Verdict { seed, run, controls: vec![] };
    for control in &wanted.controls {
        let judged = match one(installed, wanted, seed, Some(control)).await {
            Ok(report) => verdict::Control::of(control.name, &report),
            // The others may still tell something.
            Err(error) => {
                eprintln!("torture: control {}: {error:#}", control.name);
                verdict::Control { name: control.name, caught: None }
            }
        };
        eprintln!("torture: seed {seed}: control {judged}");
        verdict.controls.push(judged);
    }
    Ok(verdict)
}

async fn one(
    installed: Option<&Installed>,
    wanted: &Wanted,
    seed: u64,
    control: Option<&Control>,
) -> anyhow::Result<Report> {
    let name = control.map_or("run", |control| control.name);
    let home = below().join(format!("{seed}-{name}-{}", std::process::id()));
    let faults = control.map_or_else(|| wanted.faults.clone(), |control| control.faults.to_vec());
    let minutes = Duration::from_secs_f64(wanted.minutes * 60.0);
    let plan = Plan {
        seed,
        duration: control.map_or(minutes, |control| control.duration.min(minutes)),
        brokers: faults.iter().map(|fault| fault.brokers()).max().unwrap_or(1),
        faults,
        rate: wanted.rate,
        halting_of: if control.is_some() { CONTROL_HALTING_OF } else { HALTING_OF },
        planted: control.map(|control| control.name),
        home: home.clone(),
    };
    let result = match installed {
        Some(installed) => run(plan, installed).await,
        None => alone::run(plan).await,
    };
    let keep = match &result {
        Ok(report) => control.is_none() && !report.held(),
        Err(_) => true,
    };
    if let Ok(report) = &result {
        report.broken.iter().for_each(|broken| eprintln!("torture: {broken}"));
    }
    if keep {
        eprintln!("torture: everything of this run is in {}", home.display());
    } else {
        std::fs::remove_dir_all(&home).with_context(|| format!("deleting {}", home.display()))?;
    }
    result
}

/// Where runs have their directories.
fn below() -> PathBuf {
    std::env::var_os("COLLECTOR_TORTURE_DIR")
        .map_or_else(|| std::env::temp_dir().join("collector-torture"), PathBuf::from)
}
