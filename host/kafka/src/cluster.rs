//! Asking a cluster: is it there, which topics has it; and creating a topic.

use std::time::{Duration, Instant};

use collector_model::Topic;
use rdkafka::{
    admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication, TopicResult},
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError as ClientError, RDKafkaErrorCode},
    metadata::Metadata,
};

use crate::{
    KafkaError, KafkaSettings, TopicCreation,
    connection::{Asking, Silence, remind_of_brokers},
};

/// The property of a topic that says how large a batch of records may be.
const MESSAGE_BYTES_MAX: &str = "max.message.bytes";
/// How long the reason of a failure is waited for.
const EVENTS_WAIT: Duration = Duration::from_millis(300);

/// A topic of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicInfo {
    /// The name as Kafka has it.
    pub name: String,
    /// Number of partitions.
    pub partitions: i32,
}

/// Whether the cluster answers within `timeout`, and lets us in.
pub fn probe(settings: &KafkaSettings, timeout: Duration) -> Result<(), KafkaError> {
    ask_within(settings, timeout)?.metadata(None, "connecting to Kafka").map(drop)
}

/// All topics of the cluster, by name.
pub fn list_topics(settings: &KafkaSettings, timeout: Duration) -> Result<Vec<TopicInfo>, KafkaError> {
    let metadata = ask_within(settings, timeout)?.metadata(None, "listing the topics of Kafka")?;
    let info = |topic: &rdkafka::metadata::MetadataTopic| TopicInfo {
        name: topic.name().to_owned(),
        partitions: topic.partitions().len() as i32,
    };
    let mut topics: Vec<TopicInfo> = metadata.topics().iter().map(info).collect();
    topics.sort();
    Ok(topics)
}

