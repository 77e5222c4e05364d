//! Servers that a test starts itself.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process_group};

/// Where the servers' programs are.
pub(crate) struct Installed {
    services: PathBuf,
    java: PathBuf,
}

impl Installed {
    /// What the environment names. `None` means: skip, and it was said so.
    pub(crate) fn given(test: &str) -> Option<Installed> {
        let required = std::env::var("COLLECTOR_TEST_SERVERS").is_ok_and(|value| value == "required");
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let installed = path("SERVICES_DIR").zip(path("SERVICES_JAVA"));
        assert!(installed.is_some() || !required, "{test}: SERVICES_DIR and SERVICES_JAVA are not set");
        if installed.is_none() {
            println!("skipped: {test} (no servers to start; `cargo xtask test` has them)");
        }
        installed.map(|(services, java)| Installed { services, java })
    }

    /// A folder that the servers' own user may enter.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.services.join(name)
    }

    /// Starts a server below `run`, and waits until it serves.
    pub(crate) async fn up(&self, server: &str, run: &Path, environment: &[(&str, String)]) {
        std::fs::create_dir_all(run).expect("a folder for a server");
        let mut command = tokio::process::Command::new("bash");
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask/services.sh"))
            .args(["up", server])
            .env("SERVICES_DIR", &self.services)
            .env("SERVICES_JAVA", &self.java)
            .env("SERVICES_RUN", run)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        let output = command.output().await.expect("bash");
        assert!(output.status.success(), "{server}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Kills the processes of a server below `run`, where it has any.
    pub(crate) fn kill(run: &Path, server: &str) {
        let file = run.join(server).join("pid");
        let pid = std::fs::read_to_string(&file).unwrap_or_default();
        let pid = pid.split_whitespace().next().and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
        if let Some(group) = pid {
            // One that has ended already needs no signal.
            let _ = kill_process_group(group, Signal::KILL);
            let _ = std::fs::remove_file(file);
        }
    }
}
