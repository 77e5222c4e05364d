//! A chain that can run: its plugins, opened once and found good, and what has happened to them since.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use collector_tasks::OnError;
use parking_lot::Mutex;
use xxhash_rust::xxh3::Xxh3Default;

use crate::{
    assets::Assets,
    guest::{CallError, Code, Guest, Manifest, NativeOpen, Opening},
    limits::{Limit, Limits, LimitsMet},
    log::LogGate,
};

/// The plugins of a chain in one version. Shared by all workers.
pub struct Generation {
    pub(crate) plugins: Vec<Arc<LoadedPlugin>>,
    hash: Arc<str>,
    pub(crate) number: u64,
}

impl Generation {
    pub(crate) fn new(plugins: Vec<Arc<LoadedPlugin>>) -> Self {
        let hash = chain_hash(&plugins).into();
        Generation { plugins, hash, number: 0 }
    }

    /// The chain without plugins: lines go on as they are.
    pub fn empty() -> Self {
        Generation::new(vec![])
    }

    /// A chain of plugins that are compiled into this process, each with its name and configuration. For tests and measurements.
    pub fn native(plugins: &[(&str, &str, NativeOpen)], limits: &Limits) -> Result<Self, String> {
        let mut loaded = vec![];
        for (name, config, open) in plugins {
            let manifest = open(config)?.manifest();
            let code = Code::Native(Arc::clone(open));
            let (name, config, assets) = ((*name).into(), (*config).to_owned(), Arc::new(Assets::default()));
            let (path, sha256) = (PathBuf::from("native"), format!("{name}-native"));
            let met = Arc::<LimitsMet>::default();
            let log = Arc::new(LogGate::new(Arc::clone(&name), limits.log_messages_max, Arc::clone(&met)));
            let limits = limits.clone();
            let plugin = LoadedPlugin::new(name, path, sha256, config, None, manifest, code, assets, limits, log, met);
            loaded.push(Arc::new(plugin));
        }
        Ok(Generation::new(loaded))
    }

    /// The first 8 hexadecimal digits of xxh3_64 over the sha256 of each plugin, its configuration and its assets' sha256, in order; empty without
    /// plugins.
    pub fn hash(&self) -> &Arc<str> {
        &self.hash
    }

    /// Whether a line may become several events.
    pub fn forks(&self) -> bool {
        self.plugins.iter().any(|plugin| plugin.manifest.forks)
    }

    /// Whether lines go on as they are.
    pub fn is_plain(&self) -> bool {
        self.plugins.is_empty()
    }

    /// Counts up with every swap of a slot.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether some plugin is in quarantine.
    pub fn is_quarantined(&self) -> bool {
        self.plugins.iter().any(|plugin| plugin.is_quarantined())
    }

    #[cfg(test)]
    pub(crate) fn set_on_error(&mut self, on_error: OnError) {
        for plugin in &mut self.plugins {
            *plugin = Arc::new(LoadedPlugin { on_error, ..plugin.twin() });
        }
    }

    /// Takes over faults and quarantine of the plugins that are in both: a swap of another plugin ends nobody's quarantine.
    pub(crate) fn inherit(&self, before: &Generation) {
        for plugin in &self.plugins {
            if let Some(same) = before.plugins.iter().find(|other| plugin.is_the_same_as(other)) {
                plugin.inherit(same);
            }
        }
    }

    /// Whether another has the same plugins with the same settings.
    pub(crate) fn does_the_same_as(&self, other: &Generation) -> bool {
        let settings = |generation: &Generation| {
            generation.plugins.iter().map(|plugin| (plugin.path.clone(), plugin.on_error)).collect::<Vec<_>>()
        };
        self.hash == other.hash && settings(self) == settings(other)
    }
}

fn chain_hash(plugins: &[Arc<LoadedPlugin>]) -> String {
    if plugins.is_empty() {
        return String::new();
    }
    let mut hasher = Xxh3Default::new();
    let mut part = |text: &str| {
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    for plugin in plugins {
        part(&plugin.sha256);
        part(&canonical(&plugin.config));
        for (name, sha256) in plugin.assets.digests() {
            part(name);
            part(sha256);
        }
    }
    format!("{:08x}", hasher.digest() >> 32)
}

/// JSON with the keys of objects in order, so that their order in the task does not matter.
fn canonical(config: &str) -> String {
    fn sorted(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Object(object) => {
                let mut members: Vec<_> = object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
                members.sort_by(|a, b| a.0.cmp(&b.0));
                serde_json::Value::Object(members.into_iter().collect())
            }
            serde_json::Value::Array(items) => items.into_iter().map(sorted).collect(),
            value => value,
        }
    }
    serde_json::from_str(config).map_or_else(|_| config.to_owned(), |value| sorted(value).to_string())
}

