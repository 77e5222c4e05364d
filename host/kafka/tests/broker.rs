//! Producer and consumer against a real broker: `COLLECTOR_TEST_KAFKA=host:port` names it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use collector_kafka::{
    Consumer, ConsumerHandle, Group, KafkaDeadLetters, KafkaError, KafkaSettings, Producer, Record, SendError,
    TopicCreation, TopicState, cluster,
};
use collector_model::{
    Acknowledge, Batch, BucketDay, Budget, DeadLetter, DeadLetters, EventId, FileUid, ForkPath, LineFlags, Metrics,
    Origin, Permit, Position, Source, Ticket, Topic, budget::BudgetLimits, dead::Stage, envelope, id::ForeignPartition,
    metrics::of,
};
use collector_tasks::{Partitioning, task::Acks};
use parking_lot::Mutex;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// The broker; `None` means that the test is skipped, which is a failure where servers are required.
fn broker() -> Option<String> {
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

fn settings(broker: &str, partitions: i32) -> KafkaSettings {
    let create = TopicCreation { partitions, replication: 1 };
    KafkaSettings {
        create_topics: Some(create),
        create_dead_letters: create,
        ..KafkaSettings::new(vec![broker.into()])
    }
}

fn unique_topic(name: &str) -> Topic {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    Topic::new(&format!("test-{name}-{now}")).unwrap()
}

/// Counts what a source would be told.
#[derive(Default)]
struct Told {
    acknowledged: AtomicU64,
    lost: AtomicU64,
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
    fn ticket(self: &Arc<Self>) -> Ticket {
        let position = Position { source: Source::File(FileUid(1)), from: 0, to: 1 };
        Ticket::new(position, Permit::none(), Arc::clone(self) as Arc<dyn Acknowledge>)
    }
}

fn start_producer(settings: &KafkaSettings, metrics: &Metrics) -> Producer {
    Producer::start(settings, Acks::All, metrics.clone(), |refused| panic!("{refused:?}")).unwrap()
}

/// Sends `lines` as an agent would; returns the id of each by its text.
fn produce(settings: &KafkaSettings, topic: &Topic, lines: std::ops::Range<u64>) -> HashMap<Vec<u8>, EventId> {
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
fn join(settings: &KafkaSettings, topics: &[&Topic], metrics: &Metrics) -> (ConsumerHandle, Receiver<Batch>) {
    let (worker, batches) = sync_channel(4);
    let group = Group { id: topics[0].to_string(), instance: None, topics: topics.iter().copied().cloned().collect() };
    let budget = Budget::new(BudgetLimits::of_total(32 << 20));
    (Consumer::start(settings, group, budget, metrics.clone(), vec![worker]).unwrap(), batches)
}

/// What members have read together: how often each line.
#[derive(Default)]
struct Seen(Mutex<HashMap<Vec<u8>, (EventId, u32)>>);

impl Seen {
    fn note(&self, batch: Batch) {
        let mut seen = self.0.lock();
        for line in &batch.lines {
            seen.entry(batch.raw_of(line).to_vec()).or_insert((line.id, 0)).1 += 1;
        }
        drop(seen);
        batch.ticket.complete();
    }

    fn len(&self) -> usize {
        self.0.lock().len()
    }
}

/// Reads until `count` different lines were seen by all members together, or the channel ends.
fn read_until(seen: &Seen, batches: &Receiver<Batch>, count: usize) {
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
fn drain_while<T: Send>(seen: &Seen, batches: &Receiver<Batch>, leave: impl FnOnce() -> T + Send) -> T {
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

#[test]
fn a_hundred_thousand_lines_come_through_one_then_two_then_one_members() {
    let Some(broker) = broker() else { return };
    let (settings, topic, metrics) = (settings(&broker, 6), unique_topic("members"), Metrics::default());
    let seen = Seen::default();

    let mut sent = produce(&settings, &topic, 0..40_000);
    let (first, first_batches) = join(&settings, &[&topic], &metrics);
    read_until(&seen, &first_batches, 20_000);

    let (second, second_batches) = join(&settings, &[&topic], &metrics);
    let second_lines = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut sent = produce(&settings, &topic, 40_000..80_000);
            // More, until the second member has partitions of its own.
            let mut next = 1_000_000;
            let deadline = Instant::now() + PATIENCE;
            while second_lines.load(Ordering::SeqCst) == 0 {
                assert!(Instant::now() < deadline, "the second member gets nothing");
                sent.extend(produce(&settings, &topic, next..next + 100));
                next += 100;
            }
            sent
        });
        while !writer.is_finished() {
            if let Ok(batch) = first_batches.recv_timeout(Duration::from_millis(5)) {
                seen.note(batch);
            }
            if let Ok(batch) = second_batches.recv_timeout(Duration::from_millis(5)) {
                second_lines.fetch_add(batch.lines.len() as u64, Ordering::SeqCst);
                seen.note(batch);
            }
        }
        sent.extend(writer.join().unwrap());
    });

    drain_while(&seen, &first_batches, || first.stop(Duration::from_secs(10)));
    sent.extend(produce(&settings, &topic, 80_000..100_000));
    read_until(&seen, &second_batches, sent.len());
    drain_while(&seen, &second_batches, || second.stop(Duration::from_secs(10)));

    let seen = seen.0.into_inner();
    assert_eq!(seen.len(), sent.len());
    assert!(sent.iter().all(|(line, id)| seen.get(line).is_some_and(|(found, _)| found == id)));
    // Everything was committed: who comes now has nothing to read but what comes now.
    let (third, batches) = join(&settings, &[&topic], &metrics);
    produce(&settings, &topic, 2_000_000..2_000_001);
    let batch = batches.recv_timeout(PATIENCE).unwrap();
    assert_eq!(batch.raw_of(&batch.lines[0]), b"line 2000000 of a test that counts them all");
    batch.ticket.complete();
    third.stop(Duration::from_secs(10));
}

