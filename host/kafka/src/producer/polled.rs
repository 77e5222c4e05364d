//! A client of librdkafka, and the thread that takes its delivery reports.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    config::FromClientConfigAndContext as _,
    error::KafkaError as ClientError,
    producer::{BaseProducer, Producer as _, PurgeConfig},
};

use super::delivery::Deliveries;

/// How long one look for reports waits. Each is taken at once; but rdkafka passes the last millisecond of every look in a busy loop, so
/// that ten looks a second, as its own `ThreadedProducer` has them, are half a percent of a core where nothing happens.
const LOOK_TIME: Duration = Duration::from_secs(1);
/// How long a drop waits for the reports of what it gives up.
const PURGE_TIME_MAX: Duration = Duration::from_millis(500);

/// Reports are taken as long as it is there. What is under way when it is dropped fails.
pub(crate) struct Client {
    producer: Arc<BaseProducer<Deliveries>>,
    is_dropped: Arc<AtomicBool>,
}

impl Client {
    /// Connects in the background.
    pub(crate) fn start(config: &ClientConfig, context: Deliveries) -> Result<Self, ClientError> {
        let producer = Arc::new(BaseProducer::from_config_and_context(config, context)?);
        let is_dropped = Arc::new(AtomicBool::new(false));
        let (polled, is_over) = (Arc::clone(&producer), Arc::clone(&is_dropped));
        let poll = move || {
            while !is_over.load(Ordering::Acquire) {
                polled.poll(LOOK_TIME);
            }
        };
        std::thread::Builder::new()
            .name("kafka-reports".to_owned())
            .spawn(poll)
            .map_err(|error| ClientError::ClientCreation(format!("no thread for its delivery reports: {error}")))?;
        Ok(Client { producer, is_dropped })
    }
}

impl Deref for Client {
    type Target = BaseProducer<Deliveries>;

    fn deref(&self) -> &Self::Target {
        &self.producer
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.is_dropped.store(true, Ordering::Release);
        self.producer.purge(PurgeConfig::default().queue().inflight());
        // What is purged is reported; where it takes longer, the thread takes the rest.
        let _ = self.producer.flush(PURGE_TIME_MAX);
    }
}
