//! Filebeat's own fixtures: `X.log` and `X.log-expected.json`, an array of flat ECS documents.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use regex::bytes::Regex;
use serde::Deserialize;

use crate::{
    cases::{Case, Expected, ExpectedField},
    flat::{Flat, flatten},
    source::{Kind, read, read_json},
};

/// The most events that an expected file lists.
const LISTED_MAX: usize = 100;

/// The source's settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Beats {
    /// Lines that Filebeat left out.
    skip: Option<String>,
}

impl Kind for Beats {
    fn cases(&self, path: &Path, shown: &str) -> anyhow::Result<Vec<Case>> {
        let bytes = read(path)?;
        let mut expected = PathBuf::from(path).into_os_string();
        expected.push("-expected.json");
        let events: Vec<Flat> = read_json(Path::new(&expected))?;
        let skip = self.skip.as_deref().map(Regex::new).transpose()?;
        let mut cases = vec![];
        for (number, event) in events.iter().enumerate() {
            let start = offset(event).with_context(|| format!("reading event {number} of {shown}"))?;
            let end = match events.get(number + 1) {
                Some(next) => offset(next).with_context(|| format!("reading event {} of {shown}", number + 1))?,
                None if events.len() < LISTED_MAX => bytes.len(),
                // Where the last listed event ends is not said: only one of a single line is certain.
                None if event.contains_key("log.flags") => break,
                None => start + bytes[start..].iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len() - start),
            };
            let line = without(&bytes[start..end], skip.as_ref());
            cases.push(Case::new(format!("{shown} at {start}"), line, Expected::Fields(fields(event))));
        }
        Ok(cases)
    }
}

fn offset(event: &Flat) -> anyhow::Result<usize> {
    let offset = event.get("log.offset").and_then(serde_json::Value::as_u64).context("it has no log.offset")?;
    Ok(usize::try_from(offset)?)
}

fn fields(event: &Flat) -> Vec<ExpectedField> {
    flatten(event.clone()).into_iter().map(|(name, value)| ExpectedField::typed(name, value)).collect()
}

/// An event's bytes without the lines that were left out, and without the line breaks at the end (Filebeat takes no empty lines).
fn without(event: &[u8], skip: Option<&Regex>) -> Vec<u8> {
    let is_kept = |line: &&[u8]| !skip.is_some_and(|skip| skip.is_match(line));
    let kept: Vec<u8> = event.split_inclusive(|&byte| byte == b'\n').filter(is_kept).collect::<Vec<_>>().concat();
    let end = kept.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    kept[..end].to_vec()
}
