//! What a check asks of the plugin host and of servers.

use std::path::Path;
#[cfg(feature = "fleet")]
use std::time::Duration;

use collector_model::{Metrics, Topic};
use collector_plugin_host::{PluginDirs, PluginHost};
use collector_tail::StateDir;
use collector_tasks::ChainSpec;

#[cfg(feature = "fleet")]
use crate::clients;
use crate::{
    frame,
    settings::{Common, ElasticSettings, EtcdSettings, KafkaSettings, Limits},
};

/// How long a server is waited for.
#[cfg(feature = "fleet")]
const WAIT: Duration = Duration::from_secs(5);

/// Asks what cannot be decided from the settings alone. An `Ok` says what was found, an error everything that is wrong.
pub trait Probe {
    /// Loads a chain of one plugin. `anywhere` allows a path outside of the plugin directories, for what a person names.
    fn plugin(&self, chain: &ChainSpec, common: &Common, anywhere: bool) -> Result<String, String>;
    /// Whether another process uses the state directory, or it is damaged.
    fn state_dir(&self, dir: &Path) -> Result<(), String>;
    /// Whether Kafka answers and has the topics.
    fn kafka(&self, settings: &KafkaSettings, limits: &Limits, topics: &[Topic]) -> Result<String, Vec<String>>;
    /// Whether etcd answers.
    fn etcd(&self, settings: &EtcdSettings) -> Result<String, Vec<String>>;
    /// Whether Elasticsearch answers.
    fn elastic(&self, settings: &ElasticSettings) -> Result<String, Vec<String>>;
}

/// Asks the real ones.
#[derive(Debug)]
pub struct Connected;

impl Probe for Connected {
    fn plugin(&self, chain: &ChainSpec, common: &Common, anywhere: bool) -> Result<String, String> {
        let dirs = common.bounds.plugin_dirs.clone();
        let dirs = if anywhere { PluginDirs::or_anywhere(dirs) } else { PluginDirs::only(dirs) };
        let limits = frame::plugin_limits(&common.limits.plugin);
        let host = PluginHost::new(limits, None, None, Metrics::default()).map_err(|error| error.to_string())?;
        let generation = host.prepare(chain, &dirs).map_err(|error| error.to_string())?;
        let names: Vec<String> = chain.plugins.iter().map(|plugin| plugin.path.display().to_string()).collect();
        Ok(format!("plugin {}: loads, its samples pass, chain {}", names.join(","), generation.hash()))
    }

    fn state_dir(&self, dir: &Path) -> Result<(), String> {
        // Opening makes what is missing: a directory that was never used is left alone.
        if !dir.join("lock").exists() {
            return Ok(());
        }
        StateDir::open(dir).map(drop).map_err(|error| error.to_string())
    }

    #[cfg(feature = "fleet")]
    fn kafka(&self, settings: &KafkaSettings, limits: &Limits, topics: &[Topic]) -> Result<String, Vec<String>> {
        let settings = clients::kafka(settings, limits);
        let found = collector_kafka::cluster::list_topics(&settings, WAIT).map_err(|error| vec![error.to_string()])?;
        let missing = topics.iter().filter(|topic| !found.iter().any(|found| found.name == topic.as_str()));
        let troubles: Vec<String> = match settings.create_topics {
            Some(_) => Vec::new(),
            None => missing
                .filter_map(|topic| collector_kafka::cluster::topic_partitions(&settings, topic, WAIT).err())
                .map(|error| error.to_string())
                .collect(),
        };
        if troubles.is_empty() { Ok(format!("it answers, and has {} topics", found.len())) } else { Err(troubles) }
    }

    #[cfg(feature = "fleet")]
    fn etcd(&self, settings: &EtcdSettings) -> Result<String, Vec<String>> {
        let key = settings.collect_keys.first().map_or("/", String::as_str);
        let answer = block_on(collector_etcd::probe(&clients::etcd(settings), key, WAIT))?;
        answer.map(|info| format!("it answers, version {}", info.version)).map_err(|error| vec![error.to_string()])
    }

    #[cfg(feature = "fleet")]
    fn elastic(&self, settings: &ElasticSettings) -> Result<String, Vec<String>> {
        let answer = block_on(collector_elastic::probe(&clients::elastic(settings), WAIT))?;
        answer
            .map(|info| format!("it answers, {} {}", info.distribution, info.version))
            .map_err(|error| vec![error.to_string()])
    }

    #[cfg(not(feature = "fleet"))]
    fn kafka(&self, _: &KafkaSettings, _: &Limits, _: &[Topic]) -> Result<String, Vec<String>> {
        Err(vec![without("Kafka")])
    }

    #[cfg(not(feature = "fleet"))]
    fn etcd(&self, _: &EtcdSettings) -> Result<String, Vec<String>> {
        Err(vec![without("etcd")])
    }

    #[cfg(not(feature = "fleet"))]
    fn elastic(&self, _: &ElasticSettings) -> Result<String, Vec<String>> {
        Err(vec![without("Elasticsearch")])
    }
}

#[cfg(not(feature = "fleet"))]
fn without(server: &str) -> String {
    format!("asking {server}: this program was built without it; build it with the feature \"fleet\"")
}

#[cfg(feature = "fleet")]
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| vec![format!("starting a runtime to ask servers: {error}")])?.block_on(future))
}
