//! What others tell the reading thread, and how it waits for that.

use std::{collections::BTreeMap, io, path::PathBuf, sync::mpsc::Sender, time::Instant};

use collector_model::{FileUid, TaskKey};
use collector_tasks::TaskSet;
use parking_lot::{Condvar, Mutex};

use crate::{FileStatus, continuation::Found};

/// What a search for a task's files found.
#[derive(Debug)]
pub(crate) enum Finding {
    /// A file that matches.
    File { task: TaskKey, path: PathBuf, scan: u64 },
    /// A search through everything has ended.
    ScanDone { task: TaskKey, scan: u64 },
}

/// What happened to a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Touch {
    /// Its content changed.
    #[default]
    Content,
    /// Another file may stand there now, or none.
    Name,
}

/// A ticket was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    /// The reader that issued it.
    pub(crate) reader: u64,
    /// How often that reader had been rewound then.
    pub(crate) epoch: u32,
    /// The file.
    pub(crate) uid: FileUid,
    /// The first byte.
    pub(crate) from: u64,
    /// The first byte after it.
    pub(crate) to: u64,
    /// Whether the lines are safe; otherwise they were given up and must be read again.
    pub(crate) safe: bool,
}

/// How to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Wait for what is under way, write a checkpoint.
    Drain,
    /// At once, without a trace: as if the process had been killed.
    Abort,
}

/// Everything that arrived since the last look.
#[derive(Default)]
pub(crate) struct Mail {
    pub(crate) tasks: Option<TaskSet>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) found: Vec<Found>,
    pub(crate) touched: BTreeMap<PathBuf, Touch>,
    pub(crate) settled: Vec<Settled>,
    pub(crate) checkpoint: Option<io::Result<()>>,
    pub(crate) status: Vec<Sender<Vec<FileStatus>>>,
    pub(crate) stop: Option<Stop>,
    arrived: bool,
}

/// Where mail is put.
#[derive(Default)]
pub(crate) struct Inbox {
    mail: Mutex<Mail>,
    arrival: Condvar,
}

impl Inbox {
    /// Puts something in and wakes the reading thread.
    pub(crate) fn post(&self, put: impl FnOnce(&mut Mail)) {
        let mut mail = self.mail.lock();
        put(&mut mail);
        mail.arrived = true;
        drop(mail);
        self.arrival.notify_one();
    }

    /// Takes everything out; waits for something until the given time (without end where there is none).
    pub(crate) fn take(&self, until: Option<Instant>) -> Mail {
        let mut mail = self.mail.lock();
        while !mail.arrived {
            match until {
                None => self.arrival.wait(&mut mail),
                Some(until) => {
                    if self.arrival.wait_until(&mut mail, until).timed_out() {
                        break;
                    }
                }
            }
        }
        std::mem::take(&mut mail)
    }

    /// Takes everything out, and waits for nothing.
    pub(crate) fn take_now(&self) -> Mail {
        std::mem::take(&mut self.mail.lock())
    }
}