#[test]
fn lines_whose_ticket_is_lost_are_read_again() {
    let Some(broker) = broker() else { return };
    let (settings, topic, metrics) = (settings(&broker, 2), unique_topic("lost"), Metrics::default());
    let sent = produce(&settings, &topic, 0..10_000);
    let (consumer, batches) = join(&settings, &[&topic], &metrics);
    let (mut lost, mut seen) = (0, HashMap::new());
    let deadline = Instant::now() + PATIENCE;
    while seen.len() < sent.len() {
        assert!(Instant::now() < deadline, "only {} lines came, after {lost} losses", seen.len());
        let Ok(batch) = batches.recv_timeout(Duration::from_millis(100)) else { continue };
        if lost < 3 {
            lost += 1;
            continue; // Dropped with its ticket.
        }
        for line in &batch.lines {
            *seen.entry(batch.raw_of(line).to_vec()).or_insert(0) += 1;
        }
        batch.ticket.complete();
    }
    assert_eq!(lost, 3);
    consumer.stop(Duration::from_secs(10));
}

#[test]
fn lines_that_were_not_acknowledged_come_again_to_the_next_member() {
    let Some(broker) = broker() else { return };
    let (settings, topic, metrics) = (settings(&broker, 1), unique_topic("again"), Metrics::default());
    produce(&settings, &topic, 0..5_000);
    let (consumer, batches) = join(&settings, &[&topic], &metrics);
    let first = batches.recv_timeout(PATIENCE).unwrap();
    let second = batches.recv_timeout(PATIENCE).unwrap();
    let third = batches.recv_timeout(PATIENCE).unwrap();
    let first_lines = first.lines.len();
    first.ticket.complete();
    third.ticket.complete();
    consumer.stop(Duration::ZERO);
    drop(second);
    let (consumer, batches) = join(&settings, &[&topic], &metrics);
    let again = batches.recv_timeout(PATIENCE).unwrap();
    let expected = format!("line {first_lines} of a test that counts them all");
    assert_eq!(again.raw_of(&again.lines[0]), expected.as_bytes(), "the first line that was not acknowledged");
    consumer.stop(Duration::ZERO);
}

