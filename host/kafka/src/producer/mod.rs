//! Sending records, with their tickets completed by the delivery reports.

mod delivery;
mod topics;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use collector_failpoints::planted;
use collector_model::{Metrics, Ticket, Topic};
use collector_tasks::{Partitioning, task::Acks};
use parking_lot::{Mutex, RwLock};
use rdkafka::{
    config::FromClientConfigAndContext,
    error::{KafkaError as ClientError, RDKafkaErrorCode},
    message::OwnedHeaders,
    producer::{BaseRecord, Producer as _, ThreadedProducer},
};

pub use delivery::Undeliverable;
use delivery::{Deliveries, Delivery, Room};
pub use topics::TopicState;
use topics::{TopicEntry, TopicTable};

use crate::{KafkaError, KafkaSettings, Partitioner, cluster::Inquirer, connection::LastError};

/// What librdkafka adds to a record's key and value when it compares it with its limit, at most.
const RECORD_OVERHEAD_BYTES: usize = 512;
/// How often a blocked sender looks whether it was stopped.
const LOOK_UP: Duration = Duration::from_millis(50);

type Client = ThreadedProducer<Deliveries>;

/// Sends records with one kind of acknowledgement. Share it by `Arc` between threads.
///
/// [`Producer::send`] blocks while the queue is full: that is the back pressure. A topic that is missing or behind must not
/// hold up the others: ask [`Route::state`] before the lines of a batch are sent, and put the batch aside unless it is
/// [`TopicState::Ready`]; its permit then stops the reading of that topic alone.
///
/// After a fatal error the client is built anew by itself: what it held is lost in the ticket's sense, so that its source
/// reads and sends it again.
pub struct Producer {
    shared: Arc<Shared>,
    watcher: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    settings: KafkaSettings,
    acks: Acks,
    client: RwLock<Arc<Client>>,
    topics: TopicTable,
    room: Arc<Room>,
    undeliverable: Arc<dyn Fn(Undeliverable) + Send + Sync>,
    stopped: AtomicBool,
}

/// The way to one topic, with a task's choice of partitions. Each worker has its own.
pub struct Route {
    entry: Arc<TopicEntry>,
    partitioner: Partitioner,
    share_bytes: usize,
}

/// One record.
pub struct Record<'a> {
    /// Where to.
    pub route: &'a mut Route,
    /// The key: an encoded [`collector_model::Envelope`]; empty for none.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

/// Why a record was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The producer was stopped. The ticket was dropped: the line counts as lost and is read again.
    #[error("sending to Kafka: the producer was stopped")]
    Stopped,
    /// The record is larger than Kafka takes. Cut it or write it to the dead letters, then complete the ticket.
    #[error(
        "sending to the topic {topic:?}: the record has {bytes} bytes, at most {bytes_max} are sent; cut it, or raise \
         [kafka] message_bytes_max and the topic's max.message.bytes"
    )]
    TooLarge {
        /// The topic.
        topic: Topic,
        /// Key and value together.
        bytes: usize,
        /// The limit for key and value together.
        bytes_max: usize,
        /// The record's share of the duty, given back.
        ticket: Ticket,
    },
}

impl Route {
    /// The topic.
    pub fn topic(&self) -> &Topic {
        &self.entry.topic
    }

    /// Whether records can be sent now without waiting for this topic. Never blocks.
    pub fn state(&self) -> TopicState {
        let Some(partitions) = self.entry.partitions() else {
            return self.entry.problem().map_or(TopicState::Unknown, TopicState::Unavailable);
        };
        match self.partitioner.number() {
            Some(number) if number < 0 || number >= partitions => {
                TopicState::Unavailable(no_such_partition(&self.entry, number, partitions))
            }
            _ if self.entry.in_flight_bytes.load(Ordering::Relaxed) > self.share_bytes
                && !planted("drop-on-queue-full") =>
            {
                TopicState::Congested
            }
            _ => TopicState::Ready,
        }
    }
}

