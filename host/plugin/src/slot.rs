//! The place of one task's chain: what runs, and what was refused.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use collector_failpoints::reached;
use collector_model::{
    Metrics, TaskKey, Ticket, Topic,
    metrics::{LimitLabel, of},
};
use collector_tasks::{ChainSpec, PluginSpec};
use parking_lot::Mutex;

use crate::{
    error::LoadError,
    flight::{Admitted, Flight},
    generation::{Generation, LoadedPlugin},
    host::{PluginDirs, PluginHost},
    limits::{Limit, Limits},
    watch::{Stamps, stamps},
    worker::label,
};

/// Holds the chain of one task. Shared by the workers that run it and by whoever changes it.
pub struct ChainSlot {
    host: PluginHost,
    task: TaskKey,
    topic: Topic,
    dirs: PluginDirs,
    current: ArcSwap<Generation>,
    change: Mutex<Change>,
    flight: Arc<Flight>,
    /// Versions that were used before a crash; none where they are not to be had.
    recalled: Mutex<HashMap<String, Option<Arc<Generation>>>>,
}

#[derive(Default)]
struct Change {
    spec: ChainSpec,
    generation: u64,
    refused: Option<String>,
    /// Of the files, as they were before they were read.
    stamps: Stamps,
}

/// What is running in a slot, for the instance's status and the metrics.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ChainStatus {
    /// The task.
    pub task: String,
    /// The chain's hash; empty without plugins.
    pub chain: String,
    /// Counts up with every swap.
    pub generation: u64,
    /// `running`, `quarantined`, or `draining`: lines are still under way by the version before.
    pub state: &'static str,
    /// Why the last change was refused; absent where it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The plugins in order.
    pub plugins: Vec<PluginStatus>,
}

/// One plugin that is running.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PluginStatus {
    /// The file's name without its ending.
    pub name: String,
    /// The file.
    pub path: String,
    /// Of the file.
    pub sha256: String,
    /// The version of the interface.
    pub abi: &'static str,
    /// Faults since it was loaded.
    pub faults: u64,
    /// Whether it is in quarantine.
    pub quarantined: bool,
}

impl ChainSlot {
    /// A slot with the empty chain.
    pub fn new(host: PluginHost, task: TaskKey, topic: Topic, dirs: PluginDirs) -> Self {
        let current = ArcSwap::from_pointee(Generation::empty());
        let (change, flight, recalled) = (Mutex::default(), Arc::default(), Mutex::default());
        ChainSlot { host, task, topic, dirs, current, change, flight, recalled }
    }

    /// The task whose chain it is.
    pub fn task(&self) -> &TaskKey {
        &self.task
    }

