//! Kafka: partitions of records, what the group has committed; and the agent's producer in front of it.

use std::collections::VecDeque;

use collector_model::{Batch, Ticket, envelope};

use crate::trace::Trace;

/// A record.
pub(crate) struct Record {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    /// How often its file had been read again from an earlier place when its line was read.
    pub(crate) era: u64,
}

/// A partition.
#[derive(Default)]
pub(crate) struct Partition {
    pub(crate) records: Vec<Record>,
    pub(crate) committed: u64,
    /// Everything before is in the index or in the dead letters.
    pub(crate) safe_to: usize,
}

/// A record on its way.
struct UnderWay {
    record: Record,
    ticket: Ticket,
}

/// What of a partition is under way: first what was appended and not answered, then what was not sent.
#[derive(Default)]
struct Queue {
    unanswered: VecDeque<Ticket>,
    unsent: VecDeque<UnderWay>,
}

/// The broker and the producer.
pub(crate) struct Broker {
    pub(crate) partitions: Vec<Partition>,
    queues: Vec<Queue>,
    trace: Trace,
    /// Planted: lines count as safe when they are handed to the producer.
    pub(crate) completes_early: bool,
    /// How often answers were lost for good.
    pub(crate) answers_lost: u64,
}

impl Broker {
    pub(crate) fn new(partitions: usize, trace: Trace) -> Self {
        Broker {
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
            queues: (0..partitions).map(|_| Queue::default()).collect(),
            trace,
            completes_early: false,
            answers_lost: 0,
        }
    }

    /// Takes the lines of a batch, as the agent's worker hands them over.
    pub(crate) fn send(&mut self, batch: Batch, era: u64, dice: &mut fastrand::Rng) {
        let mut partition = dice.usize(..self.queues.len());
        for line in &batch.lines {
            if dice.u8(..8) == 0 {
                partition = dice.usize(..self.queues.len());
            }
            let mut key = Vec::new();
            envelope::encode(&line.id, &line.fork, line.flags, batch.origin_of(line), &mut key);
            let record = Record { key, value: batch.raw_of(line).to_vec(), era };
            let ticket = if self.completes_early { Ticket::untracked() } else { batch.ticket.clone() };
            self.queues[partition].unsent.push_back(UnderWay { record, ticket });
        }
        batch.ticket.complete();
    }

    /// The broker appends some of what was sent to a partition. Answers where those begin.
    pub(crate) fn append(&mut self, partition: usize, dice: &mut fastrand::Rng) -> usize {
        let (queue, log) = (&mut self.queues[partition], &mut self.partitions[partition]);
        let (first, count) = (log.records.len(), dice.usize(..=queue.unsent.len()));
        for under_way in queue.unsent.drain(..count) {
            log.records.push(under_way.record);
            queue.unanswered.push_back(under_way.ticket);
        }
        if count > 0 {
            self.trace.note(format_args!("partition {partition} appends {count}"));
        }
        first
    }

    /// Its answers arrive.
    pub(crate) fn answer(&mut self, partition: usize, dice: &mut fastrand::Rng) {
        let unanswered = &mut self.queues[partition].unanswered;
        let count = dice.usize(..=unanswered.len());
        if count > 0 {
            self.trace.note(format_args!("partition {partition} answers {count}"));
        }
        unanswered.drain(..count).for_each(Ticket::complete);
    }

    /// The producer gives up everything that is not answered: what was appended and what was not.
    pub(crate) fn give_up(&mut self) {
        for queue in &mut self.queues {
            self.answers_lost += queue.unanswered.len() as u64;
            queue.unanswered.clear();
            queue.unsent.clear();
        }
        self.trace.note(format_args!("the producer gives up"));
    }

    /// Nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.queues.iter().all(|queue| queue.unanswered.is_empty() && queue.unsent.is_empty())
    }

    /// Everything is committed.
    pub(crate) fn is_committed(&self) -> bool {
        self.partitions.iter().all(|partition| partition.committed == partition.records.len() as u64)
    }
}
