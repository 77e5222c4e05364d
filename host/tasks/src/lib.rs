//! What to collect: the written form of tasks and rules, their validation, merging, and the last good copy.

pub mod chain;
pub mod rule;
pub mod task;

pub use chain::{ChainSpec, OnError, PluginSpec};
pub use rule::TransferRule;
pub use task::{Encoding, KafkaOptions, Partitioning, StartAt, Task, TaskSet};
