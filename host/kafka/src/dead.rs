//! Dead letters in Kafka: one topic beside each topic that has some.

use std::{collections::HashMap, sync::Arc};

use collector_model::{
    Acknowledge, DeadLetter, DeadLetters, Metrics, Permit, Position, Source, Ticket, Topic, metrics::of,
};
use collector_tasks::{Partitioning, task::Acks};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use rdkafka::message::{Header, OwnedHeaders};

use crate::{KafkaError, KafkaSettings, Producer, Record, Route, SendError};

/// What the name of a topic of dead letters ends in.
pub(crate) const SUFFIX: &str = ".dead";
/// Says whose letters they are where the name of the topic had to be cut.
pub(crate) const TOPIC_HEADER: &str = "topic";
/// What a topic of dead letters takes beyond the largest record, for what surrounds it.
const TOPIC_BYTES_EXTRA: usize = 48 << 10;
/// The most that a reason may take of a letter, in bytes.
const REASON_BYTES_MAX: usize = 2_048;
/// What headers may take of a letter, in bytes.
const HEADERS_BYTES_MAX: usize = REASON_BYTES_MAX + 1_024;

/// Writes dead letters to `{topic}.dead`, which is created where it is missing. Acknowledged by all in-sync replicas.
pub struct KafkaDeadLetters {
    producer: Producer,
    metrics: Metrics,
    routes: Mutex<HashMap<Topic, Arc<Mutex<Route>>>>,
}

impl KafkaDeadLetters {
    /// Starts the producer of the dead letters.
    pub fn start(settings: &KafkaSettings, metrics: Metrics) -> Result<Self, KafkaError> {
        let settings = KafkaSettings {
            create_topics: Some(settings.create_dead_letters),
            // Whatever could be a record is a letter.
            new_topic_bytes_max: Some(settings.message_bytes_max + TOPIC_BYTES_EXTRA),
            ..settings.clone()
        };
        let producer = Producer::start(&settings, Acks::All, metrics.clone(), |refused| {
            // Dropping its ticket makes the source read the line again, and the letter is tried anew.
            tracing::error!(
                topic = %refused.topic, reason = refused.reason, bytes = refused.value.len(),
                "the dead-letter topic refuses a letter; raise its max.message.bytes"
            );
        })?;
        Ok(KafkaDeadLetters { producer, metrics, routes: Mutex::default() })
    }

    /// Lets whoever is blocked in [`DeadLetters::bury`] go; its letters count as lost.
    pub fn stop(&self) {
        self.producer.stop();
    }

    /// Waits until every letter sent is acknowledged. Says whether it is, within `timeout`.
    pub fn flush(&self, timeout: std::time::Duration) -> bool {
        self.producer.flush(timeout)
    }

    fn route(&self, topic: &Topic) -> Arc<Mutex<Route>> {
        let mut routes = self.routes.lock();
        let route = routes
            .entry(topic.clone())
            .or_insert_with(|| Arc::new(Mutex::new(self.producer.route(&dead_topic(topic), Partitioning::Sticky))));
        Arc::clone(route)
    }

    fn send(&self, letter: &DeadLetter, ticket: Ticket) {
        let route = self.route(&letter.topic);
        let mut route = route.lock();
        let room = route.record_bytes_max().saturating_sub(letter.key.len() + HEADERS_BYTES_MAX);
        let value = &letter.value[..letter.value.len().min(room)];
        let is_cut = value.len() < letter.value.len();
        if is_cut {
            tracing::error!(
                topic = %letter.topic, bytes = letter.value.len(), kept = value.len(),
                "a dead letter is larger than Kafka takes; its end is cut off (header cut=true)"
            );
        }
        let record = Record { route: &mut route, key: &letter.key, value };
        let counter = self.metrics.dead_letters.get_or_create(&of(&letter.topic)).clone();
        match self.producer.send_with_headers(record, headers(letter, is_cut), counted(&letter.topic, counter, ticket))
        {
            Ok(()) => {}
            // Its ticket is dropped with the error: the source reads the line again.
            Err(error @ (SendError::Stopped | SendError::TooLarge { .. })) => {
                tracing::warn!(topic = %letter.topic, %error, "a dead letter was not written; its line is read again");
            }
        }
    }
}

impl DeadLetters for KafkaDeadLetters {
    fn bury(&self, letters: Vec<DeadLetter>, ticket: Ticket) {
        for letter in &letters {
            self.send(letter, ticket.clone());
        }
        ticket.complete();
    }
}

/// A letter counts when it is acknowledged, not when it is sent.
struct Counted {
    counter: Counter,
    ticket: Mutex<Option<Ticket>>,
}

impl Acknowledge for Counted {
    fn acknowledged(&self, _: &Position) {
        self.counter.inc();
        if let Some(ticket) = self.ticket.lock().take() {
            ticket.complete();
        }
    }

