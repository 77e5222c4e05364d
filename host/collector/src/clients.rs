//! The settings of the fleet's servers, as their crates take them.

use collector_elastic::{Auth, ElasticSettings};
use collector_etcd::{EtcdSettings, User};
use collector_kafka::{Compression, ConsumerLimits, KafkaSettings, Sasl, SaslMechanism, Tls, TopicCreation};

use crate::settings;

/// Kafka's.
pub fn kafka(from: &settings::KafkaSettings, limits: &settings::Limits) -> KafkaSettings {
    let consumer = ConsumerLimits {
        batch_bytes_max: limits.batch_bytes_max,
        batch_lines_max: limits.batch_lines_max,
        batch_age_max: limits.batch_age_max,
        session_timeout: from.session_timeout,
        ..ConsumerLimits::default()
    };
    let tls = from.tls.as_ref().map(|tls| Tls {
        ca_file: tls.ca_file.clone(),
        certificate_file: tls.certificate.as_ref().map(|(certificate, _)| certificate.clone()),
        key_file: tls.certificate.as_ref().map(|(_, key)| key.clone()),
        key_password: tls.key_password.as_ref().map(|password| password.expose().to_owned()),
        verify_host: tls.verify_host,
    });
    let sasl = from.sasl.as_ref().map(|sasl| Sasl {
        mechanism: match sasl.mechanism {
            settings::SaslMechanism::Plain => SaslMechanism::Plain,
            settings::SaslMechanism::ScramSha256 => SaslMechanism::ScramSha256,
            settings::SaslMechanism::ScramSha512 => SaslMechanism::ScramSha512,
        },
        user: sasl.user.clone(),
        password: sasl.password.expose().to_owned(),
    });
    KafkaSettings {
        tls,
        sasl,
        message_bytes_max: from.message_bytes_max,
        queue_records_max: from.queue_records_max,
        properties: from.properties.clone(),
        compression: match from.compression {
            settings::Compression::None => Compression::None,
            settings::Compression::Lz4 => Compression::Lz4,
            settings::Compression::Zstd => Compression::Zstd,
        },
        create_topics: from
            .create_topics
            .map(|how| TopicCreation { partitions: how.partitions, replication: how.replication.unwrap_or(-1) }),
        consumer,
        ..KafkaSettings::new(from.brokers.clone())
    }
}

/// etcd's.
pub fn etcd(from: &settings::EtcdSettings) -> EtcdSettings {
    EtcdSettings {
        user: from
            .user
            .as_ref()
            .map(|(name, password)| User { name: name.clone(), password: password.expose().to_owned() }),
        ca_file: from.ca_file.clone(),
        connect_timeout: from.timeout,
        request_timeout: from.timeout,
        ..EtcdSettings::new(from.endpoints.clone())
    }
}

/// Elasticsearch's.
pub fn elastic(from: &settings::ElasticSettings) -> ElasticSettings {
    ElasticSettings {
        auth: match &from.auth {
            settings::ElasticAuth::None => Auth::None,
            settings::ElasticAuth::Basic(user, password) => {
                Auth::Basic { user: user.clone(), password: password.expose().to_owned() }
            }
            settings::ElasticAuth::ApiKey(key) => Auth::ApiKey(key.expose().to_owned()),
        },
        ca_file: from.ca_file.clone(),
        bulk_bytes_max: from.bulk_bytes_max,
        bulk_documents_max: from.bulk_documents_max,
        bulk_linger: from.bulk_wait_max,
        in_flight_max: from.in_flight_max,
        index_documents_max: from.index_documents_max.unwrap_or(usize::MAX),
        request_timeout: from.timeout,
        gzip: from.gzip,
        install_template: from.install_template,
        retention_dry_run: from.retention_dry_run,
        past_day_blocked_max: from.past_day_blocked_max,
        ..ElasticSettings::new(from.nodes.clone())
    }
}
