//! How a plugin that a person named is found and opened.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use collector_model::Metrics;
use collector_plugin_host::{Description, Limits, LoadError, LoadProblem, PluginDirs, PluginHost};
use collector_tasks::{ChainSpec, OnError, PluginSpec};
use serde_json::Value;

use super::OpeningArgs;
use crate::settings::{Machine, Request, Written};

/// Where a name is looked up: as the settings of this machine say; a path may lead anywhere.
pub fn plugin_dirs() -> anyhow::Result<PluginDirs> {
    let written = Written::read(&Request::default(), Machine::here());
    let common = written.common().map_err(|problems| anyhow!("{problems}"))?;
    Ok(PluginDirs::or_anywhere(common.bounds.plugin_dirs))
}

/// The engine for a plugin that is tried rather than used: however often it faults, it is asked again. Several that share a cache
/// compile a plugin once.
pub fn trial_host(limits: Limits, cache: Option<&Path>) -> anyhow::Result<PluginHost> {
    let limits = Limits { faults_max: usize::MAX, ..limits };
    Ok(PluginHost::new(limits, cache.map(Path::to_owned), None, Metrics::default())?)
}

/// The chain of a plugin alone.
pub fn chain(plugin: &PluginSpec) -> ChainSpec {
    ChainSpec { plugins: vec![plugin.clone()] }
}

impl OpeningArgs {
    /// The entry of a chain. What the plugin cannot treat is kept and tagged, so that it is seen.
    pub fn spec(&self, plugin: &Path) -> PluginSpec {
        PluginSpec {
            path: plugin.to_owned(),
            sha256: None,
            config: self.config.clone().unwrap_or_default(),
            assets: self.assets.iter().cloned().collect(),
            on_error: Some(OnError::Keep),
        }
    }
}

/// A plugin that could be opened.
#[derive(Debug)]
pub struct Opened {
    /// What it is.
    pub description: Description,
    /// How it was opened: the file resolved, and a configuration with which it opens.
    pub spec: PluginSpec,
    /// Why that is not the configuration that was asked for; empty where it is.
    pub note: String,
}

/// Opens and tries a plugin. One that needs a configuration, where none was given, gets that of its first sample.
pub fn open(host: &PluginHost, args: &OpeningArgs, plugin: &Path, dirs: &PluginDirs) -> Result<Opened, LoadError> {
    let mut spec = args.spec(plugin);
    let mut note = String::new();
    let mut described = host.describe(&spec, dirs);
    if let Err(LoadError { problem: LoadProblem::BadConfig { reason, .. }, .. }) = &described
        && args.config.is_none()
        && let Some(config) = host.packed_samples(plugin, dirs)?.as_deref().and_then(first_config)
    {
        note = format!("opened with the configuration of its first sample, {config}, for with none it says: {reason}");
        spec.config = config;
        described = host.describe(&spec, dirs);
    }
    let description = described?;
    spec.path.clone_from(&description.path);
    Ok(Opened { description, spec, note })
}

fn first_config(samples: &str) -> Option<Value> {
    let samples: Vec<Value> = serde_json::from_str(samples).ok()?;
    samples.iter().find_map(|sample| sample.get("config")).cloned()
}

/// A path as it is best shown: relative to the working directory where it lies below it.
pub fn shown(path: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(|dir| dir.canonicalize());
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match here.ok().and_then(|here| whole.strip_prefix(here).map(Path::to_owned).ok()) {
        Some(relative) if !relative.as_os_str().is_empty() => relative,
        _ => path.to_owned(),
    }
}