#[test]
fn a_missing_topic_is_told_with_the_command_and_does_not_stop_the_others() {
    let Some(broker) = broker() else { return };
    let (metrics, told) = (Metrics::default(), Arc::new(Told::default()));
    let settings = KafkaSettings { create_topics: None, ..settings(&broker, 1) };
    let (missing, there) = (unique_topic("missing"), unique_topic("there"));
    cluster::create_topic(&settings, &there, TopicCreation { partitions: 3, replication: 1 }).unwrap();
    assert!(cluster::topic_exists(&settings, &there, PATIENCE).unwrap());
    assert!(!cluster::topic_exists(&settings, &missing, PATIENCE).unwrap());
    assert_eq!(cluster::topic_partitions(&settings, &there, PATIENCE), Ok(3));

    let producer = start_producer(&settings, &metrics);
    let mut to_missing = producer.route(&missing, Partitioning::Sticky);
    let mut to_there = producer.route(&there, Partitioning::Number(2));
    let beyond = producer.route(&there, Partitioning::Number(3));
    let state = until(|| Some(to_missing.state()).filter(|state| *state != TopicState::Unknown));
    let TopicState::Unavailable(KafkaError::TopicMissing { topic, .. }) = state else { panic!("{state:?}") };
    assert_eq!(topic, missing.as_str());
    producer.send(Record { route: &mut to_there, key: b"", value: b"x" }, told.ticket()).unwrap();
    assert!(producer.flush(PATIENCE));
    assert_eq!((to_there.state(), told.acknowledged.load(Ordering::SeqCst)), (TopicState::Ready, 1));
    let state = beyond.state();
    assert!(matches!(state, TopicState::Unavailable(KafkaError::NoSuchPartition { partitions: 3, .. })), "{state:?}");

    // Somebody follows the advice: the sender that waits goes on.
    std::thread::scope(|scope| {
        let record = Record { route: &mut to_missing, key: b"", value: b"y" };
        let ticket = told.ticket();
        let sending = scope.spawn(|| producer.send(record, ticket));
        cluster::create_topic(&settings, &missing, TopicCreation { partitions: 1, replication: 1 }).unwrap();
        sending.join().unwrap().unwrap();
    });
    assert!(producer.flush(PATIENCE));
    assert_eq!(told.acknowledged.load(Ordering::SeqCst), 2);
}

/// Asks again and again, a thousand times a second, until there is an answer.
fn until<T>(ask: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "nothing came of waiting");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
fn a_record_that_is_too_large_gives_its_ticket_back() {
    let Some(broker) = broker() else { return };
    let (settings, topic, told) = (settings(&broker, 1), unique_topic("large"), Arc::new(Told::default()));
    let producer = start_producer(&settings, &Metrics::default());
    let mut route = producer.route(&topic, Partitioning::Sticky);
    let fits = vec![b'x'; producer.record_bytes_max()];
    producer.send(Record { route: &mut route, key: b"", value: &fits }, told.ticket()).unwrap();
    let too_large = vec![b'x'; fits.len() + 1];
    let refused = producer.send(Record { route: &mut route, key: b"", value: &too_large }, told.ticket());
    let Err(SendError::TooLarge { ticket, .. }) = refused else { panic!("{refused:?}") };
    ticket.complete();
    assert!(producer.flush(PATIENCE));
    assert_eq!((told.acknowledged.load(Ordering::SeqCst), told.lost.load(Ordering::SeqCst)), (2, 0));
}

#[test]
fn stopping_lets_a_blocked_sender_go_and_its_line_counts_as_lost() {
    let told = Arc::new(Told::default());
    // Nobody listens there: the topic is never found.
    let settings = KafkaSettings { request_timeout: Duration::from_millis(100), ..settings("127.0.0.1:9", 1) };
    let producer = start_producer(&settings, &Metrics::default());
    let mut route = producer.route(&unique_topic("nobody"), Partitioning::Sticky);
    std::thread::scope(|scope| {
        let ticket = told.ticket();
        let record = Record { route: &mut route, key: b"", value: b"x" };
        let sending = scope.spawn(|| producer.send(record, ticket));
        producer.stop();
        assert!(matches!(sending.join().unwrap(), Err(SendError::Stopped)));
    });
    assert_eq!(told.lost.load(Ordering::SeqCst), 1);
}

