//! The embedded index: a partition for each day, whose documents become durable together with what they cover of each file.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::Arc,
};

use collector_index::decisions::{Coverage as Covered, segments};
use collector_model::{Batch, BucketDay, EventId, FileUid, Position, Source, Ticket};
use collector_tail::Coverage;
use parking_lot::Mutex;

use crate::{
    Plant, Struck,
    check::Found,
    destination::{Around, Destination},
    trace::Trace,
};

/// How many batches wait for the thread that writes, at most.
const QUEUED_MAX: usize = 4;

/// A line as it is in a partition.
type Document = (EventId, Vec<u8>);

/// The index and the thread that writes to it. What is not committed ends with the agent.
pub(crate) struct Embedded {
    trace: Trace,
    plant: Option<Plant>,
    /// What commits have made durable.
    kept: BTreeMap<BucketDay, Kept>,
    catalog: Catalog,
    /// Handed over by the workers.
    queued: VecDeque<Part>,
    /// Applied, and not committed as a whole.
    pending: Vec<Part>,
    open: BTreeMap<BucketDay, Open>,
    /// The last commit has failed: what is pending is applied once more.
    has_failed: bool,
    commits_failed: u64,
    lines_covered: u64,
}

/// A batch, and the ticket that waits for its commit.
struct Part {
    batch: Batch,
    uid: FileUid,
    position: Position,
    ticket: Ticket,
}

/// A partition on disk.
struct Kept {
    name: String,
    documents: Vec<Document>,
}

/// A partition that is open for writing: what its next commit adds, and covers.
struct Open {
    documents: Vec<Document>,
    covered: Covered,
    is_dirty: bool,
}

/// What the last commits cover. Cloning shares it.
#[derive(Clone, Default)]
struct Catalog(Arc<Mutex<BTreeMap<BucketDay, Covered>>>);

impl Coverage for Catalog {
    fn covered(&self, uid: FileUid, day: BucketDay, from: u64) -> Option<u64> {
        self.0.lock().get(&day)?.up_to(uid, from)
    }
}

/// How the commit of a partition ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Failed,
    /// It is on disk, and what was to be done behind it has failed.
    DoneAndFailed,
}

fn fate(around: &mut Around<'_>) -> Fate {
    match around.dice.u8(..20) {
        _ if around.is_calm => Fate::Done,
        0 | 1 => Fate::Failed,
        2 => Fate::DoneAndFailed,
        _ => Fate::Done,
    }
}

impl Embedded {
    /// An index with nothing in it.
    pub(crate) fn new(trace: Trace, plant: Option<Plant>) -> Self {
        Embedded {
            trace,
            plant,
            kept: BTreeMap::new(),
            catalog: Catalog::default(),
            queued: VecDeque::new(),
            pending: vec![],
            open: BTreeMap::new(),
            has_failed: false,
            commits_failed: 0,
            lines_covered: 0,
        }
    }

    fn open(&mut self, day: BucketDay) -> &mut Open {
        let catalog = &self.catalog;
        self.open.entry(day).or_insert_with(|| {
            let covered = catalog.0.lock().get(&day).cloned().unwrap_or_default();
            Open { documents: vec![], covered, is_dirty: false }
        })
    }

    /// Adds the lines of a batch to the partitions of their days, but for those that are covered.
    fn apply(&mut self, part: &Part) {
        for line in &part.batch.lines {
            let open = self.open(line.id.day());
            if open.covered.covers(part.uid, line.id.offset()) {
                self.lines_covered += 1;
            } else {
                open.is_dirty = true;
                open.documents.push((line.id, part.batch.raw_of(line).to_vec()));
            }
        }
        for segment in segments::of(&part.batch, Some(&part.position)) {
            let open = self.open(segment.day);
            open.is_dirty |= open.covered.add(segment.uid, segment.from, segment.to);
        }
    }

    /// Applies some of what is queued.
    fn apply_queued(&mut self, count: usize) {
        for part in self.queued.drain(..count).collect::<Vec<_>>() {
            self.apply(&part);
            self.pending.push(part);
        }
    }

