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

use super::{
    loads::{InFlight, Load},
    topics::TopicEntry,
};
use crate::{
    ENVELOPE_HEADER,
    connection::{self, LastError, Silence},
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
    pub(crate) partition: i32,
    pub(crate) bytes: usize,
    pub(crate) lines: u32,
    /// The topic's limit when the record was sent.
    pub(crate) bytes_max: usize,
}

/// What is in librdkafka's queue, and those who wait for room in it.
pub(crate) struct Room {
    in_flight: InFlight,
    /// Whether any broker has answered since that was last asked.
    has_moved: AtomicBool,
    silence: Silence,
    low: Load,
    waiting: AtomicUsize,
    lock: Mutex<()>,
    freed: Condvar,
}

impl Room {
    /// A queue of that size; who found it full goes on when it is down to three quarters.
    pub(crate) fn new(size: Load) -> Self {
        Room {
            in_flight: InFlight::default(),
            has_moved: AtomicBool::new(false),
            silence: Silence::default(),
            low: size.share(3, 4),
            waiting: AtomicUsize::new(0),
            lock: Mutex::new(()),
            freed: Condvar::new(),
        }
    }

    pub(crate) fn take(&self, entry: &TopicEntry, partition: i32, bytes: usize) {
        self.in_flight.add(bytes);
        entry.in_flight.of(partition).add(bytes);
    }

    /// A record's delivery report has come.
    fn settle(&self, entry: &TopicEntry, partition: i32, bytes: usize) {
        self.has_moved.store(true, Ordering::Relaxed);
        self.give_back(entry, partition, bytes);
    }

    /// A record is not in the queue any more, or was never taken into it.
    pub(crate) fn give_back(&self, entry: &TopicEntry, partition: i32, bytes: usize) {
        entry.in_flight.of(partition).subtract(bytes);
        let left = self.in_flight.subtract(bytes);
        if left.is_within(self.low) && self.waiting.load(Ordering::Relaxed) > 0 {
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

    /// Whether it is time to doubt that the clients know anybody to whom they could send: to be asked from time to time.
    pub(crate) fn is_stuck(&self) -> bool {
        let has_moved = self.has_moved.swap(false, Ordering::Relaxed);
        self.silence.hear(has_moved || self.in_flight_bytes() == 0)
    }

    pub(crate) fn in_flight_bytes(&self) -> usize {
        self.in_flight.now().bytes
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
        self.room.settle(&delivery.entry, delivery.partition, delivery.bytes);
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

#[cfg(test)]
mod tests {
    use collector_model::Metrics;

    use super::*;
    use crate::producer::topics::TopicTable;

    /// A queue with room for a thousand bytes, and one record of them in it.
    fn room_with_a_record() -> (Room, Arc<TopicEntry>) {
        let room = Room::new(Load { bytes: 1_000, records: 10 });
        let entry = TopicTable::new(Metrics::default()).entry(&Topic::new("web").unwrap());
        room.take(&entry, 0, 600);
        (room, entry)
    }

    /// How many looks it takes until reminding is due.
    fn looks_until_stuck(room: &Room, between: impl Fn()) -> Option<usize> {
        (1..=8).find(|_| {
            between();
            room.is_stuck()
        })
    }

    #[test]
    fn a_sender_that_meets_a_full_queue_again_and_again_is_no_answer_of_a_broker() {
        let (room, entry) = room_with_a_record();
        let tries = || {
            room.take(&entry, 0, 700);
            room.give_back(&entry, 0, 700);
        };
        assert_eq!(looks_until_stuck(&room, tries), Some(4));
    }

    #[test]
    fn while_reports_come_or_nothing_is_sent_nobody_is_missed() {
        let (room, entry) = room_with_a_record();
        let reported = || {
            room.take(&entry, 0, 100);
            room.settle(&entry, 0, 100);
        };
        assert_eq!(looks_until_stuck(&room, reported), None);
        room.settle(&entry, 0, 600);
        assert_eq!(looks_until_stuck(&room, || {}), None);
    }
}
