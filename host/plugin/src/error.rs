//! Why a chain was refused. What runs goes on.

use std::{path::PathBuf, time::Duration};

use crate::limits::Limit;

/// A plugin of a chain could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("loading the plugin {}: {problem}", path.display())]
pub struct LoadError {
    /// The file, as far as it was found; otherwise what the chain names.
    pub path: PathBuf,
    /// What is wrong, and what to do about it.
    pub problem: LoadProblem,
}

impl LoadError {
    /// The plugin's name, as far as it can be told.
    pub(crate) fn plugin(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The limit that was met, where it is one.
    pub(crate) fn limit(&self) -> Option<Limit> {
        match self.problem {
            LoadProblem::TooLarge { .. } => Some(Limit::WasmBytes),
            LoadProblem::LargeFunction { .. } => Some(Limit::FunctionBytes),
            LoadProblem::AssetTooLarge { .. } => Some(Limit::AssetBytes),
            LoadProblem::SlowStart { .. } => Some(Limit::OpenTime),
            LoadProblem::LargeStart { .. } => Some(Limit::Memory),
            _ => None,
        }
    }
}

/// What is wrong with a plugin, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadProblem {
    /// No such file.
    #[error(
        "there is no such file ({searched}); build it (your own: `collector plugin build DIR`; those of a checkout: `cargo xtask plugins`), or correct the name in the task"
    )]
    NotFound {
        /// Where it was looked for, in words.
        searched: String,
    },
    /// The file lies where plugins may not lie.
    #[error(
        "it lies outside of the plugin directories ({dirs}); move it there, or add its directory to plugin_dirs in the settings"
    )]
    Outside {
        /// The directories.
        dirs: String,
    },
    /// The operating system says no.
    #[error("reading it failed: {reason}; make the file readable for the user that runs the collector")]
    Unreadable {
        /// Its words.
        reason: String,
    },
    /// A directory, a pipe, a device.
    #[error("it is {what}; name the .wasm file itself")]
    NotAFile {
        /// Which.
        what: &'static str,
    },
    /// The file is larger than the limit.
    #[error(
        "it has {bytes} bytes, the limit is {bytes_max}; build it with optimisation and without debug information, or raise limits.plugin.wasm_bytes_max in the settings"
    )]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// A function is larger than the limit.
    #[error(
        "one of its functions has {bytes} bytes, the limit is {bytes_max}, since compiling it could take minutes; split the function, or raise limits.plugin.function_bytes_max in the settings"
    )]
    LargeFunction {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The file is not the one that the task pins.
    #[error("its sha256 is {found}, the task wants {wanted}; deploy the right file, or change sha256 in the task")]
    WrongSha256 {
        /// What the file has.
        found: String,
        /// What the task wants.
        wanted: String,
    },
    /// The file is something else.
    #[error("it is not WebAssembly: {looks_like}; {fix}")]
    NotWasm {
        /// What it looks like.
        looks_like: &'static str,
        /// What to do.
        fix: &'static str,
    },
    /// The file is WebAssembly, but not all of it.
    #[error("it is WebAssembly that was cut off after {bytes} bytes; copy it again, whole")]
    CutOff {
        /// How many there are.
        bytes: usize,
    },
    /// The file is WebAssembly, but damaged.
    #[error("it is not valid WebAssembly ({reason}); build it again, and copy it whole")]
    Invalid {
        /// What the validator says.
        reason: String,
    },
    /// A module for a WASI command line.
    #[error("it is a core module that imports {module}; build it for wasm32-unknown-unknown: `collector plugin build`")]
    WasiModule {
        /// The version of WASI.
        module: String,
    },
    /// A module without a component type.
    #[error(
        "it is a core module without an embedded component type, so it is no plugin; export it with the macro of the crate collector-plugin, or make it a component of the world collector:plugin/plugin@0.1.0"
    )]
    NoComponentType,
    /// A component that does something else.
    #[error(
        "it does not export collector:plugin/transform@0.1.0 (it exports {exports}), so it is a component for something else; build it against wit/v0.1"
    )]
    WrongWorld {
        /// What it exports.
        exports: String,
    },
    /// A component of another version of the interface.
    #[error("it exports version {found} of collector:plugin/transform, this collector knows 0.1.0; {fix}")]
    WrongVersion {
        /// Its version.
        found: String,
        /// What to do.
        fix: &'static str,
    },
    /// It wants something that plugins do not get.
    #[error("it imports {import}, which plugins do not get; {fix}")]
    ForbiddenImport {
        /// The import.
        import: String,
        /// What to do.
        fix: &'static str,
    },
    /// It could not be compiled.
    #[error("compiling it failed: {reason}; build it again with a current toolchain")]
    NotCompiled {
        /// What the compiler says.
        reason: String,
    },
    /// It could not be started.
    #[error("starting it failed: {reason}; correct the plugin (`collector plugin check` tries it)")]
    NotStarted {
        /// What happened.
        reason: String,
    },
    /// It does not start in the time that it has.
    #[error(
        "it did not start within {} ms; correct the plugin, give it smaller assets, or raise limits.plugin.open_ms_max in the settings", .time_max.as_millis()
    )]
    SlowStart {
        /// The limit.
        time_max: Duration,
    },
    /// It does not start with the memory that it gets.
    #[error(
        "it did not start with the {bytes_max} bytes of memory that it gets; correct the plugin, or raise limits.plugin.memory_bytes_max in the settings"
    )]
    LargeStart {
        /// The limit.
        bytes_max: usize,
    },
    /// It exports something else under the interface's name.
    #[error(
        "it exports collector:plugin/transform@0.1.0, but not as wit/v0.1 has it: {reason}; build it against wit/v0.1"
    )]
    WrongInterface {
        /// What differs.
        reason: String,
    },
    /// It does not take its configuration.
    #[error("it does not take its configuration {config}: {reason}; correct config in the task")]
    BadConfig {
        /// The configuration.
        config: String,
        /// What the plugin says.
        reason: String,
    },
    /// What it says of itself breaks a rule.
    #[error("its manifest is wrong: {reason}; correct the plugin")]
    BadManifest {
        /// Which.
        reason: String,
    },
    /// An asset could not be read.
    #[error("reading its asset {name} ({}) failed: {reason}; correct assets in the task", path.display())]
    BadAsset {
        /// The asset's name.
        name: String,
        /// Its file.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// An asset is larger than the limit.
    #[error(
        "its asset {name} ({}) has {bytes} bytes, the limit is {bytes_max}; name a smaller file under assets in the task, or raise limits.plugin.asset_bytes_max in the settings", path.display()
    )]
    AssetTooLarge {
        /// The asset's name.
        name: String,
        /// Its file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// The author's own examples do not hold.
    #[error("its sample {number} does not hold: {reason}; this version of the plugin is broken, take another one")]
    FailedSample {
        /// Which, from 1.
        number: usize,
        /// What was expected and what came.
        reason: String,
    },
}
