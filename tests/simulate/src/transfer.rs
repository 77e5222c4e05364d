//! A transfer: partitions it was assigned, batches of their records, bulk requests until every document is settled.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
};

use collector_elastic::decisions::{Delivery, judge};
use collector_kafka::{Fetched, Gather, Progress};
use collector_model::{
    Acknowledge, Batch, EventId, FileUid, Permit, Position, Source, Ticket, Topic, id::ForeignPartition,
    index_name::IndexRule,
};
use parking_lot::Mutex;

use crate::{
    Plant,
    broker::Broker,
    search::{Answered, Document, Search},
    time::Time,
    trace::Trace,
};

/// How many records a partition gives at once, at most.
const FETCHED_MAX: usize = 6;

/// A member of the group.
pub(crate) struct Transfer {
    lanes: BTreeMap<usize, Lane>,
    deliveries: Vec<UnderWay>,
    letters: Vec<Letter>,
    time: Time,
    trace: Trace,
    plant: Option<Plant>,
    topic: Topic,
    /// What it counts.
    pub(crate) counted: Answered,
}

/// A line that was given up and is on its way to the dead letters.
struct Letter {
    document: Document,
    ticket: Ticket,
}

/// An assigned partition.
struct Lane {
    progress: Arc<Mutex<Progress>>,
    gather: Gather,
    /// The next record to fetch.
    position: u64,
    /// What may be committed.
    stored: Option<u64>,
}

/// Documents of one batch for one index.
struct Part {
    open: Cell<usize>,
    ticket: RefCell<Option<Ticket>>,
}

/// A document and the part that waits for it.
#[derive(Clone)]
struct Item {
    document: Document,
    part: Rc<Part>,
}

/// A bulk request until all of it is settled.
struct UnderWay {
    index: String,
    delivery: Delivery<Item>,
}

/// Takes the answers to one epoch of a partition.
struct Answer {
    progress: Arc<Mutex<Progress>>,
    epoch: u64,
    time: Time,
}

impl Acknowledge for Answer {
    fn acknowledged(&self, position: &Position) {
        self.progress.lock().acknowledged(self.epoch, position.from, position.to);
    }

    fn lost(&self, _: &Position) {
        self.progress.lock().lost(self.epoch, self.time.instant());
    }
}

impl Part {
    fn settle(&self) {
        self.open.set(self.open.get() - 1);
        if self.open.get() == 0
            && let Some(ticket) = self.ticket.borrow_mut().take()
        {
            ticket.complete();
        }
    }
}

impl Transfer {
    pub(crate) fn new(time: Time, trace: Trace, plant: Option<Plant>, topic: Topic) -> Self {
        Transfer {
            lanes: BTreeMap::new(),
            deliveries: vec![],
            letters: vec![],
            time,
            trace,
            plant,
            topic,
            counted: Answered::default(),
        }
    }

    /// The group gives it a partition.
    pub(crate) fn assign(&mut self, partition: usize, committed: u64) {
        let foreign = ForeignPartition::new("cluster", self.topic.as_str(), partition as i32);
        let lane = Lane {
            progress: Arc::new(Mutex::new(Progress::new())),
            gather: Gather::new(foreign, self.time.instant()),
            position: committed,
            stored: None,
        };
        self.lanes.insert(partition, lane);
    }

    /// The group takes a partition away; answers what may be committed for the last time.
    pub(crate) fn revoke(&mut self, partition: usize) -> Option<u64> {
        let lane = self.lanes.remove(&partition)?;
        let mut progress = lane.progress.lock();
        progress.revoke();
        let early = (self.plant == Some(Plant::CommitEarly)).then_some(lane.position);
        early.or_else(|| progress.watermark())
    }

    /// It ends without a trace; requests under way stay where they are.
    pub(crate) fn kill(&mut self) {
        self.lanes.clear();
        self.deliveries.clear();
        self.letters.clear();
    }

    /// A partition has its turn: goes back where it must, else reads some records and makes a batch of them.
    pub(crate) fn turn(&mut self, partition: usize, broker: &Broker, dice: &mut fastrand::Rng) {
        let now = self.time.instant();
        let Some(lane) = self.lanes.get_mut(&partition) else { return };
        if lane.progress.lock().is_rewinding() {
            let due = lane.progress.lock().rewind_due(now);
            if let Some(to) = due {
                self.trace.note(format_args!("partition {partition} is read again from {to}"));
                let _ = lane.gather.take(now);
                lane.progress.lock().rewound(to);
                lane.position = to;
            }
            return;
        }
        let records = &broker.partitions[partition].records;
        let end = records.len().min(lane.position as usize + dice.usize(..=FETCHED_MAX));
        for (offset, record) in records[lane.position as usize..end].iter().enumerate() {
            let offset = lane.position + offset as u64;
            let envelope = Some(record.key.as_slice());
            let fetched = Fetched { offset, timestamp_ms: 0, envelope, value: Some(&record.value) };
            // A key that cannot be read is another producer's: the checker finds a line that is missing.
            let _ = lane.gather.push(fetched, now);
        }
        lane.position = end as u64;
        let gathered = if dice.bool() { lane.gather.take(now) } else { None };
        if let Some(gathered) = gathered {
            let Some(epoch) = lane.progress.lock().issue(gathered.from, gathered.to, now) else { return };
            let answer = Answer { progress: Arc::clone(&lane.progress), epoch, time: self.time.clone() };
            let source = Source::Partition(self.topic.clone(), partition as i32);
            let position = Position { source, from: gathered.from, to: gathered.to };
            let batch = gathered.into_batch(&self.topic, Ticket::new(position, Permit::none(), Arc::new(answer)));
            self.take(batch, dice);
        }
    }

