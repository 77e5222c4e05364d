//! The engine that all plugins of the process run on, and the way from a chain as it is written to one that can run.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use collector_model::Metrics;
use collector_tasks::{ChainSpec, PluginSpec};
use wasmtime::{Config, Engine, component::Component};

use crate::{
    artifact::{Artifact, Facts, sha256},
    assets::Assets,
    cache::Cache,
    clock::CallClock,
    error::{LoadError, LoadProblem},
    file,
    generation::{Generation, LoadedPlugin},
    guest::{CallError, Code, Guest, Opening, linker},
    last_good::LastGood,
    limits::{Limits, LimitsMet, REASON_BYTES_MAX},
    log::LogGate,
    names, samples,
};

/// Where plugins are looked up.
#[derive(Clone, Debug, Default)]
pub struct PluginDirs {
    dirs: Vec<PathBuf>,
    anywhere: bool,
}

impl PluginDirs {
    /// Bare names are looked up in these directories, and plugins may lie in them alone: what a fleet is configured by is bounded by
    /// the machine's own settings.
    pub fn only(dirs: Vec<PathBuf>) -> Self {
        PluginDirs { dirs, anywhere: false }
    }

    /// Bare names are looked up in these directories; a path may lead anywhere: for what a person types.
    pub fn or_anywhere(dirs: Vec<PathBuf>) -> Self {
        PluginDirs { dirs, anywhere: true }
    }

    /// The file that a chain entry names.
    pub fn find(&self, named: &Path) -> Result<PathBuf, LoadError> {
        let is_bare = named.components().count() == 1 && named.extension().is_none();
        let found = match is_bare {
            true => self.dirs.iter().map(|dir| dir.join(named).with_extension("wasm")).find(|path| path.exists()),
            false if named.is_absolute() || self.anywhere => Some(named.to_owned()),
            false => self.dirs.iter().map(|dir| dir.join(named)).find(|path| path.exists()),
        };
        let fail = |path: &Path, problem| Err(LoadError { path: path.to_owned(), problem });
        let Some(found) = found else {
            return fail(named, LoadProblem::NotFound { searched: format!("looked for in {}", self.listed()) });
        };
        // Resolved, so that a link or `..` does not lead out. What does not exist is found out when it is read.
        let resolved = found.canonicalize().unwrap_or_else(|_| found.clone());
        let inside = |dir: &PathBuf| {
            dir.canonicalize().is_ok_and(|dir| resolved.starts_with(dir)) || found.starts_with(dir) && !found.exists()
        };
        if self.anywhere || self.dirs.iter().any(inside) {
            Ok(found)
        } else {
            fail(&found, LoadProblem::Outside { dirs: self.listed() })
        }
    }

    fn listed(&self) -> String {
        match self.dirs.is_empty() {
            true => "no directory, for none is set".to_owned(),
            false => self.dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", "),
        }
    }
}

/// Loads plugins. Cheap to clone; all clones share one engine.
#[derive(Clone)]
pub struct PluginHost(Arc<Inner>);

struct Inner {
    engine: Engine,
    clock: CallClock,
    limits: Limits,
    cache: Option<Cache>,
    last_good: Option<LastGood>,
    metrics: Metrics,
}

/// The process cannot run plugins at all.
#[derive(Debug, thiserror::Error)]
#[error(
    "starting the engine for plugins failed: {reason}; this processor or its memory settings (ulimit -v) do not allow it"
)]
pub struct EngineError {
    reason: String,
}

