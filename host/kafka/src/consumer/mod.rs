//! Taking part in a consumer group.

mod cell;
mod census;
mod chain_record;
mod gather;
mod lane;
mod members;
mod poller;
mod progress;

use std::{
    sync::{
        Arc,
        mpsc::{self, SyncSender},
    },
    thread::JoinHandle,
    time::Duration,
};

use collector_model::{Batch, Budget, Metrics, Topic};
use parking_lot::Mutex;
use rdkafka::{config::FromClientConfigAndContext, consumer::BaseConsumer};

use crate::{KafkaError, KafkaSettings, connection::LastError};
use census::Census;
pub use gather::{Fetched, Gather, Gathered};
use members::Members;
use poller::{Command, Poller};
pub use progress::Progress;

/// Which group this is a member of, and what the group reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The group id.
    pub id: String,
    /// The static member id; two members with the same one fence each other.
    pub instance: Option<String>,
    /// The topics.
    pub topics: Vec<Topic>,
}

/// A member of a consumer group; see [`Consumer::start`].
pub struct Consumer;

/// A running consumer. Dropping it stops it without waiting for outstanding lines.
pub struct ConsumerHandle {
    commands: mpsc::Sender<Command>,
    thread: Option<JoinHandle<()>>,
    /// Disconnected when the thread has ended.
    ended: mpsc::Receiver<()>,
    failure: Arc<Mutex<Option<String>>>,
}

/// How long leaving the group may take after the last commit; a broker that is gone can make it hang.
const LEAVE_WAIT: Duration = Duration::from_secs(15);

impl Consumer {
    /// Joins the group, on a thread of its own that never stops polling.
    ///
    /// Each partition's records come as batches to one of `workers`, always the same for a partition. A batch's ticket has
    /// the position [`Source::Partition`]; what is acknowledged without a gap is committed every second, on a rebalance and
    /// at the end, with the chain that its lines are treated by where that forks. A ticket that is lost has its partition read again from there. Where the budget has no room for a topic,
    /// or a worker's channel is full, only the partitions concerned wait.
    ///
    /// Records of other producers (no envelope in the key or the header `lc`) get an id of cluster, topic, partition,
    /// offset, timestamp and value. So do records whose envelope this version cannot read: their lines are kept, with an
    /// error in the log; update the transfers before the agents.
    ///
    /// [`Source::Partition`]: collector_model::Source::Partition
    pub fn start(
        settings: &KafkaSettings,
        group: Group,
        budget: Budget,
        metrics: Metrics,
        workers: Vec<SyncSender<Batch>>,
    ) -> Result<ConsumerHandle, KafkaError> {
        let config = settings.consumer_config(&group.id, group.instance.as_deref())?;
        let members = Members::new(metrics.clone(), settings.consumer.session_timeout / 2);
        let explain = |error| LastError::default().explain(settings, "setting up the Kafka consumer", &error);
        let consumer = BaseConsumer::from_config_and_context(&config, members).map_err(explain)?;
        let (commands, inbox) = mpsc::channel();
        let failure = Arc::new(Mutex::new(None));
        let census = group.instance.is_some().then(|| Census::new(&group.id));
        let poller = Poller::new(settings.clone(), consumer, group.topics, census, inbox, Arc::clone(&failure));
        let (end, ended) = mpsc::channel();
        let run = move || {
            poller.run(budget, metrics, workers);
            drop(end);
        };
        let thread = std::thread::Builder::new().name("kafka-consumer".into()).spawn(run).map_err(|error| {
            KafkaError::Failed {
                doing: "starting the thread of the Kafka consumer".into(),
                brokers: settings.address(),
                reason: error.to_string(),
            }
        })?;
        Ok(ConsumerHandle { commands, thread: Some(thread), ended, failure })
    }
}

impl ConsumerHandle {
    /// Reads other topics from now on. Partitions of topics that stay are not disturbed.
    pub fn set_topics(&self, topics: Vec<Topic>) {
        // Where the thread has ended there is nobody to tell; `failure` says so.
        let _ = self.commands.send(Command::Topics(topics));
    }

    /// Why the consumer has ended by itself, where it has.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    /// Stops reading, waits at most `timeout` for the tickets of the lines that workers have, commits, and leaves the group.
    /// Keep the workers running until it returns.
    pub fn stop(mut self, timeout: Duration) {
        self.end(timeout);
    }

    fn end(&mut self, timeout: Duration) {
        let _ = self.commands.send(Command::Stop(timeout));
        let Some(thread) = self.thread.take() else { return };
        if self.ended.recv_timeout(timeout + LEAVE_WAIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!("leaving the consumer group takes too long; the group will notice by itself");
            return;
        }
        // A panic of that thread was reported when it happened.
        let _ = thread.join();
    }
}

impl Drop for ConsumerHandle {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}
