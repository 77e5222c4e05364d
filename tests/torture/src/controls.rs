//! Negative controls: wrong turns that the program takes on purpose, each of which the checker has to notice.

use crate::faults::Fault;

/// A wrong turn, and the faults that bring it to light.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// Its failpoint.
    pub name: &'static str,
    /// What strikes.
    pub faults: &'static [Fault],
}

/// All of them.
pub const CONTROLS: &[Control] = &[
    Control { name: "commit-early", faults: &[Fault::TransferKilled, Fault::IndexHeld] },
    Control { name: "drop-on-queue-full", faults: &[Fault::KafkaOutage] },
    Control { name: "random-ids", faults: &[Fault::AgentKilled, Fault::AgentKilledAfterDelivery] },
    Control { name: "wall-clock-index", faults: &[Fault::ClockAhead, Fault::TransferKilledAfterBulk] },
    Control { name: "checkpoint-before-ack", faults: &[Fault::ProduceHeld, Fault::AgentKilled] },
    Control { name: "unjournalled-boundary", faults: &[Fault::AgentKilledAfterDelivery, Fault::AgentKilled] },
    Control { name: "device-in-uid", faults: &[Fault::AgentKilled, Fault::AgentTerminated] },
    Control { name: "data-stream-index", faults: &[Fault::IndexRolledOver, Fault::TransferKilledAfterBulk] },
];

/// The control of that name.
pub fn control(name: &str) -> Option<&'static Control> {
    CONTROLS.iter().find(|control| control.name == name)
}
