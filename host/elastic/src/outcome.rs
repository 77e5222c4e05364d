//! What the answer to a bulk request means for each of its documents. Pure decisions.

use crate::answer::{Fault, ItemReply, Reply};

/// What to do with a request after its answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The same request again, after a while.
    RetryBatch(Trouble),
    /// It was too large: each half on its own; a document alone is treated as faulty.
    Halve(Fault),
    /// Some document spoils the whole: each half on its own; a document alone is treated as faulty.
    Bisect(Fault),
    /// Each document has its own outcome.
    Items(Vec<Decision>),
}

/// What to do with one document.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The index has taken it.
    Created,
    /// It is there already, with the same id.
    Conflict,
    /// The same again, after a while.
    Retry(Trouble),
    /// The document is at fault: its safe form, or, where it was that already, the dead letters.
    Faulty(Fault),
}

/// Why something has to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Whose it is.
    pub kind: TroubleKind,
    /// In words.
    pub reason: String,
}

/// Whose trouble it is. The later ones are more urgent: of several, the most urgent is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TroubleKind {
    /// The cluster asks for patience: 429 and 5xx.
    Overloaded,
    /// Nobody answers, or the answer was lost.
    Unreachable,
    /// Something that does not speak for the cluster refuses, or the cluster does in an unknown way.
    Unexpected,
    /// The index is gone and is not created by writing to it.
    IndexMissing,
    /// The index or the cluster cannot take documents: shard limits, a bad name.
    IndexBlocked,
    /// The index takes no writes: a write block, or it is closed.
    WriteBlocked,
    /// The name is an alias or a data stream.
    NotAnIndex,
    /// The collector's template cannot be installed.
    NoTemplate,
    /// 401 or 403: we may not.
    Refused,
}

/// Errors with a 400 that are the document's own fault.
const FAULTY: [&str; 3] =
    ["document_parsing_exception", "mapper_parsing_exception", "strict_dynamic_mapping_exception"];
/// Words in the reason of an `illegal_argument_exception` that is the document's own fault: limits of total fields, depth and
/// nested documents, and a keyword longer than Lucene takes.
const FAULTY_REASONS: [&str; 5] = [
    "limit of total fields",
    "limit of mapping depth",
    "number of nested documents",
    "limit of nested",
    "immense term",
];

/// Decides what an answer means.
pub fn judge(reply: Reply) -> Verdict {
    match reply {
        Reply::Lost(reason) => Verdict::RetryBatch(Trouble { kind: TroubleKind::Unreachable, reason }),
        Reply::Refused { status, error } => judge_refusal(status, error),
        Reply::Items(items) => Verdict::Items(items.into_iter().map(judge_item).collect()),
    }
}

fn judge_refusal(status: u16, error: Option<Fault>) -> Verdict {
    if status == 413 {
        return Verdict::Halve(error.unwrap_or_else(|| Fault {
            kind: "request_entity_too_large".to_owned(),
            reason: "the server takes no request of this size".to_owned(),
        }));
    }
    let trouble = trouble_of(status, error.as_ref());
    match error {
        // Only the cluster itself can say that a document spoils the request; a proxy's 400 holds for all of them.
        Some(fault) if status == 400 && trouble.kind == TroubleKind::Unexpected => Verdict::Bisect(fault),
        _ => Verdict::RetryBatch(trouble),
    }
}

/// Whose trouble it is when a request as a whole gets this status.
pub(crate) fn trouble_of(status: u16, error: Option<&Fault>) -> Trouble {
    let kind = match (status, error.map_or("", |fault| fault.kind.as_str())) {
        (429 | 500..=599, _) => TroubleKind::Overloaded,
        (_, "cluster_block_exception" | "index_closed_exception") => TroubleKind::WriteBlocked,
        (_, "index_not_found_exception") => TroubleKind::IndexMissing,
        (401 | 403, _) => TroubleKind::Refused,
        _ => TroubleKind::Unexpected,
    };
    Trouble { kind, reason: describe(status, error) }
}

fn judge_item(item: ItemReply) -> Decision {
    let fault = item.error.unwrap_or_default();
    match (item.status, fault.kind.as_str()) {
        (200 | 201, _) => Decision::Created,
        (409, "version_conflict_engine_exception") => Decision::Conflict,
        (400, _) if is_faulty(&fault) => Decision::Faulty(fault),
        // The document alone is larger than what the node takes.
        (413, _) => Decision::Faulty(fault),
        (status, _) => {
            let mut trouble = trouble_of(status, Some(&fault));
            if status == 400 && trouble.kind == TroubleKind::Unexpected {
                trouble.kind = TroubleKind::IndexBlocked;
            }
            Decision::Retry(trouble)
        }
    }
}

fn is_faulty(fault: &Fault) -> bool {
    let reason = fault.reason.to_ascii_lowercase();
    FAULTY.contains(&fault.kind.as_str())
        || fault.kind == "illegal_argument_exception" && FAULTY_REASONS.iter().any(|words| reason.contains(words))
}