impl PluginHost {
    /// Starts the engine and its clock. Compiled code is kept in `cache_dir`, and a copy of each plugin that was once taken in
    /// `last_good_dir`, for a start at which the plugin's own file is gone.
    pub fn new(
        limits: Limits,
        cache_dir: Option<PathBuf>,
        last_good_dir: Option<PathBuf>,
        metrics: Metrics,
    ) -> Result<Self, EngineError> {
        let failed = |error: &dyn std::fmt::Display| EngineError { reason: error.to_string() };
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            .concurrency_support(false)
            .epoch_interruption(true)
            .consume_fuel(false)
            .relaxed_simd_deterministic(true)
            .cranelift_nan_canonicalization(true)
            // Where in the module it trapped goes nowhere; what tells that is a tenth of the compiled code, which every load reads and copies.
            .wasm_backtrace_max_frames(None)
            .generate_address_map(false)
            .native_unwind_info(false);
        let engine = Engine::new(&config).map_err(|error| failed(&error))?;
        let clock = CallClock::start(&engine).map_err(|error| failed(&error))?;
        let cache = cache_dir.and_then(Cache::new);
        let last_good = last_good_dir.map(LastGood::new);
        Ok(PluginHost(Arc::new(Inner { engine, clock, limits, cache, last_good, metrics })))
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Loads, verifies, compiles, opens and tries every plugin of a chain. Nothing that runs is touched. Blocks for up to a second or so.
    pub fn prepare(&self, spec: &ChainSpec, dirs: &PluginDirs) -> Result<Generation, LoadError> {
        let plugins = spec.plugins.iter().map(|plugin| self.load(plugin, dirs)).collect::<Result<Vec<_>, _>>()?;
        let generation = Generation::new(plugins);
        if let Some(last_good) = self.0.last_good.as_ref().filter(|_| generation.forks()) {
            last_good.keep_chain(&generation);
        }
        Ok(generation)
    }

    /// The chain of that hash, from the copies that were kept when it was taken. The error says why it is not to be had.
    pub(crate) fn recall(&self, hash: &str) -> Result<Generation, String> {
        let last_good = self.0.last_good.as_ref().ok_or("no directory for copies is set")?;
        let entries = last_good.find_chain(hash);
        let entries = entries.map_err(|error| format!("looking for it in {}: {error}", last_good.dir().display()))?;
        let load = |(spec, copy): (PluginSpec, PathBuf)| {
            let bytes = file::read(&copy, self.0.limits.wasm_bytes_max);
            let at = |problem| LoadError { path: copy.clone(), problem };
            let loaded = bytes.and_then(|bytes| self.load_bytes(&spec, &spec.path, &bytes)).map_err(at);
            loaded.map(Arc::new).map_err(|error| error.to_string())
        };
        let generation = Generation::new(entries.into_iter().map(load).collect::<Result<Vec<_>, _>>()?);
        if &**generation.hash() == hash { Ok(generation) } else { Err("the copies make another chain".to_owned()) }
    }

    fn load(&self, spec: &PluginSpec, dirs: &PluginDirs) -> Result<Arc<LoadedPlugin>, LoadError> {
        let (path, bytes) = self.read(spec, dirs)?;
        let plugin = self.load_bytes(spec, &path, &bytes).map_err(|problem| LoadError { path, problem })?;
        if let Some(last_good) = &self.0.last_good {
            last_good.keep(&spec.path, &plugin.sha256, &bytes);
        }
        Ok(Arc::new(plugin))
    }

    fn load_bytes(&self, spec: &PluginSpec, path: &Path, bytes: &[u8]) -> Result<LoadedPlugin, LoadProblem> {
        let sha256 = sha256(bytes);
        check_sha256(spec, &sha256)?;
        let (component, facts) = self.compiled(&sha256, bytes)?;
        let code = self.link(&component, &facts)?;
        let assets = Assets::read(&spec.assets, self.0.limits.asset_bytes_max)?;
        let plugin = self.open(spec, path.to_owned(), sha256, code, assets)?;
        if let Some(samples) = &facts.samples {
            samples::run(samples, &plugin)?;
        }
        if let (false, Some(cache)) = (facts.tried, &self.0.cache) {
            // The same code does the same with the same samples: once is enough.
            let facts = Facts { samples: None, tried: true, ..facts };
            cache.keep(&self.0.engine, &plugin.sha256, &component, &facts);
        }
        Ok(plugin)
    }

    /// The plugin's file, or the copy of the last good one where it is gone.
    fn read(&self, spec: &PluginSpec, dirs: &PluginDirs) -> Result<(PathBuf, Vec<u8>), LoadError> {
        let read = dirs.find(&spec.path).and_then(|path| match file::read(&path, self.0.limits.wasm_bytes_max) {
            Ok(bytes) => Ok((path, bytes)),
            Err(problem) => Err(LoadError { path, problem }),
        });
        match (read, &self.0.last_good) {
            (Err(error), Some(last_good)) if matches!(error.problem, LoadProblem::NotFound { .. }) => {
                let copy = last_good.find(&spec.path, spec.sha256.as_deref()).ok_or(error.clone())?;
                tracing::warn!(%error, copy = %copy.0.display(), "the plugin's file is gone: its last good copy is used");
                Ok(copy)
            }
            (read, _) => read,
        }
    }

    /// From the cache, where these bytes were once understood, compiled and tried; otherwise the first two are done now.
    fn compiled(&self, sha256: &str, bytes: &[u8]) -> Result<(Component, Facts), LoadProblem> {
        let (engine, cache) = (&self.0.engine, &self.0.cache);
        if let Some(found) = cache.as_ref().and_then(|cache| cache.find(engine, sha256)) {
            return Ok(found);
        }
        let artifact = Artifact::new(bytes)?;
        artifact.check_functions(self.0.limits.function_bytes_max)?;
        let component = Component::new(engine, &artifact.component).map_err(not_compiled)?;
        Ok((component, artifact.facts))
    }

    fn link(&self, component: &Component, facts: &Facts) -> Result<Code, LoadProblem> {
        let engine = &self.0.engine;
        let pre = linker(engine, component).and_then(|linker| linker.instantiate_pre(component));
        let pre = pre.map_err(not_compiled)?;
        Ok(Code::Wasm {
            engine: engine.clone(),
            clock: self.0.clock.clone(),
            pre,
            has_post_return: facts.has_post_return,
        })
    }

    fn open(
        &self,
        spec: &PluginSpec,
        path: PathBuf,
        sha256: String,
        code: Code,
        assets: Assets,
    ) -> Result<LoadedPlugin, LoadProblem> {
        let name: Arc<str> = path.file_stem().unwrap_or_default().to_string_lossy().into();
        let config = config_text(&spec.config);
        let assets = Arc::new(assets);
        let limits = self.0.limits.clone();
        let met = Arc::<LimitsMet>::default();
        let log = Arc::new(LogGate::new(Arc::clone(&name), limits.log_messages_max, Arc::clone(&met)));
        let opening = Opening { config: &config, assets: &assets, limits: &limits, log: &log, met: &met };
        let (_, manifest) = Guest::open(&code, &opening).map_err(|error| not_opened(&config, error))?;
        names::check_manifest(&manifest)?;
        Ok(LoadedPlugin::new(name, path, sha256, config, spec.on_error, manifest, code, assets, limits, log, met))
    }
}

fn not_compiled(error: wasmtime::Error) -> LoadProblem {
    LoadProblem::NotCompiled { reason: format!("{error:#}").replace('\n', " ") }
}

fn check_sha256(spec: &PluginSpec, found: &str) -> Result<(), LoadProblem> {
    match &spec.sha256 {
        Some(wanted) if !wanted.eq_ignore_ascii_case(found) => {
            Err(LoadProblem::WrongSha256 { found: found.to_owned(), wanted: wanted.clone() })
        }
        _ => Ok(()),
    }
}

/// What `open` is given: nothing where the entry says nothing.
fn config_text(config: &serde_json::Value) -> String {
    if config.is_null() { String::new() } else { config.to_string() }
}

pub(crate) fn not_opened(config: &str, error: CallError) -> LoadProblem {
    match error {
        CallError::Refused(reason) => {
            let config = if config.is_empty() { "(none)".to_owned() } else { config.to_owned() };
            LoadProblem::BadConfig { config, reason: one_line(&reason) }
        }
        CallError::TooSlow(time_max) => LoadProblem::SlowStart { time_max },
        CallError::OutOfMemory(bytes_max) => LoadProblem::LargeStart { bytes_max },
        CallError::WrongInterface(reason) => LoadProblem::WrongInterface { reason },
        error => LoadProblem::NotStarted { reason: format!("open: {error}") },
    }
}

/// A plugin's own words, on one line and of bounded length.
fn one_line(words: &str) -> String {
    let words = &words[..words.floor_char_boundary(REASON_BYTES_MAX)];
    words.split(|c: char| c.is_control()).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}
