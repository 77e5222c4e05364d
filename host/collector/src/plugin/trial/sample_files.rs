//! Input and expected fields in files: NAME.log, NAME.expected.ndjson, NAME.config.json.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value};

use super::{case::Case, lane::Lane, report::Report};

/// The files of a folder.
#[derive(Debug, Default)]
pub(super) struct SampleFiles(pub(super) Vec<SampleFile>);

/// Lines, with what is expected of them.
#[derive(Debug)]
pub(super) struct SampleFile {
    /// The lines' file.
    path: PathBuf,
    /// The lines.
    pub(super) lines: Vec<Case>,
    /// What is expected of each, with dotted names; nothing where only purity is of interest.
    expected: Option<Vec<Value>>,
    /// The configuration that the lines are meant for, where they have their own.
    pub(super) config: Option<Value>,
}

impl SampleFiles {
    /// Reads a folder; one that is not there has no files.
    pub(super) fn read(dir: &Path) -> anyhow::Result<SampleFiles> {
        let Ok(entries) = dir.read_dir() else { return Ok(SampleFiles::default()) };
        let mut logs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        logs.retain(|path| path.extension().is_some_and(|ending| ending == "log"));
        logs.sort();
        Ok(SampleFiles(logs.iter().map(|log| SampleFile::read(log)).collect::<anyhow::Result<_>>()?))
    }

    /// Compares what comes with what is expected.
    pub(super) fn compare(&self, lanes: &[Lane], report: &mut Report) -> anyhow::Result<()> {
        for file in &self.0 {
            // The first lane has the configuration that lines without their own get.
            let lane =
                file.config.as_ref().map_or(lanes.first(), |config| lanes.iter().find(|lane| lane.config == *config));
            let Some(lane) = lane else { bail!("{} found no plugin to try it with", file.path.display()) };
            match file.mismatch(lane) {
                None => report.passed("samples", &format!("{}: {}", file.name(), file.told()))?,
                Some(text) => report.failed("samples", &text)?,
            }
        }
        Ok(())
    }
}

impl SampleFile {
    fn read(log: &Path) -> anyhow::Result<SampleFile> {
        let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
        let parsed = |path: &Path, text: &str| {
            serde_json::from_str::<Value>(text).with_context(|| format!("reading {}: it is to be JSON", path.display()))
        };
        let name = log.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = fs::read(log).with_context(|| format!("reading {}", log.display()))?;
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let numbered = bytes.split(|byte| *byte == b'\n').enumerate();
        let lines: Vec<Case> = numbered.map(|(at, line)| Case::line(format!("{name}:{}", at + 1), line)).collect();
        let (expected, config) = (log.with_extension("expected.ndjson"), log.with_extension("config.json"));
        let expected = match expected.is_file() {
            false => None,
            true => {
                let values = read(&expected)?
                    .lines()
                    .map(|line| Ok(settled(parsed(&expected, line)?)))
                    .collect::<anyhow::Result<Vec<_>>>()?;
                ensure!(
                    values.len() == lines.len(),
                    "reading {}: it has {} lines for the {} of {name}; write one for each",
                    expected.display(),
                    values.len(),
                    lines.len()
                );
                Some(values)
            }
        };
        let config = if config.is_file() { Some(parsed(&config, &read(&config)?)?) } else { None };
        Ok(SampleFile { path: log.to_owned(), lines, expected, config })
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn told(&self) -> String {
        match self.expected {
            Some(_) => format!("all {} lines come out as expected", self.lines.len()),
            None => format!(
                "{} lines, with nothing expected of them ({} is not there)",
                self.lines.len(),
                self.path.with_extension("expected.ndjson").display()
            ),
        }
    }

    fn mismatch(&self, lane: &Lane) -> Option<String> {
        let expected = self.expected.as_ref()?;
        let cases: Vec<&Case> = self.lines.iter().collect();
        let outcomes = lane.treat(&cases, 2_000);
        let wrong: Vec<usize> =
            (0..cases.len()).filter(|&at| outcomes[at].fault.is_some() || !outcomes[at].is(&expected[at])).collect();
        let &first = wrong.first()?;
        let found = outcomes[first]
            .fault
            .as_ref()
            .map_or_else(|| outcomes[first].as_expected().to_string(), |fault| format!("a fault: {fault}"));
        Some(format!(
            "{} of {} lines of {} come out otherwise; the first: {}: expected {}, got {found}",
            wrong.len(),
            cases.len(),
            self.name(),
            cases[first].shown(),
            expected[first],
        ))
    }
}

/// Nested objects as dotted names, in whatever way the author wrote them.
fn settled(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut dotted = Map::new();
            flatten("", fields, &mut dotted);
            dotted.into()
        }
        Value::Array(events) => events.into_iter().map(settled).collect(),
        word => word,
    }
}

fn flatten(prefix: &str, fields: Map<String, Value>, dotted: &mut Map<String, Value>) {
    for (name, value) in fields {
        let name = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Value::Object(fields) if !fields.is_empty() => flatten(&name, fields, dotted),
            value => drop(dotted.insert(name, value)),
        }
    }
}
