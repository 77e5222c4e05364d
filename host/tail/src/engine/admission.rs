//! Files found: which are new, which are known, which were renamed; and readers for them.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use collector_model::{FileUid, Ledger, TaskKey};
use collector_tasks::StartAt;

use super::Engine;
use crate::{
    acknowledge::Returns,
    content,
    disk::{FileMeta, OpenFile},
    identity::{Fingerprint, Verdict, judge},
    lag::Growth,
    reader::{Place, Reader, Stage},
    reserve::Reserve,
    rotation::{self, Elsewhere, Sighting, Then},
    state::known::FileEntry,
    work::Work,
};

/// Where a new reader begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begin {
    /// In a known file, after what is acknowledged.
    Resume(FileUid),
    /// At the first byte.
    First,
    /// At the end: the file was there when the task was first seen.
    End,
}

/// A file that is about to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening<'a> {
    /// Where it is.
    pub(super) path: &'a Path,
    /// The path of the task; another one when the file was rotated away from there.
    pub(super) origin: &'a Path,
    /// Where to begin.
    pub(super) begin: Begin,
    /// The search that found it, 0 for none.
    pub(super) scan: u64,
}

/// Where reading begins.
struct FirstByte {
    uid: Option<FileUid>,
    offset: u64,
    /// The bytes before it.
    before: Fingerprint,
    /// Up to where bytes may have been sent.
    sent_max: u64,
}

/// What a file is, the known one that it is (or was), and the file opened where it is to be read.
type Recognized = (Verdict, Option<FileUid>, Option<Box<dyn OpenFile>>);

impl Engine {
    /// A file that a task means was found at a path. `scan` is 0 when it was told of, and not searched for.
    pub(super) fn admit(&mut self, key: &TaskKey, path: &Path, scan: u64) {
        let Some(work) = self.tasks.get(key).cloned() else { return };
        match self.disk.metadata(path) {
            Ok(meta) if meta.is_file => {
                if let Err(error) = self.admit_file(&work, path, &meta, scan) {
                    self.say_unreadable(path, &error);
                }
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(id) = self.reader_at(&work, path) {
                    self.detach(id);
                }
            }
            Err(error) => self.say_unreadable(path, &error),
        }
    }

    fn say_unreadable(&mut self, path: &Path, error: &io::Error) {
        if self.unreadable.insert(path.to_owned()) {
            tracing::warn!(path = %path.display(), %error,
                "opening a file: it is tried again from time to time; let the collector's user read it");
        }
    }

    /// The reader that has a path for the task's topic.
    pub(super) fn reader_at(&self, work: &Work, path: &Path) -> Option<u64> {
        let ids = self.by_path.get(path)?;
        ids.iter().copied().find(|id| self.readers.get(id).is_some_and(|r| r.work.task.topic == work.task.topic))
    }

    fn admit_file(&mut self, work: &Arc<Work>, path: &Path, meta: &FileMeta, scan: u64) -> io::Result<()> {
        let here = self.reader_at(work, path);
        let file = content::device_inode(meta);
        let at_path = here.and_then(|id| self.readers.get(&id)).map(|reader| reader.device_inode == file);
        if let (Some(true), Some(id)) = (at_path, here) {
            self.look_again(id, meta, scan);
            return Ok(());
        }
        let elsewhere = self.by_file.get(&(work.task.topic.clone(), file)).copied();
        let elsewhere = elsewhere.filter(|id| self.readers.get(id).is_none_or(|reader| reader.may_have(meta)));
        if elsewhere.and_then(|id| self.readers.get(&id)).is_some_and(Reader::is_compressed) {
            // What is left of a rotated file is read from it already.
            return Ok(());
        }
        let read_elsewhere = elsewhere.map(|id| self.where_is(id));
        let (known, uid, opened) = match read_elsewhere {
            Some(_) => (Verdict::Other, None, None),
            None => self.recognize(work, path, meta)?,
        };
        let admission = rotation::admit(Sighting { at_path, read_elsewhere, known });
        let mut detached = None;
        if let (true, Some(id)) = (admission.detach, here) {
            detached = self.readers.get(&id).map(|reader| (reader.identity, reader.uid));
            self.detach(id);
        }
        if admission.then == Then::Begin && self.is_too_old(work, path, meta) {
            return Ok(());
        }
        let begin = match (admission.then, uid) {
            (Then::Look | Then::Ignore, _) => return Ok(()),
            (Then::Follow, _) => {
                if let Some(id) = elsewhere {
                    self.follow(id, work, path);
                }
                return Ok(());
            }
            (Then::Resume, Some(uid)) => Begin::Resume(uid),
            (Then::Restart, Some(uid)) => {
                self.set_over(uid);
                Begin::First
            }
            (Then::Begin | Then::Resume | Then::Restart, _) => self.beginning(work, scan),
        };
        let Some(opened) = opened else { return Ok(()) };
        if let Err(error) = self.open_reader(work, Opening { path, origin: path, begin, scan }, opened) {
            self.look_later(path, detached.and_then(|(_, uid)| uid));
            return Err(error);
        }
        self.look_for_rotated(work, path);
        if let Some((identity, uid @ None)) = detached {
            self.open_beside(work, path, identity, uid);
        }
        Ok(())
    }

