//! Reading dead letters back: for whoever looks at them, or sends them once more.

use std::time::{Duration, Instant};

use bytes::Bytes;
use collector_model::{DeadLetter, Stage, Topic};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError as ClientError,
    message::{BorrowedMessage, Headers},
};

use crate::{
    KafkaError, KafkaSettings,
    cluster::{Inquirer, list_topics},
    connection::Asking,
    dead::{SUFFIX, TOPIC_HEADER, dead_topic},
};

/// How long one look for the next record takes.
const LOOK: Duration = Duration::from_millis(100);

/// A letter as its topic has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLetter {
    /// The letter.
    pub letter: DeadLetter,
    /// The partition of the dead-letter topic.
    pub partition: i32,
    /// The offset in it.
    pub offset: u64,
    /// Whether the end of the line is missing, because all of it was more than Kafka takes.
    pub is_cut: bool,
}

/// The topics that have a topic of dead letters.
pub fn topics_with_letters(settings: &KafkaSettings, timeout: Duration) -> Result<Vec<Topic>, KafkaError> {
    let all = list_topics(settings, timeout)?;
    Ok(all.iter().filter_map(|topic| Topic::new(topic.name.strip_suffix(SUFFIX)?).ok()).collect())
}

/// Hands out every letter of a topic that is there now, partition by partition in order; `each` may end it with `false`. Returns how
/// many records were passed over because no collector wrote them. A topic without dead letters has none.
pub fn read_letters(
    settings: &KafkaSettings,
    topic: &Topic,
    timeout: Duration,
    each: &mut dyn FnMut(StoredLetter) -> bool,
) -> Result<u64, KafkaError> {
    let dead = dead_topic(topic);
    let asking = KafkaSettings { request_timeout: timeout, ..settings.clone() };
    let partitions = match Inquirer::new(asking)?.partitions(&dead) {
        Ok(partitions) => partitions,
        Err(KafkaError::TopicMissing { .. }) => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut reading = Reading::start(settings, &dead, partitions, timeout)?;
    let mut foreign = 0;
    while let Some(message) = reading.next()? {
        let goes_on = match stored(topic, &message) {
            Some(letter) => each(letter),
            None => {
                foreign += 1;
                true
            }
        };
        if !goes_on {
            break;
        }
    }
    Ok(foreign)
}

/// The records of a topic up to the ends that it had at the start.
struct Reading<'a> {
    settings: &'a KafkaSettings,
    doing: String,
    client: BaseConsumer<Asking>,
    /// Partitions that are not read to their end yet, with that end.
    ends: Vec<(i32, i64)>,
    timeout: Duration,
}

impl<'a> Reading<'a> {
    fn start(
        settings: &'a KafkaSettings,
        dead: &Topic,
        partitions: i32,
        timeout: Duration,
    ) -> Result<Self, KafkaError> {
        let doing = format!("reading the dead letters in {:?}", dead.as_str());
        let mut config = settings.client_config()?;
        // Named because the client wants a name; nothing is committed, so that the group never comes to be.
        config.set("group.id", "collector-dead-letters").set("enable.auto.commit", "false");
        config.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
        let client = BaseConsumer::from_config_and_context(&config, Asking::default())
            .map_err(|error| Asking::default().last_error.explain(settings, &doing, &error))?;
        let mut reading = Reading { settings, doing, client, ends: vec![], timeout };
        reading.assign(dead, partitions)?;
        Ok(reading)
    }

    fn assign(&mut self, dead: &Topic, partitions: i32) -> Result<(), KafkaError> {
        let mut assignment = TopicPartitionList::new();
        for partition in 0..partitions {
            let marks = self.client.fetch_watermarks(dead.as_str(), partition, self.timeout);
            let (low, high) = marks.map_err(|error| self.explain(&error))?;
            if low < high {
                self.ends.push((partition, high));
                let added = assignment.add_partition_offset(dead.as_str(), partition, Offset::Offset(low));
                added.map_err(|error| self.explain(&error))?;
            }
        }
        self.client.assign(&assignment).map_err(|error| self.explain(&error))
    }

    /// The next record; none when every partition was read to the end that it had.
    fn next(&mut self) -> Result<Option<BorrowedMessage<'_>>, KafkaError> {
        let began = Instant::now();
        let mut last_error = None;
        while !self.ends.is_empty() {
            match self.client.poll(LOOK) {
                Some(Ok(message)) => {
                    let (at, next) = (message.partition(), message.offset() + 1);
                    self.ends.retain(|&(partition, end)| partition != at || next < end);
                    return Ok(Some(message));
                }
                Some(Err(ClientError::PartitionEOF(at))) => self.ends.retain(|&(partition, _)| partition != at),
                Some(Err(error)) => last_error = Some(error),
                None => {}
            }
            if began.elapsed() > self.timeout && !self.ends.is_empty() {
                let error = last_error.unwrap_or(ClientError::NoMessageReceived);
                return Err(self.explain(&error));
            }
        }
        Ok(None)
    }

    fn explain(&self, error: &ClientError) -> KafkaError {
        self.client.context().last_error.explain(self.settings, &self.doing, error)
    }
}

/// The letter that a record is; none where something that every letter has is missing.
fn stored(topic: &Topic, message: &BorrowedMessage<'_>) -> Option<StoredLetter> {
    let headers = message.headers()?;
    let text = |name: &str| {
        let header = headers.iter().find(|header| header.key == name)?;
        Some(String::from_utf8_lossy(header.value?).into_owned())
    };
    let letter = DeadLetter {
        topic: text(TOPIC_HEADER).and_then(|name| Topic::new(&name).ok()).unwrap_or_else(|| topic.clone()),
        key: message.key().unwrap_or_default().to_vec(),
        value: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
        error_type: text("error.type")?,
        error_reason: text("error.reason")?,
        stage: text("stage")?.parse::<Stage>().ok()?,
        time_ms: text("time")?.parse().ok()?,
    };
    let (partition, offset) = (message.partition(), message.offset() as u64);
    Some(StoredLetter { letter, partition, offset, is_cut: text("cut").is_some() })
}
