//! Kafka, as agent and transfer need it.

use std::collections::BTreeMap;

use collector_tasks::explain;

use super::{address, meaning::Meaning};

/// How Kafka is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// Brokers to begin with, `host:port`.
    pub brokers: Vec<String>,
    /// Further properties of the Kafka client.
    pub properties: BTreeMap<String, String>,
    /// How batches of records are compressed.
    pub compression: Compression,
    /// How missing topics are created; `None`: not at all.
    pub create_topics: Option<CreateTopics>,
}

/// How a missing topic is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateTopics {
    /// Partitions.
    pub partitions: i32,
    /// Replicas; `None` is the broker's default.
    pub replication: Option<i32>,
}

/// How batches of records are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// LZ4: the cheapest.
    Lz4,
    /// Zstandard: smaller.
    Zstd,
}

pub(crate) fn meaning(m: &mut Meaning<'_>) -> Option<KafkaSettings> {
    let low = m.written.low.kafka.clone().unwrap_or_default();
    let example = "brokers = [\"127.0.0.1:9092\"] under [kafka]";
    let brokers = m.required_list("kafka.brokers", low.brokers.as_ref(), example, address::broker);
    let compression = match low.compression.as_deref() {
        None | Some("lz4") => Some(Compression::Lz4),
        Some("none") => Some(Compression::None),
        Some("zstd") => Some(Compression::Zstd),
        Some(other) => {
            let fix = explain::did_you_mean(other, &["none", "lz4", "zstd"]);
            m.complain("kafka.compression", format!("{other:?} is not a compression"), fix);
            None
        }
    };
    let create_topics = match low.create_topics {
        None => Some(None),
        Some(low) => {
            let partitions = m.number("kafka.create_topics.partitions", low.partitions, 6, 1..=10_000);
            let replication =
                low.replication.map(|replicas| m.number("kafka.create_topics.replication", Some(replicas), 1, 1..=100));
            let replication = replication.map_or(Some(None), |replicas| replicas.map(|replicas| Some(replicas as i32)));
            partitions
                .zip(replication)
                .map(|(partitions, replication)| Some(CreateTopics { partitions: partitions as i32, replication }))
        }
    };
    Some(KafkaSettings {
        brokers: brokers?,
        properties: low.properties.unwrap_or_default(),
        compression: compression?,
        create_topics: create_topics?,
    })
}
