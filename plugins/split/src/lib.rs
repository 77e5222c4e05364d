//! Makes many events of one line: the parts between separators, or the elements of a JSON array.
//!
//! Each part becomes the `message` of an event of its own; the line stays as `event.original`. A forked event begins with the host's own fields, so `split` stands first in its chain,
//! and the parser of the parts behind it.

use collector_plugin::{Event, Field, Filter, Input, Manifest, Reject, Value, Verdict};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

const MESSAGE: Field = Field::nth(0);
/// The ABI's limit of events of one line.
const PARTS_MAX: usize = 1_001;

/// What the chain entry may say.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// What stands between the parts of a text.
    pub separator: Option<String>,
    /// The line, or the field, is a JSON array: its elements are the parts. A JSON object around it names the member that holds the array.
    pub json: bool,
    /// The member of a JSON object that holds the array.
    pub member: Option<String>,
    /// The field to split.
    pub field: String,
    /// Spaces around a part go.
    pub trim: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { separator: None, json: false, member: None, field: "message".to_owned(), trim: true }
    }
}

/// How a text is taken apart.
enum Way {
    Separator(String),
    Array,
    Member(String),
}

/// The filter.
pub struct Split {
    way: Way,
    field: String,
    trim: bool,
}

impl Filter for Split {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let Config { separator, json, member, field, trim } = config;
        if field.contains('*') || field.split('.').any(str::is_empty) {
            return Err(format!("`field`: `{field}` is not the name of one field"));
        }
        let way = match (separator, json, member) {
            (Some(separator), false, None) if !separator.is_empty() => Way::Separator(separator),
            (Some(_), false, None) => return Err("`separator` is empty: say what stands between the parts".to_owned()),
            (None, true, None) => Way::Array,
            (None, _, Some(member)) => Way::Member(member),
            (None, false, None) => Way::Separator("\n".to_owned()),
            (Some(_), ..) => {
                return Err("give `separator` for texts, or `json` and `member` for JSON, not both".to_owned());
            }
        };
        Ok(Self { way, field, trim })
    }

    fn manifest(&self) -> Manifest {
        Manifest::reading([self.field.as_str()]).writing(["message"]).forking()
    }

    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        let (Value::Text(text) | Value::Json(text)) = input.value(0) else {
            return Err(Reject("the field to split is not a text"));
        };
        let text = std::str::from_utf8(text).map_err(|_| Reject("the field to split is not a text"))?;
        let parts = self.parts(text)?;
        match parts.as_slice() {
            [] => return Ok(Verdict::Drop),
            [only] if only.as_ref() == text => {}
            parts if parts.len() > PARTS_MAX => return Err(Reject("more than 1,001 parts")),
            parts => emit(parts, event),
        }
        Ok(Verdict::Keep)
    }
}

/// One event for each part.
fn emit(parts: &[Cow<'_, str>], event: &mut Event<'_>) {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            event.fork();
        }
        event.text(MESSAGE, part.as_ref());
    }
}

impl Split {
    /// The parts that are not empty, one more than there may be at most.
    fn parts<'t>(&self, text: &'t str) -> Result<Vec<Cow<'t, str>>, Reject> {
        let parts = match &self.way {
            Way::Separator(separator) => {
                let parts = text.split(separator.as_str()).map(|part| if self.trim { part.trim() } else { part });
                return Ok(parts.filter(|part| !part.is_empty()).map(Cow::Borrowed).take(PARTS_MAX + 1).collect());
            }
            Way::Array => elements(text)?,
            Way::Member(member) => elements(self.member(text, member)?)?,
        };
        Ok(parts.into_iter().take(PARTS_MAX + 1).collect())
    }

    fn member<'t>(&self, text: &'t str, member: &str) -> Result<&'t str, Reject> {
        let object: std::collections::BTreeMap<String, &'t RawValue> =
            serde_json::from_str(text).map_err(|_| Reject("the text to split is no JSON object"))?;
        object.get(member).map(|value| value.get()).ok_or(Reject("the JSON object has no such member"))
    }
}

