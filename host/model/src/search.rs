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

/// A place in the order of arrival; what was taken in later lies after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub u64);

/// What arrived after a cursor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrivals {
    /// The documents, in the order of arrival.
    pub hits: Vec<Hit>,
    /// Where to go on.
    pub cursor: Cursor,
}

/// How many documents match, over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// The start of the first bucket, in ms since the epoch.
    pub from_ms: i64,
    /// The width of a bucket, in ms.
    pub bucket_ms: u64,
    /// The number of documents in each bucket.
    pub counts: Vec<u64>,
}

/// Something that can be searched. Blocking: call it from a thread that may wait.
///
/// What a store cannot do beside searching, it says with [`SearchError::Unsupported`].
pub trait Search: Send + Sync {
    /// Answers a question.
    fn search(&self, request: &SearchRequest) -> Result<SearchPage, SearchError>;

    /// The first matching documents that arrived after `after`, for following; without `after` only where the end is now.
    fn arrivals(&self, _request: &SearchRequest, _after: Option<Cursor>) -> Result<Arrivals, SearchError> {
        Err(SearchError::Unsupported("following"))
    }

    /// How the matching documents spread over the request's time range (all of the time there is where it names none),
    /// in at most `buckets_max` buckets.
    fn histogram(&self, _request: &SearchRequest, _buckets_max: usize) -> Result<Histogram, SearchError> {
        Err(SearchError::Unsupported("a histogram"))
    }

    /// The topics of the documents, sorted.
    fn topics(&self) -> Result<Vec<String>, SearchError> {
        Err(SearchError::Unsupported("a list of topics"))
    }

    /// The names of the fields that documents have, sorted.
    fn field_names(&self) -> Result<Vec<String>, SearchError> {
        Err(SearchError::Unsupported("a list of fields"))
    }
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
    /// The store cannot do that.
    #[error("this store does not offer {0}")]
    Unsupported(&'static str),
}
