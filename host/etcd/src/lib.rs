//! etcd: reading and watching the tasks, and the leased status of this process.
