//! What this process says of itself: on its pages, and in its key in etcd.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

/// Who this process is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The name of its key: made once for a state directory.
    pub id: String,
    /// `agent`, `transfer` or `standalone`.
    pub role: &'static str,
    /// The host's name.
    pub host_name: String,
    /// The address by which the host reaches the network.
    pub host_ip: String,
    /// Where its pages are.
    pub address: String,
}

/// How the configuration stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Configuration {
    state: &'static str,
    revision: i64,
    refusals: Vec<String>,
    /// Why the place that the configuration comes from cannot be asked, while that is so.
    source_problem: Option<String>,
}

type Part = Box<dyn Fn() -> Value + Send + Sync>;

/// The status of this process. Cheap to clone.
#[derive(Clone)]
pub struct Status(Arc<Inner>);

struct Inner {
    identity: Identity,
    configuration: Mutex<Configuration>,
    parts: Mutex<Vec<(&'static str, Part)>>,
    changed: Notify,
}

impl Status {
    /// A process that has no configuration yet.
    pub fn new(identity: Identity) -> Self {
        let configuration = Configuration { state: "APPLYING", ..Configuration::default() };
        Status(Arc::new(Inner {
            identity,
            configuration: Mutex::new(configuration),
            parts: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// The name of this instance.
    #[cfg(feature = "fleet")]
    pub fn id(&self) -> &str {
        &self.0.identity.id
    }

    /// Adds a part that is asked for each time (`plugins`, `files`, `indices`).
    pub fn add(&self, name: &'static str, part: impl Fn() -> Value + Send + Sync + 'static) {
        self.0.parts.lock().push((name, Box::new(part)));
    }

    /// A configuration is being applied.
    pub fn applying(&self, revision: i64) {
        self.change(|configuration| {
            configuration.state = "APPLYING";
            configuration.revision = revision;
        });
    }

    /// The configuration was applied, but for the refusals.
    pub fn applied(&self, revision: i64, refusals: Vec<String>) {
        self.change(|configuration| {
            configuration.state = if refusals.is_empty() { "APPLIED" } else { "FAILED" };
            configuration.revision = revision;
            configuration.refusals = refusals;
        });
    }

    /// The place that the configuration comes from cannot be asked; `None`: it can again.
    pub fn source_problem(&self, problem: Option<String>) {
        self.change(|configuration| configuration.source_problem = problem);
    }

    fn change(&self, change: impl FnOnce(&mut Configuration)) {
        change(&mut self.0.configuration.lock());
        self.0.changed.notify_waiters();
    }

    /// Waits for the next change of the configuration's state.
    #[cfg(feature = "fleet")]
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// The whole status.
    pub fn json(&self) -> Value {
        let identity = &self.0.identity;
        let configuration = self.0.configuration.lock().clone();
        let mut status = Map::new();
        let mut put = |name: &str, value: Value| {
            status.insert(name.to_owned(), value);
        };
        put("id", json!(identity.id));
        put("role", json!(identity.role));
        put("host", json!({"name": identity.host_name, "ip": identity.host_ip}));
        put("address", json!(identity.address));
        put("version", json!(env!("CARGO_PKG_VERSION")));
        put("state", json!(configuration.state));
        put("revision", json!(configuration.revision));
        put("why", json!(configuration.refusals));
        put("source_problem", json!(configuration.source_problem));
        for (name, part) in &*self.0.parts.lock() {
            put(name, part());
        }
        Value::Object(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_make_the_state_failed_and_are_told() {
        let identity = Identity {
            id: "x".into(),
            role: "agent",
            host_name: "h".into(),
            host_ip: "10.0.0.1".into(),
            address: "127.0.0.1:1".into(),
        };
        let status = Status::new(identity);
        status.add("plugins", || json!([]));
        assert_eq!(status.json()["state"], "APPLYING");
        status.applied(7, vec![]);
        assert_eq!((status.json()["state"].clone(), status.json()["revision"].clone()), (json!("APPLIED"), json!(7)));
        status.applied(8, vec!["no such plugin".into()]);
        let told = status.json();
        assert_eq!(
            (told["state"].clone(), told["why"].clone(), told["plugins"].clone()),
            (json!("FAILED"), json!(["no such plugin"]), json!([]))
        );
    }
}
