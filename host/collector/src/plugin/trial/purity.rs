//! A plugin is a pure function: the same line gives the same, whatever came before it, in whatever batch, in whatever instance.

use super::{
    case::{Case, Outcome},
    lane::Lane,
    report::Report,
};

/// Events of a full batch.
const BATCH: usize = 2_000;
/// Events of a small one.
const SMALL: usize = 7;
/// How many instances are begun anew.
const INSTANCES: usize = 60;
/// Bytes that are run in one pass, about.
const BYTES_MAX: usize = 4 << 20;

/// What two ways to run the same events made of one of them.
struct Disagreement {
    way: &'static str,
    case: String,
    usual: Outcome,
    other: Outcome,
}

/// Runs every lane's events in several ways.
pub(super) fn check(lanes: &[Lane], seed: u64, report: &mut Report) -> anyhow::Result<()> {
    let mut events = 0;
    for lane in lanes.iter().filter(|lane| !lane.cases.is_empty()) {
        let cases = repeated(&lane.cases);
        events += cases.len();
        if let Some(found) = disagreement(lane, &cases, seed) {
            return report.failed("purity", &told(&found, &lane.label()));
        }
    }
    let text = format!(
        "{events} events come out the same in batches of 1, {SMALL} and {BATCH}, shuffled (seed {seed}), and with the instance thrown \
         away in between"
    );
    match events {
        0 => report.passed("purity", "there are no samples to try it with"),
        _ => report.passed("purity", &text),
    }
}

/// The events again and again, so that batches are full.
fn repeated(cases: &[Case]) -> Vec<&Case> {
    let bytes: usize = cases.iter().map(|case| case.bytes.len()).sum();
    let times = BATCH.div_ceil(cases.len()).min(BYTES_MAX.div_ceil(bytes.max(1))).max(2);
    std::iter::repeat_n(cases, times).flatten().collect()
}

fn disagreement(lane: &Lane, cases: &[&Case], seed: u64) -> Option<Disagreement> {
    let usual = lane.treat(cases, BATCH);
    let first = |way, other: &[Outcome], order: &dyn Fn(usize) -> usize| {
        (0..other.len()).find(|&at| other[at] != usual[order(at)]).map(|at| Disagreement {
            way,
            case: cases[order(at)].shown(),
            usual: usual[order(at)].clone(),
            other: other[at].clone(),
        })
    };
    let again = || first("when the line comes again", &usual, &|at| at % lane.cases.len());
    let singly = || first("in batches of 1", &lane.treat(cases, 1), &|at| at);
    let few = || first("in batches of 7", &lane.treat(cases, SMALL), &|at| at);
    let afresh = || {
        let some = &cases[..cases.len().min(INSTANCES * SMALL)];
        first("with a fresh instance for each batch", &lane.treat_afresh(some, SMALL), &|at| at)
    };
    let shuffled = || {
        let order = shuffle(cases.len(), seed);
        let mixed: Vec<&Case> = order.iter().map(|&at| cases[at]).collect();
        first("with the lines shuffled", &lane.treat(&mixed, BATCH), &|at| order[at])
    };
    again().or_else(singly).or_else(few).or_else(afresh).or_else(shuffled)
}

fn shuffle(length: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    fastrand::Rng::with_seed(seed).shuffle(&mut order);
    order
}

fn told(found: &Disagreement, label: &str) -> String {
    let what = |outcome: &Outcome| match &outcome.fault {
        Some(fault) => format!("a fault: {fault}"),
        None => outcome.as_expected().to_string(),
    };
    format!(
        "{}{label} comes out otherwise {}: {} instead of {}; what a plugin keeps between lines may save time, and must not show",
        found.case,
        found.way,
        what(&found.other),
        what(&found.usual)
    )
}