    /// Whether a file that was never seen is passed over until it changes.
    fn is_too_old(&mut self, work: &Work, path: &Path, meta: &FileMeta) -> bool {
        let Some(age_max) = work.task.ignore_older else { return false };
        let age_ms = self.settings.clock.now_ms().saturating_sub(meta.changed_ms);
        let is_too_old = meta.changed_ms > 0 && age_ms > age_max.as_millis() as i64;
        if is_too_old {
            let keys = self.ignored.entry(path.to_owned()).or_default();
            if !keys.contains(&work.key) {
                keys.push(work.key.clone());
            }
        }
        is_too_old
    }

    /// Whether this machine's settings allow the file that was opened at a path.
    pub(super) fn is_allowed(&mut self, path: &Path, opened: &FileMeta) -> io::Result<bool> {
        let Some(allowed) = &self.settings.allowed else { return Ok(true) };
        let real = self.disk.real_path(path)?;
        // Whoever swaps a link between the two is looked at again.
        let is_that = content::device_inode(&self.disk.metadata(&real)?) == content::device_inode(opened);
        if is_that && allowed.is_match(&real) {
            return Ok(true);
        }
        if is_that && self.unreadable.insert(path.to_owned()) {
            let add = real.with_file_name("**");
            tracing::warn!(path = %path.display(), leads_to = %real.display(), add = %add.display(),
                "a file is not read: it leads to where this machine's allowed_paths do not allow reading; add that there");
        }
        Ok(false)
    }

    fn beginning(&self, work: &Work, scan: u64) -> Begin {
        let is_first_search = scan > 0 && !self.journal.known().is_task_seen(work.key.as_str());
        match work.task.start_at {
            StartAt::End if is_first_search => Begin::End,
            StartAt::End | StartAt::Beginning => Begin::First,
        }
    }

    fn look_again(&mut self, id: u64, meta: &FileMeta, scan: u64) {
        let Some(reader) = self.readers.get_mut(&id) else { return };
        reader.seen_in_scan = reader.seen_in_scan.max(scan);
        if meta.size_bytes != reader.size || meta.size_bytes != reader.offset {
            self.make_ready(id);
        }
    }

    /// Whether a reader's own path still leads to its file.
    fn where_is(&self, id: u64) -> Elsewhere {
        let Some(reader) = self.readers.get(&id) else { return Elsewhere::Moved };
        let leads_there =
            self.disk.metadata(&reader.path).is_ok_and(|m| content::device_inode(&m) == reader.device_inode);
        if leads_there && reader.stage == Stage::Named { Elsewhere::StillThere } else { Elsewhere::Moved }
    }

