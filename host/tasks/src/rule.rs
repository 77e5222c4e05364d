//! What a transfer does with a topic.

use collector_model::{Topic, index_name::IndexRule};

use crate::{ChainSpec, task::DocumentForm};

/// How a transfer treats the lines of one topic: the value of `/logtransfer/<topic>`.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferRule {
    /// The topic.
    pub topic: Topic,
    /// The plugins.
    pub chain: ChainSpec,
    /// The form of the documents.
    pub document: DocumentForm,
    /// Which index a document goes to.
    pub index: IndexRule,
    /// Whether a document keeps the line as `event.original` when a parser set `message`.
    pub keep_original: bool,
}
