//! Which servers there are.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// The addresses of the real servers.
#[derive(Clone, Debug)]
pub(crate) struct Servers {
    pub(crate) etcd: String,
    pub(crate) kafka: String,
    pub(crate) elasticsearch: String,
    pub(crate) opensearch: String,
}

impl Servers {
    /// The servers named by the environment. `None` means: skip, and it was said so.
    pub(crate) fn given(test: &str) -> Option<Servers> {
        let required = std::env::var("COLLECTOR_TEST_SERVERS").is_ok_and(|value| value == "required");
        let address = |name: &str| {
            let value = std::env::var(name).ok().filter(|value| !value.is_empty());
            assert!(value.is_some() || !required, "{test}: the servers are required, but {name} is not set");
            value
        };
        let servers = (|| {
            Some(Servers {
                etcd: address("COLLECTOR_TEST_ETCD")?,
                kafka: address("COLLECTOR_TEST_KAFKA")?,
                elasticsearch: address("COLLECTOR_TEST_ES")?,
                opensearch: address("COLLECTOR_TEST_OPENSEARCH")?,
            })
        })();
        if servers.is_none() {
            println!("skipped: {test} (no servers; `cargo xtask test` starts them)");
        }
        servers
    }
}

/// A name that no other test or run uses: lower case letters, digits and `-`.
pub(crate) fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{:x}-{:x}-{count}", since_epoch.as_millis(), std::process::id())
}
