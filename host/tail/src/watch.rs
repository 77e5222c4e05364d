//! What the system tells of changes in directories.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, event::ModifyKind};

use crate::inbox::Touch;

/// Something the system told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Something happened at a path.
    Path(PathBuf, Touch),
    /// Changes were missed.
    Missed,
}

/// Watches directories (not what is below them).
pub(crate) struct Watch {
    watcher: Option<RecommendedWatcher>,
    dirs: HashSet<PathBuf>,
    dirs_max: usize,
    refused: bool,
}

impl Watch {
    /// Begins with no directory. `tell` is called from a thread of its own.
    pub(crate) fn new(dirs_max: usize, tell: impl Fn(Told) + Send + 'static) -> Self {
        let handler = move |event: notify::Result<Event>| match event {
            Ok(event) => translate(event).into_iter().for_each(&tell),
            Err(error) => {
                tracing::debug!(%error, "watching directories: changes may have been missed");
                tell(Told::Missed);
            }
        };
        let watcher = RecommendedWatcher::new(handler, Config::default().with_follow_symlinks(false))
            .map_err(|error| tracing::warn!(%error, "watching directories is not possible here: files are polled"))
            .ok();
        Watch { watcher, dirs: HashSet::new(), dirs_max, refused: false }
    }

    /// Watches a directory. Answers whether the watch is new, or why there is none.
    pub(crate) fn add(&mut self, dir: &Path) -> Result<bool, NotWatched> {
        if self.dirs.contains(dir) {
            return Ok(false);
        }
        let watcher = self.watcher.as_mut().ok_or(NotWatched)?;
        if self.dirs.len() >= self.dirs_max {
            self.say_refused(dir, "the limit on watched directories is reached");
            return Err(NotWatched);
        }
        match watcher.watch(dir, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.dirs.insert(dir.to_owned());
                Ok(true)
            }
            Err(error) if !dir.is_dir() => {
                tracing::debug!(dir = %dir.display(), %error, "watching a directory that is gone");
                Err(NotWatched)
            }
            Err(error) => {
                self.say_refused(dir, &error.to_string());
                Err(NotWatched)
            }
        }
    }

    fn say_refused(&mut self, dir: &Path, reason: &str) {
        if !std::mem::replace(&mut self.refused, true) {
            tracing::warn!(dir = %dir.display(), reason,
                "watching a directory is refused: it is polled; raising fs.inotify.max_user_watches may help");
        }
    }

    /// Keeps only the watches for which `wanted` holds, and those alone that still lead to a directory.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&Path) -> bool) {
        let Some(watcher) = self.watcher.as_mut() else { return };
        self.dirs.retain(|dir| {
            let keep = wanted(dir);
            if !keep {
                let _ = watcher.unwatch(dir);
            }
            keep
        });
    }

    /// Forgets a directory that was removed or renamed, so that it can be watched anew when it comes back.
    pub(crate) fn forget(&mut self, dir: &Path) {
        if self.dirs.remove(dir)
            && let Some(watcher) = self.watcher.as_mut()
        {
            let _ = watcher.unwatch(dir);
        }
    }

    /// Whether the directory is watched.
    pub(crate) fn has(&self, dir: &Path) -> bool {
        self.dirs.contains(dir)
    }
}

/// A directory is not watched and has to be polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotWatched;

fn translate(event: Event) -> Vec<Told> {
    if event.need_rescan() {
        return vec![Told::Missed];
    }
    let touch = match event.kind {
        EventKind::Access(_) | EventKind::Other => return vec![],
        EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_)) => Touch::Content,
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(_) | EventKind::Any => Touch::Name,
    };
    event.paths.into_iter().map(|path| Told::Path(path, touch)).collect()
}
