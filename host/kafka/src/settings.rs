//! How this process talks to Kafka.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use collector_tasks::task::Acks;
use rdkafka::ClientConfig;

use crate::KafkaError;

/// Properties of librdkafka, with their other names, on which a guarantee rests, or that follow from settings of ours: nothing else
/// can change them.
const RESERVED: [&str; 24] = [
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "batch.size",
    "bootstrap.servers",
    "compression.codec",
    "compression.type",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "message.max.bytes",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "request.required.acks",
    "session.timeout.ms",
    // Lags are learned from these, and whether anybody answers.
    "statistics.interval.ms",
];

/// How many records of one partition go into one request at most: as soon as there are so many, they go. As many of 400 bytes are
/// within the bytes of a request.
pub(crate) const REQUEST_RECORDS_MAX: u32 = 2_048;
/// How often a member of a group says that it lives; several times within its session.
const HEARTBEAT_MAX: Duration = Duration::from_secs(3);
/// How long a member may be busy; never less than its session.
const POLL_INTERVAL_MIN: Duration = Duration::from_secs(300);

/// How this process talks to Kafka. [`KafkaSettings::new`] fills in every default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// Brokers to begin with, `host:port`; the others are learned from them.
    pub brokers: Vec<String>,
    /// How connections are encrypted; `None`: not at all.
    pub tls: Option<Tls>,
    /// Who we are to the brokers; `None`: nobody in particular.
    pub sasl: Option<Sasl>,
    /// Further properties of librdkafka.
    pub properties: BTreeMap<String, String>,
    /// How batches of records are compressed.
    pub compression: Compression,
    /// What the producer's queue may hold, in KiB; the resident memory of a sending process is made of it.
    pub queue_kbytes_max: usize,
    /// How many records it may hold.
    pub queue_records_max: usize,
    /// How long a record waits for company.
    pub linger: Duration,
    /// How much of one partition goes into one request, in bytes.
    pub batch_bytes_max: usize,
    /// The largest record that is sent, in bytes.
    pub message_bytes_max: usize,
    /// Whether missing topics are created, and how.
    pub create_topics: Option<TopicCreation>,
    /// What a topic that is created takes at most in one batch of records, in bytes; `None` is the broker's default.
    pub new_topic_bytes_max: Option<usize>,
    /// How dead-letter topics are created where they are missing.
    pub create_dead_letters: TopicCreation,
    /// How long a broker is waited for in one request.
    pub request_timeout: Duration,
    /// What a consumer does.
    pub consumer: ConsumerLimits,
}

/// How connections are encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the authorities to trust; `None`: those of the system.
    pub ca_file: Option<PathBuf>,
    /// PEM file of our certificate, where the brokers ask for one.
    pub certificate_file: Option<PathBuf>,
    /// PEM file of its key.
    pub key_file: Option<PathBuf>,
    /// The password of that key.
    pub key_password: Option<String>,
    /// Whether a broker's certificate has to name the host by which it is reached.
    pub verify_host: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Tls { ca_file: None, certificate_file: None, key_file: None, key_password: None, verify_host: true }
    }
}

/// Without the password.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tls { ca_file, certificate_file, key_file, verify_host, .. } = self;
        f.debug_struct("Tls")
            .field("ca_file", ca_file)
            .field("certificate_file", certificate_file)
            .field("key_file", key_file)
            .field("verify_host", verify_host)
            .finish_non_exhaustive()
    }
}

/// Who we are to the brokers.
#[derive(Clone, PartialEq, Eq)]
pub struct Sasl {
    /// How the password is proved.
    pub mechanism: SaslMechanism,
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

/// Without the password.
impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sasl { mechanism, user, .. } = self;
        f.debug_struct("Sasl").field("mechanism", mechanism).field("user", user).finish_non_exhaustive()
    }
}

/// How a password is proved to the brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// It is sent: only over TLS is it a secret.
    Plain,
    /// A challenge is answered, with SHA-256.
    ScramSha256,
    /// A challenge is answered, with SHA-512.
    ScramSha512,
}

impl SaslMechanism {
    /// As brokers and settings call it.
    pub fn name(self) -> &'static str {
        match self {
            SaslMechanism::Plain => "PLAIN",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// How a topic is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicCreation {
    /// Number of partitions.
    pub partitions: i32,
    /// Number of replicas; -1 is the broker's default.
    pub replication: i32,
}

/// How batches of records are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// LZ4 (the default): the cheapest.
    #[default]
    Lz4,
    /// Zstandard: smaller, for a quarter more CPU time.
    Zstd,
}

/// What a consumer may hold and how long it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerLimits {
    /// A batch is closed when its lines have that many bytes.
    pub batch_bytes_max: usize,
    /// A batch is closed when it has that many lines.
    pub batch_lines_max: usize,
    /// A batch is closed when its first line has waited that long.
    pub batch_age_max: Duration,
    /// What is fetched ahead for each partition, in KiB.
    pub fetch_kbytes_max: usize,
    /// How long the group waits for a member that is silent. Half of it is given to outstanding lines on a rebalance.
    pub session_timeout: Duration,
}

