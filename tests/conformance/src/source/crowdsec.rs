//! CrowdSec's hub: `X.log` beside `parser.assert`, which lists what a stage of the parser made of each line.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, ensure};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    cases::{Case, Expected, ExpectedField},
    source::{Kind, lines, read, read_text},
};

/// Names that CrowdSec's own pipeline adds, whatever the line.
const PIPELINE: [&str; 7] = [
    "Meta.datasource_path",
    "Meta.datasource_type",
    "Meta.log_type",
    "Meta.service",
    "Meta.sub_type",
    "Meta.log_subtype",
    "Meta.machine",
];

/// The source's settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Crowdsec {
    /// The stage and the parser whose result is meant, as `s01-parse/crowdsecurity/mysql-logs`.
    stage: String,
    /// Whether a line that the parser there does not take must be rejected here. Usually it is another program's.
    #[serde(default)]
    reject_others: bool,
    /// Names of the corpus that are looked at, or prefixes that end in `*`; all where absent.
    #[serde(default)]
    only: Vec<String>,
}

/// What is said of one line.
#[derive(Default)]
struct Asserted {
    success: bool,
    fields: Vec<ExpectedField>,
}

impl Kind for Crowdsec {
    fn cases(&self, path: &Path, shown: &str) -> anyhow::Result<Vec<Case>> {
        let asserted = self.asserted(&path.with_file_name("parser.assert"))?;
        ensure!(!asserted.is_empty(), "{shown} has no assertions about the stage {}", self.stage);
        let bytes = read(path)?;
        let lines = lines(&bytes).filter(|(_, line)| !line.is_empty()).enumerate();
        let case = |(index, (number, line)): (usize, (usize, &[u8]))| {
            let expected = match asserted.get(&index) {
                Some(asserted) if asserted.success => Expected::Fields(asserted.fields.clone()),
                _ if self.reject_others => Expected::Rejected,
                _ => Expected::Either,
            };
            Case::new(format!("{shown}:{number}"), line, expected)
        };
        Ok(lines.map(case).collect())
    }
}

impl Crowdsec {
    fn asserted(&self, path: &Path) -> anyhow::Result<BTreeMap<usize, Asserted>> {
        let (stage, parser) = self.stage.split_once('/').context("a stage is written as STAGE/PARSER")?;
        let head = format!(r#"^results\["{}"\]\["{}"\]"#, regex::escape(stage), regex::escape(parser));
        let success = Regex::new(&format!(r"{head}\[(\d+)\]\.Success == (true|false)$"))?;
        let field = Regex::new(&format!(r#"{head}\[(\d+)\]\.Evt\.(Parsed|Meta|Unmarshaled)\["([^"]+)"\] == (".*")$"#))?;
        let mut asserted = BTreeMap::<usize, Asserted>::new();
        for line in read_text(path)?.lines() {
            if let Some(found) = success.captures(line) {
                asserted.entry(found[1].parse()?).or_default().success = &found[2] == "true";
            } else if let Some(found) = field.captures(line) {
                let name = format!("{}.{}", &found[2], &found[3]);
                let value = unquote(&found[4]);
                // Go's grok gives the empty text for a group that took no part.
                if !value.is_empty() && self.looks_at(&name) {
                    asserted.entry(found[1].parse()?).or_default().fields.push(ExpectedField::text(name, value));
                }
            }
        }
        Ok(asserted)
    }

    fn looks_at(&self, name: &str) -> bool {
        let is_meant = |only: &String| only.strip_suffix('*').map_or(name == only, |prefix| name.starts_with(prefix));
        !PIPELINE.contains(&name) && (self.only.is_empty() || self.only.iter().any(is_meant))
    }
}

/// A text as Go quotes it, which is as JSON does but for escapes that no log line of the corpus has.
fn unquote(quoted: &str) -> String {
    match serde_json::from_str(quoted) {
        Ok(Value::String(text)) => text,
        _ => quoted.trim_matches('"').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_read() {
        assert_eq!(unquote(r#""a \"b\" \\ c""#), r#"a "b" \ c"#);
    }
}
