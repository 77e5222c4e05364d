//! Kafka, as agent and transfer need it.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use collector_tasks::explain;

use super::{Secret, address, low::LowKafka, meaning::Meaning};

/// How Kafka is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// Brokers to begin with, `host:port`.
    pub brokers: Vec<String>,
    /// Encrypted connections.
    pub tls: Option<KafkaTls>,
    /// Who we are to the brokers.
    pub sasl: Option<KafkaSasl>,
    /// The largest record that is sent, in bytes.
    pub message_bytes_max: usize,
    /// How many records wait for Kafka's answer at once.
    pub queue_records_max: usize,
    /// How long the consumer group waits for a member that is silent.
    pub session_timeout: Duration,
    /// Further properties of the Kafka client.
    pub properties: BTreeMap<String, String>,
    /// How batches of records are compressed.
    pub compression: Compression,
    /// How missing topics are created; `None`: not at all.
    pub create_topics: Option<CreateTopics>,
}

/// How connections to Kafka are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaTls {
    /// PEM file of the authority to trust; `None`: those of the system.
    pub ca_file: Option<PathBuf>,
    /// PEM files of our certificate and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The password of that key.
    pub key_password: Option<Secret>,
    /// Whether a broker's certificate has to name its host.
    pub verify_host: bool,
}

/// Who we are to Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSasl {
    /// How the password is proved.
    pub mechanism: SaslMechanism,
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// How a password is proved to Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// It is sent.
    Plain,
    /// A challenge is answered, with SHA-256.
    ScramSha256,
    /// A challenge is answered, with SHA-512.
    ScramSha512,
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

/// Properties of the client, and the keys that stand for them.
const OWN_KEYS: [(&str, &str); 4] = [
    ("compression.type", "compression"),
    ("message.max.bytes", "message_bytes_max"),
    ("queue.buffering.max.messages", "queue_records_max"),
    ("session.timeout.ms", "session_timeout_ms"),
];

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
    let create_topics = create_topics(m, &low);
    let tls = tls(m, &low);
    let sasl = sasl(m, &low);
    check_properties(m, &low);
    let records = m.number("kafka.queue_records_max", low.queue_records_max, 500_000, 1..=10_000_000);
    let session = m.number("kafka.session_timeout_ms", low.session_timeout_ms, 45_000, 1_000..=1_800_000);
    let bytes = m.number("kafka.message_bytes_max", low.message_bytes_max, 1_000_000, 16 << 10..=64 << 20);
    Some(KafkaSettings {
        brokers: brokers?,
        tls: tls?,
        sasl: sasl?,
        message_bytes_max: bytes? as usize,
        queue_records_max: records? as usize,
        session_timeout: Duration::from_millis(session?),
        properties: low.properties.unwrap_or_default(),
        compression: compression?,
        create_topics: create_topics?,
    })
}

fn create_topics(m: &mut Meaning<'_>, low: &LowKafka) -> Option<Option<CreateTopics>> {
    let Some(low) = &low.create_topics else { return Some(None) };
    let partitions = m.number("kafka.create_topics.partitions", low.partitions, 6, 1..=10_000);
    let replication =
        low.replication.map(|replicas| m.number("kafka.create_topics.replication", Some(replicas), 1, 1..=100));
    let replication = replication.map_or(Some(None), |replicas| replicas.map(|replicas| Some(replicas as i32)));
    Some(Some(CreateTopics { partitions: partitions? as i32, replication: replication? }))
}

/// Complains about properties that something else in the settings says.
fn check_properties(m: &mut Meaning<'_>, low: &LowKafka) {
    for (property, key) in OWN_KEYS {
        if low.properties.as_ref().is_some_and(|properties| properties.contains_key(property)) {
            let fix = format!("write {key} under [kafka] instead");
            m.complain("kafka.properties", format!("{property:?} has a key of its own"), fix);
        }
    }
    if low.tls.is_some() || low.sasl.is_some() {
        let doubled = low.properties.iter().flat_map(BTreeMap::keys).find(|key| is_of_security(key)).cloned();
        if let Some(key) = doubled {
            let fix = "take it away, or take [kafka.tls] and [kafka.sasl] away and write all of it as properties";
            m.complain("kafka.properties", format!("{key:?} is what [kafka.tls] and [kafka.sasl] say"), fix);
        }
    }
}

fn is_of_security(key: &str) -> bool {
    key == "security.protocol" || key.starts_with("ssl.") || key.starts_with("sasl.")
}

fn tls(m: &mut Meaning<'_>, low: &LowKafka) -> Option<Option<KafkaTls>> {
    let Some(tls) = low.tls.as_ref().filter(|tls| tls.enabled != Some(false)) else { return Some(None) };
    let ca_file = m.readable_file("kafka.tls.ca_file", tls.ca_file.as_ref());
    let certificate = m.readable_file("kafka.tls.certificate_file", tls.certificate_file.as_ref());
    let key = m.readable_file("kafka.tls.key_file", tls.key_file.as_ref());
    let certificate = match (certificate?, key?) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (Some(_), None) => {
            m.complain("kafka.tls.certificate_file", "a certificate without its key", "add key_file");
            return None;
        }
        (None, Some(_)) => {
            m.complain("kafka.tls.key_file", "a key without its certificate", "add certificate_file");
            return None;
        }
    };
    Some(Some(KafkaTls {
        ca_file: ca_file?,
        certificate,
        key_password: tls.key_password.as_ref().map(Secret::new),
        verify_host: tls.verify_host.unwrap_or(true),
    }))
}

fn sasl(m: &mut Meaning<'_>, low: &LowKafka) -> Option<Option<KafkaSasl>> {
    let Some(sasl) = &low.sasl else { return Some(None) };
    let mechanism = match sasl.mechanism.as_deref() {
        Some("PLAIN") => Some(SaslMechanism::Plain),
        Some("SCRAM-SHA-256") => Some(SaslMechanism::ScramSha256),
        Some("SCRAM-SHA-512") => Some(SaslMechanism::ScramSha512),
        other => {
            let problem = other.map_or("it is not set".to_owned(), |other| format!("{other:?} is not a mechanism"));
            let fix = "write \"SCRAM-SHA-512\", \"SCRAM-SHA-256\" or \"PLAIN\", as the brokers' sasl.enabled.mechanisms has it";
            m.complain("kafka.sasl.mechanism", problem, fix);
            None
        }
    };
    let mut required = |key: &str, value: &Option<String>, variable: &str| {
        if value.is_none() {
            let key = format!("kafka.sasl.{key}");
            m.complain(&key, "it is not set", format!("add it under [kafka.sasl], or set {variable}"));
        }
        value.clone()
    };
    let user = required("user", &sasl.user, "COLLECTOR_KAFKA_SASL_USER");
    let password = required("password", &sasl.password, "COLLECTOR_KAFKA_SASL_PASSWORD");
    Some(Some(KafkaSasl { mechanism: mechanism?, user: user?, password: Secret::new(&password?) }))
}
