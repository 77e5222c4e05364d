//! What settings take from the machine: directories, the environment, the user.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
};

use crate::host_address;

/// The facts about this machine on which defaults depend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The working directory.
    pub working_dir: PathBuf,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// Whether the process runs as root.
    pub root: bool,
    /// The program itself.
    pub program: Option<PathBuf>,
    /// The address from which this host reaches the network.
    pub address: Option<IpAddr>,
    /// The name of this host.
    pub name: String,
    /// How many threads run at once.
    pub cores: usize,
}

impl Machine {
    /// This machine, as it is now.
    pub fn here() -> Self {
        Machine {
            working_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            environment: std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
            root: rustix::process::geteuid().is_root(),
            program: std::env::current_exe().ok(),
            address: host_address::outward_address(),
            name: host_address::host_name(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// A path relative to the working directory, made absolute.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        self.working_dir.join(path)
    }

    /// The settings file where none is named.
    pub(crate) fn default_config(&self) -> Option<PathBuf> {
        let places = [self.working_dir.join("collector.toml"), PathBuf::from("/etc/collector/collector.toml")];
        places.into_iter().find(|path| path.is_file())
    }

    /// The state directory where none is set: the user's, or the system's for root.
    pub(crate) fn default_state_dir(&self) -> PathBuf {
        let set = |name: &str| self.environment.get(name).filter(|value| value.starts_with('/')).map(PathBuf::from);
        let of_user = || set("HOME").map(|home| home.join(".local/state"));
        let system = self.root.then(|| PathBuf::from("/var/lib"));
        let base = set("XDG_STATE_HOME").or(system).or_else(of_user);
        base.unwrap_or_else(|| PathBuf::from("/var/lib")).join("collector")
    }

    /// The plugin directories where none is set: beside the settings, and those that a checkout builds.
    pub(crate) fn default_plugin_dirs(&self, beside: &Path) -> Vec<PathBuf> {
        let mut dirs = vec![beside.join("plugins")];
        let of_program =
            self.program.as_deref().and_then(Path::parent).and_then(Path::parent).map(|dir| dir.join("plugins"));
        let built = [Some(self.working_dir.join("target/plugins")), of_program];
        for dir in built.into_iter().flatten().filter(|dir| dir.ends_with("target/plugins") && dir.is_dir()) {
            if !dirs.contains(&dir) {
                dirs.push(dir);
            }
        }
        dirs
    }
}
