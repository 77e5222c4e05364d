//! Kafka, as any other producer or consumer sees it.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    message::{Headers, OwnedMessage},
    producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer},
};

const ANSWER_WITHIN: Duration = Duration::from_secs(30);

fn config(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    config
}

/// Makes a topic.
pub(crate) async fn create_topic(address: &str, topic: &str, partitions: i32) {
    create_topic_with(address, topic, partitions, &[]).await;
}

/// Makes a topic that has those properties.
pub(crate) async fn create_topic_with(address: &str, topic: &str, partitions: i32, properties: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = config(address).create().expect("an admin client");
    let options = AdminOptions::new().operation_timeout(Some(ANSWER_WITHIN));
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let topic = properties.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
    let answers = admin.create_topics([&topic], &options).await.expect("an answer from Kafka");
    answers.into_iter().for_each(|answer| drop(answer.expect("the topic")));
}

/// Everything that is in a topic now, partition by partition, in order.
pub(crate) fn everything_in(address: &str, topic: &str) -> Vec<OwnedMessage> {
    let mut config = config(address);
    config.set("group.id", "collector-test-reader").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_WITHIN).expect("the topic's metadata");
    let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len() as i32);
    let mut ends = vec![];
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition, ANSWER_WITHIN).expect("the watermarks");
        if high > low {
            ends.push((partition, high));
            assignment.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
        }
    }
    consumer.assign(&assignment).expect("the assignment");
    let mut found = vec![];
    let deadline = Instant::now() + ANSWER_WITHIN * 4;
    while !ends.is_empty() {
        assert!(Instant::now() < deadline, "reading {topic}: not at its end yet");
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        let message = message.expect("a message");
        ends.retain(|&(partition, end)| partition != message.partition() || message.offset() + 1 < end);
        found.push(message.detach());
    }
    found.sort_by_key(|message| (message.partition(), message.offset()));
    found
}

/// The values of everything in a topic.
pub(crate) fn values_in(address: &str, topic: &str) -> Vec<Vec<u8>> {
    everything_in(address, topic).iter().map(|message| message.payload().unwrap_or_default().to_vec()).collect()
}

/// A header's text.
pub(crate) fn header(message: &OwnedMessage, name: &str) -> Option<String> {
    let headers = message.headers()?;
    let header = headers.iter().find(|header| header.key == name)?;
    Some(String::from_utf8_lossy(header.value?).into_owned())
}

/// Writes bare values, as a producer does that knows nothing of the collector.
pub(crate) fn produce<V: AsRef<[u8]>>(address: &str, topic: &str, values: impl IntoIterator<Item = V>) {
    produce_where(address, topic, values, |_, record| record);
}

/// The same with the time and the partition that each record's number (from 0) is given.
pub(crate) fn produce_where<V: AsRef<[u8]>>(
    address: &str,
    topic: &str,
    values: impl IntoIterator<Item = V>,
    place: impl for<'a> Fn(i64, BaseRecord<'a, (), [u8]>) -> BaseRecord<'a, (), [u8]>,
) {
    let mut config = config(address);
    config.set("compression.type", "lz4");
    let producer: ThreadedProducer<DefaultProducerContext> = config.create().expect("a producer");
    for (number, value) in values.into_iter().enumerate() {
        let mut record = place(number as i64, BaseRecord::to(topic).payload(value.as_ref()));
        while let Err((error, back)) = producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(rdkafka::types::RDKafkaErrorCode::QueueFull), "{error}");
            producer.flush(Duration::from_millis(100)).ok();
            record = back;
        }
    }
    producer.flush(ANSWER_WITHIN).expect("everything delivered");
}