    /// Compares a file with those known from before.
    fn recognize(&mut self, work: &Work, path: &Path, meta: &FileMeta) -> io::Result<Recognized> {
        let file = self.disk.open(path)?;
        let opened = file.metadata()?;
        if content::device_inode(&opened) != content::device_inode(meta) {
            // It was replaced this very moment; whoever did that is told of.
            return Ok((Verdict::Other, None, None));
        }
        if !self.is_allowed(path, &opened)? {
            return Ok((Verdict::Other, None, None));
        }
        let seen = content::identity(&opened);
        let mut best = (Verdict::Other, None);
        for entry in self.journal.known().of_inode(&work.task.topic, seen.inode).filter(|entry| entry.may_go_on()) {
            match judge((entry.file.identity, &entry.mark()), seen, opened.size_bytes, &*file)? {
                Verdict::Same => return Ok((Verdict::Same, Some(entry.file.uid), Some(file))),
                Verdict::Restarted => best = (Verdict::Restarted, Some(entry.file.uid)),
                Verdict::Other => {}
            }
        }
        if content::is_compressed(&file.read_at(0, 8)?) {
            tracing::debug!(path = %path.display(), "a compressed file is not read");
            return Ok((Verdict::Other, None, None));
        }
        Ok((best.0, best.1, Some(file)))
    }

    /// Makes a reader for an open file.
    pub(super) fn open_reader(
        &mut self,
        work: &Arc<Work>,
        opening: Opening<'_>,
        file: Box<dyn OpenFile>,
    ) -> io::Result<()> {
        let Opening { path, origin, begin, scan } = opening;
        let is_named = path == origin;
        let meta = file.metadata()?;
        let FirstByte { uid, offset, before, sent_max } = self.first_byte(work, &*file, meta.size_bytes, begin)?;
        self.readers_made += 1;
        let id = self.readers_made;
        let now = self.now();
        let mut reader = Reader {
            id,
            work: Arc::clone(work),
            path: path.to_owned(),
            origin_path: origin.to_string_lossy().into(),
            names: vec![],
            identity: content::identity(&meta),
            device_inode: content::device_inode(&meta),
            before,
            acked_before: before,
            uid,
            start: offset,
            offset,
            size: meta.size_bytes,
            size_before: meta.size_bytes,
            growth: Growth::default(),
            turn_at: now,
            grown_at: now,
            sent_max,
            file: Some(file),
            ledger: Ledger::starting_at(offset),
            under_way: VecDeque::new(),
            returns: Arc::new(Returns { inbox: Arc::clone(&self.inbox), reader: id, epoch: 0 }),
            outbox: None,
            reserve: Reserve::new(),
            // What is known of the file may not be on disk yet.
            depends_on: self.journal.appended(),
            window_bytes: 0,
            stage: if is_named { Stage::Named } else { Stage::Nameless { since: now } },
            place: Place::Idle,
            wake_at: None,
            not_before: None,
            sent_at: None,
            flush_now: false,
            seen_in_scan: scan,
            is_missed: false,
        };
        reader.window_bytes = reader.first_window(&self.settings);
        reader.growth.note(reader.size, now);
        self.enter_reader(reader, matches!(begin, Begin::End) && offset > 0)
    }

    /// A new reader has its turns from now on.
    fn enter_reader(&mut self, reader: Reader, mint: bool) -> io::Result<()> {
        let (id, path, is_named) = (reader.id, reader.path.clone(), reader.stage == Stage::Named);
        self.by_file.insert((reader.work.task.topic.clone(), reader.device_inode), id);
        self.readers.insert(id, reader);
        if is_named {
            self.enter_path(id, &path);
        }
        self.note_place(id, mint)?;
        self.unreadable.remove(&path);
        self.make_ready(id);
        self.keep_open_files_few(id);
        Ok(())
    }

    fn first_byte(&mut self, work: &Work, file: &dyn OpenFile, size: u64, begin: Begin) -> io::Result<FirstByte> {
        Ok(match begin {
            Begin::Resume(uid) => {
                let (offset, reserved) = self.resume_at(uid);
                // What was sent before was in the file, which only grew since.
                let sent_max = if file.is_compressed() { reserved } else { reserved.min(size) };
                let before = self.bytes_before(uid, offset, file)?;
                FirstByte { uid: Some(uid), offset, before, sent_max: sent_max.max(offset) }
            }
            Begin::First => FirstByte { uid: None, offset: 0, before: Fingerprint::default(), sent_max: 0 },
            Begin::End => {
                let end = content::last_line_end(file, size, &work.task)?;
                FirstByte { uid: None, offset: end, before: content::before(file, end)?, sent_max: end }
            }
        })
    }

