//! What the tests are given: servers, the program, files that are written to, and ways to wait.

pub(crate) mod bulk_server;
pub(crate) mod cluster;
pub(crate) mod elastic;
pub(crate) mod etcd;
pub(crate) mod installed;
pub(crate) mod kafka;
pub(crate) mod nginx;
pub(crate) mod own_kafka;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod servers;
pub(crate) mod settings;
pub(crate) mod trapping;
pub(crate) mod turn;
pub(crate) mod wait;
pub(crate) mod writer;

pub(crate) use cluster::Cluster;
pub(crate) use elastic::Elastic;
pub(crate) use etcd::Etcd;
pub(crate) use installed::Installed;
pub(crate) use own_kafka::OwnKafka;
pub(crate) use program::{Program, Role};
pub(crate) use servers::{Servers, unique};
pub(crate) use wait::{until, within};
pub(crate) use writer::{StopWhenDropped, Writer};
