//! Which index a document goes to: chosen from the topic and the bucket day alone, which never change for a line.

use std::{fmt, sync::Arc};

use crate::{BucketDay, Topic};

/// The name of a concrete index: lower case, legal for Elasticsearch and OpenSearch. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexName(Arc<str>);

impl IndexName {
    const BYTES_MAX: usize = 255;

    /// `{topic}-{YYYY.MM.DD}`: one index a day, so that retention can delete whole days.
    pub fn of_day(prefix: &str, day: BucketDay) -> Self {
        IndexName(format!("{}-{day}", legal(prefix, Self::BYTES_MAX - 11)).into())
    }

    /// The name itself, as the seed system has it (index = topic).
    pub fn fixed(name: &str) -> Self {
        IndexName(legal(name, Self::BYTES_MAX).into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IndexName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a topic's documents are spread over indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexRule {
    /// One index a bucket day, named `{prefix}-{day}`.
    Daily(String),
    /// One index for all.
    Fixed(String),
}

impl IndexRule {
    /// The default of an ECS topic.
    pub fn daily(topic: &Topic) -> Self {
        IndexRule::Daily(topic.as_str().to_owned())
    }

    /// The index of a document whose bytes were first read on `day`.
    pub fn index(&self, day: BucketDay) -> IndexName {
        match self {
            IndexRule::Daily(prefix) => IndexName::of_day(prefix, day),
            IndexRule::Fixed(name) => IndexName::fixed(name),
        }
    }
}

/// Lower-cased; what Elasticsearch refuses becomes `_`; a start that it refuses gets an `x` put before it.
fn legal(name: &str, bytes_max: usize) -> String {
    let mut out = String::with_capacity(name.len() + 1);
    if name.is_empty() || name.starts_with(['-', '_', '+', '.']) {
        out.push('x');
    }
    for c in name.chars().flat_map(char::to_lowercase) {
        let refused = matches!(c, '\\' | '/' | '*' | '?' | '"' | '<' | '>' | '|' | ' ' | ',' | '#' | ':');
        out.push(if refused || c.is_control() { '_' } else { c });
    }
    while out.len() > bytes_max {
        out.pop();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_legal() {
        let day = BucketDay::from_days(0).unwrap();
        assert_eq!(IndexName::of_day("Web_Log", day).as_str(), "web_log-1970.01.01");
        assert_eq!(IndexName::fixed("_x:y").as_str(), "x_x_y");
        assert!(IndexName::of_day(&"é".repeat(300), day).as_str().len() <= 255);
    }
}
