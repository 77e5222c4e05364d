//! One file being read: its place, what is under way, and one turn of reading.

use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use collector_model::{Batch, Budget, Encoding, FileUid, Ledger, Permit};
use jiff::tz::TimeZone;

use crate::{
    TailSettings,
    acknowledge::Returns,
    content::{self, DeviceInode},
    disk::{Disk, FileMeta, OpenFile},
    framer::{EncodingFrom, Frame, FramePlan, Stretch},
    gather::{self, GatherFrom},
    identity::{Fingerprint, Identity},
    inbox::Inbox,
    lag::Growth,
    pace::Pace,
    reserve::Reserve,
    state::journal::Journal,
    work::{Volume, Work},
};

/// What a reader needs for its turn.
pub(crate) struct Desk<'a> {
    pub(crate) settings: &'a TailSettings,
    pub(crate) disk: &'a dyn Disk,
    pub(crate) agent_id: &'a str,
    pub(crate) timezone: &'a TimeZone,
    pub(crate) journal: &'a mut Journal,
    pub(crate) budget: &'a Budget,
    pub(crate) frames: &'a mut Vec<Frame>,
    pub(crate) now: Instant,
}

/// Whether a path of a task leads to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Yes.
    Named,
    /// No more: it was renamed away or deleted, and is read to its end.
    Nameless { since: Instant },
    /// Its task is gone: only acknowledgements are waited for.
    Leaving,
    /// It was deleted, and is not open any more: what was read of it before goes its way, the rest is lost unless it lies there compressed.
    Gone,
}

/// Where the reader waits. It waits in one place at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: something must happen to the file.
    Idle,
    /// For its turn.
    Ready,
    /// For its batch to be sent.
    Outgoing,
    /// For memory.
    Blocked,
    /// For others of its task: all of them together were read as fast as they may be.
    Paced,
}

/// A batch that waits to be sent.
pub(crate) struct Outgoing {
    pub(crate) batch: Batch,
    /// The journal's record that must be on disk before.
    pub(crate) after: u64,
    /// The bytes of the file, from and to.
    pub(crate) range: (u64, u64),
    /// The bytes before its end.
    pub(crate) before: Fingerprint,
    /// The epoch of its ticket.
    pub(crate) epoch: u32,
    /// How many of its lines are parts of longer ones.
    pub(crate) lines_cut: u64,
}

impl Outgoing {
    /// What is counted once it is sent: what is taken back before is read again, and counts then.
    pub(crate) fn volume(&self) -> Volume {
        Volume {
            lines: self.batch.lines.len() as u64,
            bytes: self.range.1 - self.range.0,
            lines_cut: self.lines_cut,
            lines_invalid_utf8: self.batch.invalid_utf8_lines.into(),
        }
    }
}

/// A range that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnderWay {
    /// The first byte after it.
    pub(crate) end: u64,
    /// The bytes before that.
    pub(crate) before: Fingerprint,
    /// The epoch of its ticket.
    pub(crate) epoch: u32,
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything is read.
    Idle,
    /// Nothing to do before that time.
    Later(Instant),
    /// A batch is in the outbox, or the next turn will get further.
    More,
    /// There is no memory for more.
    Blocked,
    /// The task was read as fast as it may be.
    Paced,
    /// The content is not what was read: it was truncated or written anew.
    Restarted,
    /// The file had been closed, and its path does not lead to it any more; or it is none that is read. Its path is looked at anew.
    Missing,
}

