//! One schedule: a storm of everything that can happen, then calm, then the checks.

use collector_model::Topic;

use crate::{
    Options, Plant, Struck,
    agent::Agent,
    broker::Broker,
    check::Checker,
    config::Config,
    disk::Machine,
    logs::Logs,
    search::{Answered, Search},
    time::Time,
    trace::Trace,
    transfer::Transfer,
    writers::Writers,
};

/// How long the calm may take until everything is found, in ms.
const CALM_MS_MAX: i64 = 10 * 60_000;

/// Everything of one schedule.
pub(crate) struct Schedule {
    dice: fastrand::Rng,
    time: Time,
    pub(crate) trace: Trace,
    machine: Machine,
    config: Config,
    agent: Agent,
    broker: Broker,
    transfers: Vec<Transfer>,
    search: Search,
    checker: Checker,
    pub(crate) struck: Struck,
    /// Nothing goes wrong any more.
    is_calm: bool,
}

impl Schedule {
    pub(crate) fn new(seed: u64, options: &Options) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let time = Time::default();
        let trace = Trace::new(time.clone(), options.tells_steps);
        let (writers_count, layout) = (dice.usize(1..=3), dice.u8(..4));
        let mut logs = Logs::new(time.clone(), dice.u8(..5) > 0);
        logs.finds_renamed = layout == 3;
        let writers = Writers::new(time.clone(), writers_count, layout == 3, &mut dice);
        let paths = match layout {
            0 | 1 => writers.all.iter().map(|writer| writer.path.to_string_lossy().into_owned()).collect(),
            2 => vec!["/logs/*.log".to_owned()],
            _ => vec!["/logs/*".to_owned()],
        };
        let styles: Vec<_> = writers.all.iter().map(|writer| writer.style).collect();
        trace.note(format_args!("seed {seed}: logs {paths:?}, rotated {styles:?}, births {}", logs.has_births));
        let machine = Machine::new(logs, writers, dice.fork(), trace.clone(), options.plant);
        machine.inside().state.is_lenient = dice.bool();
        let config = Config::new(paths, &mut dice, &trace);
        let agent = Agent::new(machine.clone(), time.clone(), trace.clone(), &mut dice);
        let partitions = dice.usize(1..=3);
        let mut broker = Broker::new(partitions, trace.clone());
        broker.completes_early = options.plant == Some(Plant::CheckpointEarly);
        // One letter is a legal name.
        let topic = Topic::new("t").expect("legal");
        let members = dice.usize(1..=2);
        let member = |_| Transfer::new(time.clone(), trace.clone(), options.plant, topic.clone());
        let transfers = (0..members).map(member).collect();
        let search = Search::new(trace.clone());
        let checker = Checker::new(&topic, partitions);
        let struck = Struck::default();
        Schedule {
            dice,
            time,
            trace,
            machine,
            config,
            agent,
            broker,
            transfers,
            search,
            checker,
            struck,
            is_calm: false,
        }
    }

    /// Runs it. The error names the invariant that does not hold.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        self.machine.inside().meddling_percent = [0, 1, 5][self.dice.usize(..3)];
        self.machine.inside().failing_percent = [0, 0, 1][self.dice.usize(..3)];
        self.config.observe()?;
        self.rebalance(false)?;
        let steps = self.dice.usize(60..400);
        for _ in 0..steps {
            self.step()?;
        }
        self.calm()?;
        self.sum_up();
        self.checker.end(&self.machine.inside().logs, &self.search)
    }

    /// Something happens.
    fn step(&mut self) -> Result<(), String> {
        match self.dice.u8(..100) {
            0..24 => self.machine.inside().write_logs(),
            24..46 => self.read()?,
            46..49 => self.write_checkpoint()?,
            49..62 => self.produce()?,
            62..88 => self.transfer()?,
            88..93 => self.let_time_pass(),
            93 => self.end_agent()?,
            94 => self.arm(),
            95 => self.end_transfer()?,
            96 => self.change_config()?,
            97 => self.spoil_disk(),
            98 => self.give_up(),
            _ => self.set_clock(),
        }
        Ok(())
    }

    /// The agent has a turn; where it ended in its midst, it is found ended.
    fn read(&mut self) -> Result<(), String> {
        if !self.agent.is_running() {
            if self.is_calm || self.dice.u8(..4) == 0 {
                self.start_agent()?;
            }
            return Ok(());
        }
        self.agent.round(&mut self.dice, self.is_calm);
        self.find_ended()
    }

    fn start_agent(&mut self) -> Result<(), String> {
        self.config.restart();
        self.config.observe()?;
        self.agent.start(self.config.tasks(), &mut self.dice);
        self.find_ended()
    }

    /// The agent may have ended in the middle of a call.
    fn find_ended(&mut self) -> Result<(), String> {
        if self.machine.inside().has_ended {
            self.struck.kills_in_calls += 1;
            return self.kill_agent();
        }
        Ok(())
    }

    fn kill_agent(&mut self) -> Result<(), String> {
        let power_goes = self.dice.u8(..3) == 0;
        self.trace.note(format_args!("the agent is killed{}", if power_goes { ": the power goes" } else { "" }));
        self.agent.kill();
        let mut inside = self.machine.inside();
        let inside = &mut *inside;
        if power_goes {
            self.struck.power_losses += 1;
            inside.state.lose_power(&mut inside.dice);
            inside.logs.device += 1;
        }
        self.struck.kills += 1;
        // What was sent may still be appended.
        for partition in 0..self.broker.partitions.len() {
            self.broker.append(partition, &mut self.dice);
        }
        self.broker.give_up();
        self.checker.appended(&self.broker, &mut inside.logs)
    }

    fn end_agent(&mut self) -> Result<(), String> {
        if !self.agent.is_running() {
            return Ok(());
        }
        if self.dice.u8(..4) > 0 {
            return self.kill_agent();
        }
        self.trace.note(format_args!("the agent is stopped"));
        self.struck.stops += 1;
        self.agent.stop();
        self.broker.give_up();
        self.check_checkpoint()
    }

    /// The agent will end in the middle of one of its next calls.
    fn arm(&mut self) {
        if self.agent.is_running() {
            self.machine.inside().ends_after = Some(self.dice.u32(..40));
        }
    }

    fn write_checkpoint(&mut self) -> Result<(), String> {
        if self.agent.write_checkpoint() {
            self.trace.note(format_args!("a checkpoint is written"));
        }
        self.find_ended()?;
        self.check_checkpoint()
    }

    fn check_checkpoint(&mut self) -> Result<(), String> {
        let positions = self.agent.checkpoint();
        self.checker.checkpoint(&positions, &mut self.machine.inside().logs)
    }

    /// The worker takes a batch, the broker appends and answers.
    fn produce(&mut self) -> Result<(), String> {
        if let Some(batch) = self.agent.take_batch(&mut self.dice) {
            let era = self.checker.read(&batch, &mut self.machine.inside().logs)?;
            if let Some(position) = batch.ticket.position() {
                let day = batch.lines.first().map_or(0, |line| line.id.day().days());
                let (from, to) = (position.from, position.to);
                self.trace.note(format_args!("batch {from}..{to} of {:?}, day {day}", position.source));
            }
            if !self.is_calm && self.dice.u8(..60) == 0 {
                self.trace.note(format_args!("a worker drops a batch"));
                self.struck.batches_dropped += 1;
                drop(batch);
            } else {
                self.broker.send(batch, era, &mut self.dice);
            }
        }
        for partition in 0..self.broker.partitions.len() {
            self.broker.append(partition, &mut self.dice);
            self.broker.answer(partition, &mut self.dice);
        }
        self.checker.appended(&self.broker, &mut self.machine.inside().logs)
    }

    fn give_up(&mut self) {
        self.struck.give_ups += 1;
        self.broker.give_up();
    }

    /// A transfer reads, sends, buries, or commits.
    fn transfer(&mut self) -> Result<(), String> {
        let at = self.dice.usize(..self.transfers.len());
        let (dice, transfer) = (&mut self.dice, &mut self.transfers[at]);
        match dice.u8(..10) {
            0..4 => {
                for partition in transfer.partitions() {
                    transfer.turn(partition, &self.broker, dice);
                }
            }
            4..8 => transfer.deliver(&mut self.search, dice, self.is_calm),
            8 => transfer.bury(&mut self.checker.dead, dice, self.is_calm),
            _ => return self.commit(at),
        }
        if self.dice.u8(..20) == 0 {
            self.search.apply_late(&mut self.dice);
        }
        Ok(())
    }

    fn commit(&mut self, at: usize) -> Result<(), String> {
        self.transfers[at].store();
        if !self.is_calm && self.dice.u8(..10) == 0 {
            // The commit does not arrive; what is stored stays for the next one.
            return Ok(());
        }
        for (partition, offset) in self.transfers[at].take_stored() {
            self.take_commit(partition, offset)?;
        }
        Ok(())
    }

    fn take_commit(&mut self, partition: usize, offset: u64) -> Result<(), String> {
        self.trace.note(format_args!("partition {partition}: {offset} is committed"));
        self.broker.partitions[partition].committed = offset;
        self.checker.committed(&mut self.broker, partition, &self.search)
    }

    /// A transfer is killed, or partitions go from one to another.
    fn end_transfer(&mut self) -> Result<(), String> {
        let is_killed = self.dice.bool();
        if is_killed {
            let at = self.dice.usize(..self.transfers.len());
            self.trace.note(format_args!("transfer {at} is killed"));
            self.transfers[at].kill();
            self.struck.transfers_killed += 1;
        }
        self.struck.rebalances += 1;
        self.rebalance(true)
    }

    fn rebalance(&mut self, has_begun: bool) -> Result<(), String> {
        for partition in 0..self.broker.partitions.len() {
            let owner = self.transfers.iter().position(|transfer| transfer.partitions().contains(&partition));
            let next = self.dice.usize(..self.transfers.len());
            if owner == Some(next) {
                continue;
            }
            if let Some(owner) = owner {
                let last = self.transfers[owner].revoke(partition);
                // A member that the group has given up cannot commit any more.
                if let Some(last) = last.filter(|_| self.dice.bool()) {
                    self.take_commit(partition, last)?;
                }
            }
            if has_begun {
                self.trace.note(format_args!("partition {partition} goes to transfer {next}"));
            }
            self.transfers[next].assign(partition, self.broker.partitions[partition].committed);
        }
        Ok(())
    }

    fn change_config(&mut self) -> Result<(), String> {
        let mut takes_away = self.config.disturb(&mut self.dice, &self.trace);
        if !self.agent.is_running() {
            return Ok(());
        }
        self.config.observe()?;
        takes_away &= !self.config.runs();
        self.agent.set_tasks(self.config.tasks());
        self.machine.inside().logs.is_watched = self.config.runs();
        if takes_away {
            // Nobody reads on what was moved away until the tasks are back.
            self.machine.inside().logs.agent_ends();
        }
        Ok(())
    }

    fn spoil_disk(&mut self) {
        let mut inside = self.machine.inside();
        self.struck.disk_faults += 1;
        match self.dice.u8(..3) {
            0 => inside.state.is_full = true,
            1 => inside.state.syncs_until_failure = Some(self.dice.u8(..6)),
            _ => inside.state.is_full = false,
        }
        self.trace.note(format_args!(
            "the disk: full {}, failing {:?}",
            inside.state.is_full, inside.state.syncs_until_failure
        ));
    }

    fn set_clock(&mut self) {
        const DAY_MS: i64 = 86_400_000;
        let shift = [DAY_MS, -DAY_MS, 3_600_000, 1000][self.dice.usize(..4)];
        self.trace.note(format_args!("the clock is set by {shift} ms"));
        self.struck.clock_jumps += 1;
        self.time.shift_wall(shift);
    }

    fn let_time_pass(&mut self) {
        let ms = match self.dice.u8(..4) {
            0 => self.dice.i64(1000..8000),
            _ => self.dice.i64(1..400),
        };
        self.time.pass(ms);
    }

    /// Nothing goes wrong any more: everything comes to rest, and is found.
    fn calm(&mut self) -> Result<(), String> {
        self.trace.note(format_args!("calm"));
        self.is_calm = true;
        self.settle_down();
        let until_ms = self.time.passed_ms() + CALM_MS_MAX;
        while self.time.passed_ms() < until_ms {
            for _ in 0..4 {
                self.read()?;
                self.write_checkpoint()?;
                self.drain()?;
            }
            if self.is_at_rest() {
                return self.check_counters();
            }
            let due_ms = self.agent.due_ms().unwrap_or(0) - self.time.passed_ms();
            self.time.pass(due_ms.clamp(1, 1000));
        }
        let lost = self.checker.end(&self.machine.inside().logs, &self.search).err().unwrap_or_default();
        Err(format!("I7: it does not come to rest. {lost}\n{}", self.agent.standing()))
    }

    /// What is counted is what happened.
    fn check_counters(&self) -> Result<(), String> {
        self.agent.check_counters()?;
        let mut counted = Answered::default();
        for transfer in &self.transfers {
            counted.created += transfer.counted.created;
            counted.conflicts += transfer.counted.conflicts;
        }
        let answered = self.search.answered;
        if counted == answered { Ok(()) } else { Err(format!("I8: {counted:?} is counted, {answered:?} was answered")) }
    }

    fn settle_down(&mut self) {
        let mut inside = self.machine.inside();
        (inside.meddling_percent, inside.failing_percent, inside.ends_after) = (0, 0, None);
        (inside.state.is_full, inside.state.syncs_until_failure) = (false, None);
        drop(inside);
        self.config.put_good(&mut self.dice, &self.trace);
        if self.agent.is_running() && self.config.observe().is_ok() {
            self.agent.set_tasks(self.config.tasks());
        }
    }

    /// Everything on its way arrives.
    fn drain(&mut self) -> Result<(), String> {
        for _ in 0..12 {
            self.produce()?;
        }
        for at in 0..self.transfers.len() {
            for _ in 0..3 {
                for partition in self.transfers[at].partitions() {
                    self.transfers[at].turn(partition, &self.broker, &mut self.dice);
                }
                for _ in 0..8 {
                    self.transfers[at].deliver(&mut self.search, &mut self.dice, true);
                    self.transfers[at].bury(&mut self.checker.dead, &mut self.dice, true);
                }
            }
            self.commit(at)?;
        }
        self.search.apply_late(&mut self.dice);
        Ok(())
    }

    fn is_at_rest(&mut self) -> bool {
        self.broker.is_idle()
            && self.broker.is_committed()
            && self.transfers.iter().all(Transfer::is_idle)
            && self.search.is_idle()
            && self.agent.is_idle()
            && self.checker.is_complete(&self.machine.inside().logs, &self.search)
    }

    fn sum_up(&mut self) {
        let inside = self.machine.inside();
        self.struck.rotations = inside.writers.rotations;
        self.struck.lines = inside.writers.lines;
        self.struck.starts = self.agent.starts;
        self.struck.bad_values = self.config.bad_values;
        self.struck.wipes = self.config.wipes;
        self.struck.conflicts = self.search.conflicts;
        self.struck.answers_lost = self.search.answers_lost + self.broker.answers_lost;
        self.struck.refusals = self.search.refusals;
        self.struck.dead_letters = self.checker.dead.len() as u64;
    }
}
