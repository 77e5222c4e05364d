//! What standalone needs.

use std::time::Duration;

use super::{Common, agent, agent::TaskSource, every_role, meaning::Meaning};

/// What standalone needs.
#[derive(Clone, Debug)]
pub struct StandaloneSettings {
    /// What every role has.
    pub common: Common,
    /// Where tasks come from: a directory, or the settings themselves.
    pub tasks: TaskSource,
    /// The embedded index.
    pub index: IndexSettings,
}

/// The embedded index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexSettings {
    /// How many days are kept, today included; `None` keeps everything.
    pub retention_days: Option<u32>,
    /// How long a document waits until a search sees it.
    pub commit_interval: Duration,
    /// Memory for documents that are not on disk yet, in bytes.
    pub memory_bytes_max: usize,
}

pub(crate) fn meaning(m: &mut Meaning<'_>) -> Option<StandaloneSettings> {
    let common = every_role::meaning(m);
    let index = index(m);
    let common = common?;
    let tasks = agent::local_source(m, &common);
    Some(StandaloneSettings { common, tasks: tasks?, index: index? })
}

fn index(m: &mut Meaning<'_>) -> Option<IndexSettings> {
    let low = m.written.low.index.clone().unwrap_or_default();
    let days = low.retention_days.map(|days| m.number("index.retention_days", Some(days), 0, 1..=36_500));
    let commit = m.number("index.commit_ms_max", low.commit_ms_max, 1_000, 50..=60_000);
    let memory = m.number("index.memory_bytes_max", low.memory_bytes_max, 64 << 20, 15 << 20..=4 << 30);
    Some(IndexSettings {
        retention_days: days.map_or(Some(None), |days| days.map(|days| Some(days as u32)))?,
        commit_interval: Duration::from_millis(commit?),
        memory_bytes_max: memory? as usize,
    })
}
