//! Settings files, as an operator writes them.

use std::path::Path;

use super::{program::plugins, servers::Servers};

/// The agent's settings: its own address is given, so that several agents can run on one machine.
pub(crate) fn agent(servers: &Servers, host_ip: &str, files: &Path) -> String {
    format!(
        "allowed_paths = [\"{files}/**\"]\nplugin_dirs = [\"{files}\", \"{plugins}\"]\n\
         [http]\nlisten = \"127.0.0.1:{{port}}\"\n\
         [host]\nname = \"test-host\"\nip = \"{host_ip}\"\n\
         [etcd]\nendpoints = [\"{etcd}\"]\n\
         [kafka]\nbrokers = [\"{kafka}\"]\n",
        files = files.display(),
        plugins = plugins().display(),
        etcd = servers.etcd,
        kafka = servers.kafka,
    )
}

/// The transfer's settings.
pub(crate) fn transfer(servers: &Servers, group: &str, topics: &[&str], search_node: &str, files: &Path) -> String {
    format!(
        "plugin_dirs = [\"{files}\", \"{plugins}\"]\n\
         [http]\nlisten = \"127.0.0.1:{{port}}\"\n\
         [etcd]\nendpoints = [\"{etcd}\"]\ntransfer_prefix = \"{prefix}\"\n\
         [kafka]\nbrokers = [\"{kafka}\"]\ngroup = \"{group}\"\ntopics = {topics:?}\n\
         [elasticsearch]\nnodes = [\"{search_node}\"]\n",
        files = files.display(),
        plugins = plugins().display(),
        etcd = servers.etcd,
        prefix = super::etcd::rules_prefix(group),
        kafka = servers.kafka,
    )
}

/// Standalone's settings, with its tasks in `files/tasks`.
pub(crate) fn standalone(files: &Path) -> String {
    format!(
        "allowed_paths = [\"{files}/**\"]\nplugin_dirs = [\"{files}\", \"{plugins}\"]\n\
         [http]\nlisten = \"127.0.0.1:{{port}}\"\n[tasks]\ndir = \"{files}/tasks\"\n",
        files = files.display(),
        plugins = plugins().display(),
    )
}

/// An address for a host that exists only in this test.
pub(crate) fn host_ip() -> String {
    let name = super::servers::unique("ip");
    let hash = xxhash_rust::xxh3::xxh3_64(name.as_bytes()).to_be_bytes();
    format!("10.{}.{}.{}", hash[0], hash[1], hash[2])
}