/// One file being read for one topic.
pub(crate) struct Reader {
    pub(crate) id: u64,
    pub(crate) work: Arc<Work>,
    /// Where the file is.
    pub(crate) path: PathBuf,
    /// The paths by which the reader is found when the system tells of them.
    pub(crate) names: Vec<PathBuf>,
    /// The path that its lines carry.
    pub(crate) origin_path: Arc<str>,
    pub(crate) identity: Identity,
    pub(crate) device_inode: DeviceInode,
    pub(crate) file: Option<Box<dyn OpenFile>>,
    /// Minted with the first event.
    pub(crate) uid: Option<FileUid>,
    /// Where reading began, for a file without uid.
    pub(crate) start: u64,
    /// The next byte to read, always a line's first.
    pub(crate) offset: u64,
    /// The bytes before `offset`.
    pub(crate) before: Fingerprint,
    /// The bytes before what is acknowledged.
    pub(crate) acked_before: Fingerprint,
    /// The size when last looked at.
    pub(crate) size: u64,
    /// The size before that.
    pub(crate) size_before: u64,
    /// When which bytes were seen that are not acknowledged.
    pub(crate) growth: Growth,
    /// When it had its last turn.
    pub(crate) turn_at: Instant,
    /// When it was last seen to have grown.
    pub(crate) grown_at: Instant,
    /// Bytes before may have been sent before; what time and settings decide holds from here on.
    pub(crate) sent_max: u64,
    pub(crate) ledger: Ledger,
    /// What the ledger holds, in order.
    pub(crate) under_way: VecDeque<UnderWay>,
    pub(crate) returns: Arc<Returns>,
    pub(crate) outbox: Option<Outgoing>,
    pub(crate) reserve: Reserve,
    /// The journal's record that must be on disk before anything more is sent.
    pub(crate) depends_on: u64,
    /// How much to read at once; grows for a long line.
    pub(crate) window_bytes: usize,
    pub(crate) stage: Stage,
    pub(crate) place: Place,
    pub(crate) wake_at: Option<Instant>,
    pub(crate) not_before: Option<Instant>,
    pub(crate) sent_at: Option<Instant>,
    /// The unfinished last line goes out at once: the file is over.
    pub(crate) flush_now: bool,
    /// The search that found the file last.
    pub(crate) seen_in_scan: u64,
    /// It is closed, and the last look for it did not find it.
    pub(crate) is_missed: bool,
}

/// Bytes read: first those before the offset, for comparison, then the new ones.
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) new_from: usize,
    pub(crate) permit: Permit,
}

impl Chunk {
    pub(crate) fn new_bytes(&self) -> &[u8] {
        &self.bytes[self.new_from..]
    }
}

impl Reader {
    /// One turn: looks at the file, and puts at most one batch into the outbox.
    pub(crate) fn turn(&mut self, desk: &mut Desk<'_>) -> io::Result<Outcome> {
        self.turn_at = desk.now;
        if self.outbox.is_some() {
            return Ok(Outcome::More);
        }
        if let Some(at) = self.not_before.filter(|&at| at > desk.now) {
            return Ok(Outcome::Later(at));
        }
        if !self.look(desk.disk, desk.now)? {
            return Ok(Outcome::Missing);
        }
        self.is_missed = false;
        if self.size < self.offset {
            return Ok(Outcome::Restarted);
        }
        let fresh = self.size - self.offset;
        if fresh == 0 && self.file.is_none() && self.stage != Stage::Named {
            // It is looked at often; whoever had it opened for that would have another one closed.
            return Ok(Outcome::Idle);
        }
        if let Some(at) = self.lingers_until(fresh, desk) {
            return Ok(Outcome::Later(at));
        }
        if fresh > 0 && self.pace().is_some_and(|pace| pace.waits_until(desk.now).is_some()) {
            return Ok(Outcome::Paced);
        }
        let want = fresh.min(self.window_bytes as u64) as usize;
        let Some(permit) = desk.budget.try_acquire(&self.work.task.topic, want) else { return Ok(Outcome::Blocked) };
        if self.file.is_none() && !self.reopen(desk.disk)? {
            return Ok(Outcome::Missing);
        }
        let chunk = match self.read(want, self.known_head(desk), permit) {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(Outcome::Restarted),
            // A compressed file is being unpacked up to here; the others have their turns meanwhile.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Outcome::More),
            Err(error) => return Err(error),
        };
        if self.is_compressed() {
            self.look(desk.disk, desk.now)?;
        }
        if chunk.new_bytes().is_empty() {
            return Ok(Outcome::Idle);
        }
        if self.turns_out_to_be_compressed(chunk.new_bytes()) {
            return Ok(Outcome::Missing);
        }
        self.take_lines(chunk, desk)
    }

    /// A file that was empty when it was found, and has since been filled by a program that compresses.
    fn turns_out_to_be_compressed(&self, first_bytes: &[u8]) -> bool {
        self.uid.is_none() && self.offset == 0 && !self.is_compressed() && content::is_compressed(first_bytes)
    }

    /// How a known file began, where nothing stands before the next byte by which it could be told.
    fn known_head(&self, desk: &Desk<'_>) -> Fingerprint {
        let entry = self.uid.and_then(|uid| desk.journal.known().file(uid));
        entry.filter(|_| self.offset == 0 && !self.is_compressed()).map_or_else(Fingerprint::default, |e| e.file.head)
    }

    /// How much to read at once where nothing speaks for more.
    pub(crate) fn first_window(&self, settings: &TailSettings) -> usize {
        self.work.batch_max(settings).0.min(self.pace().map_or(usize::MAX, |pace| pace.batch_bytes_max()))
    }

