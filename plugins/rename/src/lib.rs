//! Gives fields other names: `{"fields":{"ip":"source.ip","lvl":"log.level"}}`.
//!
//! All names of an event change at once, so two fields can swap theirs. A field that an event does not have is passed over.

use collector_plugin::{Event, Field, Filter, Input, Manifest, Reject, Value, Verdict};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the chain entry may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Old names and new ones.
    pub fields: BTreeMap<String, String>,
    /// Keep the old name too.
    pub copy: bool,
    /// Leave a field alone whose new name is taken already.
    pub keep_existing: bool,
}

/// The filter. The columns are the old names, then the new ones; so are the names that are written.
pub struct Rename {
    config: Config,
}

impl Filter for Rename {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        if config.fields.is_empty() {
            return Err(r#"`fields` is empty: give old names and new ones, such as {"ip":"source.ip"}"#.to_owned());
        }
        if let Some(wrong) = config.fields.iter().flat_map(|(from, to)| [from, to]).find(|name| !is_name(name)) {
            return Err(format!("`fields`: `{wrong}` is not the name of one field"));
        }
        let mut targets: Vec<&String> = config.fields.values().collect();
        targets.sort_unstable();
        if let Some(twice) = targets.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("`fields`: two fields would become `{}`", twice[0]));
        }
        Ok(Self { config })
    }

    fn manifest(&self) -> Manifest {
        let names = || self.config.fields.keys().chain(self.config.fields.values());
        Manifest::reading(names()).writing(names())
    }

    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        let count = self.config.fields.len();
        let moves = |column: &usize| {
            let taken = self.config.keep_existing && input.value(count + column) != Value::Absent;
            input.value(*column) != Value::Absent && !taken
        };
        if !self.config.copy {
            // Before anything is set: a new name may be the old one of another field.
            (0..count).filter(moves).for_each(|column| event.remove(Field::nth(column as u32)));
        }
        for column in (0..count).filter(moves) {
            event.value(Field::nth((count + column) as u32), input.value(column));
        }
        Ok(Verdict::Keep)
    }
}

fn is_name(name: &str) -> bool {
    !name.contains('*') && name.split('.').all(|segment| !segment.is_empty())
}

collector_plugin::export!(Rename as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests {
    use super::Plugin;
    use collector_plugin::testing::{Session, check_samples};
    use serde_json::{Value, json};

    fn renamed(config: &Value, fields: &Value) -> Value {
        let mut session = Session::<Plugin>::open(&config.to_string()).unwrap();
        Value::Object(session.event("line", fields.as_object().unwrap()).kept())
    }

    #[test]
    fn the_samples_hold() {
        check_samples::<Plugin>(super::SAMPLES).unwrap();
    }

    #[test]
    fn values_of_every_kind_keep_their_kind() {
        let values = [json!("t"), json!(7), json!(1.5), json!(true), json!(null), json!([1, "a"]), json!(u64::MAX)];
        for value in values {
            assert_eq!(renamed(&json!({"fields": {"a": "b.c"}}), &json!({"a": value})), json!({"b.c": value}));
        }
    }

    #[test]
    fn two_fields_can_swap_their_names() {
        let config = json!({"fields": {"a": "b", "b": "a"}});
        assert_eq!(renamed(&config, &json!({"a": 1, "b": 2})), json!({"a": 2, "b": 1}));
        assert_eq!(renamed(&config, &json!({"a": 1})), json!({"b": 1}));
    }

    #[test]
    fn a_field_that_is_there_is_overwritten_unless_it_is_to_be_kept() {
        let fields = json!({"a": 1, "b": 2});
        assert_eq!(renamed(&json!({"fields": {"a": "b"}}), &fields), json!({"b": 1}));
        assert_eq!(renamed(&json!({"fields": {"a": "b"}, "keep_existing": true}), &fields), fields);
        assert_eq!(renamed(&json!({"fields": {"a": "c"}, "copy": true}), &fields), json!({"a": 1, "b": 2, "c": 1}));
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        for (config, part) in [
            ("", "`fields` is empty"),
            (r#"{"fields":{"a":"b*"}}"#, "`b*`"),
            (r#"{"fields":{"a.":"b"}}"#, "`a.`"),
            (r#"{"fields":{"a":"c","b":"c"}}"#, "become `c`"),
            (r#"{"names":{}}"#, "`names`"),
        ] {
            let error = Session::<Plugin>::open(config).err().unwrap();
            assert!(error.contains(part), "{error}");
        }
    }
}
