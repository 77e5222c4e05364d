//! What an operator may say.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::value::Kind;

/// Configuration: `{"expressions": ["^(?<took>\\d+)ms (?<url.path>\\S+)"], "fields": {"took": {"to": "http.took", "type": "int"}}}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The first that matches counts.
    #[serde(deserialize_with = "one_or_several")]
    pub(crate) expressions: Vec<String>,
    /// What becomes of a group, where it is not a text of the group's own name.
    pub(crate) fields: BTreeMap<String, Target>,
    /// The field that is read.
    pub(crate) field: String,
}

impl Default for Config {
    fn default() -> Self {
        Config { expressions: vec![], fields: BTreeMap::new(), field: "message".to_owned() }
    }
}

/// What becomes of a group: `"http.took"`, or `{"to": "http.took", "type": "int"}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Target {
    Name(String),
    Typed(Typed),
}

/// A field with its type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Typed {
    to: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.expressions.is_empty() {
            return Err(
                r#"`expressions` is empty: give at least one, such as ["^(?<log.level>\\w+): (?<message>.*)"]"#
                    .to_owned(),
            );
        }
        Ok(())
    }
}

impl Target {
    /// A text of the group's own name.
    pub(crate) fn of_group(group: &str) -> Self {
        Target::Name(group.to_owned())
    }

    /// The field's name with dots, and its type.
    pub(crate) fn resolve(self, group: &str) -> Result<(String, Kind), String> {
        let typed = match self {
            Target::Name(name) => Typed { to: Some(name), kind: None },
            Target::Typed(typed) => typed,
        };
        let kind = match typed.kind.as_deref() {
            None => Kind::Text,
            Some(kind) => Kind::named(kind).ok_or_else(|| {
                format!("`fields.{group}` has the type `{kind}`; there are text, int, float, bool and time")
            })?,
        };
        let written = typed.to.unwrap_or_else(|| group.to_owned());
        let inner = written.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        let name = inner.map_or(written.clone(), |inner| inner.replace("][", "."));
        if name.split('.').any(str::is_empty) || name.contains(['[', ']']) {
            return Err(format!(
                "the group `{group}` becomes `{written}`, which is no name of a field such as `url.path`"
            ));
        }
        Ok((name, kind))
    }
}

fn one_or_several<'d, D: serde::Deserializer<'d>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Expressions {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Expressions::deserialize(deserializer)? {
        Expressions::One(expression) => vec![expression],
        Expressions::Several(expressions) => expressions,
    })
}
