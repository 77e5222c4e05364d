//! What plugins write to the log, so many a second.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const MESSAGE_BYTES_MAX: usize = 1_024;
const MESSAGES_MAX: u32 = 10;
const WINDOW: Duration = Duration::from_secs(1);

/// Lets some messages of one instance pass.
pub(crate) struct LogGate {
    plugin: Arc<str>,
    window_began: Instant,
    passed: u32,
    held_back: u64,
}

impl LogGate {
    /// A gate for the named plugin.
    pub(crate) fn new(plugin: Arc<str>) -> Self {
        LogGate { plugin, window_began: Instant::now(), passed: 0, held_back: 0 }
    }

    /// Writes the message, or counts it where there were too many.
    pub(crate) fn pass(&mut self, level: u8, message: &str) {
        if self.window_began.elapsed() > WINDOW {
            self.window_began = Instant::now();
            self.passed = 0;
        }
        if self.passed >= MESSAGES_MAX {
            self.held_back += 1;
            return;
        }
        self.passed += 1;
        let message = &message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)];
        let (plugin, held_back) = (&*self.plugin, std::mem::take(&mut self.held_back));
        match level {
            0 => tracing::error!(plugin, held_back, "{message}"),
            1 => tracing::warn!(plugin, held_back, "{message}"),
            2 => tracing::info!(plugin, held_back, "{message}"),
            3 => tracing::debug!(plugin, held_back, "{message}"),
            _ => tracing::trace!(plugin, held_back, "{message}"),
        }
    }
}
