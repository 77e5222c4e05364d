//! The longest lines that there are, with plenty of memory and with little.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use collector_plugin_host::Limits;
use collector_tasks::PluginSpec;

use super::{
    case::{Case, Outcome},
    lane::{Lane, Material},
    report::Report,
};
use crate::plugin::opening::trial_host;

/// Bytes of the longest line that a collector hands over.
const LINE_BYTES: usize = 512 << 10;
/// What long lines are made of, besides the samples.
const FILLERS: [&str; 14] =
    ["a", " ", "9", "\"", "\\", "[", "{\"a\":", "a=\"b\" ", "a=", ",", "<14>", "é", "-", "a.b."];
/// Memory that a plugin may do with, the least first, in KiB.
const LITTLE_KIB: [usize; 9] = [128, 512, 1_088, 1_152, 1_280, 1_536, 2_048, 4_096, 16_384];
/// How a host says that a plugin took too long.
const TOO_SLOW: &str = "longer than";

/// Long lines, each of which is treated or rejected.
pub(super) fn check(lanes: &[Lane], report: &mut Report) -> anyhow::Result<()> {
    let (mut lines, mut slowest) = (0, (Duration::ZERO, String::new()));
    for lane in lanes {
        for case in long_cases(&lane.cases) {
            let begun = Instant::now();
            let outcome = lane.treat(&[&case], 1).remove(0);
            let took = begun.elapsed();
            lines += 1;
            if let Some(fault) = outcome.fault {
                let text = format!("{}{} is a fault: {fault}", case.shown(), lane.label());
                return report.failed("long lines", &text);
            }
            if took > slowest.0 {
                slowest = (took, case.name);
            }
        }
    }
    let (took, name) = slowest;
    report.passed("long lines", &format!("{lines} lines of 512 KiB, {} ms for the slowest ({name})", took.as_millis()))
}

/// With little memory a long line may be a fault; the lines around it are as ever, and nothing hangs.
pub(super) fn check_with_little_memory(
    spec: &PluginSpec,
    material: &[Material],
    cache: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    let Some(main) = material.first() else { return Ok(()) };
    let plenty = Lane::load(&trial_host(Limits::default(), Some(cache))?, spec, main)?;
    for kib in LITTLE_KIB {
        let host = trial_host(Limits { memory_bytes_max: kib << 10, ..Limits::default() }, Some(cache))?;
        // Too little to open it, or for a line as they usually are: it gets more.
        let Ok(lane) = Lane::load(&host, spec, main) else { continue };
        if lane.treat(&[&short_case(&lane.cases)], 1).iter().any(|outcome| outcome.fault.is_some()) {
            continue;
        }
        return match run_with_little(&lane, &plenty) {
            Ok(faults) => report.passed(
                "little memory",
                &format!(
                    "with {kib} KiB, {faults} of the long lines are faults; the lines around them come out as ever"
                ),
            ),
            Err(text) => report.failed("little memory", &format!("with {kib} KiB, {text}")),
        };
    }
    report.failed("little memory", "it does not open with 16 MiB: needing less leaves more for lines")
}

/// How many long lines are faults, or what is wrong.
fn run_with_little(lane: &Lane, plenty: &Lane) -> Result<usize, String> {
    let long = long_cases(&lane.cases);
    let short = short_case(&lane.cases);
    let cases: Vec<&Case> = long.iter().flat_map(|long| [&short, long, &short]).collect();
    let usual: Vec<Outcome> = plenty.treat(&cases, cases.len());
    let found = lane.treat(&cases, cases.len());
    for ((case, found), usual) in cases.iter().zip(&found).zip(&usual) {
        let wrong = match &found.fault {
            Some(fault) if fault.contains(TOO_SLOW) => format!("hangs: {fault}"),
            Some(fault) if case.bytes.len() < LINE_BYTES => format!("is a fault: {fault}"),
            None if found != usual => {
                format!("comes out as {} instead of {}", found.as_expected(), usual.as_expected())
            }
            _ => continue,
        };
        return Err(format!("{} {wrong}", case.shown()));
    }
    Ok(found.iter().filter(|outcome| outcome.fault.is_some()).count())
}

/// A line as they usually are.
fn short_case(known: &[Case]) -> Case {
    known.first().cloned().unwrap_or_else(|| Case::line("a short line".to_owned(), "short"))
}

fn long_cases(known: &[Case]) -> Vec<Case> {
    let filled = |name: String, filler: &[u8]| {
        let mut bytes = filler.repeat(LINE_BYTES.div_ceil(filler.len()));
        bytes.truncate(LINE_BYTES);
        Case::line(name, bytes)
    };
    let fillers = FILLERS.iter().map(|filler| filled(format!("{filler:?} again and again"), filler.as_bytes()));
    let lines = known.iter().filter(|case| !case.bytes.is_empty() && case.document().is_none());
    // The beginning of a good line, and then more of the same.
    let lines = lines.map(|case| filled(format!("the line of {} again and again", case.name), &case.bytes));
    fillers.chain(lines).collect()
}