impl Producer {
    /// Starts a producer. `undeliverable` gets records that the broker refuses for good; it runs on the thread that gets the
    /// delivery reports, so it must be quick and must not send.
    pub fn start(
        settings: &KafkaSettings,
        acks: Acks,
        metrics: Metrics,
        undeliverable: impl Fn(Undeliverable) + Send + Sync + 'static,
    ) -> Result<Self, KafkaError> {
        if acks != Acks::All {
            tracing::warn!(
                ?acks,
                "acknowledgements below all: a broker that fails can lose lines that count as delivered"
            );
        }
        let undeliverable: Arc<dyn Fn(Undeliverable) + Send + Sync> = Arc::new(undeliverable);
        let room = Arc::new(Room::new(settings.queue_kbytes_max << 10));
        let client = build(settings, acks, &room, &undeliverable)?;
        let inquirer = Inquirer::new(settings.clone())?;
        let shared = Arc::new(Shared {
            settings: settings.clone(),
            acks,
            client: RwLock::new(Arc::new(client)),
            topics: TopicTable::new(metrics),
            room,
            undeliverable,
            stopped: AtomicBool::new(false),
        });
        let watched = Arc::clone(&shared);
        let watcher = std::thread::Builder::new().name("kafka-topics".into()).spawn(move || watched.watch(&inquirer));
        let watcher = watcher.map_err(|error| KafkaError::Failed {
            doing: "starting the thread that looks after Kafka's topics".into(),
            brokers: settings.address(),
            reason: error.to_string(),
        })?;
        Ok(Producer { shared, watcher: Mutex::new(Some(watcher)) })
    }

    /// The way to a topic. The topic is looked up in the background (and created, where the settings say so).
    pub fn route(&self, topic: &Topic, partitioning: Partitioning) -> Route {
        Route {
            entry: self.shared.topics.entry(topic),
            partitioner: Partitioner::new(partitioning),
            share_bytes: (self.shared.settings.queue_kbytes_max << 10) / 2,
        }
    }

    /// The largest record (key and value together) that is sent, in bytes.
    pub fn record_bytes_max(&self) -> usize {
        self.shared.record_bytes_max()
    }

    /// Sends one record. Blocks while the queue is full or the topic is not available, until [`Producer::stop`].
    pub fn send(&self, record: Record<'_>, ticket: Ticket) -> Result<(), SendError> {
        self.shared.send(record, None, ticket)
    }

    pub(crate) fn send_with_headers(
        &self,
        record: Record<'_>,
        headers: OwnedHeaders,
        ticket: Ticket,
    ) -> Result<(), SendError> {
        self.shared.send(record, Some(headers), ticket)
    }

    /// Waits until everything sent so far is settled. Says whether it is, within `timeout`.
    pub fn flush(&self, timeout: Duration) -> bool {
        let client = Arc::clone(&self.shared.client.read());
        client.flush(timeout).is_ok()
    }

    /// Bytes of the records that are sent and not settled.
    pub fn in_flight_bytes(&self) -> usize {
        self.shared.room.in_flight_bytes()
    }

    /// Makes every blocked and every later [`Producer::send`] return. Call [`Producer::flush`] after it to wait for what was sent.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.shared.room.wake();
        self.shared.topics.wake();
    }
}

impl Drop for Producer {
    /// What was not settled until now counts as lost.
    fn drop(&mut self) {
        self.stop();
        if let Some(watcher) = self.watcher.lock().take() {
            // A panic of that thread was reported when it happened.
            let _ = watcher.join();
        }
    }
}

fn no_such_partition(entry: &TopicEntry, partition: i32, partitions: i32) -> KafkaError {
    KafkaError::NoSuchPartition { topic: entry.topic.to_string(), partition, partitions }
}

fn build(
    settings: &KafkaSettings,
    acks: Acks,
    room: &Arc<Room>,
    undeliverable: &Arc<dyn Fn(Undeliverable) + Send + Sync>,
) -> Result<Client, KafkaError> {
    let config = settings.producer_config(acks)?;
    let context = Deliveries::new(Arc::clone(room), Arc::clone(undeliverable));
    Client::from_config_and_context(&config, context)
        .map_err(|error| LastError::default().explain(settings, "setting up the Kafka producer", &error))
}