#[test]
fn dead_letters_keep_key_bytes_and_reason_and_are_acknowledged() {
    let Some(broker) = broker() else { return };
    let (settings, topic, told) = (settings(&broker, 1), unique_topic("letters"), Arc::new(Told::default()));
    let metrics = Metrics::default();
    let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(7), 3, b"\xff raw");
    let mut key = vec![];
    envelope::encode(&id, &ForkPath::NONE, LineFlags::default(), &Origin::default(), &mut key);
    let letter = DeadLetter {
        topic: topic.clone(),
        key,
        value: Bytes::from_static(b"\xff raw"),
        error_type: "mapper_parsing_exception".into(),
        error_reason: "no such field".into(),
        stage: Stage::Transfer,
        time_ms: 5,
    };
    let dead = KafkaDeadLetters::start(&settings, metrics.clone()).unwrap();
    dead.bury(vec![letter.clone(), letter], told.ticket());
    assert!(dead.flush(PATIENCE));
    assert_eq!(told.acknowledged.load(Ordering::SeqCst), 1);
    assert_eq!(metrics.dead_letters.get_or_create(&of(&topic)).get(), 2);

    let dead_topic = Topic::new(&format!("{topic}.dead")).unwrap();
    let (consumer, batches) = join(&settings, &[&dead_topic], &metrics);
    let batch = batches.recv_timeout(PATIENCE).unwrap();
    assert_eq!((batch.lines[0].id, batch.raw_of(&batch.lines[0])), (id, b"\xff raw".as_slice()));
    drop(batch);
    consumer.stop(Duration::ZERO);
}

#[test]
fn topics_can_be_changed_while_reading() {
    let Some(broker) = broker() else { return };
    let (settings, metrics) = (settings(&broker, 1), Metrics::default());
    let (one, two) = (unique_topic("one"), unique_topic("two"));
    produce(&settings, &one, 0..10);
    produce(&settings, &two, 10..20);
    let (consumer, batches) = join(&settings, &[&one], &metrics);
    let seen = Seen::default();
    read_until(&seen, &batches, 10);
    consumer.set_topics(vec![one, two]);
    read_until(&seen, &batches, 20);
    consumer.stop(Duration::from_secs(10));
}

#[test]
fn a_cluster_that_is_not_there_is_named_with_the_reason() {
    let settings = KafkaSettings::new(vec!["127.0.0.1:9".into()]);
    let error = cluster::probe(&settings, Duration::from_secs(1)).unwrap_err().to_string();
    assert!(error.starts_with("connecting to Kafka at 127.0.0.1:9: no broker answered within 1 s: "), "{error}");
    assert!(error.contains("Connection refused") && error.contains("[kafka] brokers"), "{error}");
}

#[test]
fn a_cluster_that_is_there_lets_us_in_and_lists_its_topics() {
    let Some(broker) = broker() else { return };
    let (settings, topic) = (settings(&broker, 2), unique_topic("listed"));
    cluster::probe(&settings, PATIENCE).unwrap();
    cluster::create_topic(&settings, &topic, TopicCreation { partitions: 2, replication: 1 }).unwrap();
    let topics = until(|| {
        let topics = cluster::list_topics(&settings, PATIENCE).unwrap();
        topics.iter().find(|info| info.name == topic.as_str()).cloned()
    });
    assert_eq!(topics.partitions, 2);
}

