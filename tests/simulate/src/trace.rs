//! What happened in a schedule: always as a hash, and in words where somebody wants to read it.

use std::{
    fmt::{self, Write},
    sync::Arc,
};

use parking_lot::Mutex;
use xxhash_rust::xxh3::Xxh3Default;

use crate::time::Time;

/// The steps of one schedule. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Trace(Arc<Mutex<Steps>>);

struct Steps {
    time: Time,
    hash: Xxh3Default,
    told: Option<Vec<String>>,
}

impl Write for Steps {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.hash.update(text.as_bytes());
        Ok(())
    }
}

impl Trace {
    pub(crate) fn new(time: Time, is_told: bool) -> Self {
        Trace(Arc::new(Mutex::new(Steps { time, hash: Xxh3Default::new(), told: is_told.then(Vec::new) })))
    }

    /// Takes note of a step.
    pub(crate) fn note(&self, step: fmt::Arguments<'_>) {
        let mut steps = self.0.lock();
        // Writing into a hash cannot fail.
        let _ = steps.write_fmt(step);
        let passed_ms = steps.time.passed_ms();
        steps.hash.update(&passed_ms.to_be_bytes());
        if let Some(told) = &mut steps.told {
            told.push(format!("{passed_ms:>9} ms  {step}"));
        }
    }

    /// Adds what helps whoever reads the steps, and is no step.
    pub(crate) fn explain(&self, words: impl FnOnce() -> String) {
        if let Some(told) = &mut self.0.lock().told {
            told.extend(words().lines().map(|line| format!("              | {line}")));
        }
    }

    /// The hash of all steps so far.
    pub(crate) fn hash(&self) -> u64 {
        self.0.lock().hash.digest()
    }

    /// The steps in words; none where nobody asked for them.
    pub(crate) fn take_told(&self) -> Vec<String> {
        self.0.lock().told.take().unwrap_or_default()
    }
}
