//! Dead letters back into the topic that they were meant for: the bytes and the key as they were, so that the id is the same.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{anyhow, bail};
use collector_kafka::{KafkaSettings, Producer, Record, Route, SendError, TopicState};
use collector_model::{Acknowledge, Metrics, Permit, Position, Source, Ticket, Topic};
use collector_tasks::{Acks, Partitioning};

use super::{letter::Letter, store::ANSWER_WITHIN};

/// How long the last acknowledgements are waited for.
const FLUSH_WITHIN: Duration = Duration::from_secs(60);
/// How often a topic is looked at that is not ready.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Letters on their way.
pub struct Sending {
    producer: Producer,
    routes: HashMap<Topic, Route>,
    acknowledged: Arc<Tally>,
    sent: u64,
}

/// How many letters Kafka has.
#[derive(Default)]
struct Tally(AtomicU64);

impl Acknowledge for Tally {
    fn acknowledged(&self, _: &Position) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn lost(&self, _: &Position) {}
}

impl Sending {
    /// Starts a producer that wants every replica's acknowledgement.
    pub fn start(settings: &KafkaSettings) -> anyhow::Result<Self> {
        let producer = Producer::start(settings, Acks::All, Metrics::default(), |refused| {
            eprintln!("{}: Kafka refuses a letter: {}", refused.topic, refused.reason);
        })?;
        Ok(Sending { producer, routes: HashMap::new(), acknowledged: Arc::default(), sent: 0 })
    }

    /// Sends one.
    pub fn send(&mut self, letter: &Letter) -> anyhow::Result<()> {
        let topic = &letter.letter.topic;
        let route = match self.routes.entry(topic.clone()) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                new.insert(self.producer.route(topic, Partitioning::Sticky))
            }
        };
        wait_until_ready(route)?;
        let position = Position { source: Source::Partition(topic.clone(), 0), from: self.sent, to: self.sent + 1 };
        let tally: Arc<dyn Acknowledge> = self.acknowledged.clone();
        let ticket = Ticket::new(position, Permit::none(), tally);
        let record = Record { route, key: &letter.letter.key, value: &letter.letter.value };
        self.sent += 1;
        match self.producer.send(record, ticket) {
            Ok(()) => Ok(()),
            Err(error @ (SendError::TooLarge { .. } | SendError::Stopped)) => {
                Err(anyhow!("{error}").context(format!("sending the dead letter {} again", letter.id())))
            }
        }
    }

    /// Waits until Kafka has acknowledged all of them.
    pub fn finish(self) -> anyhow::Result<()> {
        self.producer.flush(FLUSH_WITHIN);
        let acknowledged = self.acknowledged.0.load(Ordering::Relaxed);
        if acknowledged == self.sent {
            return Ok(());
        }
        bail!(
            "sending dead letters again: Kafka acknowledged {acknowledged} of {}; run it once more when Kafka is well: \
             what arrived is found once all the same",
            self.sent
        )
    }
}

/// Kafka may need a moment to tell of the topic; one that is missing is an error.
fn wait_until_ready(route: &Route) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        match route.state() {
            TopicState::Ready | TopicState::Congested => return Ok(()),
            TopicState::Unavailable(error) if began.elapsed() > ANSWER_WITHIN => return Err(error.into()),
            TopicState::Unknown if began.elapsed() > ANSWER_WITHIN => {
                bail!("sending dead letters again to {}: Kafka does not tell of the topic; is it there?", route.topic())
            }
            TopicState::Unavailable(_) | TopicState::Unknown => std::thread::sleep(LOOK_EVERY),
        }
    }
}
