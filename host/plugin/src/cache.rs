//! Compiled code on disk. It is derived data, made by this process for itself alone: machine code from anywhere else is never run.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use wasmtime::{Engine, component::Component};
use xxhash_rust::xxh3::Xxh3Default;

use crate::artifact::hex;

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

    /// The compiled component; compiles where it is not there.
    pub(crate) fn component(&self, engine: &Engine, sha256: &str, component: &[u8]) -> wasmtime::Result<Component> {
        let path = self.0.join(format!("{sha256}-{:016x}.cwasm", fingerprint(engine)));
        if let Some(code) = read_checked(&path) {
            // SAFETY: the file lies in a directory that only this user can write to, this very engine configuration wrote it, and its
            // checksum holds.
            if let Ok(component) = unsafe { Component::deserialize(engine, code) } {
                return Ok(component);
            }
        }
        let component = Component::new(engine, component)?;
        if let Err(error) = component.serialize().map(|code| write_checked(&path, &code)) {
            tracing::debug!(path = %path.display(), %error, "compiled plugin not kept");
        }
        Ok(component)
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

/// The content behind its checksum.
fn read_checked(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = fs::read(path).ok()?;
    if bytes.len() < 32 {
        return None;
    }
    let code = bytes.split_off(32);
    (Sha256::digest(&code).as_slice() == bytes).then_some(code)
}

/// Written beside its place and then renamed, so that nobody reads a part of it.
fn write_checked(path: &Path, code: &[u8]) -> io::Result<()> {
    let checksum = Sha256::digest(code);
    let unfinished = path.with_extension(format!("{}.new", hex(&checksum[..4])));
    fs::write(&unfinished, [checksum.as_slice(), code].concat())?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.cwasm");
        write_checked(&path, b"code").unwrap();
        assert_eq!(read_checked(&path).unwrap(), b"code");
        let mut bytes = fs::read(&path).unwrap();
        bytes[33] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(read_checked(&path).is_none());
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