    /// What runs now.
    pub fn generation(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// The chain that was asked for last, taken or not.
    pub fn spec(&self) -> ChainSpec {
        self.change.lock().spec.clone()
    }

    /// Takes a chain, or refuses it and leaves what runs. True if something changed. Blocks while the chain is loaded; workers do not wait.
    pub fn apply(&self, spec: &ChainSpec) -> Result<bool, LoadError> {
        let mut change = self.change.lock();
        change.spec = spec.clone();
        self.load(&mut change)
    }

    /// Loads the chain that was asked for last once more, since a file of it has changed.
    pub fn reload(&self) -> Result<bool, LoadError> {
        self.load(&mut self.change.lock())
    }

    fn load(&self, change: &mut Change) -> Result<bool, LoadError> {
        change.stamps = stamps(self.files_of(&change.spec));
        let spec = &change.spec;
        match self.host.prepare(spec, &self.dirs) {
            Ok(generation) => {
                change.refused = None;
                generation.plugins.iter().for_each(|plugin| self.take_limits_met(plugin));
                Ok(self.publish(change, generation))
            }
            Err(error) => {
                let reason = Some(error.to_string());
                if change.refused == reason {
                    // Tried again, with the same end: it was said and counted.
                    return Err(error);
                }
                change.refused = reason;
                self.metrics().chain_refusals.get_or_create(&of(&self.topic)).inc();
                if let Some(limit) = error.limit() {
                    self.count_limit(&error.plugin(), limit, 1);
                }
                tracing::error!(task = self.task.as_str(), %error, "chain refused; what ran before goes on");
                Err(error)
            }
        }
    }

    /// Lets a batch start by the version of the chain that is right for it, or gives its ticket back where it has to wait.
    pub(crate) fn admit(&self, ticket: Ticket) -> Result<Admitted, Ticket> {
        self.flight.admit(ticket, &self.generation(), |chain| self.recall(chain))
    }

    /// Whether lines are under way by another version than the one that takes over.
    pub(crate) fn is_draining(&self) -> bool {
        self.flight.draining(&self.generation()) > 0
    }

    /// The version of that hash, as it was kept when it was taken.
    fn recall(&self, chain: &str) -> Option<Arc<Generation>> {
        let mut recalled = self.recalled.lock();
        let found = recalled.entry(chain.to_owned()).or_insert_with(|| {
            let (task, found) = (self.task.as_str(), self.host.recall(chain));
            match &found {
                Ok(_) => tracing::info!(task, chain, "lines that this chain may have treated before are treated by it again"),
                Err(reason) => tracing::warn!(task, chain, %reason, "lines that this chain may have treated before are treated by the one that runs: events that it makes no more stay where they are"),
            }
            found.ok().map(Arc::new)
        });
        found.clone()
    }

    /// Takes a chain that is ready.
    pub fn install(&self, generation: Generation) -> bool {
        self.publish(&mut self.change.lock(), generation)
    }

    fn publish(&self, change: &mut Change, mut generation: Generation) -> bool {
        if generation.does_the_same_as(&self.current.load()) {
            return false;
        }
        change.generation += 1;
        generation.number = change.generation;
        tracing::info!(
            task = self.task.as_str(),
            chain = &**generation.hash(),
            generation = generation.number,
            "chain taken"
        );
        generation.inherit(&self.current.load());
        reached("swapping");
        self.current.store(Arc::new(generation));
        let (metrics, topic) = (self.metrics(), of(&self.topic));
        metrics.chain_swaps.get_or_create(&topic).inc();
        metrics.chain_generation.get_or_create(&topic).set(change.generation as i64);
        self.show_quarantine();
        true
    }

    fn show_quarantine(&self) {
        let is_quarantined = self.current.load().is_quarantined();
        self.metrics().chain_quarantined.get_or_create(&of(&self.topic)).set(i64::from(is_quarantined));
    }

    /// Counts which limits the instances of a plugin met.
    #[inline]
    pub(crate) fn take_limits_met(&self, plugin: &LoadedPlugin) {
        plugin.met.take(|limit, count| self.count_limit(&plugin.name, limit, count));
    }

    fn count_limit(&self, plugin: &str, limit: Limit, count: u64) {
        let (topic, plugin) = (self.topic.as_str().to_owned(), plugin.to_owned());
        let label = LimitLabel { topic, plugin, limit: limit.name() };
        self.metrics().plugin_limits_met.get_or_create(&label).inc_by(count);
    }

    /// What is running, and what was refused.
    pub fn status(&self) -> ChainStatus {
        let generation = self.generation();
        let plugins = generation.plugins.iter().map(|plugin| PluginStatus {
            name: plugin.name.to_string(),
            path: plugin.path.display().to_string(),
            sha256: plugin.sha256.clone(),
            abi: "0.1.0",
            faults: plugin.faults(),
            quarantined: plugin.is_quarantined(),
        });
        ChainStatus {
            task: self.task.as_str().to_owned(),
            chain: generation.hash().to_string(),
            generation: generation.number,
            state: match generation.is_quarantined() {
                true => "quarantined",
                false if self.flight.draining(&generation) > 0 => "draining",
                false => "running",
            },
            refused: self.change.lock().refused.clone(),
            plugins: plugins.collect(),
        }
    }

    /// The files of the chain that was asked for, assets included.
    pub fn files(&self) -> Vec<PathBuf> {
        self.files_of(&self.change.lock().spec)
    }

    fn files_of(&self, spec: &ChainSpec) -> Vec<PathBuf> {
        let file = |path: &Path| self.dirs.find(path).unwrap_or_else(|error| error.path);
        let files = |plugin: &PluginSpec| {
            std::iter::once(file(&plugin.path)).chain(plugin.assets.values().cloned()).collect::<Vec<_>>()
        };
        spec.plugins.iter().flat_map(files).collect()
    }

    /// What the files were when they were read last.
    pub(crate) fn stamps(&self) -> Stamps {
        self.change.lock().stamps.clone()
    }

    pub(crate) fn limits(&self) -> &Limits {
        self.host.limits()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        self.host.metrics()
    }

    /// A worker met a fault.
    pub(crate) fn report(&self, plugin: &LoadedPlugin, fault: &str, quarantined: bool) {
        let metrics = self.metrics();
        metrics.plugin_faults.get_or_create(&label(&self.topic, &plugin.name)).inc();
        let (task, name) = (self.task.as_str(), &*plugin.name);
        if quarantined {
            self.show_quarantine();
            tracing::error!(task, plugin = name, fault, "plugin in quarantine until a new version of it comes");
        } else {
            tracing::warn!(task, plugin = name, fault, "plugin fault");
        }
    }
}