    /// Commits one partition after the other, then completes the tickets. After a failure all of it is applied once more the next
    /// time.
    fn commit(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        if mem::take(&mut self.has_failed) {
            for part in mem::take(&mut self.pending) {
                self.apply(&part);
                self.pending.push(part);
            }
        }
        for (day, open) in mem::take(&mut self.open).into_iter().filter(|(_, open)| open.is_dirty) {
            let fate = fate(around);
            self.trace.note(format_args!("commit of {} for {day}: {fate:?}", open.documents.len()));
            if fate != Fate::Failed {
                self.keep(day, open, around)?;
            }
            if fate != Fate::Done {
                (self.has_failed, self.commits_failed) = (true, self.commits_failed + 1);
                return Ok(());
            }
        }
        self.pending.drain(..).map(|part| part.ticket).for_each(Ticket::complete);
        Ok(())
    }

    /// A partition's documents and what they cover are on disk.
    fn keep(&mut self, day: BucketDay, open: Open, around: &mut Around<'_>) -> Result<(), String> {
        let logs = &mut around.machine.inside().logs;
        for (id, line) in &open.documents {
            around.checker.kept(*id, line, logs)?;
        }
        if self.plant != Some(Plant::CoverageForgotten) {
            self.catalog.0.lock().insert(day, open.covered);
        }
        let kept = self.kept.entry(day).or_insert_with(|| Kept { name: day.to_string(), documents: vec![] });
        kept.documents.extend(open.documents);
        Ok(())
    }

    /// The process is gone, and with it everything that is not committed.
    fn end(&mut self) {
        self.queued.clear();
        self.pending.clear();
        self.open.clear();
        self.has_failed = false;
    }
}

impl Destination for Embedded {
    fn coverage(&self) -> Arc<dyn Coverage> {
        Arc::new(self.catalog.clone())
    }

    fn has_room(&self) -> bool {
        self.queued.len() < QUEUED_MAX
    }

    fn take(&mut self, mut batch: Batch, _: u64, _: &mut Around<'_>) {
        let mut ticket = mem::replace(&mut batch.ticket, Ticket::untracked());
        let Some(position) = ticket.position().cloned() else { return };
        let Source::File(uid) = position.source else { return };
        if self.plant == Some(Plant::CheckpointEarly) {
            mem::replace(&mut ticket, Ticket::untracked()).complete();
        }
        self.queued.push_back(Part { batch, uid, position, ticket });
    }

    fn accept(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        self.turn(around)
    }

    /// The thread that writes applies some of what waits, and commits where that is due.
    fn turn(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        if !self.has_failed {
            let count = around.dice.usize(..=self.queued.len());
            self.apply_queued(count);
        }
        let is_due = around.dice.u8(..6) == 0;
        if is_due { self.commit(around) } else { Ok(()) }
    }

    fn drain(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        if self.has_failed {
            self.commit(around)?;
        }
        if self.has_failed {
            return Ok(());
        }
        self.apply_queued(self.queued.len());
        self.commit(around)
    }

    /// It was killed with the agent, perhaps between the commits of two partitions.
    fn agent_killed(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        for (day, open) in mem::take(&mut self.open).into_iter().filter(|(_, open)| open.is_dirty) {
            if around.dice.bool() {
                break;
            }
            self.trace.note(format_args!("commit of {} for {day}, the last one", open.documents.len()));
            self.keep(day, open, around)?;
        }
        self.end();
        Ok(())
    }

    fn agent_stops(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        // It does not wait without end.
        if around.dice.bool() { self.drain(around) } else { Ok(()) }
    }

    /// The rest is committed, if the disk takes it.
    fn agent_stopped(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        self.drain(around)?;
        self.end();
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.queued.is_empty() && self.pending.is_empty()
    }

    fn documents(&self) -> Vec<Found<'_>> {
        let all = self.kept.values().flat_map(|kept| kept.documents.iter().map(|document| (&kept.name, document)));
        all.map(|(index, (id, line))| Found { index, id: *id, line }).collect()
    }

    fn sum_up(&self, struck: &mut Struck) {
        struck.commits_failed = self.commits_failed;
        struck.lines_covered = self.lines_covered;
        struck.embedded = 1;
    }
}
