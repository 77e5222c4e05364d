//! The written form of tasks and rules, as serde reads it. What it means is decided in `parse`.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenTask {
    pub(crate) path: String,
    pub(crate) topic: String,
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    pub(crate) start_at: Option<String>,
    pub(crate) encoding: Option<String>,
    pub(crate) max_line: Option<u64>,
    pub(crate) flush_after_ms: Option<u64>,
    pub(crate) poll: Option<bool>,
    #[serde(default)]
    pub(crate) kafka: WrittenKafka,
    #[serde(default)]
    pub(crate) plugins: Vec<WrittenPlugin>,
    pub(crate) document: Option<String>,
    pub(crate) keep_original: Option<bool>,
    pub(crate) multiline: Option<Value>,
    pub(crate) rate_limit: Option<Value>,
    pub(crate) ignore_older_s: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenKafka {
    pub(crate) partition: Option<Value>,
    pub(crate) acks: Option<Value>,
    pub(crate) form: Option<Value>,
    pub(crate) key: Option<Value>,
    pub(crate) compression: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenPlugin {
    pub(crate) path: String,
    pub(crate) sha256: Option<String>,
    #[serde(default)]
    pub(crate) config: Value,
    #[serde(default)]
    pub(crate) assets: BTreeMap<String, PathBuf>,
    pub(crate) on_error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenRule {
    #[serde(default)]
    pub(crate) plugins: Vec<WrittenPlugin>,
    pub(crate) document: Option<String>,
    pub(crate) index: Option<String>,
    pub(crate) keep_original: Option<bool>,
    pub(crate) retention_days: Option<u64>,
}
