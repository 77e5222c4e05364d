//! What a run has shown, in one line.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{
    checker::{Findings, Order},
    watch::Peaks,
};

/// What a run has shown.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
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
    /// The most that a process used.
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
        seed: u64,
        struck: BTreeMap<&'static str, u64>,
        conflicts: f64,
        findings: Findings,
        peaks: Peaks,
        took: Duration,
    ) -> Report {
        Report {
            seed,
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
        write!(f, "torture: seed {}: struck: ", self.seed)?;
        for (number, (name, times)) in self.struck.iter().enumerate() {
            write!(f, "{}{name} {times}", if number > 0 { ", " } else { "" })?;
        }
        write!(
            f,
            "; {} lines, {} found ({} in safe form), {} dead letters, {} lost, {} doubled, {} times 409, {} records sent again; \
             {} MiB of memory and {} descriptors at most; {} s: {}",
            self.lines,
            self.found,
            self.safe,
            self.letters,
            self.lost,
            self.doubled,
            self.conflicts,
            self.order.sent_again,
            self.peaks.0.memory_bytes >> 20,
            self.peaks.0.descriptors,
            self.took.as_secs(),
            if self.held() { "passed" } else { "FAILED" }
        )
    }
}
