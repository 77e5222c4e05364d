//! The kinds of sources: how the files of a corpus become lines with expectations. One file for each.

mod beats;
mod crowdsec;
mod csv_spectrum;
mod fluent_bit_multiline;
mod go_logfmt;
mod go_syslog;
mod json_test_suite;
mod lines;
mod logstash_patterns;
mod ops_agent;

use std::path::Path;

use anyhow::{Context as _, bail};
use regex::bytes::Regex;
use serde::de::DeserializeOwned;

use crate::cases::Case;

/// A kind of source with its own settings.
pub trait Kind {
    /// The lines of a file. `shown` is how the file is called in the tables.
    fn cases(&self, path: &Path, shown: &str) -> anyhow::Result<Vec<Case>>;
}

/// A source of the kind of that name with these settings.
pub fn of(kind: &str, settings: toml::Table) -> anyhow::Result<Box<dyn Kind>> {
    match kind {
        "beats" => own::<beats::Beats>(kind, settings),
        "crowdsec" => own::<crowdsec::Crowdsec>(kind, settings),
        "csv-spectrum" => own::<csv_spectrum::CsvSpectrum>(kind, settings),
        "fluent-bit-multiline" => own::<fluent_bit_multiline::FluentBitMultiline>(kind, settings),
        "go-logfmt" => own::<go_logfmt::GoLogfmt>(kind, settings),
        "go-syslog" => own::<go_syslog::GoSyslog>(kind, settings),
        "json-test-suite" => own::<json_test_suite::JsonTestSuite>(kind, settings),
        "lines" => own::<lines::Lines>(kind, settings),
        "logstash-patterns" => own::<logstash_patterns::LogstashPatterns>(kind, settings),
        "ops-agent" => own::<ops_agent::OpsAgent>(kind, settings),
        _ => bail!("a source is of the kind {kind:?}, which is unknown; tests/conformance/README.md lists the kinds"),
    }
}

fn own<K: Kind + DeserializeOwned + 'static>(kind: &str, settings: toml::Table) -> anyhow::Result<Box<dyn Kind>> {
    let kind: K = settings.try_into().with_context(|| format!("reading a source of the kind {kind:?}"))?;
    Ok(Box::new(kind))
}

/// The bytes of a file.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading {}", path.display()))
}

/// The JSON of a file.
fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    serde_json::from_slice(&read(path)?).with_context(|| format!("reading {} as JSON", path.display()))
}

/// The text of a file.
fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {} as text", path.display()))
}

/// The lines of a file without their ends, numbered from 1.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = bytes.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.enumerate().map(|(index, line)| (index + 1, line))
}

/// The events of a file, by the number of their first line: the lines that are not empty, or, where `first` is given, what
/// begins with a line that matches it, up to the next such line.
fn events(bytes: &[u8], first: Option<&Regex>) -> Vec<(usize, Vec<u8>)> {
    let mut events: Vec<(usize, Vec<u8>)> = vec![];
    for (number, line) in lines(bytes) {
        match (events.last_mut(), first) {
            (Some((_, event)), Some(first)) if !first.is_match(line) => {
                event.push(b'\n');
                event.extend_from_slice(line);
            }
            (_, None) if line.is_empty() => {}
            (None, Some(_)) if line.is_empty() => {}
            _ => events.push((number, line.to_vec())),
        }
    }
    for (_, event) in &mut events {
        event.truncate(event.trim_ascii_end().len().max(1).min(event.len()));
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_goes_up_to_the_next_first_line() {
        let first = Regex::new("^[0-9]").unwrap();
        let found = events(b"1 a\r\n\tb\n\n2 c\n\n", Some(&first));
        assert_eq!(found, [(1, b"1 a\n\tb".to_vec()), (4, b"2 c".to_vec())]);
        assert_eq!(events(b"a\n\nb\n", None).len(), 2);
    }
}
