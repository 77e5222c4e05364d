//! Runs a plugin's samples natively.

use super::{Fields, Outcome, Session};
use crate::{Plugin, time};
use serde::Deserialize;
use serde_json::Value;

/// One sample, as `wit/v0.1/README.md` defines it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(default)]
    config: Option<Value>,
    input: String,
    #[serde(default)]
    fields: Fields,
    expect: Value,
}

/// Runs the samples of a plugin (its `SAMPLES`).
///
/// # Errors
/// The first sample that fails: its input, what was expected, and what came.
///
/// # Panics
/// The plugin breaks the contract of `wit/v0.1/README.md`.
pub fn check_samples<P: Plugin>(samples: &str) -> Result<(), String> {
    let samples: Vec<Sample> =
        serde_json::from_str(samples).map_err(|error| format!("reading the samples: {error}"))?;
    if samples.is_empty() {
        return Err("there are no samples".to_owned());
    }
    samples.iter().try_for_each(check::<P>)
}

fn check<P: Plugin>(sample: &Sample) -> Result<(), String> {
    let config = sample.config.as_ref().map(Value::to_string).unwrap_or_default();
    let mut session = Session::<P>::open(&config).map_err(|error| format!("opening with {config}: {error}"))?;
    let outcome = session.event(&sample.input, &sample.fields);
    let matches = match (&outcome, &sample.expect) {
        (Outcome::Dropped, Value::String(word)) => word == "drop",
        (Outcome::Rejected(_), Value::String(word)) => word == "reject",
        (Outcome::Kept(events), Value::Object(expected)) => events.len() == 1 && same(&events[0], expected),
        (Outcome::Kept(events), Value::Array(expected)) => {
            events.len() == expected.len()
                && events.iter().zip(expected).all(|(event, e)| e.as_object().is_some_and(|e| same(event, e)))
        }
        _ => false,
    };
    let Sample { input, expect, .. } = sample;
    matches.then_some(()).ok_or_else(|| format!("{input:?}: expected {expect}, got {outcome:?}"))
}

fn same(fields: &Fields, expected: &Fields) -> bool {
    fields.len() == expected.len()
        && fields.iter().all(|(name, value)| expected.get(name).is_some_and(|e| e == value || same_time(value, e)))
}

/// Whether a number of nanoseconds is what the sample writes in RFC 3339.
fn same_time(ns: &Value, text: &Value) -> bool {
    ns.is_i64() && ns.as_i64() == text.as_str().and_then(|text| time::rfc3339(text.as_bytes()))
}
