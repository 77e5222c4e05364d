//! Data files that a plugin may ask for while it is opened.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{artifact::hex, error::LoadProblem, file};

/// Assets by name, read once.
#[derive(Debug, Default)]
pub(crate) struct Assets(BTreeMap<String, Asset>);

#[derive(Debug)]
struct Asset {
    bytes: Vec<u8>,
    sha256: String,
}

impl Assets {
    /// Reads the files.
    pub(crate) fn read(paths: &BTreeMap<String, PathBuf>, bytes_max: u64) -> Result<Self, LoadProblem> {
        let mut assets = BTreeMap::new();
        for (name, path) in paths {
            let bytes = file::read(path, bytes_max).map_err(|problem| refused(name, path, problem))?;
            let sha256 = hex(&Sha256::digest(&bytes));
            assets.insert(name.clone(), Asset { bytes, sha256 });
        }
        Ok(Assets(assets))
    }

    /// The bytes of an asset, or what to tell the plugin.
    pub(crate) fn get(&self, name: &str) -> Result<&[u8], String> {
        self.0
            .get(name)
            .map(|asset| asset.bytes.as_slice())
            .ok_or_else(|| format!("the chain entry names no asset {name:?}: add it under \"assets\""))
    }

    /// The size of all of them.
    pub(crate) fn bytes(&self) -> usize {
        self.0.values().map(|asset| asset.bytes.len()).sum()
    }

    /// Names, sha256 and bytes, in order of the names.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&str, &str, &[u8])> {
        self.0.iter().map(|(name, asset)| (name.as_str(), asset.sha256.as_str(), asset.bytes.as_slice()))
    }

    /// Names and sha256, in order of the names.
    pub(crate) fn digests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, asset)| (name.as_str(), asset.sha256.as_str()))
    }
}

/// What is said of a plugin's file is said of an asset's in other words.
fn refused(name: &str, path: &Path, problem: LoadProblem) -> LoadProblem {
    let (name, path) = (name.to_owned(), path.to_owned());
    let reason = match problem {
        LoadProblem::TooLarge { bytes, bytes_max } => {
            return LoadProblem::AssetTooLarge { name, path, bytes, bytes_max };
        }
        LoadProblem::NotFound { .. } => "there is no such file".to_owned(),
        LoadProblem::NotAFile { what } => format!("it is {what}"),
        LoadProblem::Unreadable { reason } => reason,
        other => other.to_string(),
    };
    LoadProblem::BadAsset { name, path, reason }
}
