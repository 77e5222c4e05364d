//! What every client of librdkafka has in common: where its log lines go, and the last error it told of.

use parking_lot::Mutex;
use rdkafka::{
    ClientContext,
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
