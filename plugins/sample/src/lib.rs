//! Lets a share of the events pass: `{"percent":10,"field":"trace.id"}`.
//!
//! Which events pass is decided by the hash of a field (the line, where none is named), not by chance: the same event is chosen on every machine and at every replay, and
//! events with the same trace pass together.

use collector_plugin::{Event, Filter, Input, Manifest, Reject, Value, Verdict};
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What the chain entry may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The share that passes, 0 to 100.
    pub percent: Option<f64>,
    /// The field whose value decides; the line where none is named.
    pub field: Option<String>,
    /// Another choice of the same size, for samples of samples.
    pub seed: u64,
}

/// The filter.
pub struct Sample {
    field: String,
    seed: u64,
    /// Hashes up to this one pass; nothing passes without one.
    highest: Option<u64>,
}

impl Filter for Sample {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let percent = config.percent.ok_or("`percent` is missing: say how many of 100 events pass, such as 10")?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(format!("`percent` is {percent}: it must be between 0 and 100"));
        }
        let field = config.field.unwrap_or_else(|| "event.original".to_owned());
        if field.contains('*') || field.split('.').any(str::is_empty) {
            return Err(format!("`field`: `{field}` is not the name of one field"));
        }
        let highest = (percent > 0.0).then(|| (percent / 100.0 * u64::MAX as f64) as u64);
        Ok(Self { field, seed: config.seed, highest })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading([self.field.as_str()])
    }

    #[inline(always)]
    fn filter<'a>(&mut self, input: Input<'a>, _: &mut Event<'a>) -> Result<Verdict, Reject> {
        let hash = |bytes: &[u8]| xxh3_64_with_seed(bytes, self.seed);
        let hash = match input.value(0) {
            // An event that does not have the field is no part of what is sampled.
            Value::Absent | Value::Null => return Ok(Verdict::Keep),
            Value::Text(text) | Value::Json(text) => hash(text),
            Value::Int(int) | Value::TimeNs(int) => hash(int.to_string().as_bytes()),
            Value::Float(float) => hash(&float.to_bits().to_le_bytes()),
            Value::Bool(bool) => hash(&[u8::from(bool)]),
        };
        Ok(if self.highest.is_some_and(|highest| hash <= highest) { Verdict::Keep } else { Verdict::Drop })
    }
}

collector_plugin::export!(Sample as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests {
    use super::Plugin;
    use collector_plugin::testing::{Outcome, Session, check_samples};
    use serde_json::json;

    fn passing(config: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
        let mut session = Session::<Plugin>::open(config).unwrap();
        lines.filter(|line| matches!(session.line(line), Outcome::Kept(_))).collect()
    }

    fn lines() -> impl Iterator<Item = String> {
        (0..10_000).map(|number| format!("line {number}"))
    }

    #[test]
    fn the_samples_hold() {
        check_samples::<Plugin>(super::SAMPLES).unwrap();
    }

    #[test]
    fn about_the_share_passes_and_a_larger_share_contains_a_smaller_one() {
        let ten = passing(r#"{"percent":10}"#, lines());
        let twenty = passing(r#"{"percent":20}"#, lines());
        assert!((900..1_100).contains(&ten.len()), "{}", ten.len());
        assert!(ten.iter().all(|line| twenty.contains(line)));
        assert_eq!(passing(r#"{"percent":0}"#, lines()).len(), 0);
        assert_eq!(passing(r#"{"percent":100}"#, lines()).len(), 10_000);
        assert_ne!(passing(r#"{"percent":10,"seed":1}"#, lines()), ten);
    }

    #[test]
    fn events_with_the_same_value_share_their_fate() {
        let mut session = Session::<Plugin>::open(r#"{"percent":50,"field":"trace.id"}"#).unwrap();
        for trace in 0..50 {
            let fields = json!({"trace.id": format!("{trace:x}")});
            let mut fate = |line: &str| matches!(session.event(line, fields.as_object().unwrap()), Outcome::Kept(_));
            assert_eq!(fate("one"), fate("other"));
        }
        assert!(matches!(session.line("without a trace"), Outcome::Kept(_)));
    }

    #[test]
    fn a_share_that_is_none_is_refused() {
        for (config, part) in [
            ("", "`percent` is missing"),
            (r#"{"percent":101}"#, "between 0 and 100"),
            (r#"{"percent":-1}"#, "between 0 and 100"),
            (r#"{"percent":1,"field":"a.*"}"#, "`a.*`"),
        ] {
            let error = Session::<Plugin>::open(config).err().unwrap();
            assert!(error.contains(part), "{error}");
        }
    }
}
