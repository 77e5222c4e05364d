//! Ctrl-C, SIGTERM and SIGHUP are noticed, so that a verb can stop what it started before it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Turns the signals into a flag, from now on. The second one ends the program at once.
pub(crate) fn watch() -> anyhow::Result<()> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(flag))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(flag)))
            .with_context(|| format!("watching for signal {signal}"))?;
    }
    Ok(())
}

/// Whether the user wants us to end.
pub(crate) fn requested() -> bool {
    INTERRUPTED.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// An error when the user wants us to end: asked between two steps.
pub(crate) fn check() -> anyhow::Result<()> {
    anyhow::ensure!(!requested(), "interrupted");
    Ok(())
}
