//! Copies of the plugins that were once taken, for a start at which the named file is gone.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64;

use crate::artifact::hex;

/// A directory of `<sha256>.wasm`, and of notes which of them a path meant last.
#[derive(Clone, Debug)]
pub(crate) struct LastGood(PathBuf);

impl LastGood {
    /// Uses the directory; it is made when it is needed.
    pub(crate) fn new(dir: PathBuf) -> Self {
        LastGood(dir)
    }

    /// Keeps a copy. A failure is logged: it stops nothing.
    pub(crate) fn keep(&self, named: &Path, sha256: &str, bytes: &[u8]) {
        let kept = fs::create_dir_all(&self.0)
            .and_then(|()| self.write(&self.artifact(sha256), bytes))
            .and_then(|()| self.write(&self.note(named), sha256.as_bytes()));
        if let Err(error) = kept {
            tracing::warn!(plugin = %named.display(), dir = %self.0.display(), %error, "no copy of the plugin was kept");
        }
    }

    /// The copy of what a path meant last, or of the pinned one.
    pub(crate) fn find(&self, named: &Path, pinned: Option<&str>) -> Option<(PathBuf, Vec<u8>)> {
        let sha256 = match pinned {
            Some(sha256) => sha256.to_ascii_lowercase(),
            None => fs::read_to_string(self.note(named)).ok()?,
        };
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = self.artifact(is_digest.then_some(&sha256)?);
        let bytes = fs::read(&path).ok()?;
        (hex(&Sha256::digest(&bytes)) == sha256).then_some((path, bytes))
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.0
    }

    /// Where the copy of the plugin with that sha256 is.
    pub(crate) fn artifact(&self, sha256: &str) -> PathBuf {
        self.0.join(format!("{sha256}.wasm"))
    }

    fn note(&self, named: &Path) -> PathBuf {
        self.0.join(format!("{:016x}.last", xxh3_64(named.as_os_str().as_encoded_bytes())))
    }

    /// Writes a file, unless it has that content.
    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if fs::read(path).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        let unfinished = path.with_extension(format!("{}.new", std::process::id()));
        fs::write(&unfinished, bytes)?;
        fs::rename(&unfinished, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_of_what_a_path_meant_last_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let last_good = LastGood::new(dir.path().join("plugins"));
        let digest = |bytes: &[u8]| hex(&Sha256::digest(bytes));
        let named = Path::new("/etc/plugins/a.wasm");
        assert!(last_good.find(named, None).is_none());
        last_good.keep(named, &digest(b"one"), b"one");
        last_good.keep(named, &digest(b"two"), b"two");
        assert_eq!(last_good.find(named, None).unwrap().1, b"two");
        assert_eq!(last_good.find(named, Some(&digest(b"one").to_uppercase())).unwrap().1, b"one");
        fs::write(last_good.artifact(&digest(b"two")), b"damaged").unwrap();
        assert!(last_good.find(named, None).is_none());
    }
}
