//! What every client of librdkafka has in common: where its log lines go, the last error it told of, and how it finds back to its
//! brokers.

use std::{
    ffi::CString,
    sync::atomic::{AtomicU32, Ordering},
};

use parking_lot::Mutex;
use rdkafka::{
    ClientContext,
    bindings::rd_kafka_brokers_add,
    client::Client,
    config::RDKafkaLogLevel,
    error::{KafkaError as ClientError, RDKafkaErrorCode},
};

use crate::{KafkaError, KafkaSettings};

/// The last error of a client, for messages that have to say why.
#[derive(Default)]
pub(crate) struct LastError(Mutex<Option<(Option<RDKafkaErrorCode>, String)>>);

impl LastError {
    /// Keeps an error that librdkafka told of. "All brokers down" only follows from one that says more.
    pub(crate) fn keep(&self, error: &ClientError, reason: &str) {
        let code = error.rdkafka_error_code();
        let mut last = self.0.lock();
        if code != Some(RDKafkaErrorCode::AllBrokersDown) || last.is_none() {
            *last = Some((code, reason.to_owned()));
        }
        tracing::debug!(error = %error, reason, "Kafka client error");
    }

    /// Whether there is one that was not used in a message yet.
    pub(crate) fn is_known(&self) -> bool {
        self.0.lock().is_some()
    }

    fn take(&self) -> Option<(Option<RDKafkaErrorCode>, String)> {
        self.0.lock().take()
    }

    /// Says in the operator's words what `error` means, which was met while `doing`.
    pub(crate) fn explain(&self, settings: &KafkaSettings, doing: &str, error: &ClientError) -> KafkaError {
        let brokers = settings.address();
        let last = self.take();
        let reason = last.as_ref().map_or_else(|| error.to_string(), |(_, reason)| reason.clone());
        let codes = [error.rdkafka_error_code(), last.and_then(|(code, _)| code)];
        if codes.iter().flatten().any(|code| is_refusal(*code)) {
            return KafkaError::Refused { doing: doing.to_owned(), brokers, reason };
        }
        if codes.contains(&Some(RDKafkaErrorCode::SSL)) {
            return KafkaError::Tls { brokers, reason };
        }
        match error {
            ClientError::ClientConfig(_, reason, key, value) => bad_property(key, value, reason),
            _ if codes[0].is_some_and(is_unreachable) => {
                KafkaError::Unreachable { brokers, timeout: settings.request_timeout, reason }
            }
            _ => KafkaError::Failed { doing: doing.to_owned(), brokers, reason },
        }
    }
}

fn bad_property(key: &str, value: &str, reason: &str) -> KafkaError {
    let is_secret = ["password", "secret", "key.pem"].iter().any(|word| key.contains(word));
    let value = if is_secret { "…" } else { value };
    KafkaError::BadProperty { property: key.to_owned(), value: value.to_owned(), reason: reason.to_owned() }
}

fn is_refusal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        code,
        C::Authentication
            | C::SaslAuthenticationFailed
            | C::UnsupportedSASLMechanism
            | C::TopicAuthorizationFailed
            | C::GroupAuthorizationFailed
            | C::ClusterAuthorizationFailed
    )
}

fn is_unreachable(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        code,
        C::BrokerTransportFailure | C::AllBrokersDown | C::OperationTimedOut | C::RequestTimedOut | C::Resolve
    )
}

/// So many times in a row nobody has to answer before a client is told of its brokers again.
const SILENCE_MIN: u32 = 4;

/// How often in a row nobody has answered a client.
///
/// librdkafka forgets brokers that an answer does not list. A broker that is alone and was cut off from its controller for a moment
/// lists none, not even itself: the client forgets everybody, asks nobody any more, and would send nothing until the process is
/// started again (librdkafka's issue 5301).
#[derive(Default)]
pub(crate) struct Silence(AtomicU32);

impl Silence {
    /// Takes note of whether anybody has answered this time. Says whether to [`remind_of_brokers`]: while nobody has, ever more
    /// seldom, for the client keeps each list.
    pub(crate) fn hear(&self, answered: bool) -> bool {
        if answered {
            self.0.store(0, Ordering::Relaxed);
            return false;
        }
        let times = self.0.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        times >= SILENCE_MIN && times.is_power_of_two()
    }
}

/// Tells a client of the brokers of the settings once more. It is harmless where it knows them.
pub(crate) fn remind_of_brokers<C: ClientContext>(client: &Client<C>, settings: &KafkaSettings) {
    let Ok(brokers) = CString::new(settings.brokers.join(",")) else { return };
    // SAFETY: the handle lives as long as `client`; librdkafka copies the list and may be called so from any thread.
    let known = unsafe { rd_kafka_brokers_add(client.native_ptr(), brokers.as_ptr()) };
    tracing::debug!(known, "nobody answers a Kafka client: it was told of its brokers again");
}

/// Hands a line of librdkafka's own log to ours.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel as L;
    match level {
        L::Emerg | L::Alert | L::Critical | L::Error => tracing::error!(facility, message, "Kafka client"),
        L::Warning => tracing::warn!(facility, message, "Kafka client"),
        L::Notice | L::Info => tracing::info!(facility, message, "Kafka client"),
        L::Debug => tracing::debug!(facility, message, "Kafka client"),
    }
}

/// The context of a client that only asks.
#[derive(Default)]
pub(crate) struct Asking {
    pub(crate) last_error: LastError,
}

impl ClientContext for Asking {
    /// Such a client's troubles are told by whoever asks.
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "Kafka client");
    }

    fn error(&self, error: ClientError, reason: &str) {
        self.last_error.keep(&error, reason);
    }
}

impl rdkafka::consumer::ConsumerContext for Asking {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rdkafka::{
        ClientConfig,
        consumer::{BaseConsumer, Consumer as _},
        mocking::MockCluster,
    };

    use super::*;

    #[test]
    fn a_client_that_knows_no_broker_that_answers_finds_those_that_it_is_told_of() {
        let cluster = MockCluster::new(1).unwrap();
        let settings = KafkaSettings::new(vec![cluster.bootstrap_servers()]);
        let nobody = ClientConfig::new().set("bootstrap.servers", "127.0.0.1:1").create::<BaseConsumer>().unwrap();
        assert!(nobody.fetch_metadata(None, Duration::from_millis(300)).is_err());
        remind_of_brokers(nobody.client(), &settings);
        assert!(nobody.fetch_metadata(None, Duration::from_secs(60)).is_ok());
    }

    #[test]
    fn reminders_get_ever_more_seldom() {
        let silence = Silence::default();
        let reminded: Vec<u32> = (1..=40).filter(|_| silence.hear(false)).collect();
        assert_eq!(reminded, [4, 8, 16, 32]);
        assert!(!silence.hear(true));
        assert_eq!((1..=4).filter(|_| silence.hear(false)).count(), 1);
    }
}
