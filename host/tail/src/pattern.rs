//! Which files a task means: its path or glob, and what it leaves out.

use std::path::{Component, Path, PathBuf};

use collector_tasks::Task;
use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

/// A task's path and exclusions, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    root: PathBuf,
    kind: Kind,
    exclude: GlobSet,
}

#[derive(Clone, Debug)]
enum Kind {
    /// One file.
    Literal,
    /// All files below the root that match.
    Glob {
        whole: GlobMatcher,
        /// What directories must be called, level by level below the root.
        levels: Vec<GlobMatcher>,
        /// How deep a match can lie below the root; none when the glob has `**`.
        depth_max: Option<usize>,
    },
}

impl Pattern {
    /// Compiles what a task says. `Err` names the glob that cannot be understood.
    pub(crate) fn of(task: &Task) -> Result<Self, globset::Error> {
        let mut exclude = GlobSetBuilder::new();
        for glob in &task.exclude {
            exclude.add(GlobBuilder::new(glob).literal_separator(glob.contains('/')).build()?);
        }
        let (root, kind) = compile(&task.path)?;
        Ok(Pattern { root, kind, exclude: exclude.build()? })
    }

    /// Whether the task collects the file at `path`.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        let meant = match &self.kind {
            Kind::Literal => path == self.root,
            Kind::Glob { whole, .. } => whole.is_match(path),
        };
        meant && !self.is_excluded(path)
    }

    fn is_excluded(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default();
        self.exclude.is_match(path) || self.exclude.is_match(name)
    }

    /// The one file that is meant, where it is one.
    pub(crate) fn literal(&self) -> Option<&Path> {
        matches!(self.kind, Kind::Literal).then_some(self.root.as_path())
    }

    /// The directory below which all matches lie (for one file: its directory).
    pub(crate) fn root_dir(&self) -> &Path {
        match self.kind {
            Kind::Literal => self.root.parent().unwrap_or(Path::new("/")),
            Kind::Glob { .. } => &self.root,
        }
    }

    /// How deep below [`Pattern::root_dir`] matches can lie; `usize::MAX` without bound.
    pub(crate) fn depth_max(&self) -> usize {
        match &self.kind {
            Kind::Literal => 1,
            Kind::Glob { depth_max, .. } => depth_max.unwrap_or(usize::MAX),
        }
    }

    /// Whether a directory, `depth` levels below the root (1 is its child), can hold matches.
    pub(crate) fn may_descend(&self, depth: usize, name: &Path) -> bool {
        match &self.kind {
            Kind::Literal => false,
            Kind::Glob { levels, depth_max, .. } => {
                depth_max.is_none_or(|max| depth < max)
                    && levels.get(depth - 1).is_none_or(|level| level.is_match(name))
            }
        }
    }

    /// Whether something that happened in `dir` can concern the task.
    pub(crate) fn concerns_dir(&self, dir: &Path) -> bool {
        let root = self.root_dir();
        root.starts_with(dir) || (matches!(self.kind, Kind::Glob { .. }) && dir.starts_with(root))
    }
}

fn compile(path: &str) -> Result<(PathBuf, Kind), globset::Error> {
    let is_glob = |part: &str| part.contains(['*', '?', '[', '{']);
    if !is_glob(path) {
        return Ok((PathBuf::from(path), Kind::Literal));
    }
    let glob = |text: &str| GlobBuilder::new(text).literal_separator(true).build().map(|glob| glob.compile_matcher());
    let parts: Vec<&str> = Path::new(path)
        .components()
        .filter_map(|part| match part {
            Component::RootDir => Some("/"),
            other => other.as_os_str().to_str(),
        })
        .collect();
    let literal = parts.iter().take_while(|part| !is_glob(part)).count();
    let root = parts[..literal].iter().collect();
    let below = &parts[literal..];
    // Alternatives may hold a separator ({a,b/c}): then levels say nothing.
    let by_level = !path.contains('{');
    let plain = below.iter().take_while(|part| by_level && !part.contains("**")).count();
    let depth_max = (plain == below.len()).then_some(below.len());
    let dirs = plain.min(below.len().saturating_sub(1));
    let levels = below[..dirs].iter().map(|part| glob(part)).collect::<Result<_, _>>()?;
    Ok((root, Kind::Glob { whole: glob(path)?, levels, depth_max }))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use collector_model::Topic;
    use collector_tasks::{ChainSpec, Encoding, KafkaOptions, StartAt, task};

    /// A task with what it means when nothing else is said.
    pub(crate) fn task(path: &str, topic: &str) -> Task {
        Task {
            path: path.to_owned(),
            topic: Topic::new(topic).unwrap(),
            exclude: vec![],
            start_at: StartAt::Beginning,
            encoding: Encoding::UTF_8,
            line_bytes_max: 512 << 10,
            flush_after: std::time::Duration::from_secs(5),
            multiline: None,
            rate_limit: None,
            ignore_older: None,
            poll: false,
            kafka: KafkaOptions::default(),
            chain: ChainSpec::default(),
            document: task::DocumentForm::Ecs,
            keep_original: true,
        }
    }

    fn pattern(path: &str, exclude: &[&str]) -> Pattern {
        let exclude = exclude.iter().map(|&glob| glob.to_owned()).collect();
        Pattern::of(&Task { exclude, ..task(path, "t") }).unwrap()
    }

    #[test]
    fn a_star_stays_within_a_directory_and_two_do_not() {
        let flat = pattern("/var/log/*.log", &[]);
        assert!(flat.matches(Path::new("/var/log/a.log")) && !flat.matches(Path::new("/var/log/x/a.log")));
        assert_eq!((flat.root_dir(), flat.depth_max()), (Path::new("/var/log"), 1));
        let deep = pattern("/srv/**/app.log", &[]);
        assert!(deep.matches(Path::new("/srv/app.log")) && deep.matches(Path::new("/srv/a/b/app.log")));
        assert_eq!((deep.root_dir(), deep.depth_max()), (Path::new("/srv"), usize::MAX));
    }

    #[test]
    fn what_is_excluded_by_name_or_path_is_left_out() {
        let pattern = pattern("/var/log/*", &["*.gz", "/var/log/private*"]);
        assert!(pattern.matches(Path::new("/var/log/a.log")));
        assert!(
            !pattern.matches(Path::new("/var/log/a.log.gz")) && !pattern.matches(Path::new("/var/log/private.log"))
        );
    }

    #[test]
    fn only_directories_that_can_hold_matches_are_entered() {
        let pattern = pattern("/srv/*/logs/*.log", &[]);
        assert!(pattern.may_descend(1, Path::new("a")) && pattern.may_descend(2, Path::new("logs")));
        assert!(!pattern.may_descend(2, Path::new("data")) && !pattern.may_descend(3, Path::new("x.log")));
    }

    #[test]
    fn a_directory_above_the_root_concerns_a_task_too() {
        let pattern = pattern("/srv/app/*.log", &[]);
        assert!(pattern.concerns_dir(Path::new("/srv")) && pattern.concerns_dir(Path::new("/srv/app")));
        assert!(!pattern.concerns_dir(Path::new("/var")));
    }
}
