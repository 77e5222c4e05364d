//! One event to be treated, and what became of it.

use std::sync::Arc;

use bytes::Bytes;
use collector_model::{
    Batch, BucketDay, EventId, FileUid, ForkPath, LineFlags, Origin, Span, TaskKey, Ticket, Topic, batch::RawLine,
    table::EventStatus,
};
use collector_plugin_host::{ChainWorker, event_fields, same};
use serde_json::{Map, Value};

/// The day on which lines are taken to be read.
const DAY_MS: i64 = 1_767_225_600_000;
/// Characters of a line that are shown.
const SHOWN_CHARS: usize = 160;

/// One event to be treated.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    /// Where it comes from, in words.
    pub(super) name: String,
    /// The line, or the document that stands for a line with fields.
    pub(super) bytes: Vec<u8>,
    is_document: bool,
    origin: Arc<Origin>,
}

impl Case {
    /// A line.
    pub(super) fn line(name: String, bytes: impl Into<Vec<u8>>) -> Case {
        Case { name, bytes: bytes.into(), is_document: false, origin: Arc::new(origin()) }
    }

    /// A line with fields that earlier plugins set, and with what the host knows, as samples have it.
    pub(super) fn with_fields(name: String, line: &str, fields: &Map<String, Value>) -> Case {
        let mut origin = origin();
        let mut document = Map::new();
        document.insert("message".to_owned(), line.into());
        for (field, value) in fields {
            match (field.as_str(), value) {
                ("@meta.day", Value::String(day)) => origin.read_time_ms = day_ms(day).unwrap_or(DAY_MS),
                ("@meta.timezone", value) => origin.timezone_minutes = value.as_i64().unwrap_or(0) as i16,
                ("@meta.host", Value::String(host)) => origin.host_name = host.as_str().into(),
                ("@meta.path", Value::String(path)) => origin.path = path.as_str().into(),
                (field, _) if field.starts_with("@meta") => {}
                ("message", value) => {
                    document.insert("event.original".to_owned(), line.into());
                    document.insert("message".to_owned(), value.clone());
                }
                (field, value) => {
                    document.insert(field.to_owned(), value.clone());
                }
            }
        }
        let is_document = document.len() > 1;
        let bytes = if is_document { Value::from(document).to_string().into_bytes() } else { line.as_bytes().to_vec() };
        Case { name, bytes, is_document, origin: Arc::new(origin) }
    }

    /// The same circumstances with other bytes.
    pub(super) fn altered(&self, name: String, bytes: Vec<u8>) -> Case {
        Case { name, bytes, ..self.clone() }
    }

    /// The document that stands for it, where there is one.
    pub(super) fn document(&self) -> Option<Map<String, Value>> {
        self.is_document.then(|| serde_json::from_slice(&self.bytes).ok()).flatten()
    }

    /// Where it comes from and what it says, for a report.
    pub(super) fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let short: String = text.chars().take(SHOWN_CHARS).collect();
        let rest = if short.len() < text.len() { format!("… ({} bytes)", self.bytes.len()) } else { String::new() };
        format!("{} {short:?}{rest}", self.name)
    }
}

fn origin() -> Origin {
    Origin { host_name: "test".into(), path: "/var/log/test.log".into(), read_time_ms: DAY_MS, ..Origin::default() }
}

fn day_ms(day: &str) -> Option<i64> {
    let day: jiff::civil::Date = day.parse().ok()?;
    Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// What became of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// The events: their fields by dotted name.
    pub(super) events: Vec<Value>,
    /// The plugin rejected it.
    pub(super) is_rejected: bool,
    /// The plugin faulted on it: in the host's words.
    pub(super) fault: Option<String>,
}

impl Outcome {
    /// As samples write it.
    pub(super) fn as_expected(&self) -> Value {
        match self.events.as_slice() {
            _ if self.is_rejected => "reject".into(),
            [] => "drop".into(),
            [event] => event.clone(),
            events => events.to_vec().into(),
        }
    }

    /// Whether it is what somebody wrote down.
    pub(super) fn is(&self, expected: &Value) -> bool {
        same(expected, &self.as_expected())
    }
}

/// Treats a batch of events: what became of each.
pub(super) fn treat(worker: &mut ChainWorker, topic: &Topic, cases: &[&Case]) -> Vec<Outcome> {
    let batch = batch(topic, cases);
    let output = worker.run(&batch);
    let mut outcomes = vec![Outcome::default(); cases.len()];
    for event in output.table.events() {
        let fields = event_fields(event, &batch.text, output.table, output.schema);
        let outcome = &mut outcomes[event.line as usize];
        outcome.is_rejected |= event.status == EventStatus::Rejected;
        if event.status == EventStatus::Faulted {
            outcome.fault = Some(fields.get("error.message").map_or_else(String::new, |reason| match reason {
                Value::String(reason) => reason.clone(),
                reasons => reasons.to_string(),
            }));
        }
        outcome.events.push(fields.into_iter().collect());
    }
    outcomes
}

fn batch(topic: &Topic, cases: &[&Case]) -> Batch {
    let (mut raw, mut lines, mut origins) = (Vec::new(), Vec::new(), Vec::<Arc<Origin>>::new());
    for case in cases {
        let start = raw.len();
        raw.extend_from_slice(&case.bytes);
        let known = origins.iter().position(|origin| Arc::ptr_eq(origin, &case.origin));
        let origin = known.unwrap_or_else(|| {
            origins.push(Arc::clone(&case.origin));
            origins.len() - 1
        });
        let day = BucketDay::from_unix_ms(case.origin.read_time_ms);
        lines.push(RawLine {
            raw: Span::between(start, raw.len()),
            id: EventId::ours(day, FileUid(1), 0, &case.bytes),
            fork: ForkPath::NONE,
            flags: if case.is_document { LineFlags::DOCUMENT } else { LineFlags::default() },
            origin: origin as u32,
        });
        raw.push(b'\n');
    }
    Batch::new(TaskKey::of_topic(topic), topic.clone(), Bytes::from(raw), lines, origins, Ticket::untracked())
}
