//! How far ahead of reading the journal says that bytes may have been sent.

use std::time::{Duration, Instant};

/// How far ahead bytes are entered into the journal as possibly sent: little for a file that grows slowly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reserve {
    step_bytes: u64,
    at: Option<Instant>,
}

impl Reserve {
    const STEP_BYTES_MIN: u64 = 64 << 10;
    const STEP_BYTES_MAX: u64 = 64 << 20;
    const USED_UP_SOON: Duration = Duration::from_secs(5);

    pub(crate) fn new() -> Self {
        Reserve { step_bytes: Self::STEP_BYTES_MIN, at: None }
    }

    /// How much to reserve now.
    pub(crate) fn next(&mut self, now: Instant) -> u64 {
        let soon = self.at.is_some_and(|at| now.duration_since(at) < Self::USED_UP_SOON);
        self.step_bytes = if soon { self.step_bytes * 2 } else { self.step_bytes / 2 };
        self.step_bytes = self.step_bytes.clamp(Self::STEP_BYTES_MIN, Self::STEP_BYTES_MAX);
        self.at = Some(now);
        self.step_bytes
    }
}
