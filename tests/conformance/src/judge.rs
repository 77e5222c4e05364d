//! A format's lines through its chain, and what is to be said of them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    path::PathBuf,
};

use serde_json::Value;

use crate::{
    cases::{Case, Expected, ExpectedField},
    chain::{Chain, Chains, Outcome, origin},
    compare,
    corpora::Corpora,
    ecs::Ecs,
    flat::Flat,
    names,
    report::{Difference, Row},
    spec::{Format, Source},
};

/// Judges formats.
pub struct Judge {
    corpora: Corpora,
    ecs: Ecs,
    chains: Chains,
}

/// What is gathered while the lines of a format are judged.
#[derive(Default)]
struct Tally {
    files: BTreeSet<PathBuf>,
    lines: usize,
    agreeing: usize,
    expected: BTreeSet<String>,
    /// Expected names that are not compared, with how often they would have disagreed.
    excluded: BTreeMap<String, u64>,
    /// The names of the corpus that the source's `names` leave out.
    skipped: BTreeMap<String, u64>,
    invented: BTreeMap<String, String>,
    differences: Vec<Difference>,
}

impl Judge {
    /// Of these lines, by these names, with the modules in a folder; what was compiled is kept in another.
    pub fn new(corpora: Corpora, ecs: Ecs, plugins: PathBuf, compiled: PathBuf) -> anyhow::Result<Self> {
        Ok(Judge { corpora, ecs, chains: Chains::new(plugins, compiled)? })
    }

    /// The row of a format in the table.
    pub fn row(&self, format: &Format) -> anyhow::Result<Row> {
        let mut tally = Tally::default();
        tally.excluded.extend(format.exclude.iter().map(|exclude| (exclude.field.clone(), 0)));
        let mut loaded = Loaded::default();
        for source in &format.source {
            for pattern in &source.common.files {
                for path in self.corpora.files(pattern)? {
                    self.file(format, source, path, &mut loaded, &mut tally)?;
                }
            }
        }
        Ok(tally.row(format))
    }

    fn file(
        &self,
        format: &Format,
        source: &Source,
        path: PathBuf,
        loaded: &mut Loaded,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        let shown = self.corpora.shown(&path).to_owned();
        let mut cases = source.kind.cases(&path, &shown.to_string_lossy())?;
        tally.files.insert(path);
        let origin = origin(&source.common, &shown)?;
        for case in &mut cases {
            names::apply(&source.common.names, case, &mut tally.skipped);
        }
        for (config, cases) in by_config(cases) {
            let chain = match loaded.entry(config.as_ref().map(Value::to_string)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let chain = self.chains.load(&format.plugins, &format.folder, config.as_ref());
                    // The configuration of the format itself has to open; one that was made for a line may be refused.
                    place.insert(if config.is_none() { Ok(chain?) } else { chain })
                }
            };
            let lines: Vec<&[u8]> = cases.iter().map(|case| case.line.as_slice()).collect();
            let outcomes = match chain {
                Ok(chain) => chain.run(&lines, &origin)?,
                Err(error) => vec![Outcome::refused(error); lines.len()],
            };
            cases.iter().zip(outcomes).for_each(|(case, outcome)| tally.add(format, &self.ecs, case, &outcome));
        }
        Ok(())
    }
}

/// Chains by the text of their configuration.
type Loaded = HashMap<Option<String>, anyhow::Result<Chain>>;

/// The cases of each configuration.
fn by_config(cases: Vec<Case>) -> Vec<(Option<Value>, Vec<Case>)> {
    let mut groups: Vec<(Option<Value>, Vec<Case>)> = vec![];
    for case in cases {
        match groups.iter_mut().find(|(config, _)| *config == case.config) {
            Some((_, group)) => group.push(case),
            None => groups.push((case.config.clone(), vec![case])),
        }
    }
    groups
}