impl Shared {
    fn record_bytes_max(&self) -> usize {
        self.settings.message_bytes_max.saturating_sub(RECORD_OVERHEAD_BYTES)
    }

    /// Looks after the topics, and replaces the client after a fatal error.
    fn watch(&self, inquirer: &Inquirer) {
        while !self.stopped.load(Ordering::Acquire) {
            self.topics.look_up(inquirer, &self.settings);
            if self.client.read().client().context().fatal.load(Ordering::Acquire) {
                self.rebuild();
            }
            self.topics.wait(Duration::from_millis(500));
        }
    }

    fn rebuild(&self) {
        match build(&self.settings, self.acks, &self.room, &self.undeliverable) {
            Ok(client) => {
                let old = std::mem::replace(&mut *self.client.write(), Arc::new(client));
                // Fails what it held, whose tickets then count as lost; the lock on the new one is free by now.
                drop(old);
            }
            Err(error) => tracing::error!(%error, "building the Kafka producer anew failed; trying again"),
        }
    }

    fn send(&self, record: Record<'_>, headers: Option<OwnedHeaders>, ticket: Ticket) -> Result<(), SendError> {
        let Record { route, key, value } = record;
        let bytes = key.len() + value.len();
        if bytes > self.record_bytes_max() {
            return Err(self.too_large(route, bytes, ticket));
        }
        let entry = Arc::clone(&route.entry);
        let mut next = BaseRecord {
            topic: route.entry.topic.as_str(),
            partition: None,
            payload: Some(value),
            key: (!key.is_empty()).then_some(key),
            timestamp: None,
            headers,
            delivery_opaque: Box::new(Delivery { ticket, entry, bytes }),
        };
        loop {
            let Some(partition) = self.partition(&route.entry, &mut route.partitioner) else {
                return Err(SendError::Stopped);
            };
            next.partition = Some(partition);
            self.room.take(&route.entry, bytes);
            let refused = self.client.read().send(next);
            let Err((error, back)) = refused else { return Ok(()) };
            self.room.give_back(&route.entry, bytes);
            if error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge) {
                return Err(self.too_large(route, bytes, back.delivery_opaque.ticket));
            }
            if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) && planted("drop-on-queue-full") {
                back.delivery_opaque.ticket.complete();
                return Ok(());
            }
            next = back;
            self.wait_after(&error, &route.entry);
        }
    }

    fn too_large(&self, route: &Route, bytes: usize, ticket: Ticket) -> SendError {
        SendError::TooLarge { topic: route.entry.topic.clone(), bytes, bytes_max: self.record_bytes_max(), ticket }
    }

    /// The partition of the next record, as soon as the topic has it; `None` when stopped.
    fn partition(&self, entry: &TopicEntry, partitioner: &mut Partitioner) -> Option<i32> {
        while !self.stopped.load(Ordering::Acquire) {
            if let Some(partitions) = entry.partitions() {
                let partition = partitioner.next(partitions);
                if (0..partitions).contains(&partition) {
                    return Some(partition);
                }
                entry.tell(no_such_partition(entry, partition, partitions), Instant::now());
            }
            self.topics.wait_for_answer(LOOK_UP);
        }
        None
    }

    /// The client did not take a record: wait for what has to change.
    fn wait_after(&self, error: &ClientError, entry: &TopicEntry) {
        use RDKafkaErrorCode as C;
        match error.rdkafka_error_code() {
            Some(C::QueueFull) => self.room.wait(LOOK_UP),
            Some(C::UnknownTopic | C::UnknownPartition | C::UnknownTopicOrPartition) => {
                entry.forget();
                self.topics.wake();
                self.topics.wait_for_answer(LOOK_UP);
            }
            _ => {
                let client = Arc::clone(&self.client.read());
                if client.client().fatal_error().is_some() {
                    client.client().context().fatal.store(true, Ordering::Release);
                    self.topics.wake();
                } else {
                    tracing::warn!(topic = %entry.topic, %error, "the Kafka producer does not take a record; trying again");
                }
                self.room.wait(LOOK_UP);
            }
        }
    }
}
