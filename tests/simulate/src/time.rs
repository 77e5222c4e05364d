//! A clock that stands still until it is told to go on.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use collector_tail::Clock;

/// Some day in 2026, shortly before midnight, so that schedules meet a change of days.
const START_MS: i64 = 1_780_000_000_000 / 86_400_000 * 86_400_000 + 86_390_000;

/// Only differences between instants are ever looked at, so any will do as the first one.
fn first_instant() -> Instant {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    *FIRST.get_or_init(Instant::now)
}

/// The time of one schedule: steady, and as the machine's wall clock has it.
#[derive(Clone, Default)]
pub(crate) struct Time {
    passed_ms: Arc<AtomicI64>,
    wall_shift_ms: Arc<AtomicI64>,
}

impl Time {
    /// Since the schedule began.
    pub(crate) fn passed_ms(&self) -> i64 {
        self.passed_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn instant(&self) -> Instant {
        first_instant() + Duration::from_millis(self.passed_ms() as u64)
    }

    /// What the wall clock shows, in ms since the epoch.
    pub(crate) fn wall_ms(&self) -> i64 {
        START_MS + self.passed_ms() + self.wall_shift_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.passed_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Somebody sets the wall clock.
    pub(crate) fn shift_wall(&self, ms: i64) {
        self.wall_shift_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// The clock that reading goes by.
    pub(crate) fn clock(&self) -> Clock {
        let (wall, steady) = (self.clone(), self.clone());
        Clock::of(move || wall.wall_ms()).with_instant(move || steady.instant())
    }
}