impl Tally {
    fn add(&mut self, format: &Format, ecs: &Ecs, case: &Case, outcome: &Outcome) {
        self.lines += 1;
        self.expected
            .extend(case.expected.fields().map(|field| field.name.clone()).filter(|name| compare::is_compared(name)));
        for event in &outcome.events {
            self.note_invented(format, ecs, case, event);
        }
        let wrong = self.wrong(case, outcome);
        if wrong.is_empty() {
            self.agreeing += 1;
        } else {
            self.differences.push(Difference::new(case, wrong));
        }
    }

    fn note_invented(&mut self, format: &Format, ecs: &Ecs, case: &Case, event: &Flat) {
        for name in event.keys().filter(|name| !ecs.knows(name) && !format.owns(name)) {
            self.invented.entry(name.clone()).or_insert_with(|| case.place.clone());
        }
    }

    /// What disagrees, in words.
    fn wrong(&mut self, case: &Case, outcome: &Outcome) -> Vec<(String, String)> {
        let problem = outcome.problem.as_ref();
        let one = |what: &str| vec![(String::new(), what.to_owned())];
        match (&case.expected, problem) {
            (_, Some(problem)) if !problem.rejected => one(&format!("the plugin broke the rules: {}", problem.reason)),
            (Expected::Either, _) | (Expected::Rejected, Some(_)) | (Expected::Parses, None) => vec![],
            (Expected::Rejected, None) => one("was accepted and is wrong"),
            (_, Some(problem)) => one(&format!("was rejected: {}", problem.reason)),
            (Expected::Fields(expected), None) => match outcome.events.first() {
                Some(event) => self.wrong_fields(expected, event),
                None => one("was dropped"),
            },
            (Expected::Events(expected), None) if expected.len() != outcome.events.len() => {
                one(&format!("became {} events instead of {}", outcome.events.len(), expected.len()))
            }
            (Expected::Events(expected), None) => {
                let pairs = expected.iter().zip(&outcome.events);
                pairs.flat_map(|(expected, event)| self.wrong_fields(expected, event)).collect()
            }
        }
    }

    fn wrong_fields(&mut self, expected: &[ExpectedField], event: &Flat) -> Vec<(String, String)> {
        let mut wrong = vec![];
        for field in expected.iter().filter(|field| compare::is_compared(&field.name)) {
            if compare::agrees(event, field) {
                continue;
            }
            if let Some(count) = self.excluded.get_mut(&field.name) {
                *count += 1;
                continue;
            }
            let found = compare::found(event, &field.name).map_or_else(|| "nothing".to_owned(), ToString::to_string);
            wrong.push((field.name.clone(), format!("expected {} and found {found}", field.value)));
        }
        wrong
    }

    fn row(self, format: &Format) -> Row {
        let mut problems = vec![];
        for (field, _) in self.excluded.iter().filter(|(_, needed)| **needed == 0) {
            problems.push(format!("the exclusion of {field} is not needed"));
        }
        for (field, place) in &self.invented {
            problems.push(format!("{field} is neither ECS nor below the format's own names ({place})"));
        }
        let excluded: Vec<String> = self.excluded.into_keys().chain(self.skipped.into_keys()).collect();
        let expected = self.expected.len() + excluded.iter().filter(|name| !self.expected.contains(*name)).count();
        if excluded.len() * 10 > expected {
            problems
                .push(format!("{} of {expected} expected names are excluded: more than one in ten", excluded.len()));
        }
        let agree = if self.lines == 0 { 0.0 } else { self.agreeing as f64 / self.lines as f64 };
        if agree < format.agree_min() {
            problems.push(format!(
                "{:.1} % of the lines agree; {:.1} % are to",
                agree * 100.0,
                format.agree_min() * 100.0
            ));
        }
        Row {
            format: format.name.clone(),
            plugins: format.plugins.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(","),
            files: self.files.len(),
            lines: self.lines,
            agree,
            compared: expected - excluded.len(),
            excluded,
            invented: self.invented.into_keys().collect(),
            problems,
            differences: self.differences,
        }
    }
}