/// A plugin that was found good.
pub(crate) struct LoadedPlugin {
    /// The file's name without its ending.
    pub(crate) name: Arc<str>,
    pub(crate) path: PathBuf,
    pub(crate) sha256: String,
    pub(crate) config: String,
    pub(crate) on_error: OnError,
    pub(crate) manifest: Manifest,
    pub(crate) limits: Limits,
    code: Code,
    assets: Arc<Assets>,
    log: Arc<LogGate>,
    /// How often its instances met which limit.
    pub(crate) met: Arc<LimitsMet>,
    faults: AtomicU64,
    recent_faults: Mutex<VecDeque<Instant>>,
    quarantined: AtomicBool,
}

impl LoadedPlugin {
    #[allow(clippy::too_many_arguments, reason = "every part of it, once")]
    pub(crate) fn new(
        name: Arc<str>,
        path: PathBuf,
        sha256: String,
        config: String,
        on_error: Option<OnError>,
        manifest: Manifest,
        code: Code,
        assets: Arc<Assets>,
        limits: Limits,
        log: Arc<LogGate>,
        met: Arc<LimitsMet>,
    ) -> Self {
        let default = if manifest.required { OnError::DeadLetter } else { OnError::Keep };
        LoadedPlugin {
            name,
            path,
            sha256,
            config,
            on_error: on_error.unwrap_or(default),
            manifest,
            limits,
            code,
            assets,
            log,
            met,
            faults: AtomicU64::new(0),
            recent_faults: Mutex::default(),
            quarantined: AtomicBool::new(false),
        }
    }

    /// The same with a fault count of its own.
    pub(crate) fn twin(&self) -> Self {
        LoadedPlugin {
            name: Arc::clone(&self.name),
            path: self.path.clone(),
            sha256: self.sha256.clone(),
            config: self.config.clone(),
            on_error: self.on_error,
            manifest: self.manifest.clone(),
            limits: self.limits.clone(),
            code: self.code.clone(),
            assets: Arc::clone(&self.assets),
            log: Arc::clone(&self.log),
            met: Arc::clone(&self.met),
            faults: AtomicU64::new(0),
            recent_faults: Mutex::default(),
            quarantined: AtomicBool::new(false),
        }
    }

    /// A fresh instance with that configuration.
    pub(crate) fn instance_with(&self, config: &str) -> Result<(Guest, Manifest), CallError> {
        let (limits, log, met) = (&self.limits, &self.log, &self.met);
        let opening = Opening { config, assets: &self.assets, limits, log, met };
        Guest::open(&self.code, &opening)
    }

    /// Its data files.
    pub(crate) fn assets(&self) -> &Assets {
        &self.assets
    }

    /// How often it faulted.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    pub(crate) fn is_quarantined(&self) -> bool {
        self.quarantined.load(Ordering::Relaxed)
    }

    /// Counts a fault; true if it is the one that puts the plugin into quarantine.
    pub(crate) fn count_fault(&self, now: Instant) -> bool {
        self.faults.fetch_add(1, Ordering::Relaxed);
        let mut recent = self.recent_faults.lock();
        recent.push_back(now);
        while recent.front().is_some_and(|first| now.duration_since(*first) > self.limits.faults_window) {
            recent.pop_front();
        }
        let begins = recent.len() >= self.limits.faults_max && !self.quarantined.swap(true, Ordering::Relaxed);
        if begins {
            self.met.count(Limit::Faults);
        }
        begins
    }

    /// Whether the other is the same version with the same configuration.
    fn is_the_same_as(&self, other: &LoadedPlugin) -> bool {
        let digests = |plugin: &LoadedPlugin| {
            plugin.assets.digests().map(|(name, sha256)| (name.to_owned(), sha256.to_owned())).collect::<Vec<_>>()
        };
        self.sha256 == other.sha256
            && canonical(&self.config) == canonical(&other.config)
            && digests(self) == digests(other)
    }

    /// Takes over what happened to the same version in another generation: only a new one is given a new chance.
    fn inherit(&self, before: &LoadedPlugin) {
        self.faults.store(before.faults(), Ordering::Relaxed);
        *self.recent_faults.lock() = before.recent_faults.lock().clone();
        self.quarantined.store(before.is_quarantined(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_change_a_configuration() {
        assert_eq!(
            canonical(r#"{"b":{"y":1,"x":[{"d":1,"c":2}]},"a":2}"#),
            r#"{"a":2,"b":{"x":[{"c":2,"d":1}],"y":1}}"#
        );
        assert_eq!(canonical(""), "");
    }
}