#[test]
fn a_topic_without_memory_waits_and_another_goes_on() {
    let Some(broker) = broker() else { return };
    let (settings, metrics) = (settings(&broker, 2), Metrics::default());
    let (blocked, other) = (unique_topic("blocked"), unique_topic("other"));
    let mut sent = produce(&settings, &blocked, 0..20_000);
    sent.extend(produce(&settings, &other, 20_000..30_000));
    let (worker, batches) = sync_channel(4);
    let group = Group { id: blocked.to_string(), instance: None, topics: vec![blocked.clone(), other] };
    let limits =
        BudgetLimits { shared_bytes_max: 1 << 20, topic_bytes_max: 200 << 10, topic_bytes_guaranteed: 64 << 10 };
    let consumer = Consumer::start(&settings, group, Budget::new(limits), metrics, vec![worker]).unwrap();
    let (seen, mut kept) = (Seen::default(), vec![]);
    while seen.len() < 10_000 {
        let batch = batches.recv_timeout(PATIENCE).unwrap();
        if batch.topic == blocked {
            kept.push(batch);
        } else {
            seen.note(batch);
        }
    }
    let kept_bytes: usize = kept.iter().map(|batch| batch.raw.len()).sum();
    assert!((1..=200 << 10).contains(&kept_bytes), "{kept_bytes} bytes of the blocked topic");
    kept.into_iter().for_each(|batch| seen.note(batch));
    read_until(&seen, &batches, 30_000);
    assert!(seen.0.lock().values().all(|(_, times)| *times == 1));
    consumer.stop(Duration::from_secs(10));
}

#[test]
fn records_of_other_producers_get_ids_of_their_place_and_tombstones_are_passed_over() {
    let Some(broker) = broker() else { return };
    let (settings, topic) = (settings(&broker, 1), unique_topic("foreign"));
    cluster::create_topic(&settings, &topic, TopicCreation { partitions: 1, replication: 1 }).unwrap();
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &broker).set("acks", "all").create().unwrap();
    let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(7), 3, b"with a field as its key");
    let mut ours = vec![];
    envelope::encode(&id, &ForkPath::NONE, LineFlags::default(), &Origin::default(), &mut ours);
    let header = OwnedHeaders::new().insert(Header { key: "lc", value: Some(&ours) });
    let day_three = 3 * 86_400_000;
    let to = || BaseRecord::<[u8], [u8]>::to(topic.as_str()).key(b"user-17").timestamp(day_three);
    producer.send(to().payload(b"hello")).unwrap();
    producer.send(to()).unwrap();
    producer.send(to().payload(b"with a field as its key").headers(header)).unwrap();
    producer.send(to()).unwrap();
    producer.flush(PATIENCE).unwrap();
    let cluster_id = producer.client().fetch_cluster_id(PATIENCE).unwrap();

    let (consumer, batches) = join(&settings, &[&topic], &Metrics::default());
    let mut found = vec![];
    while found.len() < 2 {
        let batch = batches.recv_timeout(PATIENCE).unwrap();
        found.extend(
            batch.lines.iter().map(|line| (line.id, batch.raw_of(line).to_vec(), batch.origin_of(line).clone())),
        );
        batch.ticket.complete();
    }
    let place = ForeignPartition::new(&cluster_id, topic.as_str(), 0);
    assert_eq!(
        (found[0].0, found[0].1.as_slice()),
        (EventId::foreign(place, 0, day_three, b"hello"), b"hello".as_slice())
    );
    assert_eq!((found[0].0.day().days(), found[0].2.read_time_ms), (3, day_three));
    assert_eq!(found[1].0, id);
    consumer.stop(Duration::from_secs(10));
}

#[test]
fn records_that_retention_deleted_unread_are_counted() {
    let Some(broker) = broker() else { return };
    let (settings, topic, metrics) = (settings(&broker, 1), unique_topic("retention"), Metrics::default());
    produce(&settings, &topic, 0..10_000);
    let (consumer, batches) = join(&settings, &[&topic], &metrics);
    let first = batches.recv_timeout(PATIENCE).unwrap();
    let read = first.lines.len() as u64;
    first.ticket.complete();
    consumer.stop(Duration::ZERO);
    drop(batches);

    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", &broker).create().unwrap();
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(topic.as_str(), 0, Offset::Offset(9_000)).unwrap();
    futures::executor::block_on(admin.delete_records(&before, &AdminOptions::new())).unwrap();

    let (consumer, batches) = join(&settings, &[&topic], &metrics);
    let next = batches.recv_timeout(PATIENCE).unwrap();
    assert_eq!(next.raw_of(&next.lines[0]), b"line 9000 of a test that counts them all");
    assert_eq!(metrics.records_lost_to_retention.get_or_create(&of(&topic)).get(), 9_000 - read);
    next.ticket.complete();
    consumer.stop(Duration::ZERO);
}
