//! What became of files that are not at their path any more and that nobody has open: beside it under another name, or compressed.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use collector_model::{FileUid, Topic};

use super::{
    Engine, Map,
    admission::{Begin, Opening},
};
use crate::{
    content,
    continuation::{Continued, Found, Hunt},
    disk::{DirEntry, OpenFile},
    identity::{Identity, Verdict, judge},
    listing::Listings,
    reader::Stage,
    rotation,
    state::known::FileEntry,
    work::Work,
};

/// Files that were known at a path, and that nobody has found beside it; or others that may have stood there since.
#[derive(Default)]
struct Missing {
    path: PathBuf,
    uids: Vec<FileUid>,
    /// When the last known one changed last, where it was found uncompressed and nobody had watched it.
    known_until_ms: Option<i64>,
    /// Uncompressed files there that are ours or could be looked into.
    plain: Vec<PathBuf>,
}

/// What a look beside a path came to.
#[derive(Default)]
struct Beside {
    /// The file that was known at the path is being read, or at its path.
    found: bool,
    /// When that file changed last, where it lies beside the path.
    changed_ms: Option<i64>,
    /// Uncompressed files there that are ours or could be looked into.
    plain: Vec<PathBuf>,
    /// Some could not be looked into.
    failed: bool,
}

impl Engine {
    /// Another file stands at a path now: what was known there from before may lie beside it, under a rotated name.
    pub(super) fn look_for_rotated(&mut self, work: &Arc<Work>, path: &Path) {
        let mut listings = Listings::of(&self.disk);
        let missing = self.look_for_rotated_among(work, path, &mut listings);
        self.hunt(work, missing.into_iter().collect());
    }

    /// Opens what lies beside a path of those that were known there. Answers what is missing.
    fn look_for_rotated_among(&mut self, work: &Arc<Work>, path: &Path, listings: &mut Listings) -> Option<Missing> {
        let mut missing = Missing { path: path.to_owned(), ..Missing::default() };
        for uid in self.take_left_behind(&work.task.topic, path) {
            let entry = self.journal.known().file(uid).filter(|entry| entry.may_go_on());
            let Some(identity) = entry.map(|entry| entry.file.identity) else { continue };
            if self.is_being_left(uid) {
                self.look_later(path, Some(uid));
                continue;
            }
            let beside = self.open_rotated(work, path, (identity, Some(uid)), listings);
            if beside.failed {
                self.look_later(path, Some(uid));
                continue;
            }
            let was_unwatched = self.unwatched.remove(&uid);
            if !beside.found {
                missing.uids.push(uid);
            } else if was_unwatched {
                missing.known_until_ms = missing.known_until_ms.max(beside.changed_ms);
            }
            if !beside.plain.is_empty() {
                missing.plain = beside.plain;
            }
        }
        missing.uids.retain(|&uid| !self.is_read(uid));
        (!missing.uids.is_empty() || missing.known_until_ms.is_some()).then_some(missing)
    }

    /// Whether a reader has the file.
    fn is_read(&self, uid: FileUid) -> bool {
        self.readers.values().any(|reader| reader.uid == Some(uid))
    }

    /// Whether a reader whose task was gone, or whose file, still has it: it reads nothing more, and closes it soon.
    fn is_being_left(&self, uid: FileUid) -> bool {
        let is_over = |stage| matches!(stage, Stage::Leaving | Stage::Gone);
        self.readers.values().any(|reader| reader.uid == Some(uid) && is_over(reader.stage))
    }

    /// The files of a topic that were left at a path.
    fn take_left_behind(&mut self, topic: &Topic, path: &Path) -> Vec<FileUid> {
        let uids = self.left_behind.remove(path).unwrap_or_default();
        let known = self.journal.known();
        let is_ours = |uid: &FileUid| known.file(*uid).is_some_and(|entry| entry.file.topic == *topic);
        let (ours, others): (Vec<_>, Vec<_>) = uids.into_iter().partition(is_ours);
        if !others.is_empty() {
            self.left_behind.insert(path.to_owned(), others);
        }
        ours
    }

    /// What was known at a path is looked for again after the next search.
    pub(super) fn look_later(&mut self, path: &Path, uid: Option<FileUid>) {
        let Some(uid) = uid else { return };
        let uids = self.left_behind.entry(path.to_owned()).or_default();
        if !uids.contains(&uid) {
            uids.push(uid);
        }
    }

