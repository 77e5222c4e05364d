//! What plugins write to the log, so many messages a second.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::limits::{Limit, LimitsMet};

const MESSAGE_BYTES_MAX: usize = 1_024;
const WINDOW: Duration = Duration::from_secs(1);

/// Lets some messages of one plugin pass, whichever instance writes them: one that faults again and again gets no new allowance.
pub(crate) struct LogGate {
    plugin: Arc<str>,
    messages_max: u32,
    met: Arc<LimitsMet>,
    window: Mutex<Window>,
}

struct Window {
    began: Instant,
    passed: u32,
    held_back: u64,
}

impl LogGate {
    /// A gate for the named plugin.
    pub(crate) fn new(plugin: Arc<str>, messages_max: u32, met: Arc<LimitsMet>) -> Self {
        let window = Mutex::new(Window { began: Instant::now(), passed: 0, held_back: 0 });
        LogGate { plugin, messages_max, met, window }
    }

    /// Writes the message, or counts it where there were too many.
    pub(crate) fn pass(&self, level: u8, message: &str) {
        let Some(held_back) = self.admit(Instant::now()) else { return };
        let message = &message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)];
        let plugin = &*self.plugin;
        match level {
            0 => tracing::error!(plugin, held_back, "{message}"),
            1 => tracing::warn!(plugin, held_back, "{message}"),
            2 => tracing::info!(plugin, held_back, "{message}"),
            3 => tracing::debug!(plugin, held_back, "{message}"),
            _ => tracing::trace!(plugin, held_back, "{message}"),
        }
    }

    /// How many messages were held back before this one, where it may pass.
    fn admit(&self, now: Instant) -> Option<u64> {
        let mut window = self.window.lock();
        if now.saturating_duration_since(window.began) >= WINDOW {
            (window.began, window.passed) = (now, 0);
        }
        if window.passed >= self.messages_max {
            window.held_back += 1;
            self.met.count(Limit::LogMessages);
            return None;
        }
        window.passed += 1;
        Some(std::mem::take(&mut window.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_messages_pass_in_a_second_and_the_next_one_tells_of_the_others() {
        let met = Arc::<LimitsMet>::default();
        let gate = LogGate::new("p".into(), 2, Arc::clone(&met));
        let began = Instant::now();
        let admitted: Vec<_> = (0..5).map(|_| gate.admit(began)).collect();
        assert_eq!(admitted, [Some(0), Some(0), None, None, None]);
        assert_eq!(gate.admit(began + WINDOW), Some(3));
        let mut counted = vec![];
        met.take(|limit, count| counted.push((limit.name(), count)));
        assert_eq!(counted, [("log_messages", 3)]);
    }
}
