//! Sending records, with their tickets completed by the delivery reports.

mod clients;
mod delivery;
mod loads;
mod partitioner;
mod polled;
mod stint;
mod topics;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use clients::Clients;
use collector_failpoints::planted;
use collector_model::{Metrics, Ticket, Topic};
use collector_tasks::{Partitioning, task::Acks};
use parking_lot::Mutex;
use rdkafka::{
    error::{KafkaError as ClientError, RDKafkaErrorCode},
    message::{Header, Headers as _, OwnedHeaders},
    producer::{BaseRecord, Producer as _},
};

pub use delivery::Undeliverable;
use delivery::{Delivery, Room};
use loads::Load;
use partitioner::Partitioner;
use polled::Client;
use stint::Stint;
pub use topics::TopicState;
use topics::{TopicEntry, TopicTable};

use crate::{ENVELOPE_HEADER, KafkaError, KafkaSettings, cluster::Inquirer};

/// What librdkafka adds to a record's key and value when it compares it with its limit, at most.
const RECORD_OVERHEAD_BYTES: usize = 512;
/// What a header has besides its name and value, at most.
const HEADER_OVERHEAD_BYTES: usize = 10;
/// How often a blocked sender looks whether it was stopped.
const LOOK_UP: Duration = Duration::from_millis(50);

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
    clients: Clients,
    topics: TopicTable,
    room: Arc<Room>,
    stopped: AtomicBool,
}

/// The way to one topic, with a task's choice of partitions. Each worker has its own, made on its thread.
pub struct Route {
    entry: Arc<TopicEntry>,
    partitioner: Partitioner,
    /// What of the queue the topic may take.
    share: Load,
    message_bytes_max: usize,
    request_bytes_max: usize,
    linger: Duration,
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

/// What is special about a record.
#[derive(Default)]
struct Extra<'a> {
    headers: Option<OwnedHeaders>,
    /// The field by which the partition is chosen.
    key: Option<&'a [u8]>,
    /// How many lines it has, but for one.
    more_lines: u32,
}

