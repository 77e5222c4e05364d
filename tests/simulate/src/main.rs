//! `simulate --seeds N [--from SEED]` runs N schedules and the negative controls; `simulate --seed S` replays one in words.

use std::{
    process::ExitCode,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Instant,
};

use collector_simulate::{Options, Outcome, Plant, Struck, run};

const USAGE: &str = "\
usage: simulate [--seeds N] [--from SEED]    run N schedules (1000), from a seed on (0), then the negative controls
       simulate --seed S [--plant NAME]      replay one schedule, step by step";

/// What was asked for.
struct Asked {
    seeds: u64,
    from: u64,
    seed: Option<u64>,
    plant: Option<Plant>,
}

fn main() -> anyhow::Result<ExitCode> {
    let Some(asked) = parse(lexopt::Parser::from_env())? else {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    };
    let is_well = match asked.seed {
        Some(seed) => replay(seed, asked.plant),
        None => storm(asked.from, asked.seeds) && controls(asked.from, asked.seeds),
    };
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse(mut arguments: lexopt::Parser) -> anyhow::Result<Option<Asked>> {
    use lexopt::{Arg, ValueExt as _};
    let mut asked = Asked { seeds: 1000, from: 0, seed: None, plant: None };
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("seeds") => asked.seeds = arguments.value()?.parse()?,
            Arg::Long("from") => asked.from = arguments.value()?.parse()?,
            Arg::Long("seed") => asked.seed = Some(arguments.value()?.parse()?),
            Arg::Long("plant") => asked.plant = Some(plant(&arguments.value()?.string()?)?),
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(asked))
}

fn plant(name: &str) -> anyhow::Result<Plant> {
    let found = Plant::ALL.into_iter().find(|plant| format!("{plant:?}") == name);
    found.ok_or_else(|| anyhow::anyhow!("there is no plant {name:?}; there are {:?}", Plant::ALL))
}

/// One schedule in words.
fn replay(seed: u64, plant: Option<Plant>) -> bool {
    let outcome = run(seed, &Options { plant, tells_steps: true });
    outcome.steps.iter().for_each(|step| println!("{step}"));
    println!("seed {seed}: trace {:016x}; {}", outcome.hash, outcome.struck);
    report(seed, plant, &outcome)
}

fn report(seed: u64, plant: Option<Plant>, outcome: &Outcome) -> bool {
    let Some(violation) = &outcome.violation else { return true };
    let plant = plant.map(|plant| format!(" --plant {plant:?}")).unwrap_or_default();
    println!("seed {seed}: {violation}\nreplay it: cargo xtask simulate --seed {seed}{plant}");
    false
}

/// How many schedules may fail before no more are begun.
const FAILED_MAX: u64 = 20;

/// All schedules, each on one thread.
fn storm(from: u64, seeds: u64) -> bool {
    let began = Instant::now();
    let (next, failed) = (AtomicU64::new(from), AtomicU64::new(0));
    let (sender, outcomes) = mpsc::channel();
    let work = |sender: mpsc::Sender<(u64, Outcome)>| {
        while failed.load(Ordering::Relaxed) < FAILED_MAX {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + seeds {
                return;
            }
            let outcome = run(seed, &Options::default());
            failed.fetch_add(u64::from(outcome.violation.is_some()), Ordering::Relaxed);
            if sender.send((seed, outcome)).is_err() {
                return;
            }
        }
    };
    let (mut struck, mut schedules, mut is_well) = (Struck::default(), 0, true);
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(|| work(sender));
        }
        drop(sender);
        for (seed, outcome) in outcomes {
            schedules += 1;
            struck += outcome.struck;
            is_well &= report(seed, None, &outcome);
        }
    });
    let took = began.elapsed();
    let a_minute = schedules as f64 / took.as_secs_f64() * 60.0;
    println!("{schedules} schedules in {:.1} s ({a_minute:.0} a minute): {struck}", took.as_secs_f64());
    is_well
}

/// Each planted fault is found within the same seeds.
fn controls(from: u64, seeds: u64) -> bool {
    let mut all_found = true;
    for plant in Plant::ALL {
        let options = Options { plant: Some(plant), tells_steps: false };
        let found = (from..from + seeds).find_map(|seed| Some((seed, run(seed, &options).violation?)));
        match found {
            Some((seed, violation)) => {
                let first_line = violation.lines().next().unwrap_or_default();
                println!("planted {plant:?}: found with seed {seed}: {first_line}");
            }
            None => {
                println!("planted {plant:?}: NOT found within {seeds} seeds");
                all_found = false;
            }
        }
    }
    all_found
}
