//! What a plugin may use.

use std::time::Duration;

/// Limits of plugins, each a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of lines that are handed over at once; a longer line comes alone.
    pub slice_bytes_max: usize,
    /// Lines that are handed over at once.
    pub slice_lines_max: usize,
    /// How long `process` may take before it is trapped.
    pub process_time_max: Duration,
    /// How long `process` may take before the log says so. A batch that faulted is split; its parts get this long.
    pub process_time_warn: Duration,
    /// How long `open` may take.
    pub open_time_max: Duration,
    /// Bytes of memory of an instance, apart from twice the size of its assets.
    pub memory_bytes_max: usize,
    /// Bytes of a `.wasm` file.
    pub wasm_bytes_max: u64,
    /// Bytes of an asset.
    pub asset_bytes_max: u64,
    /// How many times its input `process` may return, all lists together.
    pub output_ratio_max: usize,
    /// Bytes that `process` may return beyond that.
    pub output_bytes_extra: usize,
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
            asset_bytes_max: 512 << 20,
            output_ratio_max: 8,
            output_bytes_extra: 64 << 10,
            faults_max: 3,
            faults_window: Duration::from_secs(60),
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