    /// The bytes before the place at which a known file goes on: those that were read, not those that may have taken their place
    /// since the file was recognized.
    fn bytes_before(&self, uid: FileUid, offset: u64, file: &dyn OpenFile) -> io::Result<Fingerprint> {
        let mark = self.journal.known().file(uid).map(FileEntry::mark);
        if let Some(mark) = mark.filter(|mark| mark.offset == offset) {
            return Ok(mark.before);
        }
        let before = content::before(file, offset)?;
        let is_same = file.is_compressed() || mark.map_or(Ok(true), |mark| mark.fits(file))?;
        is_same.then_some(before).ok_or_else(|| io::Error::other("it was written anew while it was being opened"))
    }

    /// Has the journal say where a known file is now, and that a file is skipped up to its present end.
    fn note_place(&mut self, id: u64, mint: bool) -> io::Result<()> {
        let Some(mut reader) = self.readers.remove(&id) else { return Ok(()) };
        let mut minted = Ok(());
        let mut desk = self.desk(self.now());
        if mint {
            minted = reader.mint(&[], &mut desk).map(drop);
        }
        reader.note_place(&mut desk);
        reader.take_new_framing(&mut desk);
        self.readers.insert(id, reader);
        minted
    }

    /// Where a known file goes on: after what is acknowledged, or after what the index has of the days that the journal assigns.
    fn resume_at(&mut self, uid: FileUid) -> (u64, u64) {
        let Some(entry) = self.journal.known_mut().file_mut(uid) else { return (0, 0) };
        let mut at = entry.acked;
        while let Some(day) = entry.plan.day_at(at) {
            // The last line of a day may end behind where the next one begins.
            let covered = self.coverage.covered(uid, day.day, at).filter(|&covered| covered > at);
            let Some(covered) = covered else { break };
            at = covered;
        }
        (at, entry.reserved)
    }

    fn enter_path(&mut self, id: u64, path: &Path) {
        let mut enter = |path: PathBuf| {
            if let Some(reader) = self.readers.get_mut(&id) {
                reader.names.push(path.clone());
            }
            let ids = self.by_path.entry(path).or_default();
            if !ids.contains(&id) {
                ids.push(id);
            }
        };
        enter(path.to_owned());
        // The system tells of changes by the names of the directory that really holds the file.
        if let Some(real) = self.disk.link_target(path) {
            let dir = real.parent().map(Path::to_owned);
            enter(real);
            if let Some(dir) = dir {
                self.discovery.watch_dir(dir);
            }
        }
    }

    /// No path leads to the reader any more.
    pub(super) fn forget_names(&mut self, id: u64) {
        let names = self.readers.get_mut(&id).map(|reader| std::mem::take(&mut reader.names));
        for name in names.unwrap_or_default() {
            if let Some(ids) = self.by_path.get_mut(&name) {
                ids.retain(|&other| other != id);
                if ids.is_empty() {
                    self.by_path.remove(&name);
                }
            }
        }
    }

    /// The reader's file was renamed to a path that a task means.
    fn follow(&mut self, id: u64, work: &Arc<Work>, path: &Path) {
        self.forget_names(id);
        self.enter_path(id, path);
        if let Some(reader) = self.readers.get_mut(&id) {
            tracing::debug!(from = %reader.path.display(), to = %path.display(), "a file was renamed: reading goes on");
            path.clone_into(&mut reader.path);
            reader.origin_path = path.to_string_lossy().into();
            reader.stage = Stage::Named;
            reader.flush_now = false;
            reader.work = Arc::clone(work);
        }
        if self.note_place(id, false).is_ok() {
            self.make_ready(id);
        }
    }
}
