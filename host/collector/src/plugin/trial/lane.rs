//! A plugin opened with one configuration, and the events that are tried with it.

use std::{collections::BTreeMap, sync::Arc};

use collector_model::{TaskKey, Topic};
use collector_plugin_host::{ChainSlot, ChainWorker, Generation, PluginHost};
use collector_tasks::PluginSpec;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    anywhere,
    case::{Case, Outcome, treat},
    sample_files::SampleFiles,
};
use crate::plugin::opening::{self, Opened};

/// Events for one configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Material {
    /// The configuration; null for none.
    pub(super) config: Value,
    /// The events.
    pub(super) cases: Vec<Case>,
}

/// One sample, as far as it is of interest here: the host has compared it when it opened the plugin.
#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    config: Value,
    input: String,
    #[serde(default)]
    fields: Map<String, Value>,
}

impl Material {
    /// The packed samples and the lines of files, by configuration; the one that was asked for comes first.
    pub(super) fn gather(opened: &Opened, files: &SampleFiles) -> anyhow::Result<Vec<Material>> {
        let packed = opened.description.samples.as_deref().unwrap_or("[]");
        // The host has read them already.
        let samples: Vec<Sample> = serde_json::from_str(packed).unwrap_or_default();
        let main = opened.spec.config.clone();
        let mut gathered: BTreeMap<String, Material> = BTreeMap::new();
        let mut add = |config: &Value, case: Case| {
            let material = gathered.entry(config.to_string()).or_default();
            material.config.clone_from(config);
            material.cases.push(case);
        };
        for (index, sample) in samples.iter().enumerate() {
            add(&sample.config, Case::with_fields(format!("sample {}", index + 1), &sample.input, &sample.fields));
        }
        for file in &files.0 {
            let config = file.config.as_ref().unwrap_or(&main);
            file.lines.iter().for_each(|line| add(config, line.clone()));
        }
        let first = gathered.remove(&main.to_string()).unwrap_or_else(|| Material { config: main, cases: vec![] });
        Ok(std::iter::once(first).chain(gathered.into_values()).collect())
    }
}

/// A plugin that is opened with one configuration.
pub(super) struct Lane {
    /// The configuration.
    pub(super) config: Value,
    /// The events.
    pub(super) cases: Vec<Case>,
    slot: Arc<ChainSlot>,
    topic: Topic,
}

impl Lane {
    /// Loads it.
    pub(super) fn load(host: &PluginHost, spec: &PluginSpec, material: &Material) -> anyhow::Result<Lane> {
        let spec = PluginSpec { config: material.config.clone(), ..spec.clone() };
        let generation = host.prepare(&opening::chain(&spec), &anywhere())?;
        Self::of(host, generation, material)
    }

    /// Takes a chain that is loaded.
    pub(super) fn of(host: &PluginHost, generation: Generation, material: &Material) -> anyhow::Result<Lane> {
        let topic = Topic::new("test")?;
        let slot = ChainSlot::new(host.clone(), TaskKey::of_topic(&topic), topic.clone(), anywhere());
        slot.install(generation);
        Ok(Lane { config: material.config.clone(), cases: material.cases.clone(), slot: Arc::new(slot), topic })
    }

    /// A fresh instance.
    pub(super) fn worker(&self) -> ChainWorker {
        ChainWorker::new(Arc::clone(&self.slot))
    }

    /// What becomes of events, so many at once, in one instance.
    pub(super) fn treat(&self, cases: &[&Case], at_once: usize) -> Vec<Outcome> {
        let mut worker = self.worker();
        cases.chunks(at_once).flat_map(|cases| treat(&mut worker, &self.topic, cases)).collect()
    }

    /// The same, each batch in a fresh instance.
    pub(super) fn treat_afresh(&self, cases: &[&Case], at_once: usize) -> Vec<Outcome> {
        cases.chunks(at_once).flat_map(|cases| treat(&mut self.worker(), &self.topic, cases)).collect()
    }

    /// How a report calls it; nothing where there is no configuration.
    pub(super) fn label(&self) -> String {
        if self.config.is_null() { String::new() } else { format!(" (config {})", self.config) }
    }
}
