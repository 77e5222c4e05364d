//! A running standalone takes in the dead letters that the command has handed over: through the plugins that their topic has now, into
//! the index under the ids that they had. A document that is there already stays there once.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use collector_model::{
    Acknowledge, Batch, DeadLetter, Envelope, Permit, Position, Source, Span, TaskKey, Ticket, Topic, batch::RawLine,
};
use collector_tasks::{Task, pattern};

use super::spool;
use crate::{dead_file::Records, routes::Routes};

/// How often it is looked for letters.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Lines that are under way at once.
const LINES_MAX: usize = 2_000;
/// Their bytes.
const BYTES_MAX: usize = 1 << 20;

/// The thread that takes letters in.
pub struct Taking {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

struct Taker {
    dead: PathBuf,
    routes: Arc<Routes<Task>>,
    inbox: SyncSender<Batch>,
    stopped: Receiver<()>,
    /// Why the last look failed, so that it is said once.
    said: String,
}

/// Somebody asked for the end.
struct Stopped;

impl Taking {
    /// Starts it. `dead` is the directory of the dead letters.
    pub fn start(dead: PathBuf, routes: Arc<Routes<Task>>, inbox: SyncSender<Batch>) -> anyhow::Result<Self> {
        let (stop, stopped) = channel();
        let taker = Taker { dead, routes, inbox, stopped, said: String::new() };
        let thread = std::thread::Builder::new().name("dead-letters".into()).spawn(move || taker.run());
        Ok(Taking { stop, thread: thread.context("starting the thread that takes dead letters in")? })
    }

    /// Ends it. What it has not finished is taken in again at the next start.
    pub fn stop(self) {
        drop(self.stop);
        // A panic of that thread was reported when it happened.
        let _ = self.thread.join();
    }
}

impl Taker {
    fn run(mut self) {
        while self.stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            match self.take_all() {
                Ok(Err(Stopped)) => return,
                Ok(Ok(())) => self.said.clear(),
                Err(error) => {
                    let error = format!("{error:#}");
                    if error != self.said {
                        tracing::warn!(%error, "dead letters wait to be taken in; trying again");
                        self.said = error;
                    }
                }
            }
        }
    }

    fn take_all(&self) -> anyhow::Result<Result<(), Stopped>> {
        let reading = || format!("looking for dead letters in {}", self.dead.display());
        for (topic, path) in spool::waiting(&self.dead).with_context(reading)? {
            let taken = self.take(&topic, &path).with_context(|| format!("taking in {}", path.display()))?;
            let Ok(letters) = taken else { return Ok(Err(Stopped)) };
            fs::remove_file(&path).with_context(|| format!("deleting {}", path.display()))?;
            tracing::info!(%topic, letters, "took in dead letters");
        }
        Ok(Ok(()))
    }

    /// Brings a file's letters into the index. Returns how many.
    fn take(&self, topic: &Topic, path: &Path) -> anyhow::Result<Result<u64, Stopped>> {
        let mut records = Records::open(topic, path)?;
        let mut total = 0;
        loop {
            let letters = some(&mut records)?;
            if letters.is_empty() {
                return Ok(Ok(total));
            }
            total += letters.len() as u64;
            for (key, letters) in self.by_task(topic, letters)? {
                if self.index(topic, key, &letters)?.is_err() {
                    return Ok(Err(Stopped));
                }
            }
        }
    }

    /// The letters with the task that each goes by: the one whose pattern its file matches, else any of the topic.
    fn by_task(&self, topic: &Topic, letters: Vec<DeadLetter>) -> anyhow::Result<Vec<(TaskKey, Vec<DeadLetter>)>> {
        let tasks = self.routes.rules(|task| task.topic == *topic);
        let Some(any) = tasks.first() else {
            bail!("no task is for the topic {topic}: add one, and they are taken in");
        };
        let mut groups: Vec<(TaskKey, Vec<DeadLetter>)> = vec![];
        for letter in letters {
            let path = Envelope::decode(&letter.key).map_or(String::new(), |envelope| envelope.path.to_owned());
            let is_of =
                |task: &&Arc<Task>| pattern::compile_all([task.path.as_str()]).is_ok_and(|set| set.is_match(&path));
            let key = tasks.iter().find(is_of).unwrap_or(any).key();
            match groups.iter_mut().find(|(other, _)| *other == key) {
                Some((_, letters)) => letters.push(letter),
                None => groups.push((key, vec![letter])),
            }
        }
        Ok(groups)
    }

    /// Sends letters on their way and waits until they are safe.
    fn index(&self, topic: &Topic, key: TaskKey, letters: &[DeadLetter]) -> anyhow::Result<Result<(), Stopped>> {
        let (settled_in, settled) = channel();
        let position = Position { source: Source::Partition(topic.clone(), -1), from: 0, to: letters.len() as u64 };
        let ticket = Ticket::new(position, Permit::none(), Arc::new(Settled(settled_in)));
        let batch = batch_of(topic, key, letters, ticket);
        if self.inbox.send(batch).is_err() {
            return Ok(Err(Stopped));
        }
        loop {
            match settled.recv_timeout(LOOK_EVERY) {
                Ok(true) => return Ok(Ok(())),
                Ok(false) | Err(RecvTimeoutError::Disconnected) => bail!("the index did not take them"),
                // Nothing is ever sent there: it is over when the other end is gone.
                Err(RecvTimeoutError::Timeout) if self.stopped.try_recv() == Err(TryRecvError::Disconnected) => {
                    return Ok(Err(Stopped));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// Tells what became of a batch.
struct Settled(Sender<bool>);

impl Acknowledge for Settled {
    fn acknowledged(&self, _: &Position) {
        // Whoever does not wait any more has stopped.
        let _ = self.0.send(true);
    }

    fn lost(&self, _: &Position) {
        let _ = self.0.send(false);
    }
}

/// The next letters, as many as may be under way at once.
fn some(records: &mut Records) -> io::Result<Vec<DeadLetter>> {
    let (mut letters, mut bytes) = (vec![], 0);
    while letters.len() < LINES_MAX && bytes < BYTES_MAX {
        let Some(record) = records.next() else { break };
        let (_, letter) = record?;
        bytes += letter.value.len();
        letters.push(letter);
    }
    Ok(letters)
}

/// The lines as they were when they were read.
fn batch_of(topic: &Topic, key: TaskKey, letters: &[DeadLetter], ticket: Ticket) -> Batch {
    let (mut raw, mut lines, mut origins) = (vec![], vec![], vec![]);
    for letter in letters {
        // The command hands over only letters whose key can be read.
        let Ok(envelope) = Envelope::decode(&letter.key) else { continue };
        let start = raw.len();
        raw.extend_from_slice(&letter.value);
        let span = Span::between(start, raw.len());
        raw.push(b'\n');
        let origin = origins.len() as u32;
        lines.push(RawLine { raw: span, id: envelope.id, fork: envelope.fork.clone(), flags: envelope.flags, origin });
        origins.push(Arc::new(envelope.origin()));
    }
    Batch::new(key, topic.clone(), Bytes::from(raw), lines, origins, ticket)
}
