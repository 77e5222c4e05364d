//! The clock by which plugins are interrupted. It ticks while plugins are at work, and rests where nothing was for a second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use wasmtime::Engine;

use crate::limits::TICK;

/// After so many ticks without work it rests.
const IDLE_TICKS: u32 = 100;
/// How often a resting clock looks whether its engine is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// All clones are one clock.
#[derive(Clone, Default)]
pub(crate) struct CallClock(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Under way now.
    calls: AtomicUsize,
    is_resting: AtomicBool,
    rest: Mutex<()>,
    work: Condvar,
}

/// A call that is under way. The clock ticks until it is dropped.
pub(crate) struct Call<'a>(&'a Shared);

impl CallClock {
    /// Starts it. It ends with the engine.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let clock = CallClock::default();
        let (engine, shared) = (engine.weak(), Arc::clone(&clock.0));
        let tick = move || {
            let mut idle = 0;
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                idle = if shared.is_idle() { idle + 1 } else { 0 };
                if idle > IDLE_TICKS { shared.rest(LOOK_EVERY) } else { std::thread::sleep(TICK) }
            }
        };
        std::thread::Builder::new().name("plugin-clock".to_owned()).spawn(tick)?;
        Ok(clock)
    }

    /// Says that a plugin begins to work.
    pub(crate) fn call(&self) -> Call<'_> {
        // In one order with `rest`: either that sees the call, or this sees the rest.
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        if self.0.is_resting.load(Ordering::SeqCst) {
            let _rest = self.0.rest.lock();
            self.0.work.notify_one();
        }
        Call(&self.0)
    }
}

impl Shared {
    fn is_idle(&self) -> bool {
        self.calls.load(Ordering::SeqCst) == 0
    }

    /// Waits until a plugin works, but no longer than that.
    fn rest(&self, time_max: Duration) {
        let mut rest = self.rest.lock();
        self.is_resting.store(true, Ordering::SeqCst);
        if self.is_idle() {
            self.work.wait_for(&mut rest, time_max);
        }
        self.is_resting.store(false, Ordering::SeqCst);
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It would never end if one of them missed the other.
    const FOR_EVER: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_call_ends_the_rest_and_there_is_none_while_it_is_under_way() {
        for _ in 0..1_000 {
            let clock = CallClock::default();
            let shared = Arc::clone(&clock.0);
            let resting = std::thread::spawn(move || shared.rest(FOR_EVER));
            let call = clock.call();
            resting.join().unwrap();
            clock.0.rest(FOR_EVER);
            drop(call);
            assert!(clock.0.is_idle());
        }
    }
}
