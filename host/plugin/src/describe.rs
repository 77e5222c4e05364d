//! What a plugin's file is, in words for whoever holds it.

use std::path::{Path, PathBuf};

use collector_tasks::{ChainSpec, PluginSpec};

use crate::{
    artifact::{Artifact, TRANSFORM},
    error::LoadError,
    file,
    guest::Manifest,
    host::{PluginDirs, PluginHost},
};

/// A plugin that was loaded and found good, described.
#[derive(Clone, Debug)]
pub struct Description {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// Of the file, lower-case hexadecimal.
    pub sha256: String,
    /// Whether the file is a component; otherwise a core module with its component type embedded.
    pub is_component: bool,
    /// The version of the interface.
    pub abi: &'static str,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// What it said of itself when it was opened with the configuration of the chain entry.
    pub manifest: Manifest,
    /// The author's examples, JSON; all of them hold.
    pub samples: Option<String>,
}

impl PluginHost {
    /// The author's examples in a plugin's file, JSON, without opening it.
    pub fn packed_samples(&self, named: &Path, dirs: &PluginDirs) -> Result<Option<String>, LoadError> {
        let path = dirs.find(named)?;
        let read = file::read(&path, self.limits().wasm_bytes_max).and_then(|bytes| Artifact::new(&bytes));
        read.map(|artifact| artifact.facts.samples).map_err(|problem| LoadError { path, problem })
    }

    /// Loads, opens and tries a plugin as a chain would, and says what it is.
    pub fn describe(&self, spec: &PluginSpec, dirs: &PluginDirs) -> Result<Description, LoadError> {
        let path = dirs.find(&spec.path)?;
        let at = |problem| LoadError { path: path.clone(), problem };
        let bytes = file::read(&path, self.limits().wasm_bytes_max).map_err(at)?;
        let artifact = Artifact::new(&bytes).map_err(at)?;
        let chain = ChainSpec { plugins: vec![PluginSpec { path: path.clone(), ..spec.clone() }] };
        let generation = self.prepare(&chain, &PluginDirs::or_anywhere(vec![]))?;
        let manifest = generation.plugins.first().map(|plugin| plugin.manifest.clone()).unwrap_or_default();
        Ok(Description {
            path: path.clone(),
            bytes: bytes.len(),
            sha256: artifact.sha256,
            is_component: artifact.component.len() == bytes.len(),
            abi: TRANSFORM.rsplit('@').next().unwrap_or_default(),
            imports: artifact.imports,
            exports: artifact.exports,
            manifest,
            samples: artifact.facts.samples,
        })
    }
}
