//! Chains that fork, as they were when they were taken: lines that one of them may have treated before a crash are treated by it again.
//!
//! Beside the copies of plugins lie `<hash>.chain`, which says what the chain of that hash was made of, and `<sha256>.asset`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use collector_tasks::{OnError, PluginSpec};

use crate::{generation::Generation, last_good::LastGood};

/// How long what nothing refers to is kept after it was last used: far longer than lines stay unacknowledged.
const KEEP: Duration = Duration::from_secs(30 * 86_400);

/// One plugin of a chain.
#[derive(serde::Serialize, serde::Deserialize)]
struct KeptPlugin {
    /// Where it was: its name comes from that.
    path: PathBuf,
    sha256: String,
    config: String,
    on_error: OnError,
    /// sha256 by name.
    assets: BTreeMap<String, String>,
}

impl LastGood {
    /// Keeps what the chain is made of, apart from the plugins themselves, and forgets what was not used for long.
    pub(crate) fn keep_chain(&self, generation: &Generation) {
        let kept = self.write_chain(generation).and_then(|()| self.sweep(SystemTime::now()));
        if let Err(error) = kept {
            let (chain, dir) = (&**generation.hash(), self.dir());
            tracing::warn!(chain, dir = %dir.display(), %error, "the chain was not kept: after a crash, lines under way may be treated by another one");
        }
    }

    fn write_chain(&self, generation: &Generation) -> io::Result<()> {
        let mut plugins = vec![];
        for plugin in &generation.plugins {
            for (_, sha256, bytes) in plugin.assets().each() {
                self.write(&self.asset(sha256), bytes)?;
            }
            let assets = plugin.assets().digests().map(|(name, sha256)| (name.to_owned(), sha256.to_owned()));
            plugins.push(KeptPlugin {
                path: plugin.path.clone(),
                sha256: plugin.sha256.clone(),
                config: plugin.config.clone(),
                on_error: plugin.on_error,
                assets: assets.collect(),
            });
        }
        let path = self.chain(generation.hash());
        let unfinished = path.with_extension(format!("{}.new", std::process::id()));
        fs::write(&unfinished, serde_json::to_vec_pretty(&plugins)?)?;
        fs::rename(&unfinished, path)
    }

    /// The plugins of the chain with that hash, as entries that name the copies.
    pub(crate) fn find_chain(&self, hash: &str) -> io::Result<Vec<(PluginSpec, PathBuf)>> {
        let is_hash = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "that is no chain's hash"));
        }
        let kept: Vec<KeptPlugin> = serde_json::from_slice(&fs::read(self.chain(hash))?)?;
        let entry = |kept: KeptPlugin| {
            let config =
                if kept.config.is_empty() { serde_json::Value::Null } else { serde_json::from_str(&kept.config)? };
            let copy = self.artifact(&kept.sha256);
            let assets = kept.assets.into_iter().map(|(name, sha256)| (name, self.asset(&sha256))).collect();
            let (path, sha256, on_error) = (kept.path, Some(kept.sha256), Some(kept.on_error));
            Ok((PluginSpec { path, sha256, config, assets, on_error }, copy))
        };
        kept.into_iter().map(entry).collect()
    }

    /// Removes copies that neither a chain nor a note refers to and that are old, and chains that are.
    fn sweep(&self, now: SystemTime) -> io::Result<()> {
        let entries = || fs::read_dir(self.dir()).into_iter().flatten().flatten().map(|entry| entry.path());
        let is_old = |path: &Path| {
            let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
            modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > KEEP))
        };
        let is = |path: &Path, extension: &str| path.extension().is_some_and(|found| found == extension);
        for chain in entries().filter(|path| is(path, "chain") && is_old(path)) {
            fs::remove_file(chain)?;
        }
        let referring = entries().filter(|path| is(path, "chain") || is(path, "last"));
        let referred: String = referring.filter_map(|path| fs::read_to_string(path).ok()).collect();
        let referred: BTreeSet<&str> =
            referred.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 64).collect();
        for copy in entries().filter(|path| is(path, "wasm") || is(path, "asset")) {
            let digest = copy.file_stem().unwrap_or_default().to_string_lossy();
            if !referred.contains(&*digest) && is_old(&copy) {
                fs::remove_file(&copy)?;
            }
        }
        Ok(())
    }

    fn chain(&self, hash: &str) -> PathBuf {
        self.dir().join(format!("{hash}.chain"))
    }

    fn asset(&self, sha256: &str) -> PathBuf {
        self.dir().join(format!("{sha256}.asset"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_refers_to_goes_after_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let last_good = LastGood::new(dir.path().to_owned());
        let digests: Vec<String> = ["a", "b", "c"].iter().map(|digit| digit.repeat(64)).collect();
        for digest in &digests {
            fs::write(last_good.artifact(digest), b"").unwrap();
        }
        fs::write(dir.path().join("0.last"), &digests[0]).unwrap();
        fs::write(last_good.chain("12345678"), format!("[{{\"sha256\":\"{}\"}}]", digests[1])).unwrap();
        let left = || digests.iter().map(|digest| last_good.artifact(digest).exists()).collect::<Vec<_>>();
        last_good.sweep(SystemTime::now()).unwrap();
        assert_eq!(left(), [true, true, true], "nothing is old");
        last_good.sweep(SystemTime::now() + 2 * KEEP).unwrap();
        assert_eq!(left(), [true, false, false], "a chain that was not used for long goes too");
    }
}
