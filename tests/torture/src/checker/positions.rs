//! How much there is in Kafka, and how far the transfers' group has committed, as Kafka itself tells.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, ensure};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
};

use crate::scene::{GROUP, TOPICS};

const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// One partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Its number.
    pub partition: i32,
    /// The first offset that is still there.
    pub low: i64,
    /// The offset after the last record.
    pub high: i64,
    /// Up to where the group has committed; none before its first commit.
    pub committed: Option<i64>,
}

impl Position {
    /// How many records are not committed.
    pub fn lag(&self) -> i64 {
        self.high - self.committed.unwrap_or(self.low)
    }
}

/// Records of all topics together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many were ever written.
    pub records: i64,
    /// How many of those that are there are not committed.
    pub uncommitted: i64,
}

impl Totals {
    /// Asks that Kafka.
    pub async fn of(kafka: String) -> anyhow::Result<Totals> {
        let asked = tokio::task::spawn_blocking(move || {
            let positions = Positions::of(&kafka)?;
            let mut totals = Totals::default();
            for topic in TOPICS {
                for position in positions.of_topic(topic)? {
                    totals.records += position.high;
                    totals.uncommitted += position.lag();
                }
            }
            Ok(totals)
        });
        asked.await?
    }
}

/// Where everything stood at a moment: each topic's partitions.
#[derive(Clone, Debug)]
pub struct Marks(pub BTreeMap<&'static str, Vec<Position>>);

impl Marks {
    /// Asks that Kafka.
    pub async fn of(kafka: String) -> anyhow::Result<Marks> {
        let asked = tokio::task::spawn_blocking(move || {
            let positions = Positions::of(&kafka)?;
            TOPICS.iter().map(|topic| Ok((*topic, positions.of_topic(topic)?))).collect::<anyhow::Result<_>>()
        });
        Ok(Marks(asked.await??))
    }
}

/// Asks for positions; it takes part in no group.
pub struct Positions(BaseConsumer);

impl Positions {
    /// Asks that Kafka.
    pub fn of(kafka: &str) -> anyhow::Result<Positions> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka).set("group.id", GROUP).set("enable.auto.commit", "false");
        Ok(Positions(config.create().context("a client that asks for positions")?))
    }

    /// All partitions of a topic. The commits are those of a moment before the ends.
    pub fn of_topic(&self, topic: &str) -> anyhow::Result<Vec<Position>> {
        let metadata = self.0.fetch_metadata(Some(topic), ANSWER_WITHIN).context("asking Kafka for a topic")?;
        let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len() as i32);
        ensure!(partitions > 0, "Kafka does not know the topic {topic}");
        let mut asked = TopicPartitionList::new();
        for partition in 0..partitions {
            asked.add_partition(topic, partition);
        }
        let committed = self.0.committed_offsets(asked, ANSWER_WITHIN).context("asking for what is committed")?;
        let position = |partition: i32| {
            let (low, high) = self.0.fetch_watermarks(topic, partition, ANSWER_WITHIN).context("asking for an end")?;
            let committed = match committed.find_partition(topic, partition).map(|known| known.offset()) {
                Some(Offset::Offset(offset)) => Some(offset),
                _ => None,
            };
            Ok(Position { partition, low, high, committed })
        };
        (0..partitions).map(position).collect()
    }

    /// The ends of a topic's partitions.
    pub fn ends(&self, topic: &str) -> anyhow::Result<Vec<i64>> {
        Ok(self.of_topic(topic)?.into_iter().map(|position| position.high).collect())
    }

    /// Calls `take` with key and value of the last records before an offset, at most so many.
    pub fn records_before(
        &self,
        topic: &str,
        at: &Position,
        count: i64,
        mut take: impl FnMut(&[u8], &[u8]),
    ) -> anyhow::Result<()> {
        use rdkafka::Message as _;
        let end = at.committed.unwrap_or(at.low);
        let from = (end - count).max(at.low);
        if from >= end {
            return Ok(());
        }
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(topic, at.partition, Offset::Offset(from))?;
        self.0.assign(&assignment)?;
        loop {
            let message = self.0.poll(ANSWER_WITHIN).context("reading records: Kafka does not answer")??;
            if message.partition() == at.partition && message.offset() < end {
                take(message.key().unwrap_or_default(), message.payload().unwrap_or_default());
            }
            if message.partition() == at.partition && message.offset() + 1 >= end {
                self.0.unassign()?;
                return Ok(());
            }
        }
    }
}
