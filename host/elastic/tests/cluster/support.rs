//! What the tests hand to a sink, and what they get back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use collector_elastic::{BulkItem, BulkPart, ElasticSettings, ElasticSink, SafeDocument};
use collector_model::{
    Acknowledge, Batch, BucketDay, DeadLetter, DeadLetters, EventId, FileUid, ForkPath, IndexName, LineFlags, Metrics,
    Permit, Position, Source, Span, TaskKey, Ticket, Topic,
    batch::RawLine,
    metrics::{self, PerTopic},
};
use parking_lot::Mutex;

/// What became of the tickets.
#[derive(Default)]
pub(crate) struct Fate {
    pub(crate) acknowledged: Mutex<Vec<u64>>,
    pub(crate) lost: Mutex<Vec<u64>>,
}

impl Acknowledge for Fate {
    fn acknowledged(&self, position: &Position) {
        self.acknowledged.lock().push(position.from);
    }
    fn lost(&self, position: &Position) {
        self.lost.lock().push(position.from);
    }
}

/// Dead letters in memory; while `holding`, they are not safe yet.
#[derive(Default)]
pub(crate) struct Graveyard {
    pub(crate) letters: Mutex<Vec<DeadLetter>>,
    held: Mutex<Vec<Ticket>>,
    pub(crate) holding: Mutex<bool>,
}

impl DeadLetters for Graveyard {
    fn bury(&self, letters: Vec<DeadLetter>, ticket: Ticket) {
        let holding = *self.holding.lock();
        if holding {
            self.held.lock().push(ticket);
        } else {
            ticket.complete();
        }
        self.letters.lock().extend(letters);
    }
}

impl Graveyard {
    pub(crate) fn release(&self) {
        *self.holding.lock() = false;
        self.held.lock().drain(..).for_each(Ticket::complete);
    }
}

struct Plain;

impl SafeDocument for Plain {
    fn safe_document(&self, batch: &Batch, line: u32, error_type: &str, reason: &str) -> Vec<u8> {
        let text = String::from_utf8_lossy(batch.text_of(&batch.lines[line as usize])).into_owned();
        let error = serde_json::json!({"type": error_type, "message": reason});
        serde_json::json!({"@timestamp": "2024-01-01T00:00:00Z", "message": text, "error": error})
            .to_string()
            .into_bytes()
    }
}

/// A sink and everything around it.
pub(crate) struct Bench {
    pub(crate) sink: ElasticSink,
    pub(crate) fate: Arc<Fate>,
    pub(crate) dead: Arc<Graveyard>,
    pub(crate) metrics: Metrics,
    next: Mutex<u64>,
}

pub(crate) fn topic() -> Topic {
    Topic::new("web").unwrap()
}

impl Bench {
    pub(crate) fn new(settings: ElasticSettings) -> Self {
        let (metrics, dead) = (Metrics::default(), Arc::new(Graveyard::default()));
        let sink = ElasticSink::start(settings, metrics.clone(), Arc::clone(&dead) as _, Arc::new(Plain)).unwrap();
        Bench { sink, fate: Arc::default(), dead, metrics, next: Mutex::new(0) }
    }

    /// A part of these (id, document) pairs; their lines are the documents themselves.
    pub(crate) fn part(&self, index: &str, documents: &[(String, String)]) -> BulkPart {
        let from = {
            let mut next = self.next.lock();
            *next += 1;
            *next - 1
        };
        let position = Position { source: Source::File(FileUid(1)), from, to: from + 1 };
        let ticket = Ticket::new(position, Permit::none(), Arc::clone(&self.fate) as Arc<dyn Acknowledge>);
        part(index, documents, ticket)
    }

    pub(crate) fn count(&self, counter: &PerTopic) -> u64 {
        counter.get_or_create(&metrics::of(&topic())).get()
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.fate.acknowledged.lock().len()
    }

    pub(crate) async fn until_acknowledged(&self, parts: usize) {
        until("every part is acknowledged", || self.acknowledged() == parts).await;
        assert!(self.fate.lost.lock().is_empty(), "a ticket was lost");
    }
}

fn part(index: &str, documents: &[(String, String)], ticket: Ticket) -> BulkPart {
    let (mut raw, mut body) = (Vec::new(), Vec::new());
    let (mut lines, mut items) = (Vec::new(), Vec::new());
    for (line, (id, document)) in documents.iter().enumerate() {
        let start = body.len();
        body.extend_from_slice(format!("{{\"create\":{{\"_id\":\"{id}\"}}}}\n{document}\n").as_bytes());
        let span = Span::between(body.len() - 1 - document.len(), body.len() - 1);
        items.push(BulkItem { framed: Span::between(start, body.len()), document: span, line: line as u32 });
        let text = Span::between(raw.len(), raw.len() + document.len());
        raw.extend_from_slice(document.as_bytes());
        raw.push(b'\n');
        let day = BucketDay::from_days(10_957).unwrap();
        lines.push(RawLine {
            raw: text,
            id: EventId::ours(day, FileUid(1), u64::from(text.start), document.as_bytes()),
            fork: ForkPath::NONE,
            flags: LineFlags::default(),
            origin: 0,
        });
    }
    let raw = Bytes::from(raw);
    let batch = Batch::new(TaskKey::of_topic(&topic()), topic(), raw, lines, vec![Arc::default()], Ticket::untracked());
    BulkPart { index: IndexName::fixed(index), body: body.into(), items, batch: Arc::new(batch), ticket }
}

/// Documents `{"n":…}` with the ids `d<n>`.
pub(crate) fn numbered(range: std::ops::Range<usize>) -> Vec<(String, String)> {
    range.map(|n| (format!("d{n}"), format!("{{\"n\":{n}}}"))).collect()
}

/// Settings that do not dawdle.
pub(crate) fn quick(nodes: &[&str]) -> ElasticSettings {
    let nodes = nodes.iter().map(|node| node.parse().unwrap()).collect();
    ElasticSettings {
        bulk_linger: Duration::from_millis(20),
        request_timeout: Duration::from_secs(10),
        retry_wait_max: Duration::from_millis(100),
        ..ElasticSettings::new(nodes)
    }
}

/// Waits for a condition, at most half a minute.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