    /// The worker makes a request for each index.
    fn take(&mut self, mut batch: Batch, dice: &mut fastrand::Rng) {
        let ticket = std::mem::replace(&mut batch.ticket, Ticket::untracked());
        let rule = IndexRule::daily(&self.topic);
        let mut by_index: BTreeMap<String, Vec<Document>> = BTreeMap::new();
        for line in &batch.lines {
            let day = match self.plant {
                Some(Plant::WallClockIndex) => collector_model::BucketDay::from_unix_ms(self.time.wall_ms()),
                _ => line.id.day(),
            };
            let id = if self.plant == Some(Plant::RandomIds) { random_id(dice, &batch, line.id) } else { line.id };
            let document = Document { id, line: batch.raw_of(line).to_vec(), is_safe_form: false };
            by_index.entry(rule.index(day).as_str().to_owned()).or_default().push(document);
        }
        for (index, documents) in by_index {
            let part = Rc::new(Part { open: Cell::new(documents.len()), ticket: RefCell::new(Some(ticket.clone())) });
            let items = documents.into_iter().map(|document| Item { document, part: Rc::clone(&part) });
            self.deliveries.push(UnderWay { index, delivery: Delivery::new(items.collect()) });
        }
        ticket.complete();
    }

    /// One of the requests under way is sent.
    pub(crate) fn deliver(&mut self, search: &mut Search, dice: &mut fastrand::Rng, calm: bool) {
        if self.deliveries.is_empty() {
            return;
        }
        let at = dice.usize(..self.deliveries.len());
        if !calm && dice.u8(..200) == 0 {
            self.trace.note(format_args!("a worker drops a request"));
            drop(self.deliveries.swap_remove(at));
            return;
        }
        let under_way = &mut self.deliveries[at];
        let Some(group) = under_way.delivery.next_group() else {
            drop(self.deliveries.swap_remove(at));
            return;
        };
        let form = |safe: bool, document: &Document| Document { is_safe_form: safe, ..document.clone() };
        let documents = group.entries.iter().map(|entry| form(entry.safe, &entry.item.document)).collect();
        let reply = search.bulk(&under_way.index, documents, dice, calm);
        let applied = under_way.delivery.apply(group, judge(reply));
        self.counted.created += applied.created.len() as u64;
        self.counted.conflicts += applied.conflicted.len() as u64;
        if self.plant == Some(Plant::MiscountedConflicts) {
            self.counted.created += applied.conflicted.len() as u64;
        }
        applied.created.iter().chain(&applied.conflicted).for_each(|item| item.part.settle());
        if !applied.faulty.is_empty() {
            under_way.delivery.try_safe(applied.faulty.into_iter().map(|(item, _)| item).collect());
        }
        for (item, _) in applied.hopeless {
            let ticket = item.part.ticket.borrow().clone();
            item.part.settle();
            if let Some(ticket) = ticket {
                self.letters.push(Letter { document: item.document, ticket });
            }
        }
    }

    /// The dead letters take one, or its answer is lost with the line in them or not.
    pub(crate) fn bury(&mut self, dead: &mut Vec<Document>, dice: &mut fastrand::Rng, calm: bool) {
        if self.letters.is_empty() {
            return;
        }
        let letter = self.letters.swap_remove(dice.usize(..self.letters.len()));
        let fate = if calm { 9 } else { dice.u8(..10) };
        self.trace.note(format_args!("a dead letter ({fate})"));
        if fate > 0 {
            dead.push(letter.document);
        }
        if fate > 1 {
            letter.ticket.complete();
        }
    }

    /// What was acknowledged since the last time is kept for the next commit.
    pub(crate) fn store(&mut self) {
        for lane in self.lanes.values_mut() {
            let moved = lane.progress.lock().take_moved();
            lane.stored = match self.plant {
                Some(Plant::CommitEarly) => Some(lane.position),
                _ => moved.or(lane.stored),
            };
        }
    }

    /// What is to be committed now.
    pub(crate) fn take_stored(&mut self) -> Vec<(usize, u64)> {
        self.lanes.iter_mut().filter_map(|(partition, lane)| Some((*partition, lane.stored.take()?))).collect()
    }

    /// Its partitions.
    pub(crate) fn partitions(&self) -> Vec<usize> {
        self.lanes.keys().copied().collect()
    }

    /// Nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.deliveries.is_empty() && self.letters.is_empty()
    }
}

/// Planted: an id that is another one each time, for the same line.
fn random_id(dice: &mut fastrand::Rng, batch: &Batch, id: EventId) -> EventId {
    let salt = dice.u64(..).to_be_bytes();
    let file = id.file().unwrap_or(FileUid(0));
    let _ = batch;
    EventId::ours(id.day(), file, id.offset(), &salt)
}
