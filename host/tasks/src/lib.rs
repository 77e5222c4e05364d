//! What to collect: the written form of tasks and rules, their validation, merging, and the last good copy.

pub mod bounds;
pub mod chain;
pub mod directory;
mod error;
pub mod explain;
pub mod kafka;
pub mod last_good;
pub mod merge;
pub mod multiline;
pub mod parse;
pub mod pattern;
pub mod rate;
pub mod reconcile;
pub mod rule;
pub mod task;
mod written;

pub use bounds::{Bounds, Defaults};
pub use chain::{ChainSpec, OnError, PluginSpec};
pub use collector_model::Encoding;
pub use directory::{DirectorySource, DirectoryWatch, SourceStatus};
pub use error::{Complaint, TaskError};
pub use last_good::{LastEntry, LastGood, LastGoodError};
pub use merge::merge;
pub use multiline::{Multiline, MultilineRule};
pub use parse::parse_tasks;
pub use rate::RateLimit;
pub use reconcile::{Decision, Observed, ObservedValue, Reconciler, Refusal};
pub use rule::{TransferRule, parse_rule};
pub use task::{Acks, DocumentForm, KafkaOptions, Partitioning, RecordForm, StartAt, Task, TaskSet};
