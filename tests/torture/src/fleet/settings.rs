//! Settings files of the program under test.

use std::path::{Path, PathBuf};

use crate::{
    ground::Ground,
    scene::{GROUP, TOPICS},
};

/// Where a run has its things.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The log files of the writers.
    pub files: PathBuf,
    /// Where compiled plugins are.
    pub plugins: Vec<PathBuf>,
}

/// How many files are open at once, far fewer than a long run has.
pub(crate) const OPEN_FILES_MAX: usize = 512;

/// An agent's settings.
pub fn agent(ground: &Ground, host_ip: &str, paths: &Paths) -> String {
    format!(
        "allowed_paths = [\"{files}/**\"]\nplugin_dirs = {plugins:?}\n\
         [http]\nlisten = \"127.0.0.1:{{port}}\"\n\
         [host]\nname = \"torture\"\nip = \"{host_ip}\"\n\
         [limits]\nopen_files_max = {OPEN_FILES_MAX}\n\
         [etcd]\nendpoints = {etcd:?}\n\
         [kafka]\nbrokers = {kafka:?}\n",
        files = paths.files.display(),
        plugins = paths.plugins,
        etcd = ground.proxies.configure.addresses(),
        kafka = ground.proxies.produce.addresses(),
    )
}

/// A transfer's settings.
///
/// One with an `instance` keeps its place in the group over a restart; another one's place is free only after its session.
pub fn transfer(ground: &Ground, instance: Option<&str>, paths: &Paths) -> String {
    let nodes: Vec<String> =
        ground.proxies.index.addresses().iter().map(|address| format!("http://{address}")).collect();
    let instance = instance.map(|name| format!("group_instance_id = \"{name}\"\n")).unwrap_or_default();
    format!(
        "plugin_dirs = {plugins:?}\n\
         [http]\nlisten = \"127.0.0.1:{{port}}\"\n\
         [etcd]\nendpoints = {etcd:?}\n\
         [kafka]\nbrokers = {kafka:?}\ngroup = \"{GROUP}\"\ntopics = {TOPICS:?}\n{instance}\
         [elasticsearch]\nnodes = {nodes:?}\ntimeout_s = 10\n",
        plugins = paths.plugins,
        etcd = ground.proxies.configure.addresses(),
        kafka = ground.proxies.consume.addresses(),
        nodes = nodes,
    )
}

/// Standalone's settings.
pub fn standalone(paths: &Paths, tasks: &Path) -> String {
    format!(
        "allowed_paths = [\"{files}/**\"]\nplugin_dirs = {plugins:?}\n\
         [limits]\nopen_files_max = {OPEN_FILES_MAX}\n\
         [http]\nlisten = \"127.0.0.1:{{port}}\"\n[tasks]\ndir = \"{tasks}\"\n",
        files = paths.files.display(),
        plugins = paths.plugins,
        tasks = tasks.display(),
    )
}
