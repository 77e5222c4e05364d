//! One schedule: a storm of everything that can happen, then calm, then the checks.

use collector_model::Topic;

use crate::{
    Options, Struck,
    agent::Agent,
    check::Checker,
    cluster::Cluster,
    config::Config,
    destination::{Around, Destination},
    disk::Machine,
    embedded::Embedded,
    logs::Logs,
    time::Time,
    trace::Trace,
    writers::{Names, Writers},
};

/// Every how many seeds lines go into the embedded index.
const EMBEDDED_EVERY: u64 = 4;
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
    destination: Box<dyn Destination>,
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
        let names = [Names::Each, Names::Each, Names::Ending, Names::Any][usize::from(layout)];
        let mut logs = Logs::new(time.clone(), dice.u8(..5) > 0);
        logs.finds_renamed = names == Names::Any;
        let writers = Writers::new(time.clone(), writers_count, names, &mut dice);
        let paths = match names {
            Names::Each => writers.all.iter().map(|writer| writer.path.to_string_lossy().into_owned()).collect(),
            Names::Ending => vec!["/logs/*.log".to_owned()],
            Names::Any => vec!["/logs/*".to_owned()],
        };
        let styles: Vec<_> = writers.all.iter().map(|writer| writer.style).collect();
        trace.note(format_args!("seed {seed}: logs {paths:?}, rotated {styles:?}, births {}", logs.has_births));
        let machine = Machine::new(logs, writers, dice.fork(), trace.clone(), options.plant);
        machine.inside().state.is_lenient = dice.bool();
        let config = Config::new(paths, &mut dice, &trace);
        let agent = Agent::new(machine.clone(), time.clone(), trace.clone(), &mut dice);
        // One letter is a legal name.
        let topic = Topic::new("t").expect("legal");
        let (destination, partitions): (Box<dyn Destination>, usize) = if seed % EMBEDDED_EVERY == EMBEDDED_EVERY - 1 {
            (Box::new(Embedded::new(trace.clone(), options.plant)), 0)
        } else {
            let cluster = Cluster::new((&time, &trace), options.plant, &topic, &mut dice);
            let partitions = cluster.partitions();
            (Box::new(cluster), partitions)
        };
        let (checker, struck) = (Checker::new(&topic, partitions), Struck::default());
        Schedule { dice, time, trace, machine, config, agent, destination, checker, struck, is_calm: false }
    }

    /// Where lines go, and what it meets there.
    fn destination(&mut self) -> (&mut dyn Destination, Around<'_>) {
        let around = Around {
            dice: &mut self.dice,
            checker: &mut self.checker,
            machine: &self.machine,
            struck: &mut self.struck,
            is_calm: self.is_calm,
        };
        (&mut *self.destination, around)
    }

    /// Runs it. The error names the invariant that does not hold.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        self.machine.inside().meddling_percent = [0, 1, 5][self.dice.usize(..3)];
        self.machine.inside().failing_percent = [0, 0, 1][self.dice.usize(..3)];
        self.config.observe()?;
        let (destination, mut around) = self.destination();
        destination.begin(&mut around)?;
        let steps = self.dice.usize(60..400);
        for _ in 0..steps {
            self.step()?;
        }
        self.calm()?;
        self.sum_up();
        self.checker.end(&self.machine.inside().logs, &self.destination.documents())
    }

    /// Something happens.
    fn step(&mut self) -> Result<(), String> {
        match self.dice.u8(..100) {
            0..24 => self.machine.inside().write_logs(),
            24..46 => self.read()?,
            46..49 => self.write_checkpoint()?,
            49..62 => self.produce()?,
            62..88 => self.turn()?,
            88..93 => self.let_time_pass(),
            93 => self.end_agent()?,
            94 => self.arm(),
            95 => self.end_member()?,
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
        self.agent.start(self.config.tasks(), self.destination.coverage(), &mut self.dice);
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
        if power_goes {
            self.struck.power_losses += 1;
            let mut inside = self.machine.inside();
            let inside = &mut *inside;
            inside.state.lose_power(&mut inside.dice);
            inside.logs.device += 1;
        }
        self.struck.kills += 1;
        let (destination, mut around) = self.destination();
        destination.agent_killed(&mut around)
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
        let (destination, mut around) = self.destination();
        destination.agent_stops(&mut around)?;
        self.agent.stop();
        let (destination, mut around) = self.destination();
        destination.agent_stopped(&mut around)?;
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

    /// The worker takes a batch, and hands it over.
    fn produce(&mut self) -> Result<(), String> {
        let batch = if self.destination.has_room() { self.agent.take_batch(&mut self.dice) } else { None };
        if let Some(batch) = batch {
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
                let (destination, mut around) = self.destination();
                destination.take(batch, era, &mut around);
            }
        }
        let (destination, mut around) = self.destination();
        destination.accept(&mut around)
    }

    fn give_up(&mut self) {
        let (destination, mut around) = self.destination();
        destination.give_up(&mut around);
    }

    /// Somebody behind the agent has a turn.
    fn turn(&mut self) -> Result<(), String> {
        let (destination, mut around) = self.destination();
        destination.turn(&mut around)
    }

    fn end_member(&mut self) -> Result<(), String> {
        let (destination, mut around) = self.destination();
        destination.end_member(&mut around)
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
        let documents = self.destination.documents();
        let lost = self.checker.end(&self.machine.inside().logs, &documents).err().unwrap_or_default();
        Err(format!("I7: it does not come to rest. {lost}\n{}", self.agent.standing()))
    }

    /// What is counted is what happened.
    fn check_counters(&self) -> Result<(), String> {
        self.agent.check_counters()?;
        self.destination.check_counters()
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
        let (destination, mut around) = self.destination();
        destination.drain(&mut around)
    }

    fn is_at_rest(&mut self) -> bool {
        self.destination.is_idle()
            && self.agent.is_idle()
            && self.checker.is_complete(&self.machine.inside().logs, &self.destination.documents())
    }

    fn sum_up(&mut self) {
        let inside = self.machine.inside();
        self.struck.rotations = inside.writers.rotations;
        self.struck.lines = inside.writers.lines;
        self.struck.starts = self.agent.starts;
        self.struck.bad_values = self.config.bad_values;
        self.struck.wipes = self.config.wipes;
        self.destination.sum_up(&mut self.struck);
        self.struck.dead_letters = self.checker.dead.len() as u64;
    }
}
