//! Lines of which nobody says more than that they are of the format.

use std::path::Path;

use regex::bytes::Regex;
use serde::Deserialize;

use crate::{
    cases::{Case, Expected},
    source::{Kind, events, read},
};

/// The source's settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lines {
    /// Lines that are not of the format.
    skip: Option<String>,
    /// What the first line of an event looks like, where events have several.
    first_line: Option<String>,
    /// Lines that the format's own programs would not write.
    reject: Option<String>,
    /// The most events of a file that are taken.
    #[serde(default = "most")]
    most: usize,
}

fn most() -> usize {
    10_000
}

impl Kind for Lines {
    fn cases(&self, path: &Path, shown: &str) -> anyhow::Result<Vec<Case>> {
        let regex = |pattern: &Option<String>| pattern.as_deref().map(Regex::new).transpose();
        let (skip, first, reject) = (regex(&self.skip)?, regex(&self.first_line)?, regex(&self.reject)?);
        let hits = |regex: &Option<Regex>, event: &[u8]| regex.as_ref().is_some_and(|regex| regex.is_match(event));
        let bytes = read(path)?;
        let events = events(&bytes, first.as_ref()).into_iter().filter(|(_, event)| !hits(&skip, event));
        let case = |(number, event): (usize, Vec<u8>)| {
            let expected = if hits(&reject, &event) { Expected::Rejected } else { Expected::Parses };
            Case::new(format!("{shown}:{number}"), event, expected)
        };
        Ok(events.take(self.most).map(case).collect())
    }
}
