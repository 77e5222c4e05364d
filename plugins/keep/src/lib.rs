//! Keeps the named fields of an event and removes the others: `{"fields":["source.ip","http.*"]}`.
//!
//! Or the other way round: `{"remove":["user_agent","http.request.*"]}` removes these and keeps the others.
//!
//! `@timestamp`, `message` and what the host itself adds (`host.*`, `log.*`, `collector.chain`) always stay. The line under its second name, `event.original`, is a field like the others.

use collector_plugin::{Event, Field, Filter, Input, Manifest, Reject, Verdict};
use serde::Deserialize;

/// What no configuration takes away.
const ALWAYS: [&str; 2] = ["@timestamp", "message"];

/// What the chain entry may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Names of fields, and `prefix.*` for all below a prefix.
    pub fields: Vec<String>,
    /// The same, of what goes.
    pub remove: Vec<String>,
}

/// The filter.
pub enum Keep {
    /// Everything else goes.
    Only {
        /// Fields that stay, with what is below them.
        names: Vec<String>,
        /// Prefixes of what stays, with the dot at their ends.
        prefixes: Vec<String>,
    },
    /// These go, with what is below them.
    Without(Vec<String>),
}

impl Filter for Keep {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        for (option, names) in [("fields", &config.fields), ("remove", &config.remove)] {
            if let Some(wrong) = names.iter().find(|name| !is_name(name)) {
                return Err(format!(
                    "`{option}`: `{wrong}` is neither the name of a field nor a prefix such as \"http.*\""
                ));
            }
        }
        match (config.fields.is_empty(), config.remove.is_empty()) {
            (false, true) => Ok(Self::only(config.fields)),
            (true, false) => Ok(Self::Without(config.remove.iter().map(|name| base(name).to_owned()).collect())),
            _ => Err("give one of `fields` (what stays, such as \"source.ip\" or \"http.*\") and `remove` (what goes)"
                .to_owned()),
        }
    }

    fn manifest(&self) -> Manifest {
        match self {
            Self::Only { .. } => Manifest::reading(["*"]),
            Self::Without(names) => Manifest::reading([] as [&str; 0]).writing(names),
        }
    }

    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        match self {
            Self::Only { names, prefixes } => {
                for (name, _) in input.matched().filter(|(name, _)| !stays(names, prefixes, name)) {
                    let field = event.name(None, name.as_bytes())?;
                    event.remove(field);
                }
            }
            Self::Without(names) => (0..names.len()).for_each(|index| event.remove(Field::nth(index as u32))),
        }
        Ok(Verdict::Keep)
    }
}

impl Keep {
    fn only(fields: Vec<String>) -> Self {
        let (prefixes, names): (Vec<String>, Vec<String>) = fields.into_iter().partition(|name| name.ends_with(".*"));
        let prefixes = prefixes.iter().map(|prefix| prefix.trim_end_matches('*').to_owned()).collect();
        Self::Only { names, prefixes }
    }
}

/// Whether a field is named, lies below a named one, or is one of those that always stay.
fn stays(names: &[String], prefixes: &[String], name: &str) -> bool {
    let below =
        |kept: &String| name.strip_prefix(kept.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    ALWAYS.contains(&name) || names.iter().any(below) || prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
}

/// The name without the `.*` of a prefix.
fn base(name: &str) -> &str {
    name.strip_suffix(".*").unwrap_or(name)
}

fn is_name(name: &str) -> bool {
    let name = base(name);
    !name.contains('*') && name.split('.').all(|segment| !segment.is_empty())
}

collector_plugin::export!(Keep as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests {
    use super::Plugin;
    use collector_plugin::testing::{Session, check_samples};
    use serde_json::{Value, json};

    fn kept(config: &Value, fields: &Value) -> Value {
        let mut session = Session::<Plugin>::open(&config.to_string()).unwrap();
        Value::Object(session.event("line", fields.as_object().unwrap()).kept())
    }

    #[test]
    fn the_samples_hold() {
        check_samples::<Plugin>(super::SAMPLES).unwrap();
    }

    #[test]
    fn named_fields_stay_with_what_is_below_them() {
        let fields = json!({"a": 1, "ab": 2, "a.b": 3, "h.x": 4, "h.y.z": 5, "hx": 6, "@timestamp": 7, "message": "m", "event.original": "line"});
        assert_eq!(
            kept(&json!({"fields": ["a", "h.*"]}), &fields),
            json!({"a": 1, "a.b": 3, "h.x": 4, "h.y.z": 5, "@timestamp": 7, "message": "m"})
        );
        assert_eq!(kept(&json!({"fields": ["event.original"]}), &fields)["event.original"], "line");
    }

    #[test]
    fn removed_fields_go_with_what_is_below_them() {
        let fields = json!({"a": 1, "ab": 2, "a.b": 3, "h.x": 4, "message": "m"});
        assert_eq!(kept(&json!({"remove": ["a", "h.*", "missing"]}), &fields), json!({"ab": 2, "message": "m"}));
    }

    #[test]
    fn a_configuration_that_keeps_nothing_is_refused() {
        for (config, part) in [
            ("", "one of `fields`"),
            (r#"{"fields":["a"],"remove":["b"]}"#, "one of `fields`"),
            (r#"{"fields":["*"]}"#, "`*`"),
            (r#"{"fields":["a..b"]}"#, "`a..b`"),
            (r#"{"feilds":[]}"#, "`feilds`"),
        ] {
            let error = Session::<Plugin>::open(config).err().unwrap();
            assert!(error.contains(part), "{error}");
        }
    }
}
