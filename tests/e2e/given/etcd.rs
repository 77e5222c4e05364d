//! etcd, as an operator uses it.

use etcd_client::{Client, DeleteOptions, GetOptions};

/// A connection.
pub(crate) struct Etcd(Client);

impl Etcd {
    pub(crate) async fn connect(address: &str) -> Etcd {
        Etcd(Client::connect([address], None).await.expect("connecting to etcd"))
    }

    pub(crate) async fn put(&mut self, key: &str, value: &str) {
        self.0.put(key, value, None).await.expect("writing to etcd");
    }

    pub(crate) async fn delete(&mut self, key: &str) {
        self.0.delete(key, Some(DeleteOptions::new())).await.expect("deleting from etcd");
    }

    /// The values of all keys that begin so.
    pub(crate) async fn values(&mut self, prefix: &str) -> Vec<String> {
        let answer = self.0.get(prefix, Some(GetOptions::new().with_prefix())).await.expect("reading from etcd");
        answer.kvs().iter().map(|kv| kv.value_str().unwrap_or_default().to_owned()).collect()
    }
}

/// The key of a host's tasks.
pub(crate) fn tasks_key(host_ip: &str) -> String {
    format!("/logagent/{host_ip}/collect_config")
}

/// Where the transfers of a group have their rules, so that tests do not share them.
pub(crate) fn rules_prefix(group: &str) -> String {
    format!("/logtransfer-{group}/")
}

/// The key of a topic's rule.
pub(crate) fn rule_key(group: &str, topic: &str) -> String {
    rules_prefix(group) + topic
}
