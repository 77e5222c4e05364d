//! Kafka, the transfers that read from it, and the search that they write to.

use collector_model::{Batch, Topic};

use crate::{
    Plant, Struck,
    broker::Broker,
    check::Found,
    destination::{Around, Destination},
    search::{Answered, Search},
    time::Time,
    trace::Trace,
    transfer::Transfer,
};

/// Everything between the agent and a search in another process.
pub(crate) struct Cluster {
    trace: Trace,
    broker: Broker,
    transfers: Vec<Transfer>,
    search: Search,
}

impl Cluster {
    /// Some transfers that share some partitions.
    pub(crate) fn new(
        (time, trace): (&Time, &Trace),
        plant: Option<Plant>,
        topic: &Topic,
        dice: &mut fastrand::Rng,
    ) -> Self {
        let partitions = dice.usize(1..=3);
        let mut broker = Broker::new(partitions, trace.clone());
        broker.completes_early = plant == Some(Plant::CheckpointEarly);
        let members = dice.usize(1..=2);
        let member = |_| Transfer::new(time.clone(), trace.clone(), plant, topic.clone());
        let transfers = (0..members).map(member).collect();
        Cluster { trace: trace.clone(), broker, transfers, search: Search::new(trace.clone()) }
    }

    /// How many partitions the topic has.
    pub(crate) fn partitions(&self) -> usize {
        self.broker.partitions.len()
    }

    fn commit(&mut self, at: usize, around: &mut Around<'_>) -> Result<(), String> {
        self.transfers[at].store();
        if !around.is_calm && around.dice.u8(..10) == 0 {
            // The commit does not arrive; what is stored stays for the next one.
            return Ok(());
        }
        for (partition, offset) in self.transfers[at].take_stored() {
            self.take_commit(partition, offset, around)?;
        }
        Ok(())
    }

    fn take_commit(&mut self, partition: usize, offset: u64, around: &mut Around<'_>) -> Result<(), String> {
        self.trace.note(format_args!("partition {partition}: {offset} is committed"));
        self.broker.partitions[partition].committed = offset;
        around.checker.committed(&mut self.broker, partition, &self.search)
    }

    /// Partitions go from one transfer to another.
    fn rebalance(&mut self, has_begun: bool, around: &mut Around<'_>) -> Result<(), String> {
        for partition in 0..self.broker.partitions.len() {
            let owner = self.transfers.iter().position(|transfer| transfer.partitions().contains(&partition));
            let next = around.dice.usize(..self.transfers.len());
            if owner == Some(next) {
                continue;
            }
            if let Some(owner) = owner {
                let last = self.transfers[owner].revoke(partition);
                // A member that the group has given up cannot commit any more.
                if let Some(last) = last.filter(|_| around.dice.bool()) {
                    self.take_commit(partition, last, around)?;
                }
            }
            if has_begun {
                self.trace.note(format_args!("partition {partition} goes to transfer {next}"));
            }
            self.transfers[next].assign(partition, self.broker.partitions[partition].committed);
        }
        Ok(())
    }

    fn check_appended(&self, around: &mut Around<'_>) -> Result<(), String> {
        around.checker.appended(&self.broker, &mut around.machine.inside().logs)
    }
}

impl Destination for Cluster {
    fn begin(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        self.rebalance(false, around)
    }

    fn take(&mut self, batch: Batch, era: u64, around: &mut Around<'_>) {
        self.broker.send(batch, era, around.dice);
    }

    /// The broker appends and answers.
    fn accept(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        for partition in 0..self.broker.partitions.len() {
            self.broker.append(partition, around.dice);
            self.broker.answer(partition, around.dice);
        }
        self.check_appended(around)
    }

    /// A transfer reads, sends, buries, or commits.
    fn turn(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        let at = around.dice.usize(..self.transfers.len());
        let transfer = &mut self.transfers[at];
        match around.dice.u8(..10) {
            0..4 => {
                for partition in transfer.partitions() {
                    transfer.turn(partition, &self.broker, around.dice);
                }
            }
            4..8 => transfer.deliver(&mut self.search, around.dice, around.is_calm),
            8 => transfer.bury(&mut around.checker.dead, around.dice, around.is_calm),
            _ => return self.commit(at, around),
        }
        if around.dice.u8(..20) == 0 {
            self.search.apply_late(around.dice);
        }
        Ok(())
    }

    fn drain(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        for at in 0..self.transfers.len() {
            for _ in 0..3 {
                for partition in self.transfers[at].partitions() {
                    self.transfers[at].turn(partition, &self.broker, around.dice);
                }
                for _ in 0..8 {
                    self.transfers[at].deliver(&mut self.search, around.dice, true);
                    self.transfers[at].bury(&mut around.checker.dead, around.dice, true);
                }
            }
            self.commit(at, around)?;
        }
        self.search.apply_late(around.dice);
        Ok(())
    }

    fn give_up(&mut self, around: &mut Around<'_>) {
        around.struck.give_ups += 1;
        self.broker.give_up();
    }

    fn end_member(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        let is_killed = around.dice.bool();
        if is_killed {
            let at = around.dice.usize(..self.transfers.len());
            self.trace.note(format_args!("transfer {at} is killed"));
            self.transfers[at].kill();
            around.struck.transfers_killed += 1;
        }
        around.struck.rebalances += 1;
        self.rebalance(true, around)
    }

    fn agent_killed(&mut self, around: &mut Around<'_>) -> Result<(), String> {
        // What was sent may still be appended.
        for partition in 0..self.broker.partitions.len() {
            self.broker.append(partition, around.dice);
        }
        self.broker.give_up();
        self.check_appended(around)
    }

    fn agent_stopped(&mut self, _: &mut Around<'_>) -> Result<(), String> {
        self.broker.give_up();
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.broker.is_idle()
            && self.broker.is_committed()
            && self.transfers.iter().all(Transfer::is_idle)
            && self.search.is_idle()
    }

    fn documents(&self) -> Vec<Found<'_>> {
        let found = self.search.documents.iter();
        found.map(|((index, id), line)| Found { index, id: *id, line }).collect()
    }

    fn check_counters(&self) -> Result<(), String> {
        let mut counted = Answered::default();
        for transfer in &self.transfers {
            counted.created += transfer.counted.created;
            counted.conflicts += transfer.counted.conflicts;
        }
        let answered = self.search.answered;
        if counted == answered { Ok(()) } else { Err(format!("I8: {counted:?} is counted, {answered:?} was answered")) }
    }

    fn sum_up(&self, struck: &mut Struck) {
        struck.conflicts = self.search.conflicts;
        struck.answers_lost = self.search.answers_lost + self.broker.answers_lost;
        struck.refusals = self.search.refusals;
    }
}
