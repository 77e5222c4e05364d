//! Files whose name is gone, content that starts afresh, and files that were closed and are not found.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use collector_model::{FileUid, Ledger};

use super::{Engine, FAILURE_WAIT};
use crate::{
    content,
    disk::{DirEntry, Disk},
    identity::{Fingerprint, Identity, Mark},
    listing::Listings,
    reader::{Reader, Stage},
    reserve::Reserve,
    rotation::{self, Nameless, Parting},
    state::record::Record,
};

/// How many times longer a file is remembered of which lines may be unacknowledged.
const FORGET_UNACKNOWLEDGED: u32 = 30;

impl Engine {
    /// Something happened to the name of a reader's file.
    pub(super) fn check_name(&mut self, id: u64) {
        let Some(reader) = self.readers.get(&id).filter(|reader| reader.stage == Stage::Named) else { return };
        match self.disk.metadata(&reader.path) {
            Ok(meta) if content::device_inode(&meta) == reader.device_inode => self.make_ready(id),
            Ok(_) => {
                let (key, path) = (reader.work.key.clone(), reader.path.clone());
                self.admit(&key, &path, 0);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.detach(id),
            Err(_) => self.make_ready(id),
        }
    }

    /// The reader's path leads elsewhere or nowhere: it goes on without a name.
    pub(super) fn detach(&mut self, id: u64) {
        self.forget_names(id);
        let now = self.now();
        let Some(reader) = self.readers.get_mut(&id) else { return };
        reader.stage = Stage::Nameless { since: now };
        reader.grown_at = now;
        let identity = reader.identity;
        let (origin, uid) = (std::path::PathBuf::from(&*reader.origin_path), reader.uid);
        // Of a file that was closed, the inode may be another one's by now, which has a reader.
        let key = (reader.work.task.topic.clone(), reader.device_inode);
        let is_ours = self.by_file.get(&key) == Some(&id);
        let found = match self.readers.get(&id) {
            Some(reader) if reader.file.is_some() => {
                siblings(&*self.disk, &reader.path).find(|entry| entry.inode == identity.inode).map(|entry| entry.path)
            }
            // What cannot be looked into now is looked into when it is opened again.
            Some(reader) if is_ours => self.now_beside(reader).ok().flatten(),
            _ => None,
        };
        let Some(reader) = self.readers.get_mut(&id) else { return };
        if let Some(found) = found {
            reader.path = found;
        }
        tracing::debug!(path = %reader.origin_path, now_at = %reader.path.display(), "a file was rotated away: reading its rest");
        // Others may have the name, and lose it, before they are seen.
        self.look_later(&origin, uid);
        if let Some(mut reader) = self.readers.remove(&id) {
            reader.note_place(&mut self.desk(now));
            self.readers.insert(id, reader);
        }
        self.make_ready(id);
        self.wake_later(id, now + self.settings.poll_interval);
    }

    /// Looks after a reader that has no name or whose task is gone; closes it when it is done.
    pub(super) fn see_off(&mut self, id: u64, now: Instant) {
        let Some(reader) = self.readers.get(&id) else { return };
        match reader.stage {
            Stage::Named => {}
            Stage::Leaving => {
                if reader.ledger.is_idle() {
                    self.close(id);
                }
            }
            Stage::Nameless { since } => self.see_off_nameless(id, since, now),
            Stage::Gone => {
                if reader.ledger.is_idle() && reader.outbox.is_none() {
                    self.see_off_gone(id);
                }
            }
        }
    }

    fn see_off_nameless(&mut self, id: u64, since: Instant, now: Instant) {
        let Some(reader) = self.readers.get(&id) else { return };
        let meta = match reader.meta(&*self.disk) {
            Ok(Some(meta)) => meta,
            Err(_) if reader.file.is_some() => return self.see_off_unseen(id, since, now),
            // It is closed, so that waiting for it holds nothing; its next turn looks for it.
            Ok(None) | Err(_) => return self.wake_later(id, now + self.settings.poll_interval),
        };
        if meta.size_bytes != reader.size {
            // A turn before that would only say so once more.
            match reader.not_before.filter(|&at| at > now) {
                Some(at) => self.wake_later(id, at),
                None => self.make_ready(id),
            }
            return;
        }
        let state = Nameless {
            at_end: reader.is_at_end() && reader.not_before.is_none_or(|at| at <= now),
            has_unfinished: reader.size > reader.offset,
            acknowledged: reader.ledger.is_idle(),
            quiet_for: now.duration_since(reader.grown_at.max(since)),
            nameless_for: now.duration_since(since),
            deleted: meta.links == 0,
        };
        match rotation::part(state, self.settings.rotate_grace, self.settings.deleted_hold_max) {
            Parting::ReadOn => self.wake_later(id, now + self.settings.poll_interval),
            Parting::Flush => {
                if let Some(reader) = self.readers.get_mut(&id) {
                    reader.flush_now = true;
                }
                self.make_ready(id);
            }
            Parting::Close => self.finish(id, state.deleted),
            Parting::GiveUp => {
                tracing::warn!(path = %reader.origin_path,
                    "a deleted file held its disk space for too long while its lines could not be sent: it is closed");
                self.take_for_gone(id);
            }
        }
    }

    /// What cannot be looked at is neither deleted nor read to its end. It is held as long as one that is deleted.
    fn see_off_unseen(&mut self, id: u64, since: Instant, now: Instant) {
        if now.duration_since(since) < self.settings.deleted_hold_max {
            return self.wake_later(id, now + self.settings.poll_interval);
        }
        let Some(reader) = self.readers.get(&id) else { return };
        let lost = reader.count_rest_as_lost();
        let (origin, uid) = (PathBuf::from(&*reader.origin_path), reader.uid);
        tracing::error!(path = %reader.origin_path, bytes = lost,
            "a file that was rotated away could not be looked at for too long: its rest is read only should it be found again");
        self.finish(id, false);
        self.look_later(&origin, uid);
    }

    /// The file was deleted while it was closed, or was closed since it was deleted; what was read of it before is done.
    fn see_off_gone(&mut self, id: u64) {
        let Some(reader) = self.readers.get(&id) else { return };
        let (origin, uid, lost) = (PathBuf::from(&*reader.origin_path), reader.uid, reader.count_rest_as_lost());
        if lost > 0 {
            tracing::error!(path = %origin.display(), bytes = lost,
                "a file was deleted before its lines could be sent, and is not open any more: its rest is lost unless it lies there \
                 compressed; keep rotated files for longer, or raise limits.open_files_max where more files have lines than may be open");
        }
        self.finish(id, false);
        self.look_later(&origin, uid);
    }

    /// Everything of a nameless file is done.
    fn finish(&mut self, id: u64, deleted: bool) {
        let Some(reader) = self.readers.get(&id) else { return };
        let (uid, is_acknowledged, to) = (reader.uid, reader.ledger.is_idle(), reader.sent_max);
        let changed_ms = reader.file.as_ref().and_then(|file| file.metadata().ok()).map(|meta| meta.changed_ms);
        self.close(id);
        if let (false, true, Some(uid)) = (deleted, is_acknowledged, uid) {
            // Nothing beyond was sent. What was, may be more than was read since lines were given up.
            self.journal.append(&Record::Reserved { uid, to });
        }
        if let (true, Some(uid)) = (deleted, uid) {
            self.journal.append(&match changed_ms {
                Some(changed_ms) => Record::Deleted { uid, changed_ms },
                None => Record::Forgotten { uid },
            });
        }
    }

    /// A file that was closed while it was idle is not at its path any more, or an open one turned out to be compressed.
    pub(super) fn replace(&mut self, id: u64) {
        let Some(reader) = self.readers.get(&id) else { return };
        let (key, origin) = (reader.work.key.clone(), PathBuf::from(&*reader.origin_path));
        if reader.file.is_some() {
            // It is where it was, and not a file of lines.
            self.close(id);
            return self.admit(&key, &origin, 0);
        }
        let beside = match self.now_beside(reader) {
            Ok(beside) => beside,
            Err(error) => {
                tracing::debug!(path = %origin.display(), %error, "looking for a closed file beside its path: again in a second");
                return self.wake_later(id, self.now() + FAILURE_WAIT);
            }
        };
        match (beside, reader.stage) {
            (Some(now_at), Stage::Nameless { .. }) => {
                if let Some(reader) = self.readers.get_mut(&id) {
                    reader.path = now_at;
                }
                self.make_ready(id);
                return;
            }
            (Some(_), _) => self.detach(id),
            (None, Stage::Nameless { .. }) if !reader.is_missed => {
                // It may have been renamed while its directory was being listed.
                if let Some(reader) = self.readers.get_mut(&id) {
                    reader.is_missed = true;
                }
                return self.wake_later(id, self.now() + self.settings.poll_interval);
            }
            (None, _) => self.take_for_gone(id),
        }
        self.admit(&key, &origin, 0);
    }

    /// A file was deleted while it was closed, or is let go. It may still come back compressed.
    fn take_for_gone(&mut self, id: u64) {
        self.forget_file(id);
        if let Some(reader) = self.readers.get_mut(&id) {
            (reader.stage, reader.file) = (Stage::Gone, None);
        }
        self.see_off(id, self.now());
    }

    /// Under which other name a closed reader's file lies beside the path where it was. An error says that it may be there.
    fn now_beside(&self, reader: &Reader) -> io::Result<Option<PathBuf>> {
        match self.listed_beside(reader) {
            // It was rotated on since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.listed_beside(reader),
            found => found,
        }
    }

    fn listed_beside(&self, reader: &Reader) -> io::Result<Option<PathBuf>> {
        let is_candidate = |entry: &DirEntry| entry.inode == reader.identity.inode && entry.path != reader.path;
        for entry in siblings(&*self.disk, &reader.path).filter(is_candidate) {
            if self.lies_at(reader, &entry.path)? {
                return Ok(Some(entry.path));
            }
        }
        Ok(None)
    }

    /// Whether a closed reader's file lies at a path: inodes are used again, so it has to hold what was read. Of a file of which
    /// nothing was, the birth tells, or a name that rotation gives.
    fn lies_at(&self, reader: &Reader, path: &Path) -> io::Result<bool> {
        let file = self.disk.open(path)?;
        if content::identity(&file.metadata()?) != reader.identity {
            return Ok(false);
        }
        let entry = reader.uid.and_then(|uid| self.journal.known().file(uid));
        let head = entry.map_or_else(Fingerprint::default, |entry| entry.file.head);
        let mark = Mark { head, offset: reader.offset, before: reader.before };
        let origin = Path::new(&*reader.origin_path);
        let is_told = head.len > 0 || mark.before.len > 0 || reader.identity.birth_ns != 0;
        Ok((is_told || rotation::is_rotated_name(origin, path)) && mark.fits(&*file)?)
    }

    fn close(&mut self, id: u64) {
        self.forget_file(id);
        self.readers.remove(&id);
    }

    /// Neither a path nor an inode leads to the reader any more.
    fn forget_file(&mut self, id: u64) {
        self.forget_names(id);
        let Some(reader) = self.readers.get(&id) else { return };
        let key = (reader.work.task.topic.clone(), reader.device_inode);
        if self.by_file.get(&key) == Some(&id) {
            self.by_file.remove(&key);
        }
    }

    /// The content is not what was read: a new generation begins at the first byte.
    pub(super) fn restart(&mut self, id: u64) {
        let (inbox, now) = (Arc::clone(&self.inbox), self.now());
        let Some(reader) = self.readers.get_mut(&id) else { return };
        if reader.is_compressed() {
            tracing::warn!(path = %reader.path.display(), "a compressed file is not what it was: it is not read further");
            self.close(id);
            return;
        }
        // How much was written and cut off before it was seen cannot be known; what was seen can.
        let unread = reader.size_before.saturating_sub(reader.offset);
        reader.work.file_bytes_lost.inc_by(unread);
        tracing::info!(path = %reader.path.display(), size = reader.size, offset = reader.offset, unread,
            "a file was truncated: reading it from its beginning");
        let over = reader.uid.take();
        (reader.start, reader.offset, reader.sent_max) = (0, 0, 0);
        (reader.before, reader.acked_before) = (Fingerprint::default(), Fingerprint::default());
        reader.ledger = Ledger::starting_at(0);
        reader.under_way.clear();
        reader.begin_epoch(&inbox);
        reader.reserve = Reserve::new();
        reader.size_before = reader.size;
        reader.growth.clear();
        reader.growth.note(reader.size, now);
        reader.not_before = None;
        if let Some(uid) = over {
            self.set_over(uid);
        }
        self.make_ready(id);
    }

    /// A generation is over. The one before it is forgotten; the last one stays, so that the next is numbered after it.
    pub(super) fn set_over(&mut self, uid: FileUid) {
        let Some(entry) = self.journal.known().file(uid) else { return };
        let (topic, inode) = (entry.file.topic.clone(), entry.file.identity.inode);
        let older = self.journal.known().of_inode(&topic, inode).filter(|entry| entry.over).map(|entry| entry.file.uid);
        for uid in older.collect::<Vec<_>>() {
            self.journal.append(&Record::Forgotten { uid });
        }
        self.journal.append(&Record::Over { uid });
    }

    /// Forgets files that have been away for long.
    pub(super) fn forget_absent(&mut self, now: Instant) {
        let held: std::collections::HashSet<FileUid> = self.readers.values().filter_map(|reader| reader.uid).collect();
        // A directory that cannot be looked into says nothing of its files: it may be a disk that is away.
        let mut listings = Listings::of(&self.disk);
        let mut is_there = |path: &str, identity: Identity| {
            let path = Path::new(path);
            self.disk.metadata(path.parent().unwrap_or(Path::new("/"))).is_err()
                || self.disk.metadata(path).is_ok_and(|meta| content::identity(&meta).may_be(identity))
                || listings.has_inode(path, identity.inode)
        };
        let entries = self.journal.known().files().filter(|entry| !held.contains(&entry.file.uid));
        let absent: BTreeMap<_, _> = entries
            .filter(|entry| entry.deleted_ms.is_some() || !is_there(&entry.file.path, entry.file.identity))
            .map(|entry| (entry.file.uid, entry.acked >= entry.reserved))
            .collect();
        self.absent_since.retain(|uid, _| absent.contains_key(uid));
        for (uid, is_acknowledged) in absent {
            let since = *self.absent_since.entry(uid).or_insert(now);
            // Where lines may be unacknowledged, the file may be needed again should it come back.
            let wait = self.settings.forget_after * if is_acknowledged { 1 } else { FORGET_UNACKNOWLEDGED };
            if now.duration_since(since) >= wait {
                self.absent_since.remove(&uid);
                self.journal.append(&Record::Forgotten { uid });
            }
        }
        self.forget_check_at = now + (self.settings.forget_after / 24).max(Duration::from_millis(10));
    }
}

pub(super) fn siblings(disk: &dyn Disk, path: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    path.parent().map(|dir| disk.entries(dir)).into_iter().flatten()
}
