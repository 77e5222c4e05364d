//! What a plugin may use, and how often a plugin met which of its limits.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

/// Limits of plugins, each a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of lines that are handed over at once; a longer line comes alone.
    pub slice_bytes_max: usize,
    /// Lines that are handed over at once.
    pub slice_lines_max: usize,
    /// How long `process` may take before it is trapped.
    pub process_time_max: Duration,
    /// How long `process` may take before it is counted and the log says so. A batch that faulted is split until the bad event is alone: an
    /// event alone gets this long, and splitting as a whole [`Limits::process_time_max`], so that a batch costs at most twice that.
    pub process_time_warn: Duration,
    /// How long `open` may take.
    pub open_time_max: Duration,
    /// Bytes of memory of an instance, apart from twice the size of its assets.
    pub memory_bytes_max: usize,
    /// Bytes of a `.wasm` file.
    pub wasm_bytes_max: u64,
    /// Bytes of one function of it: the time and the memory that compiling a function takes can grow with the square of its size.
    pub function_bytes_max: usize,
    /// Bytes of an asset.
    pub asset_bytes_max: u64,
    /// How many times its input `process` may return, all lists together.
    pub output_ratio_max: usize,
    /// Bytes that `process` may return beyond that.
    pub output_bytes_extra: usize,
    /// Messages that a plugin may write to the log in a second.
    pub log_messages_max: u32,
    /// Faults within [`Limits::faults_window`] that put a plugin into quarantine.
    pub faults_max: usize,
    /// How long a fault counts.
    pub faults_window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            slice_bytes_max: 128 << 10,
            slice_lines_max: 2_000,
            process_time_max: Duration::from_secs(1),
            process_time_warn: Duration::from_millis(100),
            open_time_max: Duration::from_secs(5),
            memory_bytes_max: 64 << 20,
            wasm_bytes_max: 64 << 20,
            function_bytes_max: 512 << 10,
            asset_bytes_max: 512 << 20,
            output_ratio_max: 8,
            output_bytes_extra: 64 << 10,
            log_messages_max: 10,
            faults_max: 3,
            faults_window: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// Bytes that `process` may return for so many.
    pub(crate) fn output_bytes_max(&self, input: usize) -> usize {
        self.output_ratio_max.saturating_mul(input).saturating_add(self.output_bytes_extra)
    }
}

/// A limit that a plugin can meet, as the label of a counter has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// An instance wanted more memory.
    Memory,
    /// `process` took long enough for a warning.
    ProcessWarn,
    /// `process` was trapped.
    ProcessTime,
    /// `open` was trapped.
    OpenTime,
    /// `process` returned too much.
    Output,
    /// The file is too large.
    WasmBytes,
    /// A function of it is too large.
    FunctionBytes,
    /// An asset is too large.
    AssetBytes,
    /// Messages were kept out of the log: each one counts.
    LogMessages,
    /// So many faults that the plugin went into quarantine.
    Faults,
}

impl Limit {
    const ALL: [Limit; 10] = [
        Limit::Memory,
        Limit::ProcessWarn,
        Limit::ProcessTime,
        Limit::OpenTime,
        Limit::Output,
        Limit::WasmBytes,
        Limit::FunctionBytes,
        Limit::AssetBytes,
        Limit::LogMessages,
        Limit::Faults,
    ];

    /// Its name in the metrics: the setting's, without the unit where that says nothing.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Limit::Memory => "memory",
            Limit::ProcessWarn => "process_warn",
            Limit::ProcessTime => "process_time",
            Limit::OpenTime => "open_time",
            Limit::Output => "output",
            Limit::WasmBytes => "wasm_bytes",
            Limit::FunctionBytes => "function_bytes",
            Limit::AssetBytes => "asset_bytes",
            Limit::LogMessages => "log_messages",
            Limit::Faults => "faults",
        }
    }
}

/// How often the instances of one plugin met which limit, until somebody takes the counts.
#[derive(Debug, Default)]
pub(crate) struct LimitsMet {
    any: AtomicBool,
    counts: [AtomicU64; Limit::ALL.len()],
}

impl LimitsMet {
    /// One more.
    pub(crate) fn count(&self, limit: Limit) {
        self.counts[limit as usize].fetch_add(1, Ordering::Relaxed);
        self.any.store(true, Ordering::Release);
    }

    /// Hands over what was counted since it was asked last.
    #[inline]
    pub(crate) fn take(&self, each: impl FnMut(Limit, u64)) {
        if self.any.load(Ordering::Relaxed) {
            self.take_all(each);
        }
    }

    #[cold]
    fn take_all(&self, mut each: impl FnMut(Limit, u64)) {
        self.any.store(false, Ordering::Release);
        for limit in Limit::ALL {
            let count = self.counts[limit as usize].swap(0, Ordering::Relaxed);
            if count > 0 {
                each(limit, count);
            }
        }
    }
}

/// How often the clock of running plugins ticks: the precision of their deadlines.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Forks of one line, at most.
pub(crate) const FORKS_MAX: u32 = 1_000;
/// Names of one table, at most.
pub(crate) const NAMES_MAX: usize = 65_536;
/// Names beyond which an instance is replaced between batches.
pub(crate) const NAMES_SOFT_MAX: usize = 32_768;
/// Bytes of the reason of a rejected event.
pub(crate) const REASON_BYTES_MAX: usize = 1_024;
/// How many times its input the values of a slice may be together: several may point at the same bytes.
pub(crate) const VALUES_RATIO_MAX: u64 = 64;
/// Bytes that the values of a slice may have beyond that.
pub(crate) const VALUES_BYTES_EXTRA: u64 = 1 << 20;
/// Elements of all tables of an instance, at most: what functions it can call by address.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 100_000;
/// Core instances, memories and tables of one component, each, at most.
pub(crate) const PARTS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_handed_over_once() {
        let met = LimitsMet::default();
        let taken = || {
            let mut taken = vec![];
            met.take(|limit, count| taken.push((limit.name(), count)));
            taken
        };
        assert_eq!(taken(), []);
        met.count(Limit::Memory);
        met.count(Limit::Faults);
        met.count(Limit::Faults);
        assert_eq!(taken(), [("memory", 1), ("faults", 2)]);
        assert_eq!(taken(), []);
    }
}
