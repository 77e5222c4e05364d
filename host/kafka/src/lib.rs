//! Kafka: producing lines with acknowledgement, consuming as a group.
//!
//! [`Producer`] sends records of a line or of many; the delivery report of a record completes its share of the [`Ticket`] that came
//! with it. [`Consumer`] takes part in a consumer group, makes [`Batch`]es of each partition's records, and commits what
//! their tickets acknowledge, without a gap. [`KafkaDeadLetters`] keeps what could not be brought where it belongs, and
//! [`cluster`] answers what an operator asks before anything runs.
//!
//! [`Ticket`]: collector_model::Ticket
//! [`Batch`]: collector_model::Batch

pub mod cluster;
mod connection;
mod consumer;
mod dead;
mod error;
mod letters;
mod producer;
mod settings;

/// The header that carries the envelope where a record's key is a field of its line.
pub(crate) const ENVELOPE_HEADER: &str = "lc";

pub use consumer::{Consumer, ConsumerHandle, Fetched, Gather, Gathered, Group, Progress};
pub use dead::KafkaDeadLetters;
pub use error::KafkaError;
pub use letters::{StoredLetter, read_letters, topics_with_letters};
pub use producer::{Producer, Record, Route, SendError, TopicState, Undeliverable};
pub use settings::{Compression, ConsumerLimits, KafkaSettings, Sasl, SaslMechanism, Tls, TopicCreation};
