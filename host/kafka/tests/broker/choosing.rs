//! What a task may choose: acknowledgements, partitions, keys; and topics that take little.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use collector_kafka::{KafkaSettings, Producer, Record, Route, SendError, TopicState};
use collector_model::{BucketDay, EventId, FileUid, ForkPath, LineFlags, Metrics, Origin, Topic, envelope};
use collector_tasks::{Partitioning, task::Acks};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication},
    consumer::{BaseConsumer, Consumer as _},
    message::Headers as _,
    producer::{BaseProducer, BaseRecord, Producer as _},
};

use crate::support::{
    PATIENCE, Seen, Told, broker, join, produce, read_until, settings, start_producer, unique_topic, until,
};

const PARTITIONS: i32 = 5;

/// A record as it lies in the topic.
#[derive(Debug, Clone)]
struct Lying {
    partition: i32,
    key: Option<Vec<u8>>,
    value: Vec<u8>,
    envelope: Option<Vec<u8>>,
}

/// Reads a topic from its beginning, until `count` records came.
fn read(broker: &str, topic: &Topic, partitions: i32, count: usize) -> Vec<Lying> {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", broker).set("group.id", "none").create().unwrap();
    let mut all = TopicPartitionList::new();
    (0..partitions).for_each(|partition| {
        all.add_partition_offset(topic.as_str(), partition, Offset::Beginning).unwrap();
    });
    consumer.assign(&all).unwrap();
    let (mut found, deadline) = (vec![], Instant::now() + PATIENCE);
    while found.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} records", found.len());
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.unwrap();
        let header = message.headers().and_then(|headers| headers.iter().find(|header| header.key == "lc"));
        found.push(Lying {
            partition: message.partition(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().unwrap().to_vec(),
            envelope: header.and_then(|header| header.value).map(<[u8]>::to_vec),
        });
    }
    found
}

fn key_of(line: &[u8], offset: u64) -> Vec<u8> {
    let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(7), offset, line);
    let mut key = vec![];
    envelope::encode(&id, &ForkPath::NONE, LineFlags::default(), &Origin::default(), &mut key);
    key
}

fn ready(route: &Route) {
    until(|| (route.state() == TopicState::Ready).then_some(()));
}

#[test]
fn every_kind_of_acknowledgement_delivers() {
    let Some(broker) = broker() else { return };
    let settings = settings(&broker, 1);
    for acks in [Acks::None, Acks::Leader, Acks::All] {
        let (topic, told) = (unique_topic("acks"), Arc::new(Told::default()));
        let producer = Producer::start(&settings, acks, Metrics::default(), |refused| panic!("{refused:?}")).unwrap();
        let mut route = producer.route(&topic, Partitioning::Sticky);
        for number in 0..1_000 {
            let value = format!("line {number}");
            let record = Record { route: &mut route, key: &key_of(value.as_bytes(), number), value: value.as_bytes() };
            producer.send(record, told.ticket()).unwrap();
        }
        assert!(producer.flush(PATIENCE), "{acks:?}");
        assert_eq!(
            (told.acknowledged.load(Ordering::SeqCst), told.lost.load(Ordering::SeqCst)),
            (1_000, 0),
            "{acks:?}"
        );
        assert_eq!(read(&broker, &topic, 1, 1_000).len(), 1_000, "{acks:?}");
    }
}

#[test]
fn lines_are_spread_as_the_task_says() {
    let Some(broker) = broker() else { return };
    let settings = settings(&broker, PARTITIONS);
    let spread = |partitioning| {
        let (topic, told) = (unique_topic("spread"), Arc::new(Told::default()));
        let producer = start_producer(&settings, &Metrics::default());
        let mut route = producer.route(&topic, partitioning);
        for number in 0..200_u64 {
            let value = number.to_string();
            producer.send(Record { route: &mut route, key: b"", value: value.as_bytes() }, told.ticket()).unwrap();
        }
        assert!(producer.flush(PATIENCE));
        let mut counts = vec![0; PARTITIONS as usize];
        read(&broker, &topic, PARTITIONS, 200).iter().for_each(|record| counts[record.partition as usize] += 1);
        counts
    };
    assert_eq!(spread(Partitioning::RoundRobin), [40; 5]);
    assert_eq!(spread(Partitioning::Number(3)), [0, 0, 0, 200, 0]);
    assert!(spread(Partitioning::Random).iter().all(|count| (10..100).contains(count)));
    assert_eq!(spread(Partitioning::Sticky).iter().filter(|count| **count > 0).count(), 1);
}