impl Default for ConsumerLimits {
    fn default() -> Self {
        ConsumerLimits {
            batch_bytes_max: 128 << 10,
            batch_lines_max: 2_000,
            batch_age_max: Duration::from_millis(20),
            fetch_kbytes_max: 1_024,
            session_timeout: Duration::from_secs(45),
        }
    }
}

impl KafkaSettings {
    /// The defaults for those brokers.
    pub fn new(brokers: Vec<String>) -> Self {
        KafkaSettings {
            brokers,
            tls: None,
            sasl: None,
            properties: BTreeMap::new(),
            compression: Compression::default(),
            queue_kbytes_max: 16_384,
            queue_records_max: 500_000,
            linger: Duration::from_millis(20),
            batch_bytes_max: 1_000_000,
            message_bytes_max: 1_000_000,
            create_topics: None,
            new_topic_bytes_max: None,
            create_dead_letters: TopicCreation { partitions: 1, replication: -1 },
            request_timeout: Duration::from_secs(5),
            consumer: ConsumerLimits::default(),
        }
    }

    /// The brokers as one text, comma-separated.
    pub fn address(&self) -> String {
        self.brokers.join(",")
    }

    /// What a client that only asks has.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, KafkaError> {
        self.with_properties(self.common_config()?)
    }

    /// Puts the further properties over what is set. Refuses those on which a guarantee rests.
    fn with_properties(&self, mut config: ClientConfig) -> Result<ClientConfig, KafkaError> {
        for (key, value) in &self.properties {
            if RESERVED.contains(&key.as_str()) {
                return Err(KafkaError::ReservedProperty { key: key.clone() });
            }
            config.set(key, value);
        }
        Ok(config)
    }

    /// What every kind of client has in common.
    fn common_config(&self) -> Result<ClientConfig, KafkaError> {
        if self.brokers.iter().all(|broker| broker.trim().is_empty()) {
            return Err(KafkaError::NoBrokers);
        }
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.address())
            .set("client.id", "collector")
            // Topics are created by the collector's own settings or not at all, never by naming them.
            .set("allow.auto.create.topics", "false")
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set("socket.timeout.ms", "30000")
            .set("reconnect.backoff.max.ms", "2000")
            .set("log.connection.close", "false");
        self.secure(&mut config);
        Ok(config)
    }

    fn secure(&self, config: &mut ClientConfig) {
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => return,
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(tls) = &self.tls {
            let path = |path: &PathBuf| path.to_string_lossy().into_owned();
            let files = [
                ("ssl.ca.location", &tls.ca_file),
                ("ssl.certificate.location", &tls.certificate_file),
                ("ssl.key.location", &tls.key_file),
            ];
            for (key, file) in files {
                file.as_ref().map(|file| config.set(key, path(file)));
            }
            tls.key_password.as_ref().map(|password| config.set("ssl.key.password", password));
            let check = if tls.verify_host { "https" } else { "none" };
            config.set("ssl.endpoint.identification.algorithm", check);
        }
        if let Some(sasl) = &self.sasl {
            config
                .set("sasl.mechanism", sasl.mechanism.name())
                .set("sasl.username", &sasl.user)
                .set("sasl.password", &sasl.password);
        }
    }

    /// What a producer has beyond that. `batch_bytes` is how much of one partition goes into one request.
    pub(crate) fn producer_config(&self, acks: Acks, batch_bytes: usize) -> Result<ClientConfig, KafkaError> {
        let mut config = self.common_config()?;
        let (acks, idempotent) = match acks {
            Acks::None => ("0", "false"),
            Acks::Leader => ("1", "false"),
            Acks::All => ("all", "true"),
        };
        let compression = match self.compression {
            Compression::None => "none",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        };
        config
            .set("acks", acks)
            .set("enable.idempotence", idempotent)
            // Zero is for ever: a record is given up only by a decision, never by the clock.
            .set("message.timeout.ms", "0")
            .set("compression.type", compression)
            .set("queue.buffering.max.kbytes", self.queue_kbytes_max.to_string())
            .set("queue.buffering.max.messages", self.queue_records_max.to_string())
            .set("linger.ms", self.linger.as_millis().to_string())
            .set("batch.size", batch_bytes.to_string())
            .set("batch.num.messages", REQUEST_RECORDS_MAX.to_string())
            .set("message.max.bytes", self.message_bytes_max.max(1_000).to_string());
        self.with_properties(config)
    }

    /// What a member of a group has beyond that.
    pub(crate) fn consumer_config(&self, group: &str, instance: Option<&str>) -> Result<ClientConfig, KafkaError> {
        let mut config = self.common_config()?;
        let session = self.consumer.session_timeout;
        config
            .set("group.id", group)
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "1000")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", session.as_millis().to_string())
            .set("heartbeat.interval.ms", HEARTBEAT_MAX.min(session / 3).as_millis().to_string())
            .set("max.poll.interval.ms", POLL_INTERVAL_MIN.max(session).as_millis().to_string())
            .set("queued.max.messages.kbytes", self.consumer.fetch_kbytes_max.to_string())
            // The default of a second would idle a partition whose small queue was full for a moment.
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.wait.max.ms", "100")
            .set("statistics.interval.ms", "1000");
        if let Some(instance) = instance {
            config.set("group.instance.id", instance);
        }
        self.with_properties(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> KafkaSettings {
        KafkaSettings::new(vec!["a:1".into(), "b:2".into()])
    }

    #[test]
    fn idempotence_goes_with_acks_all_alone() {
        for (acks, idempotent) in [(Acks::All, "true"), (Acks::Leader, "false"), (Acks::None, "false")] {
            let config = settings().producer_config(acks, 1_000_000).unwrap();
            assert_eq!(config.get("enable.idempotence"), Some(idempotent));
            assert_eq!(config.get("message.timeout.ms"), Some("0"));
        }
    }

    #[test]
    fn a_property_on_which_a_guarantee_rests_is_refused() {
        let mut settings = settings();
        settings.properties.insert("enable.auto.offset.store".into(), "true".into());
        let error = settings.client_config().unwrap_err().to_string();
        assert!(error.contains("enable.auto.offset.store"), "{error}");
    }

    #[test]
    fn a_property_takes_effect_or_is_refused() {
        let config_with = |properties: BTreeMap<String, String>, sends: bool| {
            let settings = KafkaSettings { properties, ..settings() };
            match sends {
                true => settings.producer_config(Acks::All, 1_000_000),
                false => settings.consumer_config("collector", Some("one")),
            }
        };
        for sends in [true, false] {
            let own = config_with(BTreeMap::new(), sends).unwrap();
            for key in own.config_map().keys() {
                match config_with(BTreeMap::from([(key.to_string(), "7".into())]), sends) {
                    Ok(config) => assert_eq!(config.get(key), Some("7"), "{key}"),
                    Err(error) => assert_eq!(error, KafkaError::ReservedProperty { key: key.to_string() }),
                }
            }
        }
        let heartbeat = BTreeMap::from([("heartbeat.interval.ms".into(), "700".into())]);
        assert!(config_with(heartbeat, false).is_ok(), "how often a member says that it lives is nobody's guarantee");
    }

    #[test]
    fn further_properties_reach_the_client() {
        let mut settings = settings();
        settings.properties.insert("security.protocol".into(), "ssl".into());
        let config = settings.consumer_config("collector", Some("one")).unwrap();
        assert_eq!(config.get("security.protocol"), Some("ssl"));
        assert_eq!(config.get("bootstrap.servers"), Some("a:1,b:2"));
        assert_eq!(config.get("group.instance.id"), Some("one"));
    }

    #[test]
    fn tls_and_sasl_reach_the_client_and_no_password_the_log() {
        let sasl = Sasl { mechanism: SaslMechanism::ScramSha512, user: "agent".into(), password: "hush".into() };
        let tls = Tls { key_password: Some("hush".into()), verify_host: false, ..Tls::default() };
        let mut settings = KafkaSettings { tls: Some(tls), sasl: Some(sasl), ..settings() };
        let config = settings.client_config().unwrap();
        assert_eq!(config.get("security.protocol"), Some("sasl_ssl"));
        assert_eq!((config.get("sasl.mechanism"), config.get("sasl.password")), (Some("SCRAM-SHA-512"), Some("hush")));
        assert_eq!(config.get("ssl.endpoint.identification.algorithm"), Some("none"));
        assert!(!format!("{settings:?}").contains("hush"));
        settings.tls = None;
        assert_eq!(settings.client_config().unwrap().get("security.protocol"), Some("sasl_plaintext"));
    }

    #[test]
    fn a_session_of_any_length_is_one_that_the_client_accepts() {
        for (session, heartbeat, busy) in [(1, "333", "300000"), (45, "3000", "300000"), (1_800, "3000", "1800000")] {
            let mut settings = settings();
            settings.consumer.session_timeout = Duration::from_secs(session);
            let config = settings.consumer_config("collector", None).unwrap();
            assert_eq!(config.get("session.timeout.ms"), Some((session * 1_000).to_string().as_str()));
            assert_eq!(
                (config.get("heartbeat.interval.ms"), config.get("max.poll.interval.ms")),
                (Some(heartbeat), Some(busy))
            );
            let client: Result<rdkafka::consumer::BaseConsumer, _> = config.create();
            client.map(drop).expect("the client accepts it");
        }
    }

    #[test]
    fn without_brokers_there_is_no_client() {
        assert!(matches!(KafkaSettings::new(vec![]).client_config(), Err(KafkaError::NoBrokers)));
    }
}
