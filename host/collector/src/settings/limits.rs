//! Limits, and their defaults.

use std::time::Duration;

use super::meaning::Meaning;

/// What the process may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory for lines under way, in bytes.
    pub memory_bytes_max: usize,
    /// Files that are open at once; `None` takes what the system's limit on descriptors leaves.
    pub open_files_max: Option<usize>,
    /// Threads that run plugins.
    pub workers_max: usize,
    /// The longest line where a task says nothing, in bytes.
    pub line_bytes_max: usize,
    /// Bytes of a batch.
    pub batch_bytes_max: usize,
    /// Lines of a batch.
    pub batch_lines_max: usize,
    /// How long a batch gathers lines.
    pub batch_age_max: Duration,
    /// What the dead letters of a topic may take on disk, in bytes, where they are kept in files.
    pub dead_letters_bytes_max: u64,
    /// Limits of each plugin.
    pub plugin: PluginLimits,
}

/// What one plugin may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginLimits {
    /// Memory of an instance, in bytes.
    pub memory_bytes_max: usize,
    /// Time for a batch before a warning.
    pub process_warn: Duration,
    /// Time for a batch.
    pub process_max: Duration,
    /// Time to start.
    pub open_max: Duration,
    /// Size of a `.wasm` file, in bytes.
    pub wasm_bytes_max: usize,
    /// Size of a function of it, in bytes.
    pub function_bytes_max: usize,
    /// Size of an asset, in bytes.
    pub asset_bytes_max: usize,
    /// How many times larger than its input the output may be.
    pub output_ratio_max: usize,
    /// How many bytes it may have beyond that.
    pub output_bytes_extra: usize,
    /// Messages that it may write to the log in a second.
    pub log_messages_max: u32,
    /// Faults within the window that lead to quarantine.
    pub faults_max: usize,
    /// The window.
    pub faults_window: Duration,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

pub(crate) fn meaning(m: &mut Meaning<'_>) -> Option<Limits> {
    let low = m.written.low.limits.clone().unwrap_or_default();
    let cores = m.written.machine.cores as u64;
    let plugin = plugin(m);
    let memory = m.number("limits.memory_bytes_max", low.memory_bytes_max, 64 * MIB, 8 * MIB..=1024 * GIB);
    let open_files = low.open_files_max.map(|files| m.number("limits.open_files_max", Some(files), 0, 16..=4_000_000));
    let workers = m.number("limits.workers_max", low.workers_max, cores.min(4), 1..=256);
    let line = m.number("limits.line_bytes_max", low.line_bytes_max, 512 * KIB, KIB..=16 * MIB);
    let bytes = m.number("limits.batch_bytes_max", low.batch_bytes_max, 128 * KIB, 4 * KIB..=4 * MIB);
    let lines = m.number("limits.batch_lines_max", low.batch_lines_max, 2_000, 1..=100_000);
    let age = m.number("limits.batch_ms_max", low.batch_ms_max, 20, 1..=10_000);
    let dead = m.number("limits.dead_letters_bytes_max", low.dead_letters_bytes_max, GIB, 64 * KIB..=1024 * GIB);
    Some(Limits {
        memory_bytes_max: memory? as usize,
        open_files_max: open_files.map_or(Some(None), |files| files.map(|files| Some(files as usize)))?,
        workers_max: workers? as usize,
        line_bytes_max: line? as usize,
        batch_bytes_max: bytes? as usize,
        batch_lines_max: lines? as usize,
        batch_age_max: Duration::from_millis(age?),
        dead_letters_bytes_max: dead?,
        plugin: plugin?,
    })
}

fn plugin(m: &mut Meaning<'_>) -> Option<PluginLimits> {
    let low = m.written.low.limits.clone().and_then(|limits| limits.plugin).unwrap_or_default();
    let memory = m.number("limits.plugin.memory_bytes_max", low.memory_bytes_max, 64 * MIB, MIB..=4 * GIB);
    let warn = m.number("limits.plugin.process_warn_ms", low.process_warn_ms, 100, 10..=600_000);
    let process = m.number("limits.plugin.process_ms_max", low.process_ms_max, 1_000, 10..=600_000);
    let open = m.number("limits.plugin.open_ms_max", low.open_ms_max, 5_000, 10..=600_000);
    let wasm = m.number("limits.plugin.wasm_bytes_max", low.wasm_bytes_max, 64 * MIB, KIB..=GIB);
    let function = m.number("limits.plugin.function_bytes_max", low.function_bytes_max, 512 * KIB, KIB..=8 * MIB);
    let asset = m.number("limits.plugin.asset_bytes_max", low.asset_bytes_max, 512 * MIB, KIB..=64 * GIB);
    let ratio = m.number("limits.plugin.output_ratio_max", low.output_ratio_max, 8, 1..=1_000);
    let extra = m.number("limits.plugin.output_bytes_extra", low.output_bytes_extra, 64 * KIB, KIB..=GIB);
    let log = m.number("limits.plugin.log_messages_max", low.log_messages_max, 10, 0..=1_000_000);
    let faults = m.number("limits.plugin.faults_max", low.faults_max, 3, 1..=1_000);
    let window = m.number("limits.plugin.faults_window_s", low.faults_window_s, 60, 1..=86_400);
    let (warn, process) = (warn?, process?);
    if warn > process {
        let problem =
            format!("{warn} is more than limits.plugin.process_ms_max, which is {process}: nothing would be warned of");
        m.complain("limits.plugin.process_warn_ms", problem, "write a smaller number, or raise process_ms_max");
        return None;
    }
    Some(PluginLimits {
        memory_bytes_max: memory? as usize,
        process_warn: Duration::from_millis(warn),
        process_max: Duration::from_millis(process),
        open_max: Duration::from_millis(open?),
        wasm_bytes_max: wasm? as usize,
        function_bytes_max: function? as usize,
        asset_bytes_max: asset? as usize,
        output_ratio_max: ratio? as usize,
        output_bytes_extra: extra? as usize,
        log_messages_max: log? as u32,
        faults_max: faults? as usize,
        faults_window: Duration::from_secs(window?),
    })
}
