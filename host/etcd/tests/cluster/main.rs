//! Watching, the status key and single keys against a real etcd: the one named in the environment, and private ones that the
//! tests stop, wipe and start again.

mod keys;
mod outages;
mod probing;
mod server;
mod watching;
