//! The answer to a bulk request, as far as decisions need it.

use serde::Deserialize;

use crate::client::{Answer, NoAnswer};

/// What came back for one bulk request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Nothing usable: the request may or may not have been applied.
    Lost(String),
    /// The request as a whole was refused.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The cluster's own error; none where something in between answered.
        error: Option<Fault>,
    },
    /// One outcome for each document, in order.
    Items(Vec<ItemReply>),
}

/// The outcome of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemReply {
    /// The status of the one document.
    pub status: u16,
    /// Why it was refused, where it was.
    pub error: Option<Fault>,
}

/// An error in the cluster's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Fault {
    /// A stable word, such as `document_parsing_exception`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The reason.
    #[serde(default)]
    pub reason: String,
}

/// The parts of a bulk answer that [`read`] understands; `error` is there for requests that were refused as a whole.
pub(crate) const FILTER_PATH: &str =
    "took,errors,items.*.status,items.*.error.type,items.*.error.reason,error.type,error.reason";

#[derive(Deserialize)]
struct BulkAnswer {
    items: Vec<ItemAnswer>,
}

#[derive(Deserialize)]
struct ItemAnswer {
    create: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: Fault,
}

/// Reads the answer to a bulk request of `documents` documents.
pub(crate) fn read(answer: &Result<Answer, NoAnswer>, documents: usize) -> Reply {
    let answer = match answer {
        Ok(answer) => answer,
        Err(none) => return Reply::Lost(format!("{}: {}", none.url, none.reason)),
    };
    if answer.status != 200 {
        return Reply::Refused { status: answer.status, error: fault_in(&answer.body) };
    }
    match serde_json::from_slice::<BulkAnswer>(&answer.body) {
        Ok(bulk) if bulk.items.len() == documents => {
            let items = bulk.items.into_iter().map(|item| item.create);
            Reply::Items(items.map(|outcome| ItemReply { status: outcome.status, error: outcome.error }).collect())
        }
        Ok(bulk) => Reply::Lost(format!(
            "{}: the answer tells of {} documents, {documents} were sent",
            answer.url,
            bulk.items.len()
        )),
        Err(error) => Reply::Lost(format!("{}: the answer is not that of a bulk request: {error}", answer.url)),
    }
}

/// The cluster's error in a body, if there is one.
pub(crate) fn fault_in(body: &[u8]) -> Option<Fault> {
    serde_json::from_slice::<ErrorAnswer>(body).ok().map(|answer| answer.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Answer, NoAnswer> {
        Ok(Answer { url: "http://n/".to_owned(), status, body: body.to_owned().into() })
    }

    #[test]
    fn each_document_gets_its_outcome_in_order() {
        let body = r#"{"errors":true,"took":3,"items":[{"create":{"status":201}},{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"r"}}}]}"#;
        let fault = Fault { kind: "version_conflict_engine_exception".to_owned(), reason: "r".to_owned() };
        let items = vec![ItemReply { status: 201, error: None }, ItemReply { status: 409, error: Some(fault) }];
        assert_eq!(read(&answer(200, body), 2), Reply::Items(items));
    }

    #[test]
    fn an_answer_of_another_length_counts_as_none() {
        let body = r#"{"items":[{"create":{"status":201}}]}"#;
        assert!(matches!(read(&answer(200, body), 2), Reply::Lost(_)));
        assert!(matches!(read(&answer(200, r#"{"items":[{"create":{"status":20"#), 1), Reply::Lost(_)));
        assert!(matches!(read(&answer(200, "{}"), 0), Reply::Lost(_)));
    }

    #[test]
    fn a_refusal_carries_the_clusters_own_error_only() {
        let body = r#"{"error":{"type":"cluster_block_exception","reason":"blocked"},"status":403}"#;
        let fault = Fault { kind: "cluster_block_exception".to_owned(), reason: "blocked".to_owned() };
        assert_eq!(read(&answer(403, body), 1), Reply::Refused { status: 403, error: Some(fault) });
        assert_eq!(read(&answer(502, "<html>"), 1), Reply::Refused { status: 502, error: None });
    }
}
