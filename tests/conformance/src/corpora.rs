//! The folder of real lines.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use globset::GlobBuilder;
use walkdir::WalkDir;

/// The folder that `COLLECTOR_CORPORA` names.
pub struct Corpora {
    root: PathBuf,
}

impl Corpora {
    /// `None` where the variable is not set or names no folder.
    pub fn of_environment() -> Option<Self> {
        let root = PathBuf::from(std::env::var_os("COLLECTOR_CORPORA")?);
        root.is_dir().then_some(Corpora { root })
    }

    /// A file of it.
    pub fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// A path as it stands in the tables: without the folder itself.
    pub fn shown<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// The files that match a pattern below the folder, in order. None is an error: a misspelt pattern would pass every test.
    pub fn files(&self, pattern: &str) -> anyhow::Result<Vec<PathBuf>> {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        let glob = glob.with_context(|| format!("reading the pattern {pattern:?} of a source"))?.compile_matcher();
        // Only the folder before the first wildcard is walked.
        let fixed: PathBuf = Path::new(pattern)
            .components()
            .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']))
            .collect();
        let mut found = vec![];
        for entry in WalkDir::new(self.root.join(fixed)).sort_by_file_name() {
            let entry = entry.with_context(|| format!("looking for the files of {pattern:?}"))?;
            if entry.file_type().is_file() && glob.is_match(self.shown(entry.path())) {
                found.push(entry.into_path());
            }
        }
        if found.is_empty() {
            bail!("looking for the files of {pattern:?} below COLLECTOR_CORPORA: none matches; correct the pattern");
        }
        Ok(found)
    }
}
