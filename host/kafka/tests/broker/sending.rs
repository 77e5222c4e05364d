//! Sending, dead letters, and asking a cluster.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use collector_kafka::{
    KafkaDeadLetters, KafkaError, KafkaSettings, Record, Route, SendError, TopicCreation, TopicState, cluster,
};
use collector_model::{
    BucketDay, DeadLetter, DeadLetters, EventId, FileUid, ForkPath, LineFlags, Metrics, Origin, Topic, dead::Stage,
    envelope, metrics::of,
};
use collector_tasks::Partitioning;

use crate::support::{PATIENCE, Told, broker, join, settings, start_producer, unique_topic, until};

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
    // Before, a busy broker may not have answered in time.
    let named = until(|| match to_missing.state() {
        TopicState::Unavailable(KafkaError::TopicMissing { topic, .. }) => Some(topic),
        _ => None,
    });
    assert_eq!(named, missing.as_str());
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

#[test]
fn missing_topics_are_created_and_one_that_is_refused_keeps_none_of_the_others_waiting() {
    let Some(broker) = broker() else { return };
    let settings = settings(&broker, 1);
    // Kafka takes no two topics whose names differ in dots and underscores alone.
    let (dotted, name) = (unique_topic("of.them"), unique_topic("of"));
    cluster::create_topic(&settings, &dotted, TopicCreation { partitions: 1, replication: 1 }).unwrap();
    let refused = Topic::new(&dotted.as_str().replace('.', "_")).unwrap();
    let missing = (0..150).map(|number| Topic::new(&format!("{name}-{number}")).unwrap());
    let topics: Vec<Topic> = std::iter::once(refused.clone()).chain(missing).collect();
    let producer = start_producer(&settings, &Metrics::default());
    let routes: Vec<_> = topics.iter().map(|topic| producer.route(topic, Partitioning::Sticky)).collect();
    for (route, topic) in routes.iter().zip(&topics).skip(1) {
        until(|| (route.state() == TopicState::Ready).then_some(()));
        assert_eq!(cluster::topic_partitions(&settings, topic, PATIENCE), Ok(1));
    }
    let state = until(|| Some(routes[0].state()).filter(|state| *state != TopicState::Unknown));
    assert!(matches!(state, TopicState::Unavailable(_)), "{refused}: {state:?}");
}

#[test]
fn a_record_that_is_too_large_gives_its_ticket_back() {
    let Some(broker) = broker() else { return };
    let (settings, topic, told) = (settings(&broker, 1), unique_topic("large"), Arc::new(Told::default()));
    let producer = start_producer(&settings, &Metrics::default());
    let mut route = producer.route(&topic, Partitioning::Sticky);
    let fits = vec![b'x'; route.record_bytes_max()];
    producer.send(Record { route: &mut route, key: b"", value: &fits }, told.ticket()).unwrap();
    let too_large = vec![b'x'; fits.len() + 1];
    let refused = producer.send(Record { route: &mut route, key: b"", value: &too_large }, told.ticket());
    let Err(SendError::TooLarge { ticket, .. }) = refused else { panic!("{refused:?}") };
    ticket.complete();
    assert!(producer.flush(PATIENCE));
    assert_eq!((told.acknowledged.load(Ordering::SeqCst), told.lost.load(Ordering::SeqCst)), (2, 0));
}

#[test]
fn a_queue_of_few_records_makes_senders_wait_and_a_topic_takes_half_of_it() {
    let Some(broker) = broker() else { return };
    // Nothing leaves before it is flushed.
    let settings = KafkaSettings { queue_records_max: 10, linger: Duration::from_secs(600), ..settings(&broker, 1) };
    let told = Arc::new(Told::default());
    let producer = start_producer(&settings, &Metrics::default());
    let mut one = producer.route(&unique_topic("one"), Partitioning::Sticky);
    let mut other = producer.route(&unique_topic("other"), Partitioning::Sticky);
    let send = |route: &mut Route| producer.send(Record { route, key: b"", value: b"x" }, told.ticket()).unwrap();
    (0..6).for_each(|_| send(&mut one));
    until(|| (other.state() == TopicState::Ready).then_some(()));
    assert_eq!(one.state(), TopicState::Congested);
    (0..4).for_each(|_| send(&mut other));
    let acknowledged = || told.acknowledged.load(Ordering::SeqCst);
    std::thread::scope(|scope| {
        let (begin, begun) = std::sync::mpsc::channel();
        let sending = scope.spawn(move || {
            begin.send(()).unwrap();
            send(&mut other);
            acknowledged()
        });
        begun.recv().unwrap();
        until(|| (producer.flush(Duration::from_millis(100)) && sending.is_finished()).then_some(()));
        assert!(sending.join().unwrap() > 0, "the eleventh was taken when others had gone");
    });
    assert!(producer.flush(PATIENCE));
    assert_eq!((acknowledged(), one.state()), (11, TopicState::Ready));
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
