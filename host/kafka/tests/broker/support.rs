//! What the tests share: the broker, a source that counts what it is told, lines to send and members to read them.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use collector_kafka::{Consumer, ConsumerHandle, Group, KafkaSettings, Producer, Record, TopicCreation};
use collector_model::{
    Acknowledge, Batch, BucketDay, Budget, EventId, FileUid, ForkPath, LineFlags, Metrics, Origin, Permit, Position,
    Source, Ticket, Topic, budget::BudgetLimits, envelope, metrics::of,
};
use collector_tasks::{Partitioning, task::Acks};
use parking_lot::Mutex;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The broker; `None` means that the test is skipped, which is a failure where servers are required.
pub(crate) fn broker() -> Option<String> {
    let broker = std::env::var("COLLECTOR_TEST_KAFKA").ok();
    if broker.is_none() {
        assert_ne!(
            std::env::var("COLLECTOR_TEST_SERVERS").as_deref(),
            Ok("required"),
            "COLLECTOR_TEST_KAFKA is not set: run `cargo xtask services up kafka` and set it to the address it prints"
        );
        eprintln!("skipped: COLLECTOR_TEST_KAFKA is not set");
    }
    broker
}

pub(crate) fn settings(broker: &str, partitions: i32) -> KafkaSettings {
    let create = TopicCreation { partitions, replication: 1 };
    KafkaSettings {
        create_topics: Some(create),
        create_dead_letters: create,
        ..KafkaSettings::new(vec![broker.into()])
    }
}

pub(crate) fn unique_topic(name: &str) -> Topic {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    Topic::new(&format!("test-{name}-{now}")).unwrap()
}

/// Counts what a source would be told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) acknowledged: AtomicU64,
    pub(crate) lost: AtomicU64,
}

impl Acknowledge for Told {
    fn acknowledged(&self, _: &Position) {
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    fn lost(&self, _: &Position) {
        self.lost.fetch_add(1, Ordering::SeqCst);
    }
}

impl Told {
    pub(crate) fn ticket(self: &Arc<Self>) -> Ticket {
        let position = Position { source: Source::File(FileUid(1)), from: 0, to: 1 };
        Ticket::new(position, Permit::none(), Arc::clone(self) as Arc<dyn Acknowledge>)
    }
}

pub(crate) fn start_producer(settings: &KafkaSettings, metrics: &Metrics) -> Producer {
    Producer::start(settings, Acks::All, metrics.clone(), |refused| panic!("{refused:?}")).unwrap()
}

/// Sends `lines` as an agent would; returns the id of each by its text.
pub(crate) fn produce(
    settings: &KafkaSettings,
    topic: &Topic,
    lines: std::ops::Range<u64>,
) -> HashMap<Vec<u8>, EventId> {
    let (metrics, told) = (Metrics::default(), Arc::new(Told::default()));
    let producer = start_producer(settings, &metrics);
    let mut route = producer.route(topic, Partitioning::Random);
    let origin = Origin { path: "/var/log/x".into(), host_name: "web-1".into(), ..Origin::default() };
    let mut sent = HashMap::new();
    let mut key = vec![];
    let count = lines.end - lines.start;
    for number in lines {
        let line = format!("line {number} of a test that counts them all").into_bytes();
        let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(7), number, &line);
        key.clear();
        envelope::encode(&id, &ForkPath::NONE, LineFlags::default(), &origin, &mut key);
        producer.send(Record { route: &mut route, key: &key, value: &line }, told.ticket()).unwrap();
        sent.insert(line, id);
    }
    assert!(producer.flush(PATIENCE));
    assert_eq!(told.acknowledged.load(Ordering::SeqCst), count);
    assert_eq!(metrics.records_delivered.get_or_create(&of(topic)).get(), count);
    sent
}

/// A member of the group with one worker, whose batches come out of the receiver.
pub(crate) fn join(
    settings: &KafkaSettings,
    topics: &[&Topic],
    metrics: &Metrics,
) -> (ConsumerHandle, Receiver<Batch>) {
    join_as(None, settings, topics, metrics)
}

/// The same, as a static member where it has a name.
pub(crate) fn join_as(
    instance: Option<&str>,
    settings: &KafkaSettings,
    topics: &[&Topic],
    metrics: &Metrics,
) -> (ConsumerHandle, Receiver<Batch>) {
    let (worker, batches) = sync_channel(4);
    let topics: Vec<Topic> = topics.iter().copied().cloned().collect();
    let group = Group { id: topics[0].to_string(), instance: instance.map(str::to_owned), topics };
    let budget = Budget::new(BudgetLimits::of_total(32 << 20));
    (Consumer::start(settings, group, budget, metrics.clone(), vec![worker]).unwrap(), batches)
}

/// What members have read together: how often each line.
#[derive(Default)]
pub(crate) struct Seen(pub(crate) Mutex<HashMap<Vec<u8>, (EventId, u32)>>);

impl Seen {
    pub(crate) fn note(&self, batch: Batch) {
        let mut seen = self.0.lock();
        for line in &batch.lines {
            seen.entry(batch.raw_of(line).to_vec()).or_insert((line.id, 0)).1 += 1;
        }
        drop(seen);
        batch.ticket.complete();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

/// Reads until `count` different lines were seen by all members together, or the channel ends.
pub(crate) fn read_until(seen: &Seen, batches: &Receiver<Batch>, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    while seen.len() < count {
        assert!(Instant::now() < deadline, "only {} of {count} lines came", seen.len());
        match batches.recv_timeout(Duration::from_millis(100)) {
            Ok(batch) => seen.note(batch),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the consumer has ended"),
        }
    }
}

/// Lets a member work until it has left the group.
pub(crate) fn drain_while<T: Send>(seen: &Seen, batches: &Receiver<Batch>, leave: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let leaving = scope.spawn(leave);
        while !leaving.is_finished() {
            if let Ok(batch) = batches.recv_timeout(Duration::from_millis(20)) {
                seen.note(batch);
            }
        }
        leaving.join().unwrap()
    })
}

/// Asks again and again, a thousand times a second, until there is an answer.
pub(crate) fn until<T>(ask: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "nothing came of waiting");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