fn describe(status: u16, fault: Option<&Fault>) -> String {
    match fault {
        Some(fault) if !fault.kind.is_empty() => format!("status {status}, {}: {}", fault.kind, fault.reason),
        _ => format!("status {status}"),
    }
}

impl TroubleKind {
    /// What an operator can do about it.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            TroubleKind::Overloaded => "the cluster asks for patience; if it lasts, look at its load and disks",
            TroubleKind::Unreachable => "check that the nodes run, and the network between",
            TroubleKind::Unexpected => "check what answers at the nodes' addresses (a proxy?), and its log",
            TroubleKind::IndexMissing => "the index is created again",
            TroubleKind::IndexBlocked => "look at the cluster's shard limits, and at the index",
            TroubleKind::WriteBlocked => {
                "remove the index's or the cluster's block (often a full disk), or open the index"
            }
            TroubleKind::NotAnIndex => {
                "remove the alias or data stream, or name another index in the topic's rule, or let the collector install its index template"
            }
            TroubleKind::NoTemplate => {
                "remove the template that is in the way, or set install_template = false and bring your own"
            }
            TroubleKind::Refused => "check the credentials, and grant create_index, create_doc and view_index_metadata",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(status: u16, kind: &str, reason: &str) -> Decision {
        let error = Some(Fault { kind: kind.to_owned(), reason: reason.to_owned() });
        match judge(Reply::Items(vec![ItemReply { status, error }])) {
            Verdict::Items(mut decisions) => decisions.remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn trouble(decision: &Decision) -> Option<TroubleKind> {
        if let Decision::Retry(trouble) = decision { Some(trouble.kind) } else { None }
    }

    #[test]
    fn only_a_version_conflict_counts_as_there_already() {
        assert_eq!(item(409, "version_conflict_engine_exception", ""), Decision::Conflict);
        assert_eq!(trouble(&item(409, "resource_already_exists_exception", "")), Some(TroubleKind::Unexpected));
    }

    #[test]
    fn a_400_is_the_documents_fault_for_few_reasons_only() {
        for kind in FAULTY {
            assert!(matches!(item(400, kind, ""), Decision::Faulty(_)), "{kind}");
        }
        for reason in
            ["Limit of total fields [1000] has been exceeded", "Document contains at least one immense term in field"]
        {
            assert!(matches!(item(400, "illegal_argument_exception", reason), Decision::Faulty(_)), "{reason}");
        }
        let cluster =
            "this action would add [2] shards, but this cluster currently has [1000]/[1000] maximum normal shards open";
        for (kind, reason) in [
            ("illegal_argument_exception", cluster),
            ("validation_exception", cluster),
            ("invalid_index_name_exception", ""),
        ] {
            assert_eq!(trouble(&item(400, kind, reason)), Some(TroubleKind::IndexBlocked), "{kind}");
        }
        assert_eq!(trouble(&item(400, "index_closed_exception", "")), Some(TroubleKind::WriteBlocked));
    }

    #[test]
    fn blocks_refusals_and_overload_are_told_apart() {
        assert_eq!(trouble(&item(403, "cluster_block_exception", "")), Some(TroubleKind::WriteBlocked));
        assert_eq!(trouble(&item(429, "cluster_block_exception", "flood stage")), Some(TroubleKind::Overloaded));
        assert_eq!(trouble(&item(403, "security_exception", "")), Some(TroubleKind::Refused));
        assert_eq!(trouble(&item(429, "es_rejected_execution_exception", "")), Some(TroubleKind::Overloaded));
        assert_eq!(trouble(&item(503, "unavailable_shards_exception", "")), Some(TroubleKind::Overloaded));
        assert_eq!(trouble(&item(404, "index_not_found_exception", "")), Some(TroubleKind::IndexMissing));
    }

    #[test]
    fn a_request_refused_as_a_whole_is_halved_bisected_or_sent_again() {
        let refuse = |status, error| judge(Reply::Refused { status, error });
        let own = |kind: &str| Some(Fault { kind: kind.to_owned(), reason: String::new() });
        let kind = |verdict| if let Verdict::RetryBatch(trouble) = verdict { Some(trouble.kind) } else { None };
        assert!(matches!(refuse(413, None), Verdict::Halve(_)));
        assert!(matches!(refuse(400, own("illegal_argument_exception")), Verdict::Bisect(_)));
        assert_eq!(
            kind(refuse(400, None)),
            Some(TroubleKind::Unexpected),
            "a proxy's 400 says nothing of the document"
        );
        assert_eq!(kind(refuse(401, own("security_exception"))), Some(TroubleKind::Refused));
        assert_eq!(kind(refuse(503, None)), Some(TroubleKind::Overloaded));
        assert_eq!(kind(refuse(403, own("cluster_block_exception"))), Some(TroubleKind::WriteBlocked));
        assert_eq!(kind(refuse(405, None)), Some(TroubleKind::Unexpected));
        assert_eq!(kind(judge(Reply::Lost(String::new()))), Some(TroubleKind::Unreachable));
    }
}