#[test]
fn a_field_as_key_goes_where_kafka_s_own_clients_put_it_and_the_envelope_is_a_header() {
    let Some(broker) = broker() else { return };
    let (settings, topic, told) = (settings(&broker, PARTITIONS), unique_topic("keyed"), Arc::new(Told::default()));
    let producer = start_producer(&settings, &Metrics::default());
    let mut route = producer.route(&topic, Partitioning::Key);
    let field = |number: u64| format!("user-{}", number % 50);
    for number in 0..500_u64 {
        let value = format!("line {number}");
        let key = key_of(value.as_bytes(), number);
        let record = Record { route: &mut route, key: &key, value: value.as_bytes() };
        producer.send_with_field(record, Some(field(number).as_bytes()), told.ticket()).unwrap();
    }
    let without = Record { route: &mut route, key: &key_of(b"without", 500), value: b"without" };
    producer.send_with_field(without, None, told.ticket()).unwrap();
    assert!(producer.flush(PATIENCE));
    let records = read(&broker, &topic, PARTITIONS, 501);
    let mut places: HashMap<Vec<u8>, HashSet<i32>> = HashMap::new();
    for record in &records {
        let envelope = record.envelope.as_deref().unwrap();
        let id = envelope::Envelope::decode(envelope).unwrap().id;
        let number = id.offset();
        assert_eq!(id, EventId::ours(BucketDay::from_unix_ms(0), FileUid(7), number, &record.value));
        assert_eq!(record.key, (number < 500).then(|| field(number).into_bytes()));
        record.key.clone().map(|key| places.entry(key).or_default().insert(record.partition));
    }

    // The same keys, by a client that is told to do as the Java clients do.
    let reference: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &broker).set("partitioner", "murmur2").create().unwrap();
    let other = unique_topic("reference");
    collector_kafka::cluster::create_topic(&settings, &other, settings.create_topics.unwrap()).unwrap();
    for key in places.keys() {
        reference.send(BaseRecord::to(other.as_str()).key(key.as_slice()).payload(b"x".as_slice())).unwrap();
    }
    reference.flush(PATIENCE).unwrap();
    for record in read(&broker, &other, PARTITIONS, 50) {
        assert_eq!(places[&record.key.unwrap()], HashSet::from([record.partition]));
    }
    // And the transfer finds the ids in the header.
    let (consumer, batches) = join(&settings, &[&topic], &Metrics::default());
    let seen = Seen::default();
    read_until(&seen, &batches, 501);
    assert!(seen.0.lock().values().all(|(id, _)| id.is_ours()));
    consumer.stop(Duration::from_secs(10));
}

/// Creates a topic that takes little at once.
fn create_narrow(broker: &str, topic: &Topic, bytes_max: &str) -> AdminClient<rdkafka::client::DefaultClientContext> {
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", broker).create().unwrap();
    let new = NewTopic::new(topic.as_str(), 2, TopicReplication::Fixed(1)).set("max.message.bytes", bytes_max);
    futures::executor::block_on(admin.create_topics([&new], &AdminOptions::new())).unwrap();
    admin
}

#[test]
fn a_topic_that_takes_little_at_once_gets_smaller_batches_and_larger_records_are_given_back() {
    let Some(broker) = broker() else { return };
    // Uncompressed, so that it is the size that counts.
    let compression = collector_kafka::Compression::None;
    let settings = KafkaSettings { compression, ..settings(&broker, 2) };
    let (topic, other, told) = (unique_topic("narrow"), unique_topic("wide"), Arc::new(Told::default()));
    create_narrow(&broker, &topic, "4000");
    let producer = start_producer(&settings, &Metrics::default());
    let mut route = producer.route(&topic, Partitioning::Number(1));
    until(|| (route.record_bytes_max() < 4_000).then_some(()));
    ready(&route);
    let value = |number: u64| format!("{number:05} {}", "x".repeat(500)).into_bytes();
    for number in 0..2_000 {
        let record = Record { route: &mut route, key: &key_of(b"", number), value: &value(number) };
        producer.send(record, told.ticket()).unwrap();
    }
    let large = vec![b'x'; 4_001];
    let refused = producer.send(Record { route: &mut route, key: b"", value: &large }, told.ticket());
    let Err(SendError::TooLarge { ticket, bytes_max, .. }) = refused else { panic!("{refused:?}") };
    assert!(bytes_max < 4_000);
    ticket.complete();
    let mut elsewhere = producer.route(&other, Partitioning::Sticky);
    producer.send(Record { route: &mut elsewhere, key: b"", value: &large }, told.ticket()).unwrap();
    assert!(producer.flush(PATIENCE));
    assert_eq!((told.acknowledged.load(Ordering::SeqCst), told.lost.load(Ordering::SeqCst)), (2_002, 0));
    let records = read(&broker, &topic, 2, 2_000);
    assert!(records.iter().enumerate().all(|(number, record)| record.value == value(number as u64)), "in order");
}

