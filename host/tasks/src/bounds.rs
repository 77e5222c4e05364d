//! What the settings of this machine allow, and what holds where a task is silent.

use std::{
    path::{Component, Path, PathBuf},
    time::Duration,
};

use globset::GlobSet;

use crate::{
    error::Trouble,
    pattern,
    task::{DocumentForm, Partitioning, StartAt},
};

/// Where plugins and files may lie: what the settings of this machine allow the control plane to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Globs of files that may be collected; `None` allows everything (the seed's settings).
    pub allowed_paths: Option<Vec<String>>,
    /// Directories in which plugins may lie, and in which bare names are looked up, in order.
    pub plugin_dirs: Vec<PathBuf>,
}

impl Bounds {
    /// Bounds that allow every path, with those plugin directories.
    pub fn open(plugin_dirs: Vec<PathBuf>) -> Self {
        Bounds { allowed_paths: None, plugin_dirs }
    }

    /// Whether everything that the path or glob matches may be collected.
    pub fn allow(&self, asked: &str) -> bool {
        let allowed = self.allowed_paths.as_ref();
        allowed.is_none_or(|allowed| allowed.iter().any(|pattern| pattern::contains(pattern, asked)))
    }

    /// The files that may be collected as one matcher, for the check of each file that is to be opened, after links were resolved;
    /// `None` allows everything. Where the directory of a pattern is itself a link, what it leads to is meant too.
    pub fn files(&self) -> Result<Option<GlobSet>, globset::Error> {
        let allowed = self.allowed_paths.as_ref();
        let resolved = |pattern: &String| [Some(pattern.clone()), with_real_dir(pattern)];
        let all = |patterns: &Vec<String>| patterns.iter().flat_map(resolved).flatten().collect::<Vec<_>>();
        allowed.map(|patterns| pattern::compile_all(all(patterns).iter().map(String::as_str))).transpose()
    }

    /// A path that a task names: absolute, without `..`, within the bounds; or what is wrong with it.
    pub(crate) fn check_path(&self, written: &str, base_dir: &Path) -> Result<String, Trouble> {
        if written.is_empty() {
            return Err(("the path is empty".into(), "write the file or glob to collect".into()));
        }
        if written.ends_with('/') {
            let fix = format!("write \"{written}*\" for the files in it");
            return Err((format!("{written:?} names a directory, not files"), fix));
        }
        let path = absolute(written, base_dir)?;
        pattern::compile(&path).map_err(|error| bad_glob(written, &error))?;
        if self.allow(&path) {
            return Ok(path);
        }
        let allowed = self.allowed_paths.as_deref().unwrap_or_default();
        let problem = format!("{path:?} may not be collected: this machine allows {allowed:?}");
        Err((problem, format!("add {:?} to allowed_paths in this machine's settings", to_allow(&path))))
    }

    /// A file that belongs to a plugin: a bare name stays bare, a path is absolute and within the plugin directories.
    pub(crate) fn check_plugin_file(&self, written: &str, base_dir: &Path) -> Result<PathBuf, Trouble> {
        if written.is_empty() {
            return Err(("the path is empty".into(), "write a plugin's name or the path of its .wasm file".into()));
        }
        if !written.contains(['/', '\\']) && written != ".." && written != "." {
            return Ok(PathBuf::from(written));
        }
        let path = PathBuf::from(absolute(written, base_dir)?);
        if self.plugin_dirs.iter().any(|dir| path.starts_with(dir)) {
            return Ok(path);
        }
        let dir = path.parent().unwrap_or(&path);
        let problem = format!("{path:?} lies outside of this machine's plugin directories {:?}", self.plugin_dirs);
        Err((problem, format!("add {dir:?} to plugin_dirs in this machine's settings, or move the file")))
    }
}

impl Bounds {
    /// A data file of a plugin: a bare name is looked up in the plugin directories, a path must lie within them.
    pub(crate) fn check_asset(&self, written: &str, base_dir: &Path) -> Result<PathBuf, Trouble> {
        let path = self.check_plugin_file(written, base_dir)?;
        let mut places = self.plugin_dirs.iter().map(|dir| dir.join(&path));
        let found = places.clone().find(|place| place.exists());
        Ok(found.or_else(|| places.next()).unwrap_or(path))
    }
}

/// What holds where a task or rule is silent. It differs between settings in TOML and the seed's INI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// Where reading of a file begins that was never seen before.
    pub start_at: StartAt,
    /// Which partition a line goes to.
    pub partitioning: Partitioning,
    /// The form of the documents.
    pub document: DocumentForm,
    /// The longest line in bytes.
    pub line_bytes_max: usize,
    /// How long a last line without newline is waited for.
    pub flush_after: Duration,
    /// How many days of an index a day are kept; `None`: all.
    pub retention_days: Option<u32>,
    /// What relative paths are relative to.
    pub base_dir: PathBuf,
}

impl Defaults {
    /// The default of the longest line, in bytes.
    pub const LINE_BYTES_MAX: usize = 512 << 10;
    /// The default of the wait for the end of a last line.
    pub const FLUSH_AFTER: Duration = Duration::from_secs(5);

    /// With settings in TOML: from the beginning, sticky partitions, ECS documents.
    pub fn modern(base_dir: PathBuf) -> Self {
        Defaults {
            start_at: StartAt::Beginning,
            partitioning: Partitioning::Sticky,
            document: DocumentForm::Ecs,
            line_bytes_max: Self::LINE_BYTES_MAX,
            flush_after: Self::FLUSH_AFTER,
            retention_days: None,
            base_dir,
        }
    }

