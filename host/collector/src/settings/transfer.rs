//! What a transfer needs.

use collector_model::Topic;

use super::{Common, ElasticSettings, EtcdSettings, KafkaSettings, elastic, etcd, every_role, kafka, meaning::Meaning};

/// What a transfer needs. The form of a topic's documents where it has no rule is `common.defaults.document`.
#[derive(Clone, Debug)]
pub struct TransferSettings {
    /// What every role has.
    pub common: Common,
    /// Where lines come from.
    pub kafka: KafkaSettings,
    /// Topics that are consumed besides those that have a rule in etcd.
    pub topics: Vec<Topic>,
    /// The consumer group.
    pub group: String,
    /// The name of this member of the group, for static membership.
    pub group_instance_id: Option<String>,
    /// Where documents go.
    pub elastic: ElasticSettings,
    /// Where the rules are.
    pub etcd: Option<EtcdSettings>,
}

const GROUP: &str = "collector";

pub(crate) fn meaning(m: &mut Meaning<'_>) -> Option<TransferSettings> {
    let common = every_role::meaning(m);
    let kafka = kafka::meaning(m);
    let elastic = elastic::meaning(m);
    let low = m.written.low.kafka.clone().unwrap_or_default();
    let topics = m.list("kafka.topics", low.topics.as_deref().unwrap_or_default(), |name| {
        let fix = || "write 1 to 249 letters, digits, '.', '_' or '-'".to_owned();
        Topic::new(name).map_err(|error| (error.to_string(), fix()))
    });
    let group = low.group.unwrap_or_else(|| GROUP.to_owned());
    if group.is_empty() {
        m.complain("kafka.group", "the consumer group is empty", "write a name, or take the key away");
    }
    if m.written.low.etcd.is_none() && low.topics.as_ref().is_none_or(Vec::is_empty) {
        let fix = "add topics = [\"web_log\"] under [kafka], or [etcd] with rules under /logtransfer/";
        m.complain("kafka.topics", "a transfer without topics", fix);
    }
    let (mut common, elastic) = (common?, elastic?);
    common.defaults.retention_days = elastic.retention_days;
    let etcd = etcd::meaning(m, &common.host);
    Some(TransferSettings {
        common,
        kafka: kafka?,
        topics: topics?,
        group,
        group_instance_id: low.group_instance_id.filter(|id| !id.is_empty()),
        elastic,
        etcd: etcd?,
    })
}
