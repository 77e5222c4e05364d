//! What the places do in the torture test's build.

use rustix::process::{Signal, getpid, kill_process};

/// Reads `FAILPOINTS`.
pub fn arm() {
    // Torn down it would disarm every place; it is to last as long as the process.
    std::mem::forget(fail::FailScenario::setup());
}

/// The process comes past the place of that name: it ends here, as by `kill -9`, where that is asked for.
pub fn reached(name: &str) {
    fail::fail_point!(name, |_| kill_self());
}

/// Whether the wrong turn of that name is to be taken.
pub fn planted(name: &str) -> bool {
    fail::fail_point!(name, |_| true);
    false
}

fn kill_self() {
    // Nothing is flushed, no destructor runs, and whoever waits for the process sees the signal.
    let _ = kill_process(getpid(), Signal::KILL);
}
