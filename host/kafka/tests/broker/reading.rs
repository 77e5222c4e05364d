//! Reading as members of a group.

use std::{
    collections::HashMap,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::sync_channel,
    },
    time::{Duration, Instant},
};

use collector_kafka::{Consumer, Group, TopicCreation, cluster};
use collector_model::{
    BucketDay, Budget, EventId, FileUid, ForkPath, LineFlags, Metrics, Origin, budget::BudgetLimits, envelope,
    id::ForeignPartition, metrics::of,
};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewPartitions},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _},
};

use crate::support::{PATIENCE, Seen, broker, drain_while, join, join_as, produce, read_until, settings, unique_topic};

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
fn partitions_that_came_while_a_static_member_was_away_are_read() {
    let Some(broker) = broker() else { return };
    let (topic, metrics, seen) = (unique_topic("grown"), Metrics::default(), Seen::default());
    let before = settings(&broker, 1);
    produce(&before, &topic, 0..100);
    let (first, batches) = join_as(Some("one"), &before, &[&topic], &metrics);
    read_until(&seen, &batches, 100);
    drain_while(&seen, &batches, || first.stop(Duration::from_secs(10)));

    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", &broker).create().unwrap();
    let more = NewPartitions::new(topic.as_str(), 6);
    futures::executor::block_on(admin.create_partitions([&more], &AdminOptions::new())).unwrap();
    produce(&settings(&broker, 6), &topic, 100..20_000);
    let (second, batches) = join_as(Some("one"), &before, &[&topic], &metrics);
    read_until(&seen, &batches, 20_000);
    drain_while(&seen, &batches, || second.stop(Duration::from_secs(10)));
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
    while seen.len() < 10_000 || kept.is_empty() {
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
