//! The collector's decisions under schedules of faults.
//!
//! One seed makes one schedule: who writes and rotates which logs, what the agent is told and when, when it is killed, what
//! the disk keeps, what Kafka and Elasticsearch answer, who reads which partition, what the control plane says. In every fourth
//! schedule the embedded index stands in the place of Kafka, transfers and Elasticsearch. What decides is the collector's own
//! code: the reading of `collector-tail` in steps, with its journal and checkpoints, the ledger and the tickets, the consumer's
//! progress, the outcomes of bulk requests, what the embedded index covers, the reconciling of configurations. What surrounds it
//! (file system, clock, watcher, Kafka, Elasticsearch, commits of the embedded index, etcd) is a model, so that a schedule takes a
//! millisecond, and the same seed gives the same schedule.

mod agent;
mod broker;
mod check;
mod cluster;
mod config;
mod destination;
mod disk;
mod embedded;
mod logs;
mod schedule;
mod search;
mod state;
mod streams;
mod time;
mod trace;
mod transfer;
mod writers;

use std::{fmt, ops::AddAssign};

use schedule::Schedule;

/// A fault in how the parts are put together, planted to see that the checks find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// The transfer commits what it has read, before it is safe.
    CommitEarly,
    /// A document has another id each time that it is sent.
    RandomIds,
    /// The index follows from the clock.
    WallClockIndex,
    /// Lines count as acknowledged before Kafka has them.
    CheckpointEarly,
    /// What time decided about the ends of lines and events does not stand in the journal.
    UnjournalledBoundary,
    /// The device's number is a part of a file's identity.
    DeviceInUid,
    /// Documents that were there already count as created.
    MiscountedConflicts,
    /// The embedded index keeps documents without what they cover.
    CoverageForgotten,
}

impl Plant {
    /// All of them.
    pub const ALL: [Plant; 8] = [
        Plant::CommitEarly,
        Plant::RandomIds,
        Plant::WallClockIndex,
        Plant::CheckpointEarly,
        Plant::UnjournalledBoundary,
        Plant::DeviceInUid,
        Plant::MiscountedConflicts,
        Plant::CoverageForgotten,
    ];
}

/// How schedules are run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// A fault to plant.
    pub plant: Option<Plant>,
    /// Keep the steps in words.
    pub tells_steps: bool,
}

/// What came of a schedule.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// A hash of every step: the same for the same seed.
    pub hash: u64,
    /// The invariant that does not hold, if one does not.
    pub violation: Option<String>,
    /// What struck.
    pub struck: Struck,
    /// The steps in words, where they were asked for.
    pub steps: Vec<String>,
}

/// Runs the schedule of a seed.
pub fn run(seed: u64, options: &Options) -> Outcome {
    let mut schedule = Schedule::new(seed, options);
    let violation = schedule.run().err();
    let (hash, steps) = (schedule.trace.hash(), schedule.trace.take_told());
    Outcome { hash, violation, struck: schedule.struck, steps }
}

macro_rules! struck {
    ($($(#[doc = $doc:literal])+ $field:ident = $name:literal,)*) => {
        /// How often what happened.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Struck {
            $($(#[doc = $doc])+ pub $field: u64,)*
        }

        impl AddAssign for Struck {
            fn add_assign(&mut self, other: Struck) {
                $(self.$field += other.$field;)*
            }
        }

        impl fmt::Display for Struck {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let all = [$((self.$field, $name)),*];
                let words: Vec<String> = all.iter().map(|(count, name)| format!("{count} {name}")).collect();
                f.write_str(&words.join(", "))
            }
        }
    };
}

struck! {
    /// Lines written.
    lines = "lines",
    /// Rotations.
    rotations = "rotations",
    /// Starts of the agent.
    starts = "starts",
    /// Times the agent was killed.
    kills = "kills",
    /// Of those, in the middle of a call of the system.
    kills_in_calls = "of them in a call",
    /// Of those, with what was not synced.
    power_losses = "of them power losses",
    /// Times the agent was stopped in good order.
    stops = "stops",
    /// Faults of the state's disk.
    disk_faults = "disk faults",
    /// Batches that a worker dropped.
    batches_dropped = "batches dropped",
    /// Times the producer gave up what was under way.
    give_ups = "times the producer gave up",
    /// Transfers killed.
    transfers_killed = "transfers killed",
    /// Rebalances of the group.
    rebalances = "rebalances",
    /// Answers that were lost after the request was applied.
    answers_lost = "answers lost",
    /// Bulk requests that were refused.
    refusals = "bulk requests refused",
    /// Documents that were there already.
    conflicts = "conflicts",
    /// Lines in the dead letters.
    dead_letters = "dead letters",
    /// Bad values in the control plane.
    bad_values = "bad values",
    /// Times the control plane was wiped or restored.
    wipes = "wipes",
    /// Times the wall clock was set.
    clock_jumps = "clock jumps",
    /// Schedules with the embedded index in place of Kafka, transfers and a search elsewhere.
    embedded = "with the embedded index",
    /// Commits of a partition of it that failed.
    commits_failed = "failed commits of it",
    /// Lines that came again and were covered.
    lines_covered = "lines that it had",
}
