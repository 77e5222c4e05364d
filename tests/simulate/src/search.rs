//! Elasticsearch: documents by index and id, answers that say so, and answers that are lost.

use std::collections::BTreeMap;

use collector_elastic::decisions::{Fault, ItemReply, Reply};
use collector_model::EventId;
use xxhash_rust::xxh3::xxh3_64;

use crate::trace::Trace;

/// A document on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) id: EventId,
    pub(crate) line: Vec<u8>,
    /// It goes in the form that every mapping takes.
    pub(crate) is_safe_form: bool,
}

/// Where a document is.
pub(crate) type Place = (String, EventId);

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    LostBefore,
    LostAfter,
    /// The answer is lost, and the request is applied later, behind others that were sent after it.
    AppliedLate,
    Refused(u16, &'static str),
}

/// The cluster.
pub(crate) struct Search {
    pub(crate) documents: BTreeMap<Place, Vec<u8>>,
    late: Vec<(String, Vec<Document>)>,
    trace: Trace,
    /// How many documents were there already.
    pub(crate) conflicts: u64,
    /// How many answers were lost after the request was applied.
    pub(crate) answers_lost: u64,
    pub(crate) refusals: u64,
    /// How many documents were answered as created, and as being there already.
    pub(crate) answered: Answered,
}

/// Documents by what was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) created: u64,
    pub(crate) conflicts: u64,
}

impl Search {
    pub(crate) fn new(trace: Trace) -> Self {
        Search {
            documents: BTreeMap::new(),
            late: vec![],
            trace,
            conflicts: 0,
            answers_lost: 0,
            refusals: 0,
            answered: Answered::default(),
        }
    }

    /// A bulk request.
    pub(crate) fn bulk(
        &mut self,
        index: &str,
        documents: Vec<Document>,
        dice: &mut fastrand::Rng,
        calm: bool,
    ) -> Reply {
        let fate = if calm { Fate::Answered } else { fate(dice, documents.len()) };
        self.trace.note(format_args!("bulk of {} for {index}: {fate:?}", documents.len()));
        let lost = || Reply::Lost("no answer".to_owned());
        match fate {
            Fate::Answered => {
                let items = self.apply(index, &documents, dice, calm);
                self.answered.created += items.iter().filter(|item| item.status == 201).count() as u64;
                self.answered.conflicts += items.iter().filter(|item| item.status == 409).count() as u64;
                Reply::Items(items)
            }
            Fate::LostBefore => lost(),
            Fate::LostAfter => {
                self.apply(index, &documents, dice, calm);
                self.answers_lost += 1;
                lost()
            }
            Fate::AppliedLate => {
                self.answers_lost += 1;
                self.late.push((index.to_owned(), documents));
                lost()
            }
            Fate::Refused(status, kind) => {
                self.refusals += 1;
                let error = Fault { kind: kind.to_owned(), reason: String::new() };
                Reply::Refused { status, error: (!kind.is_empty()).then_some(error) }
            }
        }
    }

    /// A request whose answer was lost long ago is applied now.
    pub(crate) fn apply_late(&mut self, dice: &mut fastrand::Rng) {
        if !self.late.is_empty() {
            let (index, documents) = self.late.swap_remove(dice.usize(..self.late.len()));
            self.trace.note(format_args!("a late bulk of {} for {index} is applied", documents.len()));
            self.apply(&index, &documents, dice, false);
        }
    }

    /// No request is left that could be applied later.
    pub(crate) fn is_idle(&self) -> bool {
        self.late.is_empty()
    }

    fn apply(&mut self, index: &str, documents: &[Document], dice: &mut fastrand::Rng, calm: bool) -> Vec<ItemReply> {
        documents.iter().map(|document| self.create(index, document, dice, calm)).collect()
    }

    fn create(&mut self, index: &str, document: &Document, dice: &mut fastrand::Rng, calm: bool) -> ItemReply {
        if !calm && dice.u8(..100) < 3 {
            return refused(429, "es_rejected_execution_exception");
        }
        let hash = xxh3_64(&document.line);
        let is_poison = hash.is_multiple_of(41) && !document.is_safe_form;
        if is_poison || hash.is_multiple_of(211) {
            return refused(400, "document_parsing_exception");
        }
        let place = (index.to_owned(), document.id);
        if self.documents.contains_key(&place) {
            self.conflicts += 1;
            return refused(409, "version_conflict_engine_exception");
        }
        self.documents.insert(place, document.line.clone());
        ItemReply { status: 201, error: None }
    }
}

fn refused(status: u16, kind: &str) -> ItemReply {
    ItemReply { status, error: Some(Fault { kind: kind.to_owned(), reason: String::new() }) }
}

fn fate(dice: &mut fastrand::Rng, documents: usize) -> Fate {
    match dice.u8(..100) {
        0..60 => Fate::Answered,
        60..67 => Fate::LostBefore,
        67..77 => Fate::LostAfter,
        77..82 => Fate::AppliedLate,
        82..86 => Fate::Refused(429, "circuit_breaking_exception"),
        86..89 => Fate::Refused(503, ""),
        89..91 => Fate::Refused(403, "cluster_block_exception"),
        91..93 => Fate::Refused(401, "security_exception"),
        93..95 => Fate::Refused(400, ""),
        // Alone, a document is not too large, nor does it spoil the request.
        95..98 if documents > 1 => Fate::Refused(413, ""),
        98.. if documents > 1 => Fate::Refused(400, "illegal_argument_exception"),
        _ => Fate::Answered,
    }
}
