//! Which files are being written right now, as far as the system tells.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use notify::{
    Event, EventKind,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};
use parking_lot::Mutex;

/// Files that were written to and not closed since.
#[derive(Debug, Default)]
pub(crate) struct Writers(Mutex<BTreeSet<PathBuf>>);

impl Writers {
    /// Takes note of what the system says. True where somebody may want to look.
    pub(crate) fn hear(&self, event: &Event) -> bool {
        let mut open = self.0.lock();
        if event.need_rescan() {
            // Events were lost, and it may have been the end of somebody's writing.
            open.clear();
            return true;
        }
        match event.kind {
            // Only where the end of it is told as well.
            EventKind::Modify(ModifyKind::Data(_)) if cfg!(any(target_os = "linux", target_os = "android")) => {
                open.extend(event.paths.iter().cloned());
            }
            // What a path names now is another file, or none.
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(RenameMode::From | RenameMode::To | RenameMode::Both))
            | EventKind::Remove(_) => open.retain(|path| !event.paths.contains(path)),
            EventKind::Access(_) => return false,
            _ => {}
        }
        true
    }

    /// Whether the file, or the one that a link leads to, is being written.
    pub(crate) fn has(&self, path: &Path) -> bool {
        let open = self.0.lock();
        open.contains(path) || path.canonicalize().is_ok_and(|target| open.contains(&target))
    }

    /// Forgets the others.
    pub(crate) fn keep_only(&self, is_watched: impl Fn(&Path) -> bool) {
        self.0.lock().retain(|path| is_watched(path));
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use notify::event::{DataChange, Flag};

    use super::*;

    #[test]
    fn a_file_is_written_from_its_first_change_until_it_is_closed_replaced_or_removed() {
        let writers = Writers::default();
        let path = Path::new("/p/a.wasm");
        let event = |kind| Event::new(kind).add_path(path.to_owned());
        let changed = || event(EventKind::Modify(ModifyKind::Data(DataChange::Any)));
        let ends = [
            event(EventKind::Access(AccessKind::Close(AccessMode::Write))),
            event(EventKind::Modify(ModifyKind::Name(RenameMode::To))),
            event(EventKind::Remove(notify::event::RemoveKind::File)),
            Event::new(EventKind::Other).set_flag(Flag::Rescan),
        ];
        for end in ends {
            assert!(!writers.has(path));
            assert!(writers.hear(&changed()) && writers.has(path));
            assert!(!writers.hear(&event(EventKind::Access(AccessKind::Open(AccessMode::Any)))), "reading is no news");
            assert!(writers.has(path));
            assert!(writers.hear(&end) && !writers.has(path), "{end:?}");
        }
    }
}
