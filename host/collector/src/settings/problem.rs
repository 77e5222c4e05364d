//! What is wrong with the settings, where, and what to do about it.

use std::{collections::HashMap, fmt, path::PathBuf};

/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file, on a line (from 1) where it is known.
    File(PathBuf, Option<usize>),
    /// In an environment variable.
    Variable(String),
    /// Nowhere: there is no settings file.
    Nowhere,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path, Some(line)) => write!(f, "{}:{line}", path.display()),
            Place::File(path, None) => write!(f, "{}", path.display()),
            Place::Variable(name) => write!(f, "environment variable {name}"),
            Place::Nowhere => f.write_str("no settings file"),
        }
    }
}

/// One mistake in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// The key (`kafka.brokers`); empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

/// `collector.toml:3: [kafka] brokers: … is wrong; do …`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() && !matches!(self.place, Place::Variable(_)) {
            write!(f, "{}: ", Shown(&self.key))?;
        }
        write!(f, "{}; {}", self.problem, self.fix)
    }
}

/// A key as it stands in a file: `kafka.brokers` as `[kafka] brokers`.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.rsplit_once('.') {
            Some((section, key)) => write!(f, "[{section}] {key}"),
            None => f.write_str(self.0),
        }
    }
}

/// Everything that is wrong with the settings: at least one mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reading the settings: ")?;
        match self.0.as_slice() {
            [only] => write!(f, "{only}"),
            several => {
                write!(f, "{} mistakes", several.len())?;
                several.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for Problems {}

/// Where each key was written, so that what is found wrong later can be shown there.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    file: Place,
    of_key: HashMap<String, Place>,
}

impl Places {
    pub(crate) fn new(file: Option<&std::path::Path>) -> Self {
        let file = file.map_or(Place::Nowhere, |path| Place::File(path.to_owned(), None));
        Places { file, of_key: HashMap::new() }
    }

    pub(crate) fn set(&mut self, key: &str, place: Place) {
        self.of_key.insert(key.to_owned(), place);
    }

    /// A line of the file as a place.
    pub(crate) fn line(&self, line: usize) -> Place {
        match &self.file {
            Place::File(path, _) => Place::File(path.clone(), Some(line)),
            other => other.clone(),
        }
    }

    /// Where the key stands; the file as a whole where it was not written.
    pub(crate) fn of(&self, key: &str) -> Place {
        self.of_key.get(key).unwrap_or(&self.file).clone()
    }

    /// Whether a key of the section was written.
    pub(crate) fn mention(&self, section: &str) -> bool {
        self.of_key.keys().any(|key| key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.')))
    }

    pub(crate) fn problem(&self, key: &str, problem: impl Into<String>, fix: impl Into<String>) -> Problem {
        Problem { place: self.of(key), key: key.to_owned(), problem: problem.into(), fix: fix.into() }
    }
}
