//! What a plugin is: a parser or a filter, its manifest and its configuration.

use crate::{Event, Field, Input};
use serde::de::DeserializeOwned;

/// Why a line could not be treated. It becomes the event's `error.message`, so it names what was wrong ("no status code").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject(pub &'static str);

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on, with what was set.
    Keep,
    /// It is filtered out, and counted.
    Drop,
}

/// What a plugin reads and writes; see `wit/v0.1/README.md`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub(crate) reads: Vec<String>,
    pub(crate) writes: Vec<String>,
    pub(crate) forks: bool,
    pub(crate) required: bool,
    pub(crate) naming: Naming,
}

/// What becomes of the names that are met in the data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Naming {
    pub(crate) prefix: Option<String>,
    /// A name without the prefix, and the declared field that stands for it.
    pub(crate) renames: Vec<(String, Field)>,
    /// What ends a name where it is met; empty where nobody asks what is foretold.
    pub(crate) key_end: &'static [u8],
}

impl Naming {
    /// The field that stands for a name with its prefix.
    pub(crate) fn renamed(&self, full: &str) -> Option<Field> {
        let name = match &self.prefix {
            Some(prefix) => full.strip_prefix(prefix.as_str())?.strip_prefix('.')?,
            None => full,
        };
        self.renames.iter().find(|(from, _)| from == name).map(|(_, field)| *field)
    }
}

impl Manifest {
    /// A plugin that reads these fields: exact names, which are the columns of [`Input`] in this order, and the patterns `*` and `prefix.*`.
    #[must_use]
    pub fn reading<S: Into<String>>(reads: impl IntoIterator<Item = S>) -> Self {
        Self { reads: reads.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// It writes these fields; their places in the list are the ids of [`Field::nth`](crate::Field::nth).
    #[must_use]
    pub fn writing<S: Into<String>>(mut self, writes: impl IntoIterator<Item = S>) -> Self {
        self.writes = writes.into_iter().map(Into::into).collect();
        self
    }

    /// Names met in the data ([`Event::name`]) come to lie below `prefix`.
    #[must_use]
    pub fn below(mut self, prefix: Option<String>) -> Self {
        self.naming.prefix = prefix;
        self
    }

    /// These names, met in the data, stand for declared fields. Dots are for nesting, and the prefix of [`below`](Self::below) is left away.
    #[must_use]
    pub fn renaming(mut self, renames: impl IntoIterator<Item = (String, Field)>) -> Self {
        self.naming.renames.extend(renames);
        self
    }

    /// What stands behind each name where it is met, so that names can be [foretold](Event::foretold): `":` in JSON.
    #[must_use]
    pub fn ending_names(mut self, end: &'static [u8]) -> Self {
        self.naming.key_end = end;
        self
    }

    /// It may make several events of one line.
    #[must_use]
    pub fn forking(mut self) -> Self {
        self.forks = true;
        self
    }

    /// No event may pass that it could not treat.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Fields to hand over.
    #[must_use]
    pub fn reads(&self) -> &[String] {
        &self.reads
    }

    /// Names of the first ids.
    #[must_use]
    pub fn writes(&self) -> &[String] {
        &self.writes
    }

    /// Whether it may make several events of one line.
    #[must_use]
    pub fn is_forking(&self) -> bool {
        self.forks
    }

    /// Whether no event may pass that it could not treat.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// How many of the reads are columns.
    pub(crate) fn columns(&self) -> usize {
        self.reads.iter().filter(|name| !is_pattern(name)).count()
    }
}

/// Whether a name of the reads is a pattern, which takes no column.
pub(crate) fn is_pattern(name: &str) -> bool {
    name == "*" || name.ends_with(".*")
}

/// One line in, fields out.
pub trait Parser: Sized + 'static {
    /// What the chain entry's `config` may say. Put `#[serde(default)]` on it; an unknown key is an error in any case.
    type Config: DeserializeOwned + Default;

    /// Takes the configuration.
    ///
    /// # Errors
    /// Text for the operator: the key, what is wrong with it, and what would be right.
    fn open(config: Self::Config) -> Result<Self, String>;

    /// The fields that [`parse`](Self::parse) sets: mostly `Manifest::reading(["message"]).writing(FIELDS.iter().copied())`. The first column is the line.
    fn manifest(&self) -> Manifest;

    /// Sets the fields of one line, which is UTF-8.
    ///
    /// # Errors
    /// The line did not parse; what was set is taken back.
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject>;
}

/// Some fields in, changes or a verdict out.
pub trait Filter: Sized + 'static {
    /// What the chain entry's `config` may say. Put `#[serde(default)]` on it; an unknown key is an error in any case.
    type Config: DeserializeOwned + Default;

