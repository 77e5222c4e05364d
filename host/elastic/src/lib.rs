//! Elasticsearch and OpenSearch: bulk creation with ids, outcomes, templates.
//!
//! A [`BulkPart`] carries the rendered documents of one batch for one index, and a share of the batch's ticket. The
//! [`ElasticSink`] merges parts into bulk requests, sends them, and completes the ticket when every document is settled: created,
//! already there (a 409 of the same `_id`), replaced by its safe form, or buried in the dead letters. Everything else is tried
//! again without end, so that an outage delays and loses nothing.
//!
//! What an answer means is decided by [`outcome`], which does no I/O; [`delivery`] keeps the documents of a request
//! that are not settled yet; the rest of the crate is the adapter around the two.

mod answer;
mod backoff;
mod bury;
mod client;
mod delivery;
mod error;
mod lane;
mod mappings;
mod outcome;
mod part;
mod probe;
mod resolve;
mod retention;
mod sending;
mod settings;
mod sink;
mod status;
mod template;

/// The decisions of the crate, for driving them without a cluster.
pub mod decisions {
    pub use crate::{
        answer::{Fault, ItemReply, Reply},
        delivery::{Applied, Delivery, Entry, Group},
        outcome::{Decision, Trouble, TroubleKind, Verdict, judge},
    };
}

pub use error::ElasticError;
pub use part::{BulkItem, BulkPart, SafeDocument};
pub use probe::{ServerInfo, probe};
pub use retention::Retention;
pub use settings::{Auth, ElasticSettings};
pub use sink::ElasticSink;
pub use status::{IndexState, IndexStatus};
