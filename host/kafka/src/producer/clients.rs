//! The clients of librdkafka behind one producer: the usual one, and narrower ones for topics that take less at once.
//!
//! How much goes into one batch is a setting of a client, and a topic refuses a batch beyond its `max.message.bytes` as a whole. So
//! topics whose limit is lower share a client whose batches are that small.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use collector_tasks::task::Acks;
use parking_lot::RwLock;
use rdkafka::producer::Producer as _;

use super::{
    delivery::{Deliveries, Room, Undeliverable},
    polled::Client,
};
use crate::{
    KafkaError, KafkaSettings,
    connection::{LastError, remind_of_brokers},
};

/// The smallest batches, in bytes.
const BATCH_BYTES_MIN: usize = 1_024;

/// All clients of one producer.
pub(crate) struct Clients {
    settings: KafkaSettings,
    acks: Acks,
    room: Arc<Room>,
    undeliverable: Arc<dyn Fn(Undeliverable) + Send + Sync>,
    usual: RwLock<Arc<Client>>,
    /// By how much goes into one batch, in bytes.
    narrow: RwLock<BTreeMap<usize, Arc<Client>>>,
}

impl Clients {
    /// Starts the usual client.
    pub(crate) fn start(
        settings: &KafkaSettings,
        acks: Acks,
        room: Arc<Room>,
        undeliverable: Arc<dyn Fn(Undeliverable) + Send + Sync>,
    ) -> Result<Self, KafkaError> {
        let usual = build(settings, acks, settings.batch_bytes_max, &room, &undeliverable)?;
        let usual = RwLock::new(Arc::new(usual));
        Ok(Clients { settings: settings.clone(), acks, room, undeliverable, usual, narrow: RwLock::default() })
    }

    /// The client for topics that take that much at once.
    pub(crate) fn of(&self, bytes_max: usize) -> Result<Arc<Client>, KafkaError> {
        if bytes_max >= self.settings.batch_bytes_max {
            return Ok(Arc::clone(&self.usual.read()));
        }
        let batch_bytes = batch_bytes_for(bytes_max);
        if let Some(client) = self.narrow.read().get(&batch_bytes) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.build(batch_bytes)?);
        Ok(Arc::clone(self.narrow.write().entry(batch_bytes).or_insert(client)))
    }

    /// Whether some client met a fatal error.
    pub(crate) fn is_any_fatal(&self) -> bool {
        is_fatal(&self.usual.read()) || self.narrow.read().values().any(is_fatal)
    }

    /// Builds those anew that met a fatal error. What they held fails: its tickets count as lost.
    pub(crate) fn rebuild(&self) {
        if is_fatal(&self.usual.read()) {
            self.replace(self.settings.batch_bytes_max, |client| std::mem::replace(&mut *self.usual.write(), client));
        }
        let fatal: Vec<usize> =
            self.narrow.read().iter().filter(|(_, client)| is_fatal(client)).map(|(bytes, _)| *bytes).collect();
        for bytes in fatal {
            self.replace(bytes, |client| self.narrow.write().insert(bytes, client));
        }
    }

    fn replace<T>(&self, batch_bytes: usize, put: impl FnOnce(Arc<Client>) -> T) {
        match self.build(batch_bytes) {
            // The old one is dropped when the lock on the new one is free again.
            Ok(client) => drop(put(Arc::new(client))),
            Err(error) => tracing::error!(%error, "building the Kafka producer anew failed; trying again"),
        }
    }

    fn build(&self, batch_bytes: usize) -> Result<Client, KafkaError> {
        build(&self.settings, self.acks, batch_bytes, &self.room, &self.undeliverable)
    }

    /// Tells all of them of their brokers once more.
    pub(crate) fn remind_of_brokers(&self) {
        self.all().iter().for_each(|client| remind_of_brokers(client.client(), &self.settings));
    }

    fn all(&self) -> Vec<Arc<Client>> {
        let usual = Arc::clone(&self.usual.read());
        std::iter::once(usual).chain(self.narrow.read().values().cloned()).collect()
    }

    /// Waits until everything sent so far is settled. Says whether it is, within `timeout`.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        self.all().iter().all(|client| client.flush(deadline.saturating_duration_since(Instant::now())).is_ok())
    }
}

fn is_fatal(client: &Arc<Client>) -> bool {
    client.client().context().fatal.load(Ordering::Acquire)
}

/// Few sizes, so that many topics share few clients.
fn batch_bytes_for(bytes_max: usize) -> usize {
    let bytes_max = bytes_max.max(BATCH_BYTES_MIN);
    if bytes_max.is_power_of_two() { bytes_max } else { bytes_max.next_power_of_two() / 2 }
}

fn build(
    settings: &KafkaSettings,
    acks: Acks,
    batch_bytes: usize,
    room: &Arc<Room>,
    undeliverable: &Arc<dyn Fn(Undeliverable) + Send + Sync>,
) -> Result<Client, KafkaError> {
    let config = settings.producer_config(acks, batch_bytes)?;
    let context = Deliveries::new(Arc::clone(room), Arc::clone(undeliverable));
    Client::start(&config, context)
        .map_err(|error| LastError::default().explain(settings, "setting up the Kafka producer", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_within_the_limit_and_of_few_sizes() {
        let sizes: Vec<usize> = [10, 1_024, 1_025, 10_000, 65_535, 65_536, 999_999].map(batch_bytes_for).to_vec();
        assert_eq!(sizes, [1_024, 1_024, 1_024, 8_192, 32_768, 65_536, 524_288]);
    }
}