#[test]
fn a_limit_that_is_lowered_while_lines_flow_is_learned_and_no_line_is_refused_for_ever() {
    let Some(broker) = broker() else { return };
    let compression = collector_kafka::Compression::None;
    let settings = KafkaSettings { compression, ..settings(&broker, 2) };
    let (topic, metrics) = (unique_topic("lowered"), Metrics::default());
    let admin = create_narrow(&broker, &topic, "1000000");
    let producer = start_producer(&settings, &metrics);
    let mut route = producer.route(&topic, Partitioning::Number(0));
    ready(&route);
    until(|| (route.record_bytes_max() < 1_000_000).then_some(()));
    let lower = AlterConfig::new(ResourceSpecifier::Topic(topic.as_str())).set("max.message.bytes", "3000");
    futures::executor::block_on(admin.alter_configs([&lower], &AdminOptions::new())).unwrap();

    // As a source does: what was lost is sent again; and more comes until the broker goes by the new limit.
    let mut open: Vec<u64> = vec![];
    let value = vec![b'x'; 700];
    let deadline = Instant::now() + PATIENCE;
    while !open.is_empty() || route.record_bytes_max() >= 3_000 {
        assert!(Instant::now() < deadline, "{} lines are refused again and again", open.len());
        if open.is_empty() {
            open = (0..500).collect();
        }
        let told: Vec<_> = open.iter().map(|_| Arc::new(Told::default())).collect();
        for (number, told) in open.iter().zip(&told) {
            let record = Record { route: &mut route, key: &key_of(b"", *number), value: &value };
            producer.send(record, told.ticket()).unwrap();
        }
        assert!(producer.flush(PATIENCE));
        let mut answers = told.iter().map(|told| told.acknowledged.load(Ordering::SeqCst) == 0);
        open.retain(|_| answers.next().unwrap());
    }
}

#[test]
fn ids_and_lines_of_records_of_many_lines_come_through() {
    let Some(broker) = broker() else { return };
    let (settings, topic, told) = (settings(&broker, 2), unique_topic("many"), Arc::new(Told::default()));
    let producer = start_producer(&settings, &Metrics::default());
    let mut route = producer.route(&topic, Partitioning::RoundRobin);
    let mut ids = HashMap::new();
    let file: String = (0..20_000).map(|number| format!("many lines in few records, number {number}\n")).collect();
    let (mut packer, mut lines, mut at) = (envelope::many::Packer::default(), vec![], 0);
    for line in file.lines() {
        let span = at..at + line.len();
        at += line.len() + 1;
        let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(9), span.start as u64, line.as_bytes());
        ids.insert(line.as_bytes().to_vec(), id);
        lines.push(envelope::many::Packed { span, id, fork: ForkPath::NONE, flags: LineFlags::default() });
    }
    let mut next = 0;
    while next < lines.len() {
        packer.begin(file.as_bytes(), &lines[next], &Origin::default());
        next += 1;
        while lines.get(next).is_some_and(|line| packer.push(file.as_bytes(), line, 300 << 10)) {
            next += 1;
        }
        let count = packer.lines();
        let (key, value) = packer.finish(file.as_bytes());
        let record = Record { route: &mut route, key, value: &file.as_bytes()[value] };
        producer.send_lines(record, count, told.ticket()).unwrap();
    }
    assert!(producer.flush(PATIENCE));
    // And lines of the other form beside them.
    ids.extend(produce(&settings, &topic, 0..5_000));
    let (consumer, batches) = join(&settings, &[&topic], &Metrics::default());
    let seen = Seen::default();
    read_until(&seen, &batches, ids.len());
    let seen = seen.0.into_inner();
    assert!(seen.len() == ids.len() && ids.iter().all(|(line, id)| seen.get(line) == Some(&(*id, 1))));
    consumer.stop(Duration::from_secs(10));
}
