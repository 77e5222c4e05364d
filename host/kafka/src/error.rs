//! What can go wrong with Kafka, in the operator's words.

use std::time::Duration;

/// Why something with Kafka did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaError {
    /// The settings name no broker.
    #[error("setting up Kafka: no broker is named; set [kafka] brokers, for example brokers = [\"127.0.0.1:9092\"]")]
    NoBrokers,
    /// A property cannot be set by hand.
    #[error(
        "setting up Kafka: the property {key:?} cannot be set in [kafka] properties, because a guarantee rests on \
         it or another setting stands for it; remove it"
    )]
    ReservedProperty {
        /// The property.
        key: String,
    },
    /// librdkafka does not accept a property or its value.
    #[error("setting up Kafka: {property} = {value:?} is refused: {reason}; correct it under [kafka]")]
    BadProperty {
        /// The property.
        property: String,
        /// Its value (secrets are left out).
        value: String,
        /// The reason.
        reason: String,
    },
    /// No broker answers.
    #[error(
        "connecting to Kafka at {brokers}: no broker answered within {} s: {reason}; check that [kafka] brokers names \
         the right address, that Kafka runs there and that no firewall is between (try: kcat -L -b {brokers})",
        timeout.as_secs_f32()
    )]
    Unreachable {
        /// The brokers of the settings.
        brokers: String,
        /// How long they were waited for.
        timeout: Duration,
        /// What the last attempt met.
        reason: String,
    },
    /// The broker refuses who we are or what we want.
    #[error(
        "{doing} at {brokers}: the broker refuses: {reason}; check user, password and mechanism under [kafka.sasl], and the \
         user's permissions"
    )]
    Refused {
        /// What was being done.
        doing: String,
        /// The brokers of the settings.
        brokers: String,
        /// The broker's words.
        reason: String,
    },
    /// No encrypted connection comes about.
    #[error(
        "connecting to Kafka at {brokers} over TLS: {reason}; check under [kafka.tls] that ca_file is the authority of the \
         brokers' certificates, and that these name the hosts under [kafka] brokers"
    )]
    Tls {
        /// The brokers of the settings.
        brokers: String,
        /// The reason.
        reason: String,
    },
    /// A topic does not exist and is not to be created.
    #[error(
        "looking up the topic {topic:?} at {brokers}: it does not exist; create it with `kafka-topics.sh \
         --bootstrap-server {broker} --create --topic {topic} --partitions 4 --replication-factor 1`, or let the \
         collector create it: [kafka] create_topics = {{ partitions = 4, replication = 1 }}"
    )]
    TopicMissing {
        /// The topic.
        topic: String,
        /// The brokers of the settings.
        brokers: String,
        /// The first of them.
        broker: String,
    },
    /// A topic has fewer partitions than a task wants.
    #[error(
        "sending to partition {partition} of the topic {topic:?}: it has {partitions} partitions, counted from 0; \
         correct the task's kafka.partition or add partitions to the topic"
    )]
    NoSuchPartition {
        /// The topic.
        topic: String,
        /// The partition that the task names.
        partition: i32,
        /// How many there are.
        partitions: i32,
    },
    /// Anything else.
    #[error("{doing}: {reason}; check the state of the brokers at {brokers}")]
    Failed {
        /// What was being done.
        doing: String,
        /// The brokers of the settings.
        brokers: String,
        /// librdkafka's words.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_broker_is_named_with_the_reason_and_what_to_do() {
        let error = KafkaError::Unreachable {
            brokers: "127.0.0.1:9".into(),
            timeout: Duration::from_secs(2),
            reason: "Connection refused".into(),
        };
        assert_eq!(
            error.to_string(),
            "connecting to Kafka at 127.0.0.1:9: no broker answered within 2 s: Connection refused; check that [kafka] \
             brokers names the right address, that Kafka runs there and that no firewall is between (try: kcat -L -b \
             127.0.0.1:9)"
        );
    }

    #[test]
    fn a_missing_topic_is_named_with_the_command_that_makes_it() {
        let error = KafkaError::TopicMissing { topic: "web".into(), brokers: "a:1,b:2".into(), broker: "a:1".into() };
        assert_eq!(
            error.to_string(),
            "looking up the topic \"web\" at a:1,b:2: it does not exist; create it with `kafka-topics.sh \
             --bootstrap-server a:1 --create --topic web --partitions 4 --replication-factor 1`, or let the collector \
             create it: [kafka] create_topics = { partitions = 4, replication = 1 }"
        );
    }
}
