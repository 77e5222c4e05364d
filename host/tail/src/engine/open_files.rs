//! How many files are open at once.

use std::path::PathBuf;

use rustix::process::{Resource, getrlimit, setrlimit};

use super::Engine;
use crate::{
    content,
    disk::Disk,
    listing::Listings,
    reader::{Reader, Stage},
};

/// Descriptors that are left for everything else.
const DESCRIPTORS_SPARED: u64 = 256;
const DESCRIPTORS_MAX: u64 = 65_536;

/// Raises the limit on descriptors as far as the system lets, and answers how many may be files.
pub(super) fn open_files_allowed() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(DESCRIPTORS_MAX).min(DESCRIPTORS_MAX);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "raising the limit on open files");
        }
    }
    let current = getrlimit(Resource::Nofile).current.unwrap_or(DESCRIPTORS_MAX).min(DESCRIPTORS_MAX);
    current.saturating_sub(DESCRIPTORS_SPARED).max(64) as usize
}

impl Engine {
    /// A file was opened: closes others when more are open than the system allows. They are opened again when there is something to
    /// read and memory for it.
    pub(super) fn keep_open_files_few(&mut self, opened: u64) {
        self.open_files += 1;
        if self.open_files <= self.open_files_max {
            return;
        }
        self.open_files = self.readers.values().filter(|reader| reader.file.is_some()).count();
        if self.open_files <= self.open_files_max {
            return;
        }
        let excess = self.open_files - self.open_files_max + self.open_files_max / 10;
        let can_be_closed = |reader: &&mut Reader| {
            let is_read = matches!(reader.stage, Stage::Named | Stage::Nameless { .. });
            reader.file.is_some() && is_read && !reader.is_compressed() && reader.id != opened
        };
        let mut open: Vec<_> = self.readers.values_mut().filter(can_be_closed).collect();
        open.sort_by_key(|reader| (loss_of_closing(reader), reader.turn_at, reader.id));
        let mut listings = Listings::of(&self.disk);
        let mut closed = 0;
        for reader in open {
            if closed == excess {
                break;
            }
            // What cannot be found could not be opened again.
            if let Some(lies_at) = where_it_lies(reader, &*self.disk, &mut listings) {
                (reader.path, reader.file) = (lies_at, None);
                closed += 1;
            }
        }
        self.open_files -= closed;
    }
}

/// How much would be lost were a file deleted while it is closed: idle ones are closed first, then those that had their turn longest
/// ago, and last what was rotated away and not read yet, for rotation deletes it some day.
fn loss_of_closing(reader: &Reader) -> u8 {
    match (reader.size != reader.offset, reader.stage) {
        (true, Stage::Nameless { .. }) => 2,
        (false, _) if reader.ledger.is_idle() => 0,
        _ => 1,
    }
}

/// Where an open file lies; none where it is not found, or was deleted.
fn where_it_lies(reader: &Reader, disk: &dyn Disk, listings: &mut Listings) -> Option<PathBuf> {
    let is_there =
        |path: &PathBuf| disk.metadata(path).is_ok_and(|meta| content::device_inode(&meta) == reader.device_inode);
    if is_there(&reader.path) {
        return Some(reader.path.clone());
    }
    if reader.stage == Stage::Named {
        // That it was renamed is told of, and so is where to.
        return None;
    }
    let beside = listings.with_inode(&reader.path, reader.device_inode.1);
    beside.into_iter().map(|entry| entry.path).find(is_there)
}
