//! Lines that could not be brought where they belong, kept with their bytes and the reason.

use std::{fmt, str::FromStr};

use bytes::Bytes;

use crate::{Ticket, Topic};

/// Where a line was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In the agent.
    Agent,
    /// In the transfer.
    Transfer,
    /// In standalone.
    Standalone,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Agent => "agent",
            Stage::Transfer => "transfer",
            Stage::Standalone => "standalone",
        })
    }
}

impl FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(text: &str) -> Result<Self, UnknownStage> {
        let stages = [Stage::Agent, Stage::Transfer, Stage::Standalone];
        stages.into_iter().find(|stage| stage.to_string() == text).ok_or_else(|| UnknownStage(text.to_owned()))
    }
}

/// No stage of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("reading a dead letter: {0:?} is no stage; this collector knows agent, transfer and standalone")]
pub struct UnknownStage(pub String);

/// One line that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The topic it was collected for.
    pub topic: Topic,
    /// The encoded [`crate::Envelope`]: id and origin.
    pub key: Vec<u8>,
    /// The bytes as they were.
    pub value: Bytes,
    /// A short, stable word or two: `document_parsing_exception`, `plugin_rejected`, ….
    pub error_type: String,
    /// The reason in words.
    pub error_reason: String,
    /// Where it was given up.
    pub stage: Stage,
    /// When, in milliseconds since the epoch.
    pub time_ms: i64,
}

/// A place for dead letters: Kafka's dead-letter topic, or a local file.
pub trait DeadLetters: Send + Sync {
    /// Takes letters and completes the ticket once all of them are safe, and never before. May block while the place is not reachable.
    fn bury(&self, letters: Vec<DeadLetter>, ticket: Ticket);
}
