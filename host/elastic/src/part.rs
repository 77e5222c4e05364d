//! The documents of one batch for one index, and their way into requests.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use collector_model::{Batch, IndexName, Span, Ticket};
use parking_lot::Mutex;

use crate::lane::Held;

/// The documents that a batch has for one index.
#[derive(Debug)]
pub struct BulkPart {
    /// The index.
    pub index: IndexName,
    /// NDJSON: for each document an action line `{"create":{"_id":…}}` and the document, both ending in a newline.
    pub body: Bytes,
    /// Where the documents are in it, in order, one after the other without gaps.
    pub items: Vec<BulkItem>,
    /// The lines that they were made of, for safe documents and dead letters.
    pub batch: Arc<Batch>,
    /// A share of the batch's ticket, completed when every document is settled.
    pub ticket: Ticket,
}

/// One document of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkItem {
    /// Its action line and the document with their newlines, in the part's body.
    pub framed: Span,
    /// The document alone, without its newline.
    pub document: Span,
    /// The line that it was made of: index into [`Batch::lines`].
    pub line: u32,
}

/// Makes the form of a document that every mapping takes.
pub trait SafeDocument: Send + Sync {
    /// The line as a JSON object on one line, without fields of its own: `@timestamp`, `message`, `log.*`, `error.*`.
    fn safe_document(&self, batch: &Batch, line: u32, error_type: &str, reason: &str) -> Vec<u8>;
}

/// A part under way. Its ticket is completed with the last of its documents.
pub(crate) struct PartUnderWay {
    pub(crate) part_body: Bytes,
    pub(crate) items: Vec<BulkItem>,
    pub(crate) batch: Arc<Batch>,
    open: AtomicUsize,
    ticket: Mutex<Option<Ticket>>,
    _held: Option<Held>,
}

impl PartUnderWay {
    pub(crate) fn new(part: BulkPart, held: impl Into<Option<Held>>) -> Arc<Self> {
        Arc::new(PartUnderWay {
            part_body: part.body,
            open: AtomicUsize::new(part.items.len()),
            items: part.items,
            batch: part.batch,
            ticket: Mutex::new(Some(part.ticket)),
            _held: held.into(),
        })
    }

    /// Another share of the ticket, for letters that are buried.
    pub(crate) fn share(&self) -> Option<Ticket> {
        self.ticket.lock().clone()
    }

    fn settle_one(&self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some(ticket) = self.ticket.lock().take()
        {
            ticket.complete();
        }
    }
}

/// A document of a part under way.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) part: Arc<PartUnderWay>,
    pub(crate) at: u32,
    /// The safe form with its action line, once it is needed.
    pub(crate) safe: Option<Bytes>,
}

impl Document {
    /// The documents of a part.
    pub(crate) fn all_of(part: &Arc<PartUnderWay>) -> impl Iterator<Item = Document> + '_ {
        (0..part.items.len() as u32).map(|at| Document { part: Arc::clone(part), at, safe: None })
    }

    pub(crate) fn item(&self) -> BulkItem {
        self.part.items[self.at as usize]
    }

    /// How many bytes it takes in a request.
    pub(crate) fn bytes(&self) -> usize {
        self.safe.as_ref().map_or(self.item().framed.len as usize, Bytes::len)
    }

    /// It needs no more care: the index or the dead letters have it.
    pub(crate) fn settle(&self) {
        self.part.settle_one();
    }

    /// Its safe form, framed by its own action line.
    pub(crate) fn with_safe_form(mut self, document: &[u8]) -> Self {
        let item = self.item();
        let action = &self.part.part_body[item.framed.start as usize..item.document.start as usize];
        let mut framed = Vec::with_capacity(action.len() + document.len() + 1);
        framed.extend_from_slice(action);
        framed.extend_from_slice(document);
        framed.push(b'\n');
        self.safe = Some(Bytes::from(framed));
        self
    }
}

/// The body of a request of these documents: neighbours in one part stay one piece, so that nothing is copied here.
pub(crate) fn pieces<'a>(documents: impl Iterator<Item = &'a Document>) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let mut run: Option<(&Document, Span)> = None;
    for document in documents {
        let span = document.item().framed;
        match (&document.safe, &mut run) {
            (None, Some((first, joined)))
                if Arc::ptr_eq(&first.part, &document.part) && joined.range().end == span.start as usize =>
            {
                joined.len += span.len;
            }
            (safe, _) => {
                flush(&mut run, &mut pieces);
                match safe {
                    Some(safe) => pieces.push(safe.clone()),
                    None => run = Some((document, span)),
                }
            }
        }
    }
    flush(&mut run, &mut pieces);
    pieces
}

fn flush(run: &mut Option<(&Document, Span)>, pieces: &mut Vec<Bytes>) {
    if let Some((first, span)) = run.take() {
        pieces.push(first.part.part_body.slice(span.range()));
    }
}

