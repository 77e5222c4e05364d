//! What a search asks and answers, whatever holds the documents.

use crate::Topic;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchRequest {
    /// The query, in the language of the index (`http.response.status_code:500 AND login`); empty matches everything.
    pub query: String,
    /// Only documents of this topic.
    pub topic: Option<Topic>,
    /// The earliest `@timestamp`, in ms since the epoch.
    pub since_ms: Option<i64>,
    /// The latest `@timestamp` (excluded), in ms since the epoch.
    pub until_ms: Option<i64>,
    /// How many hits to return at most.
    pub hits_max: usize,
}

/// One document found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The `_id`.
    pub id: String,
    /// The topic.
    pub topic: String,
    /// `@timestamp`, in ms since the epoch.
    pub timestamp_ms: i64,
    /// The document.
    pub document: serde_json::Value,
}

/// An answer: the newest hits first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchPage {
    /// How many documents match in all.
    pub total: u64,
    /// The newest of them.
    pub hits: Vec<Hit>,
}

/// Something that can be searched. Blocking: call it from a thread that may wait.
pub trait Search: Send + Sync {
    /// Answers a question.
    fn search(&self, request: &SearchRequest) -> Result<SearchPage, SearchError>;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The query cannot be understood: the user's to fix.
    #[error("{0}")]
    BadQuery(String),
    /// The index could not be read.
    #[error("{0}")]
    Failed(String),
}