    fn lost(&self, _: &Position) {
        drop(self.ticket.lock().take());
    }
}

/// A ticket around the letter's own, which counts the letter when it is completed.
fn counted(topic: &Topic, counter: Counter, ticket: Ticket) -> Ticket {
    let position = Position { source: Source::Partition(topic.clone(), 0), from: 0, to: 1 };
    let ticket = Mutex::new(Some(ticket));
    Ticket::new(position, Permit::none(), Arc::new(Counted { counter, ticket }))
}

/// `{topic}.dead`; a name that would become too long for Kafka is cut first.
pub(crate) fn dead_topic(topic: &Topic) -> Topic {
    let kept = topic.as_str().len().min(Topic::CHARS_MAX - SUFFIX.len());
    // Topics are ASCII, and a legal name that is cut and lengthened by legal characters is legal: the fallback is never met.
    Topic::new(&format!("{}{SUFFIX}", &topic.as_str()[..kept])).unwrap_or_else(|_| topic.clone())
}

fn headers(letter: &DeadLetter, is_cut: bool) -> OwnedHeaders {
    let mut reason = letter.error_reason.as_str();
    if reason.len() > REASON_BYTES_MAX {
        reason = &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)];
    }
    let stage = letter.stage.to_string();
    let time = letter.time_ms.to_string();
    let headers = [
        ("error.type", letter.error_type.as_str()),
        ("error.reason", reason),
        ("stage", stage.as_str()),
        ("time", time.as_str()),
    ];
    let all = headers
        .into_iter()
        .fold(OwnedHeaders::new_with_capacity(5), |all, (key, value)| all.insert(Header { key, value: Some(value) }));
    let all = if is_cut { all.insert(Header { key: "cut", value: Some("true") }) } else { all };
    let is_whole = letter.topic.as_str().len() + SUFFIX.len() <= Topic::CHARS_MAX;
    if is_whole { all } else { all.insert(Header { key: TOPIC_HEADER, value: Some(letter.topic.as_str()) }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use collector_model::dead::Stage;
    use rdkafka::message::Headers;

    #[test]
    fn the_topic_of_dead_letters_is_always_a_legal_one() {
        assert_eq!(dead_topic(&Topic::new("web").unwrap()).as_str(), "web.dead");
        let long = Topic::new(&"x".repeat(Topic::CHARS_MAX)).unwrap();
        let dead = dead_topic(&long);
        assert!(dead.as_str().ends_with("x.dead") && dead.as_str().len() == Topic::CHARS_MAX);
    }

    #[test]
    fn a_letter_counts_when_it_is_acknowledged_and_not_when_it_is_lost() {
        #[derive(Default)]
        struct Fate(Mutex<Vec<bool>>);
        impl Acknowledge for Fate {
            fn acknowledged(&self, _: &Position) {
                self.0.lock().push(true);
            }
            fn lost(&self, _: &Position) {
                self.0.lock().push(false);
            }
        }
        let (topic, fate) = (Topic::new("web").unwrap(), Arc::new(Fate::default()));
        let counter = Counter::default();
        let ticket = || {
            let position = Position { source: Source::Partition(topic.clone(), 0), from: 0, to: 1 };
            Ticket::new(position, Permit::none(), Arc::clone(&fate) as Arc<dyn Acknowledge>)
        };
        let sent = counted(&topic, counter.clone(), ticket());
        drop(counted(&topic, counter.clone(), ticket()));
        assert_eq!((counter.get(), fate.0.lock().clone()), (0, vec![false]));
        sent.complete();
        assert_eq!((counter.get(), fate.0.lock().clone()), (1, vec![false, true]));
    }

    #[test]
    fn headers_say_what_went_wrong_and_where() {
        let letter = DeadLetter {
            topic: Topic::new("web").unwrap(),
            key: vec![],
            value: Bytes::new(),
            error_type: "mapper_parsing_exception".into(),
            error_reason: "é".repeat(REASON_BYTES_MAX),
            stage: Stage::Transfer,
            time_ms: 17,
        };
        let headers = headers(&letter, true);
        let text = |i| headers.get_as::<str>(i).map(|header| (header.key.to_owned(), header.value.unwrap().to_owned()));
        assert_eq!(text(0).unwrap(), ("error.type".into(), "mapper_parsing_exception".into()));
        assert_eq!(text(1).unwrap().1.len(), REASON_BYTES_MAX);
        assert_eq!(text(2).unwrap(), ("stage".into(), "transfer".into()));
        assert_eq!(text(3).unwrap(), ("time".into(), "17".into()));
        assert_eq!(text(4).unwrap(), ("cut".into(), "true".into()));
    }
}
