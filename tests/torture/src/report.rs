//! What a run has shown.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{
    checker::{Findings, Order},
    watch::Peaks,
};

/// What a run has shown.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How often each fault has struck while lines were in flight.
    pub struck: BTreeMap<&'static str, u64>,
    /// Lines written.
    pub lines: u64,
    /// Documents found.
    pub found: u64,
    /// Dead letters found.
    pub letters: u64,
    /// Lines that nobody has.
    pub lost: u64,
    /// Lines that a search finds more than once.
    pub doubled: u64,
    /// Documents that were there already when they were sent.
    pub conflicts: u64,
    /// How lines stood in Kafka.
    pub order: Order,
    /// The most that a process of each role used.
    pub peaks: Peaks,
    /// Documents that are there in the form in which nothing is refused.
    pub safe: u64,
    /// From the first line to the verdict.
    pub took: Duration,
    /// Promises that do not hold.
    pub broken: Vec<String>,
}

impl Report {
    /// What was found of a run.
    pub fn of(
        struck: BTreeMap<&'static str, u64>,
        conflicts: f64,
        findings: Findings,
        peaks: Peaks,
        took: Duration,
    ) -> Report {
        Report {
            struck,
            lines: findings.tally.lines(),
            found: findings.tally.found,
            letters: findings.tally.letters,
            lost: findings.tally.lost,
            doubled: findings.tally.doubled,
            conflicts: conflicts as u64,
            order: findings.order,
            safe: findings.tally.safe,
            peaks,
            took,
            broken: findings.broken,
        }
    }

    /// Both as if they were one run: figures of what came are added, of what was used the greater one is taken.
    pub fn and(mut self, other: Report) -> Report {
        for (name, times) in other.struck {
            *self.struck.entry(name).or_default() += times;
        }
        self.broken.extend(other.broken);
        Report {
            lines: self.lines + other.lines,
            found: self.found + other.found,
            letters: self.letters + other.letters,
            lost: self.lost + other.lost,
            doubled: self.doubled + other.doubled,
            conflicts: self.conflicts + other.conflicts,
            order: self.order.and(other.order),
            peaks: self.peaks.max(other.peaks),
            safe: self.safe + other.safe,
            took: self.took + other.took,
            ..self
        }
    }

    /// Whether the checker has found lines lost, doubled, changed or misplaced, or a position that is too far: what a negative control has to come to.
    pub fn caught(&self) -> bool {
        self.broken.iter().any(|broken| ["I1", "I2", "I3", "I5"].iter().any(|promise| broken.starts_with(promise)))
    }

    /// Whether every promise held.
    pub fn held(&self) -> bool {
        self.broken.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("struck: ")?;
        for (number, (name, times)) in self.struck.iter().enumerate() {
            write!(f, "{}{name} {times}", if number > 0 { ", " } else { "" })?;
        }
        write!(
            f,
            "; {} lines, {} found ({} in safe form), {} dead letters, {} lost, {} doubled, {} times 409, {} lines sent again; \
             {}; {} s",
            self.lines,
            self.found,
            self.safe,
            self.letters,
            self.lost,
            self.doubled,
            self.conflicts,
            self.order.lines.saturating_sub(self.found),
            self.peaks,
            self.took.as_secs()
        )
    }
}
