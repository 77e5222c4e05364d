//! A wait that can be cut short.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Set once; whoever waits is woken.
#[derive(Default)]
pub(crate) struct Stop {
    stopped: Mutex<bool>,
    wake: Condvar,
}

impl Stop {
    pub(crate) fn set(&self) {
        *self.stopped.lock() = true;
        self.wake.notify_all();
    }

    /// Waits that long, or until it is set. Returns whether it is.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let mut stopped = self.stopped.lock();
        if !*stopped {
            self.wake.wait_for(&mut stopped, time);
        }
        *stopped
    }
}
