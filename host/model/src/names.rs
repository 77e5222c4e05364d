//! Names that are checked once.

use std::{fmt, sync::Arc};

/// The name of a Kafka topic, which also names the index: 1 to 249 of `a-z A-Z 0-9 . _ -`, not `.` or `..`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// The longest legal name, in characters.
    pub const CHARS_MAX: usize = 249;

    /// Checks the name by Kafka's own rule.
    pub fn new(name: &str) -> Result<Self, BadTopic> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let problem = if name.is_empty() {
            "it is empty"
        } else if name.len() > Self::CHARS_MAX {
            "it is longer than 249 characters"
        } else if matches!(name, "." | "..") {
            "Kafka keeps this name for itself"
        } else if !name.chars().all(legal) {
            "only letters, digits, '.', '_' and '-' are allowed"
        } else {
            return Ok(Topic(name.into()));
        };
        Err(BadTopic { name: name.to_owned(), problem })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, shared.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({})", self.0)
    }
}

/// Why a name is not a topic's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} cannot be a topic: {problem}")]
pub struct BadTopic {
    name: String,
    problem: &'static str,
}

/// What a batch is collected for: the identity of a task (topic and path), or of a transfer's rule (topic alone).
/// Chains of plugins are kept by this key. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKey(Arc<str>);

impl TaskKey {
    /// The key of the task that collects `path` into `topic`.
    pub fn of_task(topic: &Topic, path: &str) -> Self {
        TaskKey(format!("{topic}:{path}").into())
    }

    /// The key of the rule of `topic` in a transfer.
    pub fn of_topic(topic: &Topic) -> Self {
        TaskKey(topic.shared())
    }

    /// The key as text: `topic:path`, or `topic`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_follow_kafka_s_rule() {
        for good in ["web_log", "a", "A.b-c_9", &"x".repeat(249)] {
            assert_eq!(Topic::new(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            assert!(Topic::new(bad).is_err(), "{bad:?}");
        }
    }
}