/// Splits documents into requests of at most so many bytes and documents; one that is larger goes alone.
pub(crate) fn into_requests(documents: Vec<Document>, bytes_max: usize, documents_max: usize) -> Vec<Vec<Document>> {
    let mut requests: Vec<Vec<Document>> = Vec::new();
    let mut bytes = 0;
    for document in documents {
        let size = document.bytes();
        match requests.last_mut() {
            Some(request) if bytes + size <= bytes_max && request.len() < documents_max => {
                bytes += size;
                request.push(document);
            }
            _ => {
                bytes = size;
                requests.push(vec![document]);
            }
        }
    }
    requests
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use collector_model::{
        Acknowledge, BucketDay, EventId, FileUid, ForkPath, LineFlags, Permit, Position, Source, TaskKey, Topic,
        batch::RawLine,
    };
    use proptest::prelude::*;

    #[derive(Default)]
    pub(crate) struct Acknowledged(pub(crate) Mutex<Vec<u64>>);
    impl Acknowledge for Acknowledged {
        fn acknowledged(&self, position: &Position) {
            self.0.lock().push(position.to);
        }
        fn lost(&self, position: &Position) {
            panic!("lost {position:?}");
        }
    }

    fn part(documents: &[&str], seen: &Arc<Acknowledged>) -> Arc<PartUnderWay> {
        let topic = Topic::new("t").unwrap();
        let raw = RawLine {
            raw: Span::default(),
            id: EventId::ours(BucketDay::from_unix_ms(0), FileUid(1), 0, b""),
            fork: ForkPath::NONE,
            flags: LineFlags::default(),
            origin: 0,
        };
        let lines = vec![raw; documents.len()];
        let batch = Batch::new(
            TaskKey::of_topic(&topic),
            topic,
            Bytes::new(),
            lines,
            vec![Arc::default()],
            Ticket::untracked(),
        );
        let (mut body, mut items) = (Vec::new(), vec![]);
        for (line, document) in documents.iter().enumerate() {
            let start = body.len();
            body.extend_from_slice(b"{\"create\":{}}\n");
            let span = Span::between(body.len(), body.len() + document.len());
            body.extend_from_slice(document.as_bytes());
            body.push(b'\n');
            items.push(BulkItem { framed: Span::between(start, body.len()), document: span, line: line as u32 });
        }
        let position = Position { source: Source::File(FileUid(1)), from: 0, to: documents.len() as u64 };
        let ticket = Ticket::new(position, Permit::none(), Arc::clone(seen) as Arc<dyn Acknowledge>);
        let index = IndexName::fixed("t");
        PartUnderWay::new(BulkPart { index, body: body.into(), items, batch: Arc::new(batch), ticket }, None)
    }

    #[test]
    fn a_ticket_is_completed_with_the_last_document() {
        let seen = Arc::default();
        let part = part(&["{}", "{}"], &seen);
        let documents: Vec<Document> = Document::all_of(&part).collect();
        documents[0].settle();
        assert!(seen.0.lock().is_empty());
        documents[1].settle();
        assert_eq!(*seen.0.lock(), [2]);
    }

    #[test]
    fn a_safe_form_keeps_the_action_line() {
        let part = part(&["{\"a\":1}"], &Arc::default());
        let document = Document::all_of(&part).next().unwrap().with_safe_form(b"{\"message\":1}");
        assert_eq!(pieces([&document].into_iter())[0], b"{\"create\":{}}\n{\"message\":1}\n".as_slice());
        assert_eq!(document.bytes(), 28);
        document.settle();
    }

    proptest! {
        /// Merging and splitting keep every byte in order, copy nothing that is whole, and keep the limits.
        #[test]
        fn requests_carry_the_documents_as_they_were(parts in prop::collection::vec(prop::collection::vec("[a-z]{0,30}", 1..6), 1..5), bytes_max in 20usize..200, documents_max in 1usize..8) {
            let seen = Arc::default();
            let parts: Vec<_> = parts.iter().map(|texts| part(&texts.iter().map(String::as_str).collect::<Vec<_>>(), &seen)).collect();
            let documents: Vec<Document> = parts.iter().flat_map(Document::all_of).collect();
            let whole: Vec<u8> = parts.iter().flat_map(|part| part.part_body.to_vec()).collect();
            prop_assert_eq!(pieces(documents.iter()).len(), parts.len());
            let requests = into_requests(documents.clone(), bytes_max, documents_max);
            let joined: Vec<u8> = requests.iter().flat_map(|request| pieces(request.iter()).concat()).collect();
            prop_assert_eq!(joined, whole);
            for request in &requests {
                let bytes: usize = request.iter().map(Document::bytes).sum();
                prop_assert!(request.len() <= documents_max && (bytes <= bytes_max || request.len() == 1));
            }
            documents.iter().for_each(Document::settle);
            prop_assert_eq!(seen.0.lock().len(), parts.len());
        }
    }
}