    /// Takes note of the file's size; one that is closed is not opened for that. Answers whether it was found.
    pub(crate) fn look(&mut self, disk: &dyn Disk, now: Instant) -> io::Result<bool> {
        let Some(meta) = self.meta(disk)? else { return Ok(false) };
        let size = meta.size_bytes;
        if size != self.size {
            (self.size_before, self.size) = (self.size, size);
            if !self.is_compressed() {
                self.growth.note(size, now);
            }
            self.grown_at = now;
        }
        Ok(true)
    }

    /// What the system says of the file now; none where it is closed and its path does not lead to it any more.
    pub(crate) fn meta(&self, disk: &dyn Disk) -> io::Result<Option<FileMeta>> {
        if let Some(file) = &self.file {
            return file.metadata().map(Some);
        }
        match disk.metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            meta => meta.map(|meta| Some(meta).filter(|meta| content::identity(meta) == self.identity)),
        }
    }

    fn lingers_until(&self, fresh: u64, desk: &Desk<'_>) -> Option<Instant> {
        let until = self.sent_at? + desk.settings.linger;
        (fresh > 0 && fresh < self.work.batch_max(desk.settings).0 as u64 / 2 && until > desk.now && !self.flush_now)
            .then_some(until)
    }

    /// Reads, unless the bytes before the offset are not those that were read.
    fn read(&self, want: usize, head: Fingerprint, permit: Permit) -> io::Result<Option<Chunk>> {
        let Some(file) = &self.file else { return Ok(None) };
        let new_from = usize::from(self.before.len);
        let mut bytes = file.read_at(self.offset - new_from as u64, new_from + want.max(usize::from(head.len)))?;
        let is_same = self.before.begins(&bytes) && head.begins(&bytes);
        bytes.truncate(new_from + want);
        Ok(is_same.then_some(Chunk { bytes, new_from, permit }))
    }

    /// Finds the lines and hands them on.
    fn take_lines(&mut self, chunk: Chunk, desk: &mut Desk<'_>) -> io::Result<Outcome> {
        let now_ms = desk.settings.clock.now_ms();
        self.begin_day(now_ms, desk);
        let mut consumed = self.frame(&chunk, desk);
        if consumed == 0 {
            let read_to = self.offset + chunk.new_bytes().len() as u64;
            if read_to < self.size {
                self.window_bytes *= 2;
                return Ok(Outcome::More);
            }
            let encoding = self.encoding(desk);
            let line_is_whole = encoding.ends_with_newline(chunk.new_bytes());
            let due = self.grown_at + self.wait_for_more(line_is_whole);
            if due > desk.now && !self.flush_now {
                return Ok(Outcome::Later(due));
            }
            // Half a unit waits for its other half, unless there is nothing else and none will come.
            let torn = (read_to - self.offset) % encoding.newline_bytes() as u64;
            let end = if read_to - torn > self.offset { read_to - torn } else { read_to };
            if torn > 0 && end == read_to && !self.flush_now {
                return Ok(Outcome::Idle);
            }
            self.end_at(end, &chunk, desk)?;
            consumed = self.frame(&chunk, desk);
        }
        let after = self.enter_into_journal(&chunk, consumed, now_ms, desk)?;
        self.make_batch(chunk, consumed, (after, now_ms), desk);
        self.window_bytes = self.first_window(desk.settings);
        Ok(Outcome::More)
    }

    /// How long what is unfinished waits for its end: a line for its newline, an event for its next line.
    fn wait_for_more(&self, line_is_whole: bool) -> Duration {
        let event = self.work.task.multiline.as_ref().map_or(Duration::ZERO, |multiline| multiline.wait);
        let line = if line_is_whole { Duration::ZERO } else { self.work.task.flush_after };
        event.max(line)
    }

    /// Frames the chunk by what the journal holds; answers how many bytes became lines.
    fn frame(&self, chunk: &Chunk, desk: &mut Desk<'_>) -> usize {
        desk.frames.clear();
        let fresh;
        let plan = match self.uid.and_then(|uid| desk.journal.known().file(uid)) {
            Some(entry) => &entry.plan,
            None => {
                fresh = self.fresh_plan();
                &fresh
            }
        };
        let before = &chunk.bytes[..chunk.new_from];
        // The line before may have been in another encoding.
        let encodings =
            [plan.encoding_at(self.offset), plan.encoding_at(self.offset.saturating_sub(before.len() as u64))];
        let ended_line = before.is_empty() || encodings.iter().any(|encoding| encoding.ends_with_newline(before));
        let stretch = Stretch {
            bytes: chunk.new_bytes(),
            base: self.offset,
            continues: !ended_line && self.offset > self.start && !plan.boundaries.contains(&self.offset),
            stop_at: self.day_ends_at(plan),
            lines_max: self
                .work
                .batch_max(desk.settings)
                .1
                .min(self.pace().map_or(usize::MAX, |pace| pace.batch_lines_max())),
        };
        gather::events(&stretch, plan, desk.frames)
    }

    /// The encoding of the next line.
    pub(crate) fn encoding(&self, desk: &Desk<'_>) -> Encoding {
        let entry = self.uid.and_then(|uid| desk.journal.known().file(uid));
        entry.map_or(self.work.task.encoding, |entry| entry.plan.encoding_at(self.offset))
    }

    /// How a file is framed of which the journal does not know yet.
    fn fresh_plan(&self) -> FramePlan {
        let encoding = EncodingFrom { from: self.start, encoding: self.work.task.encoding };
        let gather = GatherFrom { from: self.start, rule: self.work.gather.clone() };
        FramePlan {
            encodings: vec![encoding],
            gathers: vec![gather],
            ..FramePlan::fresh(self.start, self.work.line_bytes_max())
        }
    }

    /// Opens the file again where it was closed. Answers whether the path still leads to it.
    fn reopen(&mut self, disk: &dyn Disk) -> io::Result<bool> {
        let file = match disk.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        let is_same = content::identity(&file.metadata()?) == self.identity;
        if is_same {
            self.file = Some(file);
        }
        Ok(is_same)
    }

    /// Whether a file that has its inode is its file. Inodes of closed ones are used again.
    pub(crate) fn may_have(&self, meta: &FileMeta) -> bool {
        self.file.is_some() || content::identity(meta) == self.identity
    }

    /// How fast its task is read, where that is limited.
    pub(crate) fn pace(&self) -> Option<Pace> {
        self.work.pace.as_ref().map(|pace| *pace.lock())
    }

    /// Whether the lines are unpacked from a compressed file.
    pub(crate) fn is_compressed(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.is_compressed())
    }

    /// Enters a range as being under way.
    pub(crate) fn issue(&mut self, from: u64, range: UnderWay) {
        match self.ledger.issue(from, range.end) {
            Ok(()) => self.under_way.push_back(range),
            // The offset and the ledger move together; should they ever not, the range stays unacknowledged and is read again.
            Err(error) => tracing::error!(path = %self.path.display(), %error, "reading a file"),
        }
    }

    /// Takes note of an answer that the lines are safe. Answers how far everything is acknowledged when that moved.
    pub(crate) fn acknowledged(&mut self, from: u64, to: u64) -> Option<(u64, Fingerprint)> {
        let watermark = self.ledger.acknowledge(from, to)?;
        let mut found = None;
        while let Some(&range) = self.under_way.front().filter(|range| range.end <= watermark) {
            found = (range.end == watermark).then_some((range.end, range.before));
            self.under_way.pop_front();
        }
        if let Some((_, before)) = found {
            self.acked_before = before;
        }
        found
    }

    /// Goes back to what is acknowledged; late answers from before are told by their epoch.
    pub(crate) fn rewind(&mut self, inbox: &Arc<Inbox>) {
        self.offset = self.ledger.rewind();
        self.before = self.acked_before;
        self.under_way.clear();
        self.begin_epoch(inbox);
    }

    /// Takes back what is in the outbox; what was sent before goes its way.
    pub(crate) fn take_back(&mut self, inbox: &Arc<Inbox>) {
        if self.outbox.is_some() {
            self.offset = self.ledger.end();
            self.before = self.under_way.back().map_or(self.acked_before, |range| range.before);
            self.begin_epoch(inbox);
        }
    }

    /// Tickets from now on are told from those before; the one in the outbox counts as one before.
    pub(crate) fn begin_epoch(&mut self, inbox: &Arc<Inbox>) {
        let epoch = self.returns.epoch + 1;
        self.returns = Arc::new(Returns { inbox: Arc::clone(inbox), reader: self.id, epoch });
        self.outbox = None;
    }

    /// Whether a range is under way with a ticket of that epoch.
    pub(crate) fn is_under_way(&self, to: u64, epoch: u32) -> bool {
        self.under_way.iter().any(|range| range.end == to && range.epoch == epoch)
    }

    /// Counts as lost what is not acknowledged, as far as it was seen. Answers how many bytes that are.
    pub(crate) fn count_rest_as_lost(&self) -> u64 {
        let lost = self.size.saturating_sub(self.ledger.watermark());
        self.work.file_bytes_lost.inc_by(lost);
        lost
    }

    /// Whether everything but an unfinished line was read and handed on.
    pub(crate) fn is_at_end(&self) -> bool {
        self.outbox.is_none() && self.place == Place::Idle
    }
}
