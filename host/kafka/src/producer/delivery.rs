//! What becomes of each record: the delivery report settles its share of the ticket.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use collector_failpoints::reached;
use collector_model::{Ticket, Topic};
use parking_lot::{Condvar, Mutex};
use rdkafka::{
    ClientContext, Message,
    config::RDKafkaLogLevel,
    error::{KafkaError as ClientError, RDKafkaErrorCode},
    message::{DeliveryResult, Headers as _},
    producer::ProducerContext,
};

use super::topics::TopicEntry;
use crate::{
    ENVELOPE_HEADER,
    connection::{self, LastError},
};

/// A record that Kafka will never take. Whoever gets it writes it to the dead letters, and only then completes the ticket.
#[derive(Debug)]
pub struct Undeliverable {
    /// The topic it was meant for.
    pub topic: Topic,
    /// The record's envelope.
    pub key: Vec<u8>,
    /// The record's value.
    pub value: Vec<u8>,
    /// The broker's reason.
    pub reason: String,
    /// The record's share of the duty.
    pub ticket: Ticket,
}

/// What rides with a record through librdkafka.
pub(crate) struct Delivery {
    pub(crate) ticket: Ticket,
    pub(crate) entry: Arc<TopicEntry>,
    pub(crate) bytes: usize,
    pub(crate) lines: u32,
    /// The topic's limit when the record was sent.
    pub(crate) bytes_max: usize,
}

/// The bytes in librdkafka's queue, and those who wait for room in it.
pub(crate) struct Room {
    in_flight_bytes: AtomicUsize,
    low_bytes: usize,
    waiting: AtomicUsize,
    lock: Mutex<()>,
    freed: Condvar,
}

impl Room {
    /// A queue of `bytes_max`; who found it full goes on when it is down to three quarters.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Room {
            in_flight_bytes: AtomicUsize::new(0),
            low_bytes: bytes_max / 4 * 3,
            waiting: AtomicUsize::new(0),
            lock: Mutex::new(()),
            freed: Condvar::new(),
        }
    }

    pub(crate) fn take(&self, entry: &TopicEntry, bytes: usize) {
        self.in_flight_bytes.fetch_add(bytes, Ordering::Relaxed);
        entry.in_flight_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self, entry: &TopicEntry, bytes: usize) {
        entry.in_flight_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let left = self.in_flight_bytes.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        if left <= self.low_bytes && self.waiting.load(Ordering::Relaxed) > 0 {
            self.wake();
        }
    }

    /// Waits for room, at most `at_most` (a wake-up may be missed by a hair, so the wait is bounded and the caller tries again).
    pub(crate) fn wait(&self, at_most: Duration) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.freed.wait_for(&mut self.lock.lock(), at_most);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn wake(&self) {
        let _lock = self.lock.lock();
        self.freed.notify_all();
    }

    pub(crate) fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes.load(Ordering::Relaxed)
    }
}

/// The key, or the header `lc` where the key is a field of the line.
fn envelope_of(record: &impl Message) -> Vec<u8> {
    let header = record.headers().and_then(|headers| headers.iter().find(|header| header.key == ENVELOPE_HEADER));
    header.and_then(|header| header.value).or(record.key()).unwrap_or_default().to_vec()
}

/// The context of one client: gets its delivery reports on its polling thread.
pub(crate) struct Deliveries {
    pub(crate) room: Arc<Room>,
    pub(crate) undeliverable: Arc<dyn Fn(Undeliverable) + Send + Sync>,
    pub(crate) fatal: AtomicBool,
    pub(crate) last_error: LastError,
    said: Mutex<Option<Instant>>,
}

impl Deliveries {
    pub(crate) fn new(room: Arc<Room>, undeliverable: Arc<dyn Fn(Undeliverable) + Send + Sync>) -> Self {
        Deliveries {
            room,
            undeliverable,
            fatal: AtomicBool::new(false),
            last_error: LastError::default(),
            said: Mutex::default(),
        }
    }

    /// A record that was not delivered: for good, or to be read and sent again (its ticket is dropped, which makes it lost).
    fn failed(&self, error: &ClientError, record: &impl Message, delivery: Delivery) {
        use RDKafkaErrorCode as C;
        let code = error.rdkafka_error_code();
        match code {
            Some(C::MessageSizeTooLarge) => delivery.entry.refused(delivery.bytes_max),
            Some(C::InvalidRecord | C::InvalidMessageSize) => {
                (self.undeliverable)(Undeliverable {
                    topic: delivery.entry.topic.clone(),
                    key: envelope_of(record),
                    value: record.payload().unwrap_or_default().to_vec(),
                    reason: error.to_string(),
                    ticket: delivery.ticket,
                });
                return;
            }
            Some(C::Fatal) => self.fatal.store(true, Ordering::Release),
            Some(C::UnknownTopic | C::UnknownTopicOrPartition | C::UnknownPartition) => delivery.entry.forget(),
            _ => {}
        }
        self.say(error, &delivery.entry.topic);
    }

    /// Failures come by the thousand: one line a second is enough.
    fn say(&self, error: &ClientError, topic: &Topic) {
        let mut said = self.said.lock();
        if said.is_none_or(|at| at.elapsed() > Duration::from_secs(1)) {
            *said = Some(Instant::now());
            tracing::warn!(%topic, %error, "records were not delivered; their lines are read and sent again");
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        connection::log(level, facility, message);
    }

    fn error(&self, error: ClientError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            tracing::error!(reason, "the Kafka producer met a fatal error; it is built anew");
            self.fatal.store(true, Ordering::Release);
        }
        self.last_error.keep(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Delivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivery: Box<Delivery>) {
        self.room.give_back(&delivery.entry, delivery.bytes);
        match result {
            Ok(_) => {
                delivery.entry.records_delivered.inc();
                delivery.entry.lines_delivered.inc_by(delivery.lines.into());
                delivery.entry.bytes_delivered.inc_by(delivery.bytes as u64);
                reached("delivered");
                delivery.ticket.complete();
            }
            Err((error, record)) => self.failed(error, record, *delivery),
        }
    }
}
