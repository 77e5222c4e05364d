//! Negative controls: wrong turns that the program takes on purpose, each of which the checker has to notice.

use std::time::Duration;

use crate::faults::Fault;

/// A wrong turn, and the faults that bring it to light.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// Its failpoint.
    pub name: &'static str,
    /// What strikes.
    pub faults: &'static [Fault],
    /// How long it strikes.
    pub duration: Duration,
}

const LONG: Duration = Duration::from_secs(45);
/// Where every start of the agent reads all files again: in more time there would be too much to be read back in time.
const SHORT: Duration = Duration::from_secs(15);

/// All of them.
pub const CONTROLS: &[Control] = &[
    Control { name: "commit-early", faults: &[Fault::TransferKilled, Fault::IndexHeld], duration: LONG },
    Control { name: "drop-on-queue-full", faults: &[Fault::KafkaOutage], duration: LONG },
    Control { name: "random-ids", faults: &[Fault::AgentKilled, Fault::AgentKilledAfterDelivery], duration: LONG },
    Control { name: "wall-clock-index", faults: &[Fault::ClockAhead, Fault::TransferKilledAfterBulk], duration: LONG },
    Control { name: "checkpoint-before-ack", faults: &[Fault::ProduceHeld, Fault::AgentKilled], duration: LONG },
    Control {
        name: "unjournalled-boundary",
        faults: &[Fault::AgentKilledAfterDelivery, Fault::AgentKilled],
        duration: LONG,
    },
    Control { name: "device-in-uid", faults: &[Fault::AgentKilled, Fault::AgentTerminated], duration: SHORT },
    Control {
        name: "data-stream-index",
        faults: &[Fault::IndexRolledOver, Fault::TransferKilledAfterBulk],
        duration: LONG,
    },
];

/// The control of that name.
pub fn control(name: &str) -> Option<&'static Control> {
    CONTROLS.iter().find(|control| control.name == name)
}