    /// Takes the configuration.
    ///
    /// # Errors
    /// Text for the operator: the key, what is wrong with it, and what would be right.
    fn open(config: Self::Config) -> Result<Self, String>;

    /// What the filter reads and writes; both may depend on its configuration.
    fn manifest(&self) -> Manifest;

    /// Treats one event.
    ///
    /// # Errors
    /// The event could not be treated; what was set is taken back.
    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject>;
}

/// What the [`Driver`](crate::Driver) runs: [`Parsing`] or [`Filtering`], made by [`export!`](crate::export).
pub trait Plugin: Sized + 'static {
    /// Opens the plugin with its configuration as text.
    ///
    /// # Errors
    /// What the plugin says of its configuration, or why that is not what it should be.
    fn open(config: &str) -> Result<Self, String>;

    /// What the plugin reads and writes.
    fn manifest(&self) -> Manifest;

    /// Treats one event.
    ///
    /// # Errors
    /// The event could not be treated.
    fn treat<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject>;
}

/// A [`Parser`] as a plugin.
pub struct Parsing<P>(P);

impl<P: Parser> Plugin for Parsing<P> {
    fn open(config: &str) -> Result<Self, String> {
        P::open(read_config(config)?).map(Self)
    }

    fn manifest(&self) -> Manifest {
        self.0.manifest()
    }

    #[inline(always)]
    fn treat<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        let Some(line) = input.text(0) else {
            return Err(Reject("the field to parse is not a text"));
        };
        self.0.parse(line, event)?;
        Ok(Verdict::Keep)
    }
}

/// A [`Filter`] as a plugin.
pub struct Filtering<F>(F);

impl<F: Filter> Plugin for Filtering<F> {
    fn open(config: &str) -> Result<Self, String> {
        F::open(read_config(config)?).map(Self)
    }

    fn manifest(&self) -> Manifest {
        self.0.manifest()
    }

    #[inline(always)]
    fn treat<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        self.0.filter(input, event)
    }
}

/// The typed configuration; the empty string means the defaults.
fn read_config<C: DeserializeOwned + Default>(text: &str) -> Result<C, String> {
    if text.trim().is_empty() {
        return Ok(C::default());
    }
    let mut unknown = Vec::new();
    let mut json = serde_json::Deserializer::from_str(text);
    let config = serde_ignored::deserialize(&mut json, |path| unknown.push(path.to_string()))
        .map_err(|error| format!("the configuration is not what this plugin takes: {error}"))?;
    json.end().map_err(|error| format!("the configuration is not one JSON object: {error}"))?;
    match unknown.first() {
        Some(key) => Err(format!("the configuration has an unknown key `{key}`: correct or remove it")),
        None => Ok(config),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Default, Debug, PartialEq)]
    #[serde(default)]
    struct Config {
        level: u8,
    }

    #[test]
    fn an_empty_configuration_means_the_defaults() {
        assert_eq!(read_config::<Config>(" "), Ok(Config { level: 0 }));
        assert_eq!(read_config::<Config>("{}"), Ok(Config { level: 0 }));
        assert_eq!(read_config::<Config>(r#"{"level":3}"#), Ok(Config { level: 3 }));
    }

    #[test]
    fn a_wrong_configuration_is_named() {
        let unknown = read_config::<Config>(r#"{"level":3,"levle":4}"#).unwrap_err();
        assert!(unknown.contains("`levle`"), "{unknown}");
        let typed = read_config::<Config>(r#"{"level":"x"}"#).unwrap_err();
        assert!(typed.contains("expected u8"), "{typed}");
        assert!(read_config::<Config>("{} {}").is_err());
    }
}
