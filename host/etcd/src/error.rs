//! What can be wrong with etcd or the way to it, as an operator has to be told.

use std::path::PathBuf;

use crate::EtcdSettings;

/// Why etcd cannot be used as the settings say.
#[derive(Debug, thiserror::Error)]
pub enum EtcdError {
    /// No endpoint is named.
    #[error("connecting to etcd: the settings name no endpoint; give at least one, such as 127.0.0.1:2379")]
    NoEndpoint,
    /// An endpoint is not an address.
    #[error("connecting to etcd at {endpoint:?}: {problem}; write host:port, or http://host:port or https://host:port")]
    BadEndpoint {
        /// The endpoint.
        endpoint: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The CA file cannot be read.
    #[error("reading the CA file {path:?} for etcd: {source}; check the path, and that this user may read it")]
    CaUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nobody answers.
    #[error("reaching etcd at {place}: {reason}; check that it runs there, and the address and the network between")]
    Unreachable {
        /// The endpoints.
        place: String,
        /// Why.
        reason: String,
    },
    /// User or password is wrong.
    #[error("logging in to etcd at {place} as {who}: refused ({reason}); check the user and the password")]
    LoginRefused {
        /// The endpoints.
        place: String,
        /// As whom.
        who: String,
        /// The server's words.
        reason: String,
    },
    /// Authentication is on, and the settings name nobody.
    #[error(
        "reading from etcd at {place}: it asks for a user and the settings name none; add user and password for etcd"
    )]
    LoginNeeded {
        /// The endpoints.
        place: String,
    },
    /// Authentication is off, and the settings name a user.
    #[error(
        "logging in to etcd at {place} as {who}: authentication is not enabled there; remove user and password for etcd, or enable it (etcdctl auth enable)"
    )]
    LoginPointless {
        /// The endpoints.
        place: String,
        /// As whom.
        who: String,
    },
    /// The user may not.
    #[error(
        "{doing} in etcd at {place} as {who}: permission denied; grant the user's role access (etcdctl role grant-permission ROLE readwrite KEY)"
    )]
    Forbidden {
        /// What was being done, to which key.
        doing: String,
        /// The endpoints.
        place: String,
        /// As whom.
        who: String,
    },
    /// A value is larger than etcd takes.
    #[error(
        "writing {key:?} to etcd: the value has {bytes} bytes, etcd takes {} at most; split it over several keys",
        crate::VALUE_BYTES_MAX
    )]
    ValueTooLarge {
        /// The key.
        key: String,
        /// Its length.
        bytes: usize,
    },
    /// Anything else.
    #[error("{doing} in etcd at {place}: {reason}; see etcd's log")]
    Failed {
        /// What was being done, to which key.
        doing: String,
        /// The endpoints.
        place: String,
        /// Why.
        reason: String,
    },
}

const INVALID_ARGUMENT: i32 = 3;
const PERMISSION_DENIED: i32 = 7;
const FAILED_PRECONDITION: i32 = 9;
const UNAVAILABLE: i32 = 14;
const UNAUTHENTICATED: i32 = 16;

impl EtcdError {
    /// What the client's error means to an operator.
    pub(crate) fn of(settings: &EtcdSettings, doing: &str, error: &etcd_client::Error) -> Self {
        let (place, who, doing) = (settings.place(), settings.who(), doing.to_owned());
        let etcd_client::Error::GRpcStatus(status) = error else {
            return match error {
                etcd_client::Error::TransportError(_) | etcd_client::Error::IoError(_) => {
                    EtcdError::Unreachable { place, reason: chain(error) }
                }
                other => EtcdError::Failed { doing, place, reason: other.to_string() },
            };
        };
        let words = status.message().to_owned();
        match status.code() as i32 {
            PERMISSION_DENIED => EtcdError::Forbidden { doing, place, who },
            FAILED_PRECONDITION if words.contains("authentication is not enabled") => {
                EtcdError::LoginPointless { place, who }
            }
            INVALID_ARGUMENT if words.contains("user name is empty") => EtcdError::LoginNeeded { place },
            INVALID_ARGUMENT if words.contains("authentication failed") => {
                EtcdError::LoginRefused { place, who, reason: words }
            }
            UNAUTHENTICATED => EtcdError::LoginRefused { place, who, reason: words },
            UNAVAILABLE => EtcdError::Unreachable { place, reason: chain(status) },
            _ if words.contains("transport error") || words.contains("error trying to connect") => {
                EtcdError::Unreachable { place, reason: chain(status) }
            }
            _ => EtcdError::Failed { doing, place, reason: words },
        }
    }

    /// No answer in time.
    pub(crate) fn timed_out(settings: &EtcdSettings) -> Self {
        let reason = format!("no answer within {} s", settings.request_timeout.as_secs_f32());
        EtcdError::Unreachable { place: settings.place(), reason }
    }
}

/// The innermost reason of an error: its outer layers say only that something failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
