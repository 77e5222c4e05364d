//! etcd: reading and watching the tasks, and the leased status of this process.
//!
//! * [`watch_keys`] keeps a [`Picture`] of some keys and tells of every change, for ever: over outages, compaction and restarts.
//! * [`StatusKey`] keeps a key that vanishes when this process does.
//! * [`EtcdStore`] reads, and writes by compare-and-swap.
//! * [`probe`] says what is wrong with the settings or the cluster.
//!
//! Nothing here ever stops collecting: an outage is reported, and the last picture stands.

mod connect;
mod error;
mod picture;
mod probe;
mod quiet;
mod settings;
mod status_key;
mod store;
mod watch;

pub use error::EtcdError;
pub use picture::{Entry, Picture};
pub use probe::{ServerInfo, probe};
pub use settings::{EtcdSettings, User};
pub use status_key::StatusKey;
pub use store::{EtcdStore, Swap, VALUE_BYTES_MAX};
pub use watch::{Cause, Observation, WatchHandle, WatchTarget, watch_keys};
