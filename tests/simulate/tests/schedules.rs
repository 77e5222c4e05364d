//! A short run of schedules: each holds, each is the same a second time, and what is planted is found.

use collector_simulate::{Options, Plant, Struck, run};

/// Enough to strike with everything; more are run by `cargo xtask test` and `cargo xtask simulate`.
const SEEDS: u64 = 400;

#[test]
fn every_schedule_keeps_the_promises() {
    let mut struck = Struck::default();
    for seed in 0..SEEDS {
        let outcome = run(seed, &Options::default());
        assert_eq!(outcome.violation, None, "replay it: cargo xtask simulate --seed {seed}");
        struck += outcome.struck;
    }
    let all_struck = [
        struck.rotations,
        struck.kills_in_calls,
        struck.power_losses,
        struck.stops,
        struck.disk_faults,
        struck.batches_dropped,
        struck.give_ups,
        struck.transfers_killed,
        struck.answers_lost,
        struck.refusals,
        struck.conflicts,
        struck.dead_letters,
        struck.bad_values,
        struck.wipes,
        struck.clock_jumps,
        struck.commits_failed,
        struck.lines_covered,
    ];
    assert!(all_struck.iter().all(|&times| times >= 10), "it proves little: {struck}");
}

#[test]
fn the_same_seed_is_the_same_schedule() {
    for seed in 0..100 {
        let (first, told) = (run(seed, &Options::default()), run(seed, &Options { tells_steps: true, plant: None }));
        assert_eq!((first.hash, first.struck), (told.hash, told.struck), "seed {seed}");
        assert!(!told.steps.is_empty());
    }
}

#[test]
fn every_planted_fault_is_found_within_the_same_seeds() {
    for plant in Plant::ALL {
        let options = Options { plant: Some(plant), tells_steps: false };
        assert!((0..SEEDS).any(|seed| run(seed, &options).violation.is_some()), "{plant:?}");
    }
}