    /// With the seed's settings: from the end, a random partition for each line, the seed's documents.
    pub fn seed(base_dir: PathBuf) -> Self {
        Defaults {
            start_at: StartAt::End,
            partitioning: Partitioning::Random,
            document: DocumentForm::Seed,
            ..Self::modern(base_dir)
        }
    }
}

/// The pattern with its directory's real path, where that is another one.
fn with_real_dir(pattern: &str) -> Option<String> {
    let parts: Vec<&str> = pattern.split('/').collect();
    let literal = parts.iter().take(parts.len() - 1).take_while(|part| pattern::is_literal(part)).count();
    let dir = parts[..literal].join("/");
    let real = std::fs::canonicalize(&dir).ok()?.into_os_string().into_string().ok()?;
    let rest = parts[literal..].join("/");
    (real != dir && pattern::is_literal(&real)).then(|| format!("{}/{rest}", real.trim_end_matches('/')))
}

/// What somebody would add to allow the path: its directory where it is a file's, with everything below.
fn to_allow(path: &str) -> String {
    let literal: Vec<&str> = path.split('/').take_while(|part| pattern::is_literal(part)).collect();
    let whole = literal.len() == path.split('/').count();
    let dir = if whole { &literal[..literal.len() - 1] } else { &literal[..] };
    format!("{}/**", dir.join("/"))
}

pub(crate) fn bad_glob(written: &str, error: &globset::Error) -> Trouble {
    let fix = "close its brackets and braces; *, ? and [ … ] are wildcards, ** crosses directories";
    (format!("{written:?} is not a glob: {}", error.kind()), fix.to_owned())
}

/// Makes a path absolute and tidy (no `.`, no doubled slashes). A path of another operating system stays as it is.
fn absolute(written: &str, base_dir: &Path) -> Result<String, Trouble> {
    if cfg!(unix) && is_windows(written) {
        return Ok(written.to_owned());
    }
    let path = base_dir.join(written);
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                let fix = "write the path without \"..\"".to_owned();
                return Err((format!("{written:?} climbs up with \"..\""), fix));
            }
            Component::CurDir => {}
            other => tidy.push(other),
        }
    }
    let text = tidy.into_os_string().into_string();
    text.map_err(|_| (format!("{written:?} is not Unicode below {base_dir:?}"), "write an absolute path".to_owned()))
}

fn is_windows(path: &str) -> bool {
    let bytes = path.as_bytes();
    path.starts_with(r"\\") || (bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && &bytes[1..3] == br":\")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds() -> Bounds {
        Bounds { allowed_paths: Some(vec!["/var/log/**".into()]), plugin_dirs: vec!["/opt/plugins".into()] }
    }

    #[test]
    fn a_refused_path_says_what_to_add() {
        let (problem, fix) = bounds().check_path("/srv/app/x.log", Path::new("/")).unwrap_err();
        assert_eq!(problem, r#""/srv/app/x.log" may not be collected: this machine allows ["/var/log/**"]"#);
        assert_eq!(fix, r#"add "/srv/app/**" to allowed_paths in this machine's settings"#);
        let (_, fix) = bounds().check_path("/srv/*/x.log", Path::new("/")).unwrap_err();
        assert!(fix.contains("\"/srv/**\""), "{fix}");
    }

    #[test]
    fn a_directory_that_is_a_link_allows_what_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::os::unix::fs::symlink(root.join("real"), root.join("link")).unwrap();
        let allowed = Some(vec![format!("{}/link/*.log", root.display())]);
        let files = Bounds { allowed_paths: allowed, plugin_dirs: vec![] }.files().unwrap().unwrap();
        assert!(files.is_match(root.join("link/a.log")) && files.is_match(root.join("real/a.log")));
        assert!(!files.is_match(root.join("other/a.log")) && !files.is_match(root.join("real/deep/a.log")));
    }

    #[test]
    fn relative_paths_are_made_absolute_and_tidy() {
        let bounds = Bounds::open(Vec::new());
        assert_eq!(bounds.check_path("./my.log", Path::new("/home/u")).unwrap(), "/home/u/my.log");
        assert_eq!(bounds.check_path("/a//b/./c.log", Path::new("/")).unwrap(), "/a/b/c.log");
        assert!(bounds.check_path("../x", Path::new("/home/u")).is_err());
        assert_eq!(bounds.check_path(r"C:\logs\a.log", Path::new("/")).unwrap(), r"C:\logs\a.log");
    }

    #[test]
    fn bare_plugin_names_stay_bare_and_paths_stay_within_the_plugin_directories() {
        let check = |path: &str| bounds().check_plugin_file(path, Path::new("/opt"));
        assert_eq!(check("nginx").unwrap(), PathBuf::from("nginx"));
        assert_eq!(check("nginx.wasm").unwrap(), PathBuf::from("nginx.wasm"));
        assert_eq!(check("./plugins/a.wasm").unwrap(), PathBuf::from("/opt/plugins/a.wasm"));
        assert!(check("/opt/plugins-evil/a.wasm").is_err());
        assert!(check("/opt/plugins/../a.wasm").is_err());
        assert!(check("..").is_err());
    }
}
