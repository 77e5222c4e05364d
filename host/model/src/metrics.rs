//! The counters and gauges of a process, in Prometheus' form. Names end in their unit.

use std::sync::{Arc, atomic::AtomicU64};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::Topic;

/// The label of what is counted per topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TopicLabel {
    /// The topic.
    pub topic: String,
}

/// The label of what is told of single indices.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct IndexLabel {
    /// The index.
    pub index: String,
}

/// The label of what is counted per plugin of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PluginLabel {
    /// The topic.
    pub topic: String,
    /// The plugin's file name without its ending.
    pub plugin: String,
}

/// The label of what is counted per limit of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LimitLabel {
    /// The topic.
    pub topic: String,
    /// The plugin's file name without its ending.
    pub plugin: String,
    /// The limit: `memory`, `process_warn`, `process_time`, `open_time`, `output`, `wasm_bytes`, `function_bytes`, `asset_bytes`, `log_messages`, `faults`.
    pub limit: &'static str,
}

/// The label of what is told of single files, of which there are few at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FileLabel {
    /// The topic.
    pub topic: String,
    /// Where the file is.
    pub path: String,
}

/// A counter per topic.
pub type PerTopic = Family<TopicLabel, Counter>;
/// A gauge per topic.
pub type GaugePerTopic = Family<TopicLabel, Gauge>;
/// A gauge per index.
pub type GaugePerIndex = Family<IndexLabel, Gauge>;
/// Seconds per topic.
pub type SecondsPerTopic = Family<TopicLabel, Gauge<f64, AtomicU64>>;
/// A gauge per file.
pub type GaugePerFile = Family<FileLabel, Gauge>;
/// Seconds per file.
pub type SecondsPerFile = Family<FileLabel, Gauge<f64, AtomicU64>>;
/// A counter per plugin and topic.
pub type PerPlugin = Family<PluginLabel, Counter>;
/// A counter per limit, plugin and topic.
pub type PerLimit = Family<LimitLabel, Counter>;

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $field:ident: $kind:ty = $name:literal;)*) => {
        /// Everything that is counted. Cloning shares the counters.
        #[derive(Clone)]
        pub struct Metrics {
            registry: Arc<Registry>,
            $($(#[doc = $doc])+ pub $field: $kind,)*
        }

        impl Default for Metrics {
            fn default() -> Self {
                let mut registry = Registry::with_prefix("collector");
                $(let $field = <$kind>::default(); registry.register($name, concat!($($doc),+).trim(), $field.clone());)*
                Metrics { registry: Arc::new(registry), $($field,)* }
            }
        }
    };
}

metrics! {
    /// Lines read from files or from Kafka
    lines_read: PerTopic = "lines_read";
    /// Bytes of the lines read
    bytes_read: PerTopic = "bytes_read";
    /// Records that Kafka acknowledged
    records_delivered: PerTopic = "records_delivered";
    /// Lines (or documents) of the records that Kafka acknowledged
    lines_delivered: PerTopic = "lines_delivered";
    /// Bytes of the records that Kafka acknowledged
    bytes_delivered: PerTopic = "bytes_delivered";
    /// Documents that the index has taken
    documents_indexed: PerTopic = "documents_indexed";
    /// Documents that were in the index already (409)
    documents_conflicted: PerTopic = "documents_conflicted";
    /// 1 while the index takes no documents before somebody does something (blocked, closed, refused credentials, an alias in its place)
    index_blocked: GaugePerIndex = "index_blocked";
    /// Documents of days that retention does not keep any more, left out
    documents_past_retention: PerTopic = "documents_past_retention";
    /// Requests or items that were sent again
    retries: PerTopic = "retries";
    /// Lines written to the dead letters
    dead_letters: PerTopic = "dead_letters";
    /// What the dead letters of the topic take on disk, where they are kept in files
    dead_letters_bytes: GaugePerTopic = "dead_letters_bytes";
    /// 1 while lines of the topic wait because no more dead letters can be kept
    dead_letters_blocked: GaugePerTopic = "dead_letters_blocked";
    /// Events that a filter dropped
    events_dropped: PerTopic = "events_dropped";
    /// Events that a parser could not read
    events_rejected: PerTopic = "events_rejected";
    /// Events that met a plugin in quarantine
    events_bypassed: PerTopic = "events_bypassed";
    /// Faults of plugins: traps, time-outs, answers that break the rules
    plugin_faults: PerPlugin = "plugin_faults";
    /// How often a plugin met one of its limits
    plugin_limits_met: PerLimit = "plugin_limits_met";
    /// Swaps of a chain that took effect
    chain_swaps: PerTopic = "chain_swaps";
    /// Chains that were refused, so that the old one went on
    chain_refusals: PerTopic = "chain_refusals";
    /// 1 while a plugin of the topic's chain is in quarantine
    chain_quarantined: GaugePerTopic = "chain_quarantined";
    /// The number of the chain's generation
    chain_generation: GaugePerTopic = "chain_generation";
    /// Lines that were not valid UTF-8
    lines_invalid_utf8: PerTopic = "lines_invalid_utf8";
    /// Lines that were longer than the limit and were cut
    lines_cut: PerTopic = "lines_cut";
    /// Bytes in the files that are not read and acknowledged yet
    lag_bytes: GaugePerTopic = "lag_bytes";
    /// How long ago the oldest byte in the files was seen that is not acknowledged yet
    lag_seconds: SecondsPerTopic = "lag_seconds";
    /// Files that are followed
    files_followed: GaugePerTopic = "files_followed";
    /// Files with bytes that are not read and acknowledged yet
    files_behind: GaugePerTopic = "files_behind";
    /// Bytes of a file that are not read and acknowledged yet, for the files that are furthest behind
    file_lag_bytes: GaugePerFile = "file_lag_bytes";
    /// How long ago the oldest byte of the file was seen that is not acknowledged yet, for the files that are furthest behind
    file_lag_seconds: SecondsPerFile = "file_lag_seconds";
    /// Records in the partitions that are not consumed and committed yet
    lag_records: GaugePerTopic = "lag_records";
    /// Files that are open
    files_open: Gauge = "files_open";
    /// Bytes of files that shrank or vanished before they were read (copytruncate's race and the like)
    file_bytes_lost: PerTopic = "file_bytes_lost";
    /// Records that Kafka's retention deleted before they were consumed
    records_lost_to_retention: PerTopic = "records_lost_to_retention";
    /// Configurations that were refused, so that the old one went on
    config_refusals: Counter = "config_refusals";
    /// The revision of the configuration that is applied
    config_revision: Gauge = "config_revision";
    /// Bytes of the lines that are under way
    budget_held_bytes: Gauge = "budget_held_bytes";
}

impl Metrics {
    /// The text that Prometheus scrapes (OpenMetrics).
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(8 << 10);
        // Writing into a String cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

/// The label of a topic.
pub fn of(topic: &Topic) -> TopicLabel {
    TopicLabel { topic: topic.as_str().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_rendered_with_their_topic() {
        let metrics = Metrics::default();
        metrics.lines_read.get_or_create(&of(&Topic::new("web").unwrap())).inc_by(3);
        let text = metrics.render();
        assert!(text.contains("collector_lines_read_total{topic=\"web\"} 3"), "{text}");
        assert!(text.contains("# HELP collector_files_open Files that are open."), "{text}");
    }
}
