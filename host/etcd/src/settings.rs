//! What it takes to reach etcd.

use std::{fmt, path::PathBuf, time::Duration};

use crate::EtcdError;

/// How to reach the cluster.
#[derive(Clone, Debug)]
pub struct EtcdSettings {
    /// The members' client addresses: `host:port`, or with `http://` or `https://`.
    pub endpoints: Vec<String>,
    /// Who we are, where authentication is on.
    pub user: Option<User>,
    /// PEM file with the authority that signed the members' certificates; none: the public ones.
    pub ca_file: Option<PathBuf>,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for the answer to a request (a watch has no such limit).
    pub request_timeout: Duration,
    /// How long until the keys are listed again although nothing seems to have happened; half of it is jitter.
    pub relist_after: Duration,
}

/// A user of etcd. The debug form does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({})", self.name)
    }
}

impl EtcdSettings {
    /// Everything at its default, for these endpoints.
    pub fn new(endpoints: Vec<String>) -> Self {
        EtcdSettings {
            endpoints,
            user: None,
            ca_file: None,
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(5),
            relist_after: Duration::from_secs(60),
        }
    }

    /// The endpoints, for messages.
    pub(crate) fn place(&self) -> String {
        self.endpoints.join(", ")
    }

    /// Who we are, for messages.
    pub(crate) fn who(&self) -> String {
        self.user.as_ref().map_or_else(|| "nobody".to_owned(), |user| format!("{:?}", user.name))
    }

    /// The endpoints with scheme and port, checked.
    pub(crate) fn urls(&self) -> Result<Vec<String>, EtcdError> {
        if self.endpoints.is_empty() {
            return Err(EtcdError::NoEndpoint);
        }
        self.endpoints.iter().map(|endpoint| url(endpoint)).collect()
    }
}

fn url(endpoint: &str) -> Result<String, EtcdError> {
    let bad = |problem| EtcdError::BadEndpoint { endpoint: endpoint.to_owned(), problem };
    let (scheme, rest) = endpoint.trim().split_once("://").unwrap_or(("http", endpoint.trim()));
    if !matches!(scheme, "http" | "https") {
        return Err(bad("the scheme is neither http nor https"));
    }
    let rest = rest.trim_end_matches('/');
    if rest.is_empty() {
        return Err(bad("there is no host in it"));
    }
    if rest.contains(['/', ' ', ',', ';', '@', '?']) {
        return Err(bad("there is more in it than a host and a port (several endpoints are separate values)"));
    }
    let after_address = rest.rsplit_once(']').map_or(rest, |(_, after)| after);
    match after_address.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_err() => Err(bad("what follows the colon is not a port")),
        Some(_) => Ok(format!("{scheme}://{rest}")),
        None => Ok(format!("{scheme}://{rest}:2379")),
    }
}

/// Host and port of a checked URL.
pub(crate) fn host_and_port(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_get_a_scheme_and_a_port() {
        for (endpoint, expected) in [
            ("127.0.0.1:2379", "http://127.0.0.1:2379"),
            ("etcd-1", "http://etcd-1:2379"),
            ("https://etcd-1:4001/", "https://etcd-1:4001"),
            ("[::1]", "http://[::1]:2379"),
            ("[::1]:2380", "http://[::1]:2380"),
        ] {
            assert_eq!(url(endpoint).unwrap(), expected);
        }
        for bad in ["", "http://", "etcd:http", "a,b", "ftp://x", "user@host:1", "host:1/path"] {
            assert!(url(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let user = User { name: "root".to_owned(), password: "secret".to_owned() };
        assert!(!format!("{user:?}").contains("secret"));
    }
}
