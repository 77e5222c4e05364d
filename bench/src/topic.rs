//! A topic for one measurement, and how many records it holds.

use std::time::{Duration, Instant};

use anyhow::ensure;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};

use crate::servers;

const ANSWER_MAX: Duration = Duration::from_secs(10);
const LEADERS_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A topic; deleted when dropped.
pub(crate) struct Topic {
    /// `host:port`.
    pub(crate) broker: String,
    pub(crate) name: String,
    partitions: usize,
    consumer: BaseConsumer,
    admin: AdminClient<DefaultClientContext>,
    runtime: tokio::runtime::Runtime,
}

impl Topic {
    /// Creates one that nobody else uses; each of its partitions can be written to from then on.
    pub(crate) fn create(name: &str, partitions: usize) -> anyhow::Result<Topic> {
        Topic::create_with(name, partitions, &[])
    }

    /// The same, with settings of its own.
    pub(crate) fn create_with(name: &str, partitions: usize, settings: &[(&str, &str)]) -> anyhow::Result<Topic> {
        let (broker, name) = (servers::kafka()?, servers::unique(name));
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &broker).set("group.id", "bench");
        let (consumer, admin): (BaseConsumer, AdminClient<_>) = (config.create()?, config.create()?);
        let runtime = tokio::runtime::Runtime::new()?;
        let mut new = NewTopic::new(&name, i32::try_from(partitions)?, TopicReplication::Fixed(1));
        for (key, value) in settings {
            new = new.set(key, value);
        }
        runtime.block_on(admin.create_topics([&new], &AdminOptions::new()))?;
        let topic = Topic { broker, name, partitions, consumer, admin, runtime };
        let began = Instant::now();
        while let Err(error) = topic.count() {
            ensure!(began.elapsed() < LEADERS_MAX, "waiting for the leaders of {}: {error}", topic.name);
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(topic)
    }

    /// How many records it holds.
    pub(crate) fn records(&self) -> anyhow::Result<u64> {
        Ok(self.count()?)
    }

    fn count(&self) -> Result<u64, KafkaError> {
        let end = |partition| Ok(self.consumer.fetch_watermarks(&self.name, partition as i32, ANSWER_MAX)?.1 as u64);
        (0..self.partitions).map(end).sum()
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // One that stays takes room until the broker's own retention, no more.
        let _ = self.runtime.block_on(self.admin.delete_topics(&[&self.name], &AdminOptions::new()));
    }
}

/// Topics that a program under measurement creates; deleted when dropped.
pub(crate) struct Created {
    pub(crate) names: Vec<String>,
    broker: String,
}

impl Created {
    /// So many with names that nobody else uses.
    pub(crate) fn unique(name: &str, count: usize) -> anyhow::Result<Created> {
        let names = (0..count).map(|number| servers::unique(&format!("{name}-{number}"))).collect();
        Ok(Created { names, broker: servers::kafka()? })
    }

    fn delete(&self) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.broker).create()?;
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        tokio::runtime::Runtime::new()?.block_on(admin.delete_topics(&names, &AdminOptions::new()))?;
        Ok(())
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        // Ones that stay take room until the broker's own retention, no more.
        let _ = self.delete();
    }
}
