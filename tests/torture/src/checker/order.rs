//! Records in Kafka: their bytes, and in which order the lines of a file stand in a partition.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use collector_model::FileUid;
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    message::BorrowedMessage,
};

use super::{Find, Tally, covered::Places};
use crate::{record::lines_of, scene::INDEXED};

const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const READ_WITHIN: Duration = Duration::from_secs(600);

/// How lines stand in Kafka.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// How many lines there are that become documents.
    pub lines: u64,
    /// How often one file goes back in one partition, at most.
    pub steps_back_max: u64,
}

impl Order {
    /// That of two runs.
    pub(crate) fn and(self, other: Order) -> Order {
        Order { lines: self.lines + other.lines, steps_back_max: self.steps_back_max.max(other.steps_back_max) }
    }
}

/// Looks at every line of a topic: how they stand, and where.
pub(super) fn of_topic(kafka: &str, topic: &str, tally: &mut Tally, order: &mut Order) -> anyhow::Result<Places> {
    let mut all = Places::default();
    let mut places: HashMap<(i32, FileUid), (u64, u64)> = HashMap::new();
    read_all(kafka, topic, |record| {
        lines_of(record.key().unwrap_or_default(), record.payload().unwrap_or_default(), |id, line| {
            order.lines += u64::from(INDEXED.contains(&topic));
            tally.count(Find::Record, line, "Kafka");
            let Some(id) = id else { return };
            let (Some(file), offset) = (id.file(), id.offset()) else { return };
            all.add(file, offset, record.partition(), record.offset());
            let (last, steps_back) = places.entry((record.partition(), file)).or_default();
            if offset < *last {
                *steps_back += 1;
            }
            *last = offset;
        });
    })?;
    let steps_back_max = places.values().map(|(_, steps_back)| *steps_back).max().unwrap_or(0);
    order.steps_back_max = order.steps_back_max.max(steps_back_max);
    Ok(all)
}

/// Reads everything that is in a topic now.
pub(super) fn read_all(address: &str, topic: &str, take: impl FnMut(&BorrowedMessage<'_>)) -> anyhow::Result<()> {
    read_from(address, topic, |_| None, take)
}

/// Reads what is in a topic now, from an offset of each partition on, or from its beginning.
pub(super) fn read_from(
    address: &str,
    topic: &str,
    from: impl Fn(i32) -> Option<i64>,
    mut take: impl FnMut(&BorrowedMessage<'_>),
) -> anyhow::Result<()> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address).set("group.id", "checker").set("enable.auto.commit", "false");
    config.set("isolation.level", "read_committed").set("queued.max.messages.kbytes", "32768");
    let consumer: BaseConsumer = config.create().context("a reader of Kafka")?;
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_WITHIN).context("asking Kafka for a topic")?;
    let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len() as i32);
    let (mut ends, mut assignment) = (HashMap::new(), TopicPartitionList::new());
    for partition in 0..partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition, ANSWER_WITHIN).context("asking for its ends")?;
        let from = from(partition).unwrap_or(low).max(low);
        if high > from {
            ends.insert(partition, high);
            assignment.add_partition_offset(topic, partition, Offset::Offset(from))?;
        }
    }
    consumer.assign(&assignment)?;
    let begun = Instant::now();
    while !ends.is_empty() {
        ensure!(
            begun.elapsed() < READ_WITHIN,
            "reading {topic} from Kafka takes more than {} s",
            READ_WITHIN.as_secs()
        );
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        let message = message.context("reading from Kafka")?;
        if ends.get(&message.partition()).is_some_and(|end| message.offset() + 1 >= *end) {
            ends.remove(&message.partition());
        }
        take(&message);
    }
    Ok(())
}