/// The elements of an array: strings as the text that they stand for, anything else as JSON.
fn elements(text: &str) -> Result<Vec<Cow<'_, str>>, Reject> {
    let values: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Reject("there is no JSON array to split"))?;
    Ok(values.into_iter().map(|value| element(value.get())).collect())
}

fn element(json: &str) -> Cow<'_, str> {
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
        Some(_) => serde_json::from_str(json).map_or(Cow::Borrowed(json), Cow::Owned),
        None => Cow::Borrowed(json),
    }
}

collector_plugin::export!(Split as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests {
    use super::Plugin;
    use collector_plugin::testing::{Outcome, Session, check_samples};
    use serde_json::json;

    fn messages(config: &str, line: &str) -> Vec<String> {
        match Session::<Plugin>::open(config).unwrap().line(line) {
            Outcome::Kept(events) => {
                events.iter().map(|e| e.get("message").map_or(line, |m| m.as_str().unwrap()).to_owned()).collect()
            }
            Outcome::Dropped => Vec::new(),
            Outcome::Rejected(reason) => vec![format!("rejected: {reason}")],
        }
    }

    #[test]
    fn the_samples_hold() {
        check_samples::<Plugin>(super::SAMPLES).unwrap();
    }

    #[test]
    fn parts_between_separators_become_events() {
        assert_eq!(messages(r#"{"separator":";"}"#, "a; b ;;c"), ["a", "b", "c"]);
        assert_eq!(messages(r#"{"separator":";","trim":false}"#, "a; b"), ["a", " b"]);
        assert_eq!(messages(r#"{"separator":"--"}"#, "whole"), ["whole"]);
        assert_eq!(messages("", "one\ntwo\n"), ["one", "two"]);
        assert!(messages(r#"{"separator":";"}"#, " ; ").is_empty());
    }

    #[test]
    fn elements_of_an_array_become_events() {
        let line = r#"{"Records":[{"a":1}, "b", 3, "q\"q"], "x":[]}"#;
        let config = r#"{"json":true,"member":"Records"}"#;
        assert_eq!(messages(config, line), [r#"{"a":1}"#, "b", "3", "q\"q"]);
        assert_eq!(messages(r#"{"json":true}"#, "[1,2]"), ["1", "2"]);
        assert!(messages(r#"{"member":"x"}"#, line).is_empty());
        assert_eq!(messages(r#"{"json":true}"#, "{}"), ["rejected: there is no JSON array to split"]);
        assert_eq!(messages(config, "[]"), ["rejected: the text to split is no JSON object"]);
        assert_eq!(messages(r#"{"member":"y"}"#, line), ["rejected: the JSON object has no such member"]);
    }

    #[test]
    fn the_most_parts_a_line_may_have_pass_and_one_more_is_rejected() {
        let line = vec!["x"; 1_001].join(";");
        assert_eq!(messages(r#"{"separator":";"}"#, &line).len(), 1_001);
        assert_eq!(messages(r#"{"separator":";"}"#, &format!("{line};y")), ["rejected: more than 1,001 parts"]);
    }

    #[test]
    fn another_field_can_be_split() {
        let mut session = Session::<Plugin>::open(r#"{"field":"events","json":true}"#).unwrap();
        let outcome = session.event("line", json!({"events": ["a", "b"]}).as_object().unwrap());
        let Outcome::Kept(events) = outcome else { panic!("{outcome:?}") };
        assert_eq!(events.len(), 2);
        assert_eq!(events[1], *json!({"message": "b"}).as_object().unwrap());
    }

    #[test]
    fn two_ways_at_once_are_refused() {
        for (config, part) in [
            (r#"{"separator":"","json":false}"#, "`separator` is empty"),
            (r#"{"separator":",","json":true}"#, "not both"),
            (r#"{"field":"*"}"#, "`*`"),
        ] {
            let error = Session::<Plugin>::open(config).err().unwrap();
            assert!(error.contains(part), "{error}");
        }
    }
}
