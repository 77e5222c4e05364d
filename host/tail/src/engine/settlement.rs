//! What comes back: acknowledgements, checkpoints; and the end.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use collector_failpoints::reached;

use super::Engine;
use crate::{
    Drained, FileStatus,
    disk::Disk,
    inbox::{Inbox, Mail, Settled, Stop},
    reader::{Place, Stage},
    state::{checkpoint, record::Record},
};

impl Engine {
    /// A ticket came back.
    pub(super) fn settle(&mut self, settled: Settled) {
        let Some(reader) = self.readers.get_mut(&settled.reader) else { return };
        if reader.uid != Some(settled.uid) {
            if !settled.safe {
                // Its generation is over: it cannot be read again.
                reader.work.file_bytes_lost.inc_by(settled.to - settled.from);
            }
            return;
        }
        if !settled.safe {
            if reader.is_under_way(settled.to, settled.epoch) {
                self.read_again(settled.reader);
            }
            return;
        }
        if let Some((to, before)) = reader.acknowledged(settled.from, settled.to) {
            if let Some(entry) = self.journal.known_mut().file_mut(settled.uid) {
                entry.acknowledge(to, before);
            }
            self.checkpointer.is_dirty = true;
            reached("acknowledged");
            self.gauges.change();
        }
        if reader.stage != Stage::Named {
            self.see_off(settled.reader, self.now());
        }
    }

    /// Lines were given up: everything from the first unacknowledged byte on is read again, after a moment.
    fn read_again(&mut self, id: u64) {
        let at = self.now() + self.settings.retry_after;
        self.rewind(id);
        if let Some(reader) = self.readers.get_mut(&id) {
            tracing::warn!(path = %reader.path.display(), offset = reader.offset, "lines were given up on their way: reading them again");
            reader.not_before = Some(at);
        }
        self.wake_later(id, at);
        self.see_off(id, self.now());
    }

    /// Puts a reader back to what is acknowledged.
    fn rewind(&mut self, id: u64) {
        let inbox = Arc::clone(&self.inbox);
        if let Some(reader) = self.readers.get_mut(&id) {
            reader.rewind(&inbox);
        }
        self.leave_outgoing(id);
    }

    /// Takes back what a reader has not sent yet.
    pub(super) fn take_back(&mut self, id: u64) {
        let inbox = Arc::clone(&self.inbox);
        if let Some(reader) = self.readers.get_mut(&id) {
            reader.take_back(&inbox);
        }
        self.leave_outgoing(id);
    }

    fn leave_outgoing(&mut self, id: u64) {
        if let Some(reader) = self.readers.get_mut(&id).filter(|reader| reader.place == Place::Outgoing) {
            reader.place = Place::Idle;
            self.outgoing.retain(|&other| other != id);
        }
    }

    /// What is due from time to time.
    pub(super) fn keep_house(&mut self) {
        let now = self.now();
        if self.checkpointer.due_at(self.settings.checkpoint_interval).is_some_and(|at| at <= now) {
            self.checkpointer.write(checkpoint::encode(self.journal.known()), now);
            if let Err(error) = self.journal.compact_if_worthwhile(self.settings.journal_compact_bytes_min) {
                tracing::warn!(path = %self.state.journal_path().display(), %error, "writing the journal anew: the old one is kept");
            }
        }
        self.measure(now);
        if now >= self.forget_check_at {
            self.forget_absent(now);
        }
    }

