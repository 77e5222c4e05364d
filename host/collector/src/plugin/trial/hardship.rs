//! Bytes that nobody wrote as a line: none may be a fault, and the plugin stays pure.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{case::Case, lane::Lane, report::Report};

/// Events for each configuration.
const EVENTS: usize = 4_000;
/// Bytes of a drawn line, at most.
const LINE_BYTES: usize = 300;
/// What formats are made of.
const STRUCTURE: &[u8] = b" \t\"'\\=:;,.[]{}()<>/-+|&%#@!?0123456789abcTZ\n\x00\x7f";

/// Runs drawn and altered lines through every lane.
pub(super) fn check(lanes: &[Lane], seed: u64, report: &mut Report) -> anyhow::Result<()> {
    let (mut events, mut rejected) = (0, 0);
    for lane in lanes {
        let mut rng = Rng::with_seed(seed);
        let cases: Vec<Case> = (0..EVENTS).map(|number| draw(&mut rng, number, &lane.cases)).collect();
        let cases: Vec<&Case> = cases.iter().collect();
        let outcomes = lane.treat(&cases, 2_000);
        let faulty = outcomes.iter().position(|outcome| outcome.fault.is_some());
        if let Some(at) = faulty {
            let fault = outcomes[at].fault.as_deref().unwrap_or_default();
            let text =
                format!("{}{} is a fault: {fault}; reject what cannot be treated", cases[at].shown(), lane.label());
            return report.failed("random bytes", &text);
        }
        let again = lane.treat(&cases, 7);
        if let Some(at) = (0..again.len()).find(|&at| again[at] != outcomes[at]) {
            let (now, before) = (again[at].as_expected(), outcomes[at].as_expected());
            let text = format!("{} comes out otherwise in batches of 7: {now} instead of {before}", cases[at].shown());
            return report.failed("random bytes", &text);
        }
        events += cases.len();
        rejected += outcomes.iter().filter(|outcome| outcome.is_rejected).count();
    }
    report.passed(
        "random bytes",
        &format!("{events} drawn and altered lines (seed {seed}): {rejected} rejected, no fault"),
    )
}

fn draw(rng: &mut Rng, number: usize, known: &[Case]) -> Case {
    let name = format!("drawn line {number}");
    match (number % 4, known.is_empty()) {
        (0, _) => Case::line(name, bytes(rng, |rng| rng.u8(..))),
        (1, _) | (_, true) => Case::line(name, bytes(rng, |rng| STRUCTURE[rng.usize(..STRUCTURE.len())])),
        _ => altered(rng, name, known),
    }
}

fn bytes(rng: &mut Rng, mut byte: impl FnMut(&mut Rng) -> u8) -> Vec<u8> {
    (0..rng.usize(..LINE_BYTES)).map(|_| byte(rng)).collect()
}

/// A known event with something wrong: fields of other kinds, or its line cut, extended, or spoilt.
fn altered(rng: &mut Rng, name: String, known: &[Case]) -> Case {
    let case = &known[rng.usize(..known.len())];
    if let Some(mut document) = case.document() {
        let count = document.len();
        if let Some((_, value)) = document.iter_mut().nth(rng.usize(..count)) {
            *value = odd_value(rng);
        }
        return case.altered(name, Value::from(document).to_string().into_bytes());
    }
    let mut line = case.bytes.clone();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=line.len());
        match rng.u8(..6) {
            0 => line.truncate(at),
            1 => drop(line.drain(..at)),
            2 => line.insert(at, rng.u8(..)),
            3 => line.insert(at, STRUCTURE[rng.usize(..STRUCTURE.len())]),
            4 if at < line.len() => line[at] = STRUCTURE[rng.usize(..STRUCTURE.len())],
            _ => {
                let other = &known[rng.usize(..known.len())].bytes;
                line.extend_from_slice(&other[rng.usize(..=other.len())..]);
            }
        }
    }
    case.altered(name, line)
}

fn odd_value(rng: &mut Rng) -> Value {
    let values = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1.5e300),
        json!(""),
        json!("x".repeat(200)),
        json!("\u{0}\u{1f980}\"\\"),
        json!([]),
        json!(["a", 1, null, {"b": [2]}]),
        json!({"x": {"y": "z"}}),
        json!({}),
    ];
    values[rng.usize(..values.len())].clone()
}
