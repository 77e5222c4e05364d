//! The real servers that pipelines need; `cargo xtask bench pipeline` starts them.

use std::net::TcpStream;

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::program::post;

/// Kafka.
pub(crate) fn kafka() -> anyhow::Result<String> {
    reach("COLLECTOR_BENCH_KAFKA", "127.0.0.1:19092", "kafka")
}

/// etcd.
pub(crate) fn etcd() -> anyhow::Result<String> {
    reach("COLLECTOR_BENCH_ETCD", "127.0.0.1:12379", "etcd")
}

/// Elasticsearch.
pub(crate) fn elasticsearch() -> anyhow::Result<String> {
    reach("COLLECTOR_BENCH_ES", "127.0.0.1:19200", "elasticsearch")
}

fn reach(variable: &str, usual: &str, name: &str) -> anyhow::Result<String> {
    let address = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    TcpStream::connect(&address)
        .with_context(|| format!("reaching {name} at {address}: start it with `cargo xtask services up {name}`"))?;
    Ok(address)
}

/// Puts a key into etcd.
pub(crate) fn put(etcd: &str, key: &str, value: &str) -> anyhow::Result<()> {
    let body = format!("{{\"key\":\"{}\",\"value\":\"{}\"}}", STANDARD.encode(key), STANDARD.encode(value));
    post(etcd, "/v3/kv/put", &body).map(drop)
}

/// A name that nobody else uses.
pub(crate) fn unique(name: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("bench-{name}-{}", now.as_nanos())
}