    /// How every file stands.
    pub(crate) fn status(&mut self) -> Vec<FileStatus> {
        let status = |reader: &crate::reader::Reader| FileStatus {
            path: reader.path.clone(),
            topic: reader.work.task.topic.clone(),
            uid: reader.uid,
            acknowledged_bytes: reader.ledger.watermark(),
            read_bytes: reader.offset,
            size_bytes: reader.size,
            is_named: reader.stage == Stage::Named,
        };
        let mut files: Vec<_> = self.readers.values().map(status).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    /// Reads no more, waits for what is under way, and leaves everything on disk.
    pub(super) fn drain(mut self) -> Drained {
        let until = self.now() + self.settings.drain_max;
        while self.files_under_way() > 0 && self.now() < until {
            let mail = self.inbox.take(Some(until));
            if mail.stop == Some(Stop::Abort) {
                return Drained::default();
            }
            self.settle_all(mail);
        }
        let files_unacknowledged = self.files_under_way();
        self.leave_state();
        Drained { files_unacknowledged }
    }

    /// How many files have lines under way.
    pub(crate) fn files_under_way(&self) -> usize {
        self.readers.values().filter(|reader| !reader.ledger.is_idle()).count()
    }

    /// Takes in only what was acknowledged or given up.
    pub(crate) fn settle_all(&mut self, mail: Mail) {
        mail.settled.into_iter().for_each(|settled| self.settle(settled));
    }

    /// Leaves everything that is known on disk.
    pub(crate) fn leave_state(&mut self) {
        for reader in self.readers.values() {
            if let Some(uid) = reader.uid {
                // Nothing beyond was sent: lines that come while nobody reads belong to the day on which they are read.
                self.journal.append(&Record::Reserved { uid, to: reader.sent_max });
            }
        }
        let bytes = checkpoint::encode(self.journal.known());
        self.checkpointer.stop();
        let path = self.state.checkpoint_path();
        let saved = self.journal.commit().and_then(|()| checkpoint::save(&*self.disk, &path, &bytes));
        if let Err(error) = saved {
            tracing::error!(path = %path.display(), %error,
                "writing the last checkpoint: lines since the one before are read again, with the ids they had");
        }
    }
}

/// Writes checkpoints on a thread of its own, so that reading does not wait for the disk.
pub(crate) struct Checkpointer {
    pub(super) is_dirty: bool,
    written_at: Instant,
    is_writing: bool,
    failing: bool,
    to_thread: Option<SyncSender<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread.
    pub(crate) fn start(disk: Arc<dyn Disk>, path: PathBuf, inbox: Arc<Inbox>, now: Instant) -> io::Result<Self> {
        let (mut checkpointer, received) = Self::without_thread(now);
        let write = move || {
            for bytes in received {
                let result = checkpoint::save(&*disk, &path, &bytes);
                inbox.post(|mail| mail.checkpoint = Some(result));
            }
        };
        checkpointer.thread = Some(std::thread::Builder::new().name("tail-checkpoint".into()).spawn(write)?);
        Ok(checkpointer)
    }

    /// Leaves it to the receiver to write what comes, and to post how that went.
    pub(crate) fn without_thread(now: Instant) -> (Self, Receiver<Vec<u8>>) {
        let (to_thread, received) = sync_channel(1);
        let checkpointer = Checkpointer {
            is_dirty: false,
            written_at: now,
            is_writing: false,
            failing: false,
            to_thread: Some(to_thread),
            thread: None,
        };
        (checkpointer, received)
    }

    /// When the next one is due; none while nothing changed or one is being written.
    pub(super) fn due_at(&self, interval: Duration) -> Option<Instant> {
        (self.is_dirty && !self.is_writing).then(|| self.written_at + interval)
    }

    pub(super) fn write(&mut self, bytes: Vec<u8>, now: Instant) {
        self.is_dirty = false;
        self.is_writing = true;
        self.written_at = now;
        if let Some(to_thread) = &self.to_thread {
            // The thread lives as long as this sender, and has room: only one is ever under way.
            let _ = to_thread.send(bytes);
        }
    }

    pub(super) fn done(&mut self, result: io::Result<()>) {
        self.is_writing = false;
        match result {
            Ok(()) => self.failing = false,
            Err(error) => {
                self.is_dirty = true;
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(%error, "writing the checkpoint: the old one is kept and it is tried again; free some space in the state directory");
                }
            }
        }
    }

    fn stop(&mut self) {
        self.to_thread = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}
