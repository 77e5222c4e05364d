//! Compiled code on disk. It is derived data, made by this process for itself alone: machine code from anywhere else is never run.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use wasmtime::{Engine, component::Component};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use crate::artifact::Facts;

/// How a file of the cache begins: another version of its form gets another number.
pub(crate) const MAGIC: &[u8; 12] = b"\x89collector1\n";
const CHECKSUM: usize = 16;
const LENGTH: usize = 4;

/// A private directory of compiled plugins.
#[derive(Clone, Debug)]
pub(crate) struct Cache(PathBuf);

impl Cache {
    /// Uses the directory, which is made with access for its owner alone. `None` where somebody else could write to it.
    pub(crate) fn new(dir: PathBuf) -> Option<Self> {
        match make_private(&dir) {
            Ok(()) => Some(Cache(dir)),
            Err(error) => {
                tracing::warn!(dir = %dir.display(), %error, "compiled plugins are not kept: the cache cannot be used");
                None
            }
        }
    }

    /// What was compiled of the file with that sha256, and what was found out about it then.
    pub(crate) fn find(&self, engine: &Engine, sha256: &str) -> Option<(Component, Facts)> {
        let entry = fs::read(self.path(engine, sha256)).ok()?;
        let (facts, code) = checked(&entry)?;
        // SAFETY: the file lies in a directory that only this user can write to, this very engine configuration wrote it, and its
        // checksum holds.
        let component = unsafe { Component::deserialize(engine, code) };
        Some((component.ok()?, facts))
    }

    /// Keeps what was compiled. A failure is no more than a word in the log: the next start compiles again.
    pub(crate) fn keep(&self, engine: &Engine, sha256: &str, component: &Component, facts: &Facts) {
        let path = self.path(engine, sha256);
        let code = component.serialize().map_err(io::Error::other);
        if let Err(error) = code.and_then(|code| write(&path, &entry(facts, &code)?)) {
            tracing::debug!(path = %path.display(), %error, "compiled plugin not kept");
        }
    }

    fn path(&self, engine: &Engine, sha256: &str) -> PathBuf {
        self.0.join(format!("{sha256}-{:016x}.cwasm", fingerprint(engine)))
    }
}

/// What the compiled code depends on, apart from the component.
fn fingerprint(engine: &Engine) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = Xxh3Default::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

#[cfg(unix)]
fn make_private(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let metadata = fs::symlink_metadata(dir)?;
    // A file made here belongs to whoever runs this; the directory has to as well.
    let probe = tempfile_in(dir)?;
    let is_mine = fs::metadata(&probe)?.uid() == metadata.uid();
    fs::remove_file(&probe)?;
    if !metadata.is_dir() || !is_mine {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the directory belongs to somebody else"));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        // What others may have put there before is not trusted.
        for entry in fs::read_dir(dir)?.flatten().filter(|entry| entry.path().extension().is_some_and(|e| e == "cwasm"))
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn tempfile_in(dir: &Path) -> io::Result<PathBuf> {
    let path = dir.join(format!(".owner-{}-{:?}", std::process::id(), std::thread::current().id()));
    fs::write(&path, b"")?;
    Ok(path)
}

#[cfg(not(unix))]
fn make_private(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

/// The beginning, a checksum of the rest, the length of the facts, the facts, the code.
fn entry(facts: &Facts, code: &[u8]) -> io::Result<Vec<u8>> {
    let facts = serde_json::to_vec(facts)?;
    let length = u32::try_from(facts.len()).map_err(io::Error::other)?;
    let rest = [length.to_le_bytes().as_slice(), &facts, code].concat();
    Ok([MAGIC.as_slice(), &xxh3_128(&rest).to_le_bytes(), &rest].concat())
}

/// What is in an entry that is whole.
fn checked(entry: &[u8]) -> Option<(Facts, &[u8])> {
    let (checksum, rest) = entry.strip_prefix(MAGIC)?.split_at_checked(CHECKSUM)?;
    if xxh3_128(rest).to_le_bytes() != checksum {
        return None;
    }
    let (length, rest) = rest.split_at_checked(LENGTH)?;
    let (facts, code) = rest.split_at_checked(u32::from_le_bytes(length.try_into().ok()?) as usize)?;
    Some((serde_json::from_slice(facts).ok()?, code))
}

/// Written beside its place and then renamed, so that nobody reads a part of it.
fn write(path: &Path, entry: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&unfinished, entry)?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_is_not_whole_is_not_used() {
        let facts = Facts { samples: Some("[]".to_owned()), tried: true, has_post_return: true };
        let whole = entry(&facts, b"code").unwrap();
        assert_eq!(checked(&whole), Some((facts, b"code".as_slice())));
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert_eq!(checked(&damaged), None, "a bit of byte {at}");
            assert_eq!(checked(&whole[..at]), None, "cut off at {at}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_directory_is_closed_to_others_and_what_they_may_have_put_there_is_gone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        fs::create_dir(&cache).unwrap();
        fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
        fs::write(cache.join("x.cwasm"), b"machine code").unwrap();
        Cache::new(cache.clone()).unwrap();
        assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!cache.join("x.cwasm").exists());
    }
}