    /// The same for paths at which nothing stands now, and for those where looking has failed.
    pub(super) fn look_for_left_behind(&mut self, work: &Arc<Work>) {
        let is_due = |path: &&PathBuf| self.by_path.contains_key(*path) || self.disk.metadata(path).is_err();
        let paths = self.left_behind.keys().filter(|path| work.pattern.matches(path)).filter(is_due);
        let paths: Vec<PathBuf> = paths.cloned().collect();
        // Nothing stands at these paths: whatever was there has its new name by now, so that one listing shows it to all of them.
        let mut listings = Listings::of(&self.disk);
        let missing = paths.iter().filter_map(|path| self.look_for_rotated_among(work, path, &mut listings)).collect();
        self.hunt(work, missing);
    }

    /// The file that was known at a path (by its identity and, if it had one, its uid) lies beside it.
    pub(super) fn open_beside(&mut self, work: &Arc<Work>, path: &Path, known: Identity, uid: Option<FileUid>) {
        if self.open_rotated(work, path, (known, uid), &mut Listings::of(&self.disk)).failed {
            self.look_later(path, uid);
        }
    }

    /// Opens, beside `path`, the file that was known there, and those that stood there between it and the one there now.
    fn open_rotated(
        &mut self,
        work: &Arc<Work>,
        path: &Path,
        (known, uid): (Identity, Option<FileUid>),
        listings: &mut Listings,
    ) -> Beside {
        let now = match self.disk.metadata(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Beside { failed: true, ..Beside::default() };
            }
            now => now.ok().map(|meta| content::identity(&meta)),
        };
        if now == Some(known) {
            // Where it could not be opened it is tried again, and before that it may be rotated away.
            return Beside { found: true, failed: uid.is_some_and(|uid| !self.is_read(uid)), ..Beside::default() };
        }
        let mut beside = Beside::default();
        let candidates = self.beside(path, known, listings);
        let mut is_moving = false;
        for DirEntry { path: sibling, inode } in candidates.clone() {
            match self.look_beside(work, (path, &sibling), (known, now), uid) {
                Ok(Some((seen, changed_ms))) => {
                    is_moving |= seen.inode != inode;
                    if seen == known {
                        (beside.found, beside.changed_ms) = (true, Some(changed_ms));
                    }
                    beside.plain.push(sibling);
                }
                Ok(None) => {}
                // It was rotated on since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => beside.failed = true,
                Err(error) => {
                    tracing::warn!(path = %sibling.display(), %error, "opening a rotated file: it is tried again after the next search");
                    beside.failed = true;
                }
            }
        }
        // Where names have moved on since they were listed, files may have passed by unseen.
        if is_moving && !beside.found {
            beside.failed |= self.beside(path, known, &mut Listings::of(&self.disk)) != candidates;
        }
        beside
    }

    /// Looks into a file beside a path, and reads it where it is the one that was known there, or stood there after it. Answers
    /// which file it is and when it changed last, where it may be ours.
    fn look_beside(
        &mut self,
        work: &Arc<Work>,
        (path, sibling): (&Path, &Path),
        (known, now): (Identity, Option<Identity>),
        uid: Option<FileUid>,
    ) -> io::Result<Option<(Identity, i64)>> {
        let file = self.disk.open(sibling)?;
        let meta = file.metadata()?;
        if !meta.is_file || !self.is_allowed(sibling, &meta).unwrap_or(false) {
            return Ok(None);
        }
        let seen = content::identity(&meta);
        if self.is_told_of(work, sibling, content::device_inode(&meta)) {
            return Ok(Some((seen, meta.changed_ms)));
        }
        let entry = uid.and_then(|uid| self.journal.known().file(uid));
        let verdict = entry.map(|entry| judge((known, &entry.mark()), seen, meta.size_bytes, &*file)).transpose()?;
        let begin = match (uid, verdict) {
            (Some(uid), Some(Verdict::Same)) => Some(Begin::Resume(uid)),
            _ if !stood_between((known, seen, now), (path, sibling)) => None,
            _ => self.is_unknown(work, seen, meta.size_bytes, &*file)?.then_some(Begin::First),
        };
        if let Some(begin) = begin {
            self.open_reader(work, Opening { path: sibling, origin: path, begin, scan: 0 }, file)?;
            tracing::info!(path = %path.display(), now_at = %sibling.display(),
                "a file was rotated away while nobody read it: reading its rest");
        }
        Ok(Some((seen, meta.changed_ms)))
    }

    /// What lies beside a path, or beside what it leads to where it is a link, and may have been called so.
    fn beside(&self, path: &Path, known: Identity, listings: &mut Listings) -> Vec<DirEntry> {
        let mut found = listings.rotated(path, known.inode);
        if let Some(target) = self.disk.link_target(path).filter(|target| target.parent() != path.parent()) {
            found.extend(listings.with_inode(&target, known.inode));
        }
        found
    }

    /// Whether a file is read already, or will be found by the task itself.
    fn is_told_of(&self, work: &Work, path: &Path, file: content::DeviceInode) -> bool {
        work.pattern.matches(path) || self.by_file.contains_key(&(work.task.topic.clone(), file))
    }

    fn read_rest(&mut self, work: &Arc<Work>, opening: Opening<'_>, file: Box<dyn OpenFile>) {
        let Opening { path: now_at, origin, .. } = opening;
        match self.open_reader(work, opening, file) {
            Ok(()) => tracing::info!(path = %origin.display(), now_at = %now_at.display(),
                "a file was rotated away while nobody read it: reading its rest"),
            Err(error) => {
                tracing::warn!(path = %now_at.display(), %error, "opening a rotated file: its rest is not read");
            }
        }
    }

    /// Whether nothing of a file's content was ever read. Where inodes are used again within one tick of births, content alone tells.
    fn is_unknown(&self, work: &Work, seen: Identity, size: u64, file: &dyn OpenFile) -> io::Result<bool> {
        for entry in self.journal.known().of_inode(&work.task.topic, seen.inode) {
            if judge((entry.file.identity, &entry.mark()), seen, size, file)? == Verdict::Same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Has files looked for that may have been compressed since, those too that nobody saw.
    fn hunt(&self, work: &Work, missing: Vec<Missing>) {
        if missing.is_empty() {
            return;
        }
        let mut beside: Map<&Path, Vec<&FileEntry>> = Map::default();
        for entry in self.journal.known().files().filter(|entry| entry.file.topic == work.task.topic && !entry.over) {
            beside.entry(dir_of(Path::new(&entry.file.path))).or_default().push(entry);
        }
        beside.values_mut().for_each(|entries| entries.sort_unstable_by_key(|entry| name_of(entry)));
        let hunt = |Missing { path, uids, known_until_ms, plain }: Missing| {
            // A rotated file that the task finds by itself is known by the name that it had then.
            let stem = path.file_stem().unwrap_or_default().as_encoded_bytes();
            let entries = beside.get(dir_of(&path)).map_or(&[][..], Vec::as_slice);
            let from = entries.partition_point(|entry| name_of(entry) < stem);
            let marks = entries[from..].iter().take_while(|entry| name_of(entry).starts_with(stem));
            let had_path = |entry: &&&FileEntry| {
                let known_at = Path::new(&entry.file.path);
                known_at == path || rotation::is_rotated_name(&path, known_at)
            };
            let deleted_ms = marks.clone().filter(had_path).filter_map(|entry| entry.deleted_ms).max();
            let marks = marks.map(|entry| (entry.file.uid, entry.mark()));
            let (wanted, known): (Vec<_>, Vec<_>) = marks.partition(|(uid, _)| uids.contains(uid));
            let known = known.into_iter().map(|(_, mark)| mark).collect();
            Hunt { task: work.key.clone(), origin: path, wanted, known, known_until_ms, deleted_ms, plain }
        };
        self.hunter.send(missing.into_iter().map(hunt).collect());
    }

    /// Reads what a hunt found.
    pub(super) fn read_found(&mut self, found: Found) {
        let Some(work) = self.tasks.get(&found.task).cloned() else { return };
        let read: HashSet<FileUid> = self.readers.values().filter_map(|reader| reader.uid).collect();
        for Continued { uid, path, body } in found.files {
            let Ok(meta) = body.metadata() else { continue };
            let file = (work.task.topic.clone(), content::device_inode(&meta));
            let is_read = uid.is_some_and(|uid| read.contains(&uid)) || self.by_file.contains_key(&file);
            if is_read || !self.is_allowed(&path, &meta).unwrap_or(false) {
                continue;
            }
            let begin = uid.map_or(Begin::First, Begin::Resume);
            self.read_rest(&work, Opening { path: &path, origin: &found.origin, begin, scan: 0 }, Box::new(body));
        }
    }
}

fn dir_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn name_of(entry: &FileEntry) -> &[u8] {
    Path::new(&entry.file.path).file_name().unwrap_or_default().as_encoded_bytes()
}

/// Whether a file had the path for a while, after the one known and before the one there now.
fn stood_between(ids: (Identity, Identity, Option<Identity>), at: (&Path, &Path)) -> bool {
    let (known, seen, now) = ids;
    let now = now.unwrap_or(Identity { inode: 0, birth_ns: i64::MAX });
    rotation::is_rotated_name(at.0, at.1) && rotation::was_between(known, seen, now)
}