/// Why a record was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The producer was stopped. The ticket was dropped: the line counts as lost and is read again.
    #[error("sending to Kafka: the producer was stopped")]
    Stopped,
    /// The record is larger than Kafka takes. Send less at once or write it to the dead letters, then complete the ticket.
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

    /// The largest record (key and value together) that is sent there, in bytes: what the topic takes, as far as that is known.
    pub fn record_bytes_max(&self) -> usize {
        self.message_bytes_max.min(self.entry.bytes_max()).saturating_sub(RECORD_OVERHEAD_BYTES)
    }

    /// Whether a record can be sent now without waiting for this topic. Never blocks.
    pub fn state(&self) -> TopicState {
        self.state_for(1, 0)
    }

    /// The same for so many records, of so many bytes together.
    pub fn state_for(&self, records: usize, bytes: usize) -> TopicState {
        let Some(partitions) = self.entry.partitions() else {
            return self.entry.problem().map_or(TopicState::Unknown, TopicState::Unavailable);
        };
        match self.partitioner.number() {
            Some(number) if number < 0 || number >= partitions => {
                TopicState::Unavailable(no_such_partition(&self.entry, number, partitions))
            }
            _ if !self.has_room(partitions, records, bytes) && !planted("drop-on-queue-full") => TopicState::Congested,
            _ => TopicState::Ready,
        }
    }

    /// Whether the topic has left room to others, and a partition that can be filled with so much.
    fn has_room(&self, partitions: i32, records: usize, bytes: usize) -> bool {
        if !self.entry.in_flight.total().is_within(self.share) {
            return false;
        }
        let Some(stint) = self.partitioner.stint() else { return true };
        let mut stint = stint.lock();
        let is_over = stint.is_over(self.linger);
        if !is_over && stint.takes(records, bytes) {
            return true;
        }
        let bytes_max = self.entry.request_bytes(self.request_bytes_max);
        let (partition, is_free) = self.entry.next_to_fill(stint.partition(), partitions, bytes_max);
        if is_free && is_over {
            *stint = Stint::of(partition, bytes_max);
        } else if is_free {
            stint.continue_at(partition);
        }
        is_free
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
        let room = Arc::new(Room::new(queue(settings)));
        let clients = Clients::start(settings, acks, Arc::clone(&room), undeliverable)?;
        let inquirer = Inquirer::new(settings.clone())?;
        let shared = Arc::new(Shared {
            settings: settings.clone(),
            clients,
            topics: TopicTable::new(metrics),
            room,
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
        let (entry, settings) = (self.shared.topics.entry(topic), &self.shared.settings);
        if partitioning != Partitioning::Sticky {
            entry.choose();
        }
        Route {
            partitioner: Partitioner::new(partitioning, entry.stint()),
            entry,
            share: queue(settings).share(1, 2),
            message_bytes_max: settings.message_bytes_max,
            request_bytes_max: settings.batch_bytes_max,
            linger: settings.linger,
        }
    }

    /// Sends one record. Blocks while the queue is full or the topic is not available, until [`Producer::stop`].
    pub fn send(&self, record: Record<'_>, ticket: Ticket) -> Result<(), SendError> {
        self.shared.send(record, Extra::default(), ticket)
    }

    /// Sends one record of many lines.
    pub fn send_lines(&self, record: Record<'_>, lines: u32, ticket: Ticket) -> Result<(), SendError> {
        self.shared.send(record, Extra { more_lines: lines.saturating_sub(1), ..Extra::default() }, ticket)
    }

    /// Sends one record whose key is a field of its line, where the line has it; what would be its key is put into a header.
    pub fn send_with_field(&self, record: Record<'_>, field: Option<&[u8]>, ticket: Ticket) -> Result<(), SendError> {
        let header = Header { key: ENVELOPE_HEADER, value: Some(record.key) };
        let headers = Some(OwnedHeaders::new_with_capacity(1).insert(header));
        let record = Record { key: field.unwrap_or_default(), ..record };
        self.shared.send(record, Extra { headers, key: field, more_lines: 0 }, ticket)
    }

    pub(crate) fn send_with_headers(
        &self,
        record: Record<'_>,
        headers: OwnedHeaders,
        ticket: Ticket,
    ) -> Result<(), SendError> {
        self.shared.send(record, Extra { headers: Some(headers), ..Extra::default() }, ticket)
    }

    /// Waits until everything sent so far is settled. Says whether it is, within `timeout`.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.shared.clients.flush(timeout)
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

/// How much the client's queue takes.
fn queue(settings: &KafkaSettings) -> Load {
    Load { bytes: settings.queue_kbytes_max << 10, records: settings.queue_records_max }
}

fn no_such_partition(entry: &TopicEntry, partition: i32, partitions: i32) -> KafkaError {
    KafkaError::NoSuchPartition { topic: entry.topic.to_string(), partition, partitions }
}

/// What headers take of a record.
fn bytes_of(headers: &OwnedHeaders) -> usize {
    headers.iter().map(|header| header.key.len() + header.value.map_or(0, <[u8]>::len) + HEADER_OVERHEAD_BYTES).sum()
}

fn too_large(route: &Route, bytes: usize, ticket: Ticket) -> SendError {
    SendError::TooLarge { topic: route.entry.topic.clone(), bytes, bytes_max: route.record_bytes_max(), ticket }
}

impl Shared {
    /// Looks after the topics, and replaces clients after a fatal error.
    fn watch(&self, inquirer: &Inquirer) {
        while !self.stopped.load(Ordering::Acquire) {
            self.topics.look_up(inquirer, &self.settings);
            if self.clients.is_any_fatal() {
                self.clients.rebuild();
            }
            if self.room.is_stuck() {
                self.clients.remind_of_brokers();
            }
            self.topics.wait(Duration::from_millis(500));
        }
    }

    fn send(&self, record: Record<'_>, extra: Extra<'_>, ticket: Ticket) -> Result<(), SendError> {
        let Record { route, key, value } = record;
        let in_headers = extra.headers.as_ref().map_or(0, bytes_of);
        let bytes = key.len() + value.len() + in_headers;
        let entry = Arc::clone(&route.entry);
        let mut next = BaseRecord {
            topic: route.entry.topic.as_str(),
            partition: None,
            payload: Some(value),
            key: (!key.is_empty()).then_some(key),
            timestamp: None,
            headers: extra.headers,
            delivery_opaque: Box::new(Delivery {
                ticket,
                entry,
                partition: 0,
                bytes,
                lines: extra.more_lines + 1,
                bytes_max: usize::MAX,
            }),
        };
        loop {
            let partition = self.partition(&route.entry, &mut route.partitioner, bytes, extra.key);
            let Some(partition) = partition else { return Err(SendError::Stopped) };
            (next.partition, next.delivery_opaque.partition) = (Some(partition), partition);
            if bytes > route.record_bytes_max() {
                return Err(too_large(route, bytes, next.delivery_opaque.ticket));
            }
            let bytes_max = route.entry.bytes_max();
            next.delivery_opaque.bytes_max = bytes_max;
            let client = match self.clients.of(bytes_max) {
                Ok(client) => client,
                Err(error) => {
                    tracing::error!(topic = %route.entry.topic, %error, "no records can be sent to the topic; trying again");
                    self.room.wait(LOOK_UP);
                    continue;
                }
            };
            self.room.take(&route.entry, partition, bytes);
            let Err((error, back)) = client.send(next) else { return Ok(()) };
            self.room.give_back(&route.entry, partition, bytes);
            if error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge) {
                return Err(too_large(route, bytes, back.delivery_opaque.ticket));
            }
            if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) && planted("drop-on-queue-full") {
                back.delivery_opaque.ticket.complete();
                return Ok(());
            }
            next = back;
            self.wait_after(&error, &route.entry, &client);
        }
    }

    /// The partition of the next record, which has so many bytes, as soon as the topic has it; `None` when stopped.
    fn partition(
        &self,
        entry: &TopicEntry,
        partitioner: &mut Partitioner,
        bytes: usize,
        key: Option<&[u8]>,
    ) -> Option<i32> {
        while !self.stopped.load(Ordering::Acquire) {
            if let Some(partitions) = entry.partitions() {
                let fresh = |last: &Stint| {
                    let bytes_max = entry.request_bytes(self.settings.batch_bytes_max);
                    let any = || entry.next_to_fill(last.partition(), partitions, bytes_max).0;
                    Stint::of(last.next().unwrap_or_else(any), bytes_max)
                };
                let partition = partitioner.next(partitions, bytes, key, fresh);
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
    fn wait_after(&self, error: &ClientError, entry: &TopicEntry, client: &Client) {
        use RDKafkaErrorCode as C;
        match error.rdkafka_error_code() {
            Some(C::QueueFull) => self.room.wait(LOOK_UP),
            Some(C::UnknownTopic | C::UnknownPartition | C::UnknownTopicOrPartition) => {
                entry.forget();
                self.topics.wake();
                self.topics.wait_for_answer(LOOK_UP);
            }
            _ => {
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