/// Whether a topic exists.
pub fn topic_exists(settings: &KafkaSettings, topic: &Topic, timeout: Duration) -> Result<bool, KafkaError> {
    match ask_within(settings, timeout)?.partitions(topic) {
        Ok(_) => Ok(true),
        Err(KafkaError::TopicMissing { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Number of partitions of a topic; [`KafkaError::TopicMissing`] names the command that makes it.
pub fn topic_partitions(settings: &KafkaSettings, topic: &Topic, timeout: Duration) -> Result<i32, KafkaError> {
    ask_within(settings, timeout)?.partitions(topic)
}

/// Creates a topic; one that is there already is fine.
pub fn create_topic(settings: &KafkaSettings, topic: &Topic, how: TopicCreation) -> Result<(), KafkaError> {
    Inquirer::new(settings.clone())?.create(&[topic], how)?.into_iter().collect()
}

fn ask_within(settings: &KafkaSettings, timeout: Duration) -> Result<Inquirer, KafkaError> {
    Inquirer::new(KafkaSettings { request_timeout: timeout, ..settings.clone() })
}

/// A connection for questions. Blocking.
pub(crate) struct Inquirer {
    settings: KafkaSettings,
    client: BaseConsumer<Asking>,
    silence: Silence,
}

impl Inquirer {
    pub(crate) fn new(settings: KafkaSettings) -> Result<Self, KafkaError> {
        let config = settings.client_config()?;
        let client = BaseConsumer::from_config_and_context(&config, Asking::default())
            .map_err(|error| Asking::default().last_error.explain(&settings, "setting up Kafka", &error))?;
        Ok(Inquirer { settings, client, silence: Silence::default() })
    }

    fn metadata(&self, topic: Option<&str>, doing: &str) -> Result<Metadata, KafkaError> {
        let answer = self.client.fetch_metadata(topic, self.settings.request_timeout);
        if self.silence.hear(answer.is_ok()) {
            remind_of_brokers(self.client.client(), &self.settings);
        }
        let until = Instant::now() + if answer.is_ok() { Duration::ZERO } else { EVENTS_WAIT };
        // The client tells of its errors while it is polled, and they say more than the answer's code.
        loop {
            self.client.poll(Duration::from_millis(1));
            if self.client.context().last_error.is_known() || Instant::now() >= until {
                break;
            }
        }
        answer.map_err(|error| self.explain(doing, &error))
    }

    fn explain(&self, doing: &str, error: &ClientError) -> KafkaError {
        self.client.context().last_error.explain(&self.settings, doing, error)
    }

    /// Number of partitions of a topic.
    pub(crate) fn partitions(&self, topic: &Topic) -> Result<i32, KafkaError> {
        let doing = format!("looking up the topic {:?}", topic.as_str());
        let metadata = self.metadata(Some(topic.as_str()), &doing)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic.as_str());
        let problem = found.and_then(|found| found.error()).map(RDKafkaErrorCode::from);
        match (found, problem) {
            (None, _) | (_, Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)) => {
                Err(self.missing(topic))
            }
            (_, Some(code)) => Err(self.explain(&doing, &ClientError::MetadataFetch(code))),
            (Some(found), None) if found.partitions().is_empty() => Err(self.missing(topic)),
            (Some(found), None) => Ok(found.partitions().len() as i32),
        }
    }

    fn missing(&self, topic: &Topic) -> KafkaError {
        KafkaError::TopicMissing {
            topic: topic.to_string(),
            brokers: self.settings.address(),
            broker: self.settings.brokers.first().cloned().unwrap_or_default(),
        }
    }

    /// Creates topics by one request, and answers how that went for each of them; one that is there already is fine.
    pub(crate) fn create(
        &self,
        topics: &[&Topic],
        how: TopicCreation,
    ) -> Result<Vec<Result<(), KafkaError>>, KafkaError> {
        let doing = |topic: &Topic| format!("creating the topic {:?}", topic.as_str());
        let Some(first) = topics.first() else { return Ok(vec![]) };
        let admin = self.admin(&doing(first))?;
        let bytes_max = self.settings.new_topic_bytes_max.map(|bytes| bytes.to_string());
        let mut new = vec![];
        for topic in topics {
            let one = NewTopic::new(topic.as_str(), how.partitions, TopicReplication::Fixed(how.replication));
            new.push(bytes_max.iter().fold(one, |one, bytes_max| one.set(MESSAGE_BYTES_MAX, bytes_max)));
        }
        let options = self.options().operation_timeout(Some(self.settings.request_timeout));
        let answers = futures::executor::block_on(admin.create_topics(&new, &options))
            .map_err(|error| self.explain(&doing(first), &error))?;
        let outcome = |(answer, topic): (TopicResult, &&Topic)| match answer {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(()),
            Err((_, code)) => Err(self.explain(&doing(topic), &ClientError::AdminOp(code))),
        };
        Ok(answers.into_iter().zip(topics).map(outcome).collect())
    }

    /// What each of the topics takes at most in one batch of records, in bytes; `None` where the cluster does not say.
    pub(crate) fn batch_limits(&self, topics: &[&Topic]) -> Result<Vec<Option<usize>>, KafkaError> {
        let doing = "asking for the limits of topics";
        let admin = self.admin(doing)?;
        let topics: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic.as_str())).collect();
        let answers = futures::executor::block_on(admin.describe_configs(&topics, &self.options()))
            .map_err(|error| self.explain(doing, &error))?;
        let limit = |answer: Result<ConfigResource, RDKafkaErrorCode>| {
            let resource = answer.inspect_err(|error| tracing::debug!(%error, "a topic's limits are not told")).ok()?;
            resource.entry_map().get(MESSAGE_BYTES_MAX)?.value.as_ref()?.parse().ok()
        };
        Ok(answers.into_iter().map(limit).collect())
    }

    fn admin(&self, doing: &str) -> Result<AdminClient<Asking>, KafkaError> {
        let config = self.settings.client_config()?;
        AdminClient::from_config_and_context(&config, Asking::default()).map_err(|error| self.explain(doing, &error))
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.settings.request_timeout))
    }
}
