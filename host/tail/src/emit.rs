//! From framed bytes to a batch: what must be in the journal first, the ids, the ticket.

use std::{io, sync::Arc};

use bytes::Bytes;
use collector_failpoints::planted;
use collector_model::{
    Acknowledge, Batch, BucketDay, EventId, FileUid, ForkPath, LineFlags, Origin, Position, Source, Span, Ticket,
    batch::RawLine, id::FileUidSeed,
};
use jiff::tz::TimeZone;

use crate::{
    content,
    framer::{DayFrom, EncodingFrom, FramePlan, LimitFrom},
    gather::GatherFrom,
    identity::{BEFORE_BYTES_MAX, Fingerprint, HEAD_BYTES_MAX},
    reader::{Chunk, Desk, Outgoing, Reader, UnderWay},
    state::{
        random,
        record::{FileRecord, Record},
    },
};

impl Reader {
    /// Where lines stop to belong to the day, or to be in the encoding, of the next one.
    pub(crate) fn day_ends_at(&self, plan: &FramePlan) -> u64 {
        let changes = [plan.day_end(self.offset), plan.encoding_end(self.offset)];
        changes.into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// Has bytes that were not sent before, and are first read today, belong to today. The journal says so before what stands in
    /// front of them is sent again: events end there, and must do so at every replay.
    pub(crate) fn begin_day(&mut self, now_ms: i64, desk: &mut Desk<'_>) {
        let Some(uid) = self.uid.filter(|_| self.offset < self.sent_max) else { return };
        let newest = desk.journal.known().file(uid).and_then(|entry| entry.plan.days.last());
        if newest.is_some_and(|newest| !is_still(newest, now_ms, desk.timezone)) {
            let day = today(self.sent_max, now_ms, desk.timezone);
            self.depends_on = desk.journal.append(&Record::Day { uid, day });
        }
    }

    /// Makes the file known, once, before its first event.
    pub(crate) fn mint(&mut self, read: &[u8], desk: &mut Desk<'_>) -> io::Result<FileUid> {
        if let Some(uid) = self.uid {
            return Ok(uid);
        }
        let head = self.file.as_deref().map_or_else(|| Ok(vec![]), content::head)?;
        let compared = read.len().min(HEAD_BYTES_MAX);
        if self.offset == 0 && head.get(..compared) != Some(&read[..compared]) {
            return Err(io::Error::other("it was written anew while it was being read"));
        }
        let topic = &self.work.task.topic;
        let known = desk.journal.known();
        let mut generation =
            known.of_inode(topic, self.identity.inode).map(|entry| entry.file.generation + 1).max().unwrap_or(0);
        let uid = loop {
            let uid = FileUid::mint(&FileUidSeed {
                agent_id: desk.agent_id,
                topic: topic.as_str(),
                inode: self.identity.inode,
                birth_ns: self.identity.birth_ns,
                generation,
                head: &head,
            });
            if known.file(uid).is_none() {
                break uid;
            }
            generation += 1;
        };
        let file = FileRecord {
            uid,
            topic: topic.clone(),
            path: self.origin_path.to_string(),
            identity: self.identity,
            generation,
            head: Fingerprint::of(&head),
            start: self.start,
            before: self.before,
        };
        self.depends_on = desk.journal.append_file(file);
        let limit = LimitFrom { from: self.start, line_bytes_max: self.work.line_bytes_max() };
        self.depends_on = desk.journal.append(&Record::Limit { uid, limit });
        let encoding = EncodingFrom { from: self.start, encoding: self.work.task.encoding };
        if !encoding.encoding.is_utf8() {
            self.depends_on = desk.journal.append(&Record::Encoding { uid, encoding });
        }
        if let Some(rule) = self.work.gather.clone() {
            let gather = GatherFrom { from: self.start, rule: Some(rule) };
            self.depends_on = desk.journal.append(&Record::Gather { uid, gather });
        }
        self.uid = Some(uid);
        Ok(uid)
    }

    /// Has the journal say by which path of a task the file is known, and more of its first bytes when there are more.
    pub(crate) fn note_place(&mut self, desk: &mut Desk<'_>) {
        let Some(entry) = self.uid.and_then(|uid| desk.journal.known().file(uid)) else { return };
        let file = &entry.file;
        let may_grow = usize::from(file.head.len) < HEAD_BYTES_MAX && self.size > u64::from(file.head.len);
        let read = self.file.as_deref().filter(|_| may_grow).and_then(|file| content::head(file).ok());
        // It may have been written anew since it was looked at.
        let head = read.filter(|bytes| file.head.begins(bytes)).map_or(file.head, |bytes| Fingerprint::of(&bytes));
        if head != file.head || *self.origin_path != *file.path {
            let seen = Record::Seen { uid: file.uid, path: self.origin_path.to_string(), head };
            // Nothing that is sent depends on it.
            desk.journal.append(&seen);
        }
    }

    /// Ends what is unfinished at `at`, in the journal first: the line, and the event that it may belong to.
    pub(crate) fn end_at(&mut self, at: u64, chunk: &Chunk, desk: &mut Desk<'_>) -> io::Result<()> {
        let uid = self.mint(chunk.new_bytes(), desk)?;
        if !self.encoding(desk).ends_with_newline(chunk.new_bytes()) {
            let boundary = Record::Boundary { uid, at };
            if planted("unjournalled-boundary") {
                desk.journal.known_mut().apply(&boundary);
            } else {
                self.depends_on = desk.journal.append(&boundary);
            }
        }
        let gathers = desk.journal.known().file(uid).is_some_and(|entry| entry.plan.gather_at(self.offset).is_some());
        if gathers {
            self.depends_on = desk.journal.append(&Record::EventEnd { uid, at });
        }
        Ok(())
    }

    /// Has lines that were not sent before cut and gathered as the task says, where that is new.
    pub(crate) fn take_new_framing(&mut self, desk: &mut Desk<'_>) {
        let Some(uid) = self.uid else { return };
        let Some(plan) = desk.journal.known().file(uid).map(|entry| &entry.plan) else { return };
        let from = self.sent_max.max(self.offset);
        let limit = LimitFrom { from, line_bytes_max: self.work.line_bytes_max() };
        let is_new_limit = plan.newest_limit().is_some_and(|known| known != limit.line_bytes_max);
        let is_new_gather = plan.newest_gather() != self.work.gather.as_ref();
        let encoding = EncodingFrom { from, encoding: self.work.task.encoding };
        let is_new_encoding = plan.newest_encoding() != encoding.encoding;
        if is_new_encoding {
            self.depends_on = desk.journal.append(&Record::Encoding { uid, encoding });
        }
        if is_new_limit {
            self.depends_on = desk.journal.append(&Record::Limit { uid, limit });
        }
        if is_new_gather {
            let gather = GatherFrom { from, rule: self.work.gather.clone() };
            self.depends_on = desk.journal.append(&Record::Gather { uid, gather });
        }
    }

    /// Enters whatever the next `consumed` bytes depend on; answers which record must be on disk before they are sent.
    pub(crate) fn enter_into_journal(
        &mut self,
        chunk: &Chunk,
        consumed: usize,
        now_ms: i64,
        desk: &mut Desk<'_>,
    ) -> io::Result<u64> {
        let uid = self.mint(chunk.new_bytes(), desk)?;
        // The entry was made by `mint` at the latest.
        let (day, reserved) = match desk.journal.known().file(uid) {
            Some(entry) => (entry.plan.day_at(self.offset).copied(), entry.reserved),
            None => (None, 0),
        };
        let is_over = |day: DayFrom| !is_still(&day, now_ms, desk.timezone) && self.offset >= self.sent_max;
        if day.is_none_or(is_over) {
            let day = today(self.offset, now_ms, desk.timezone);
            self.depends_on = desk.journal.append(&Record::Day { uid, day });
        }
        let end = self.offset + consumed as u64;
        if end > reserved {
            let to = end + self.reserve.next(desk.now);
            self.depends_on = desk.journal.append(&Record::Reserved { uid, to });
        }
        Ok(self.depends_on)
    }

    /// Makes the batch of the framed lines and puts it into the outbox.
    pub(crate) fn make_batch(&mut self, chunk: Chunk, consumed: usize, at: (u64, i64), desk: &mut Desk<'_>) {
        let (after, now_ms) = at;
        let Some(uid) = self.uid else { return };
        let (from, to) = (self.offset, self.offset + consumed as u64);
        let Some(plan) = desk.journal.known().file(uid).map(|entry| &entry.plan) else { return };
        let (Some(day), encoding) = (plan.day_at(from).copied(), plan.encoding_at(from)) else { return };
        let end = chunk.new_from + consumed;
        let before = Fingerprint::of(&chunk.bytes[end.saturating_sub(BEFORE_BYTES_MAX)..end]);
        (self.offset, self.before, self.sent_max) = (to, before, self.sent_max.max(to));
        if desk.frames.is_empty() {
            // A newline after a line that was sent without it: nothing to send.
            self.issue(from, UnderWay { end: to, before, epoch: self.returns.epoch });
            self.returns.acknowledged(&Position { source: Source::File(uid), from, to });
            return;
        }
        let Chunk { bytes, new_from, permit } = chunk;
        let raw = Bytes::from(bytes).slice(new_from..end);
        let lines = self.identify_lines(&raw, (uid, from, day.day), desk);
        let origin = Arc::new(Origin { encoding, ..self.origin(&day, now_ms, desk) });
        let position = Position { source: Source::File(uid), from, to };
        let ticket = Ticket::new(position, permit, Arc::clone(&self.returns) as Arc<dyn Acknowledge>);
        let work = &self.work;
        let batch = Batch::new(work.key.clone(), work.task.topic.clone(), raw, lines, vec![origin], ticket);
        let lines_cut = desk.frames.iter().filter(|frame| frame.flags.has(LineFlags::CUT)).count() as u64;
        if let Some(pace) = &self.work.pace {
            pace.lock().spend(batch.lines.len() as u64, consumed as u64, desk.now);
        }
        self.outbox = Some(Outgoing { batch, after, range: (from, to), before, epoch: self.returns.epoch, lines_cut });
    }

    fn identify_lines(&self, raw: &Bytes, at: (FileUid, u64, BucketDay), desk: &Desk<'_>) -> Vec<RawLine> {
        let (uid, base, day) = at;
        let uid = if planted("random-ids") { FileUid(random().into()) } else { uid };
        let lines = desk.frames.iter().map(|frame| {
            let span = Span { start: frame.start, len: frame.len };
            let id = EventId::ours(day, uid, base + u64::from(frame.start), &raw[span.range()]);
            RawLine { raw: span, id, fork: ForkPath::NONE, flags: frame.flags, origin: 0 }
        });
        lines.collect()
    }

    fn origin(&self, day: &DayFrom, now_ms: i64, desk: &Desk<'_>) -> Origin {
        let is_today = BucketDay::from_unix_ms(now_ms) == day.day;
        let read_time_ms = if is_today { now_ms } else { day.time_ms };
        Origin {
            host_name: Arc::clone(&desk.settings.host_name),
            host_ip: Arc::clone(&desk.settings.host_ip),
            path: Arc::clone(&self.origin_path),
            read_time_ms,
            timezone_minutes: day.timezone_minutes,
            ..Origin::default()
        }
    }
}

/// Lines from an offset on belong to the day that it is now.
fn today(from: u64, now_ms: i64, timezone: &TimeZone) -> DayFrom {
    let timezone_minutes = offset_minutes(now_ms, timezone);
    DayFrom { from, day: BucketDay::from_unix_ms(now_ms), time_ms: now_ms, timezone_minutes }
}

/// Whether it is that day now, with that offset from UTC.
fn is_still(day: &DayFrom, now_ms: i64, timezone: &TimeZone) -> bool {
    day.day == BucketDay::from_unix_ms(now_ms) && day.timezone_minutes == offset_minutes(now_ms, timezone)
}

/// The offset from UTC at that time.
fn offset_minutes(time_ms: i64, timezone: &TimeZone) -> i16 {
    let offset = jiff::Timestamp::from_millisecond(time_ms).map(|time| timezone.to_offset(time).seconds());
    (offset.unwrap_or(0) / 60) as i16
}
