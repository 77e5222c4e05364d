//! etcd, as agent and transfer need it.

use std::{path::PathBuf, time::Duration};

use super::{Secret, address, every_role::HostIdentity, meaning::Meaning};

/// How etcd is reached, and the keys that are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdSettings {
    /// Endpoints, `http://host:port` or `https://host:port`.
    pub endpoints: Vec<String>,
    /// User and password.
    pub user: Option<(String, Secret)>,
    /// PEM file of the authority to trust.
    pub ca_file: Option<PathBuf>,
    /// How long to wait for a connection or an answer.
    pub timeout: Duration,
    /// Keys of this host's tasks, the nearest first: its own, its groups', everybody's.
    pub collect_keys: Vec<String>,
    /// Prefix of the transfer's rules; the topic follows.
    pub transfer_prefix: String,
    /// Prefix of the status keys; the instance's id follows.
    pub instances_prefix: String,
}

const COLLECT_KEY: &str = "/logagent/%s/collect_config";
/// What stands for `%s` in the key of everybody's tasks.
const EVERYBODY: &str = "all";

/// `None` where there is no `[etcd]`; `Some(None)` too where it is wrong, which was complained about.
pub(crate) fn meaning(m: &mut Meaning<'_>, host: &HostIdentity) -> Option<Option<EtcdSettings>> {
    let Some(low) = m.written.low.etcd.clone() else { return Some(None) };
    let example = "endpoints = [\"127.0.0.1:2379\"] under [etcd]";
    let endpoints = m.required_list("etcd.endpoints", low.endpoints.as_ref(), example, |text| {
        Ok(address::endpoint(text, 2379)?.as_str().trim_end_matches('/').to_owned())
    });
    let user = match (low.user, low.password) {
        (Some(user), Some(password)) => Some(Some((user, Secret::new(password)))),
        (None, None) => Some(None),
        (Some(_), None) => {
            m.complain("etcd.user", "a user without a password", "add password, or set COLLECTOR_ETCD_PASSWORD");
            None
        }
        (None, Some(_)) => {
            m.complain("etcd.password", "a password without a user", "add user under [etcd]");
            None
        }
    };
    let ca_file = m.readable_file("etcd.ca_file", low.ca_file.as_ref());
    let timeout = m.number("etcd.timeout_s", low.timeout_s, 5, 1..=600);
    let collect_key = low.collect_key.unwrap_or_else(|| COLLECT_KEY.to_owned());
    let collect_keys = m.take("etcd.collect_key", collect_keys(&collect_key, host));
    Some(Some(EtcdSettings {
        endpoints: endpoints?,
        user: user?,
        ca_file: ca_file?,
        timeout: Duration::from_secs(timeout?),
        collect_keys: collect_keys?,
        transfer_prefix: low.transfer_prefix.unwrap_or_else(|| "/logtransfer/".to_owned()),
        instances_prefix: low.instances_prefix.unwrap_or_else(|| "/collector/instances/".to_owned()),
    }))
}

/// The keys that a pattern means for this host. Without `%s` there is one for everybody.
fn collect_keys(pattern: &str, host: &HostIdentity) -> Result<Vec<String>, address::Trouble> {
    let fix = || format!("write a key with one %s for this host's address, such as {COLLECT_KEY:?}");
    if pattern.is_empty() {
        return Err(("the key is empty".into(), fix()));
    }
    if pattern.replacen("%s", "", 1).contains('%') {
        return Err((format!("{pattern:?} has a '%' that is not the one %s"), fix()));
    }
    if !pattern.contains("%s") {
        return Ok(vec![pattern.to_owned()]);
    }
    let own = host.ip.to_string();
    let names = [own.as_str()].into_iter().chain(host.groups.iter().map(String::as_str)).chain([EVERYBODY]);
    Ok(names.map(|name| pattern.replacen("%s", name, 1)).collect())
}
