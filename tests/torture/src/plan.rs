//! What a run does: how long, with which faults, and with which wrong turn planted.

use std::{path::PathBuf, time::Duration};

use crate::faults::Fault;

/// A run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the choices follow from.
    pub seed: u64,
    /// How long lines are written and faults strike; longer where some have not had their turn.
    pub duration: Duration,
    /// The faults, each as often as the others.
    pub faults: Vec<Fault>,
    /// Lines a second.
    pub rate: u64,
    /// One of so many lines is written in two halves.
    pub halting_of: u64,
    /// How many brokers Kafka has.
    pub brokers: usize,
    /// A wrong turn that the program takes on purpose.
    pub planted: Option<&'static str>,
    /// Where everything of the run is; it stays when the run fails.
    pub home: PathBuf,
}

impl Plan {
    /// What is armed in every process of the run.
    pub fn failpoints(&self) -> String {
        self.planted.map(|name| format!("{name}=return")).unwrap_or_default()
    }
}
