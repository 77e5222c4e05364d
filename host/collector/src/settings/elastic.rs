//! Elasticsearch or OpenSearch, as a transfer needs it.

use std::{path::PathBuf, time::Duration};

use super::{Secret, address, low::LowElasticsearch, meaning::Meaning};
use url::Url;

/// How the cluster is reached, and how much is sent at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElasticSettings {
    /// The nodes.
    pub nodes: Vec<Url>,
    /// Who we are.
    pub auth: ElasticAuth,
    /// PEM file of the authority to trust.
    pub ca_file: Option<PathBuf>,
    /// How many bulk requests are under way at once.
    pub in_flight_max: usize,
    /// How many documents of one index wait or are under way at once; `None`: as many as their bytes allow.
    pub index_documents_max: Option<usize>,
    /// Whether the index template is installed.
    pub install_template: bool,
    /// How many days are kept where a rule says nothing; `None`: all.
    pub retention_days: Option<u32>,
    /// Whether it is only said what retention would delete.
    pub retention_dry_run: bool,
    /// Whether requests are compressed.
    pub gzip: bool,
    /// Bytes of a bulk request.
    pub bulk_bytes_max: usize,
    /// Documents of a bulk request.
    pub bulk_documents_max: usize,
    /// How long a bulk request waits for more documents.
    pub bulk_wait_max: Duration,
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// How long the index of a past day may refuse writes before its lines go to the dead letters.
    pub past_day_blocked_max: Duration,
}

/// Who we are to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElasticAuth {
    /// Nobody in particular.
    None,
    /// A user with a password.
    Basic(String, Secret),
    /// An encoded API key.
    ApiKey(Secret),
}

pub(crate) fn meaning(m: &mut Meaning<'_>) -> Option<ElasticSettings> {
    let low = m.written.low.elasticsearch.clone().unwrap_or_default();
    let example = "nodes = [\"http://127.0.0.1:9200\"] under [elasticsearch]";
    let nodes =
        m.required_list("elasticsearch.nodes", low.nodes.as_ref(), example, |text| address::endpoint(text, 9200));
    let auth = auth(m, &low);
    let ca_file = m.readable_file("elasticsearch.ca_file", low.ca_file.as_ref());
    let in_flight = m.number("elasticsearch.workers", low.workers, 4, 1..=256);
    let bytes = m.number("elasticsearch.bulk_bytes_max", low.bulk_bytes_max, 5 << 20, 64 << 10..=100 << 20);
    let documents = m.number("elasticsearch.bulk_documents_max", low.bulk_documents_max, 5_000, 1..=100_000);
    let wait = m.number("elasticsearch.bulk_wait_ms_max", low.bulk_wait_ms_max, 1_000, 1..=60_000);
    let timeout = m.number("elasticsearch.timeout_s", low.timeout_s, 60, 1..=3_600);
    let blocked =
        m.number("elasticsearch.past_day_blocked_s_max", low.past_day_blocked_s_max, 3_600, 1..=100 * 365 * 86_400);
    let held = low.index_documents_max;
    let held = held.map(|held| m.number("elasticsearch.index_documents_max", Some(held), 0, 1..=1_000_000_000));
    let days = low.retention_days.map(|days| m.number("elasticsearch.retention_days", Some(days), 0, 1..=36_500));
    let nodes = nodes?;
    if ca_file.as_ref().is_some_and(Option::is_some) && nodes.iter().all(|node| node.scheme() == "http") {
        let fix = "write https:// before the nodes, or take ca_file away";
        m.complain("elasticsearch.ca_file", "it has no effect: every node is http://", fix);
    }
    Some(ElasticSettings {
        nodes,
        auth: auth?,
        ca_file: ca_file?,
        in_flight_max: in_flight? as usize,
        index_documents_max: held.map_or(Some(None), |held| held.map(|held| Some(held as usize)))?,
        install_template: low.install_template.unwrap_or(true),
        retention_days: days.map_or(Some(None), |days| days.map(|days| Some(days as u32)))?,
        retention_dry_run: low.retention_dry_run.unwrap_or(false),
        gzip: low.gzip.unwrap_or(false),
        bulk_bytes_max: bytes? as usize,
        bulk_documents_max: documents? as usize,
        bulk_wait_max: Duration::from_millis(wait?),
        timeout: Duration::from_secs(timeout?),
        past_day_blocked_max: Duration::from_secs(blocked?),
    })
}

fn auth(m: &mut Meaning<'_>, low: &LowElasticsearch) -> Option<ElasticAuth> {
    match (&low.user, &low.password, &low.api_key) {
        (None, None, None) => Some(ElasticAuth::None),
        (Some(user), Some(password), None) => Some(ElasticAuth::Basic(user.clone(), Secret::new(password))),
        (None, None, Some(key)) => Some(ElasticAuth::ApiKey(Secret::new(key))),
        (_, _, Some(_)) => {
            let fix = "keep api_key, or user and password, and take the other away";
            m.complain("elasticsearch.api_key", "there are two ways to authenticate", fix);
            None
        }
        (Some(_), None, None) => {
            let fix = "add password, or set COLLECTOR_ELASTICSEARCH_PASSWORD";
            m.complain("elasticsearch.user", "a user without a password", fix);
            None
        }
        (None, Some(_), None) => {
            m.complain("elasticsearch.password", "a password without a user", "add user under [elasticsearch]");
            None
        }
    }
}
