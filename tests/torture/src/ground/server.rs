//! Starting, stopping and killing real servers, by the script that starts those of the other tests.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

use super::{Installed, Ports};
use crate::wait::within;

/// One of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// etcd.
    Etcd,
    /// Kafka.
    Kafka,
    /// Elasticsearch.
    Elasticsearch,
}

impl Server {
    const ALL: [Server; 3] = [Server::Etcd, Server::Kafka, Server::Elasticsearch];

    fn name(self) -> &'static str {
        match self {
            Server::Etcd => "etcd",
            Server::Kafka => "kafka",
            Server::Elasticsearch => "elasticsearch",
        }
    }
}

/// The servers of a run. They end when dropped.
pub struct Servers {
    run: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Servers {
    /// What it takes to start them below `run`; nothing runs yet.
    pub fn new(installed: &Installed, run: &Path, ports: &Ports, kafka: String) -> anyhow::Result<Servers> {
        std::fs::create_dir_all(run).with_context(|| format!("making {}", run.display()))?;
        let environment = vec![
            ("SERVICES_DIR", installed.services.display().to_string()),
            ("SERVICES_JAVA", installed.java.display().to_string()),
            ("SERVICES_RUN", run.display().to_string()),
            ("SERVICES_ETCD_PORT", ports.etcd.to_string()),
            ("SERVICES_KAFKA_PORT", ports.kafka.to_string()),
            ("SERVICES_KAFKA_SETTINGS", kafka),
            ("SERVICES_ELASTICSEARCH_PORT", ports.elasticsearch.to_string()),
        ];
        Ok(Servers { run: run.to_owned(), environment })
    }

    /// Starts all of them, and waits until they serve.
    pub async fn up_all(&self) -> anyhow::Result<()> {
        self.script("up", &Server::ALL.map(Server::name)).await
    }

    /// Starts one that was killed or stopped, and waits until it serves.
    pub async fn up(&self, server: Server) -> anyhow::Result<()> {
        self.script("up", &[server.name()]).await
    }

    /// Stops one as an operator does.
    pub async fn down(&self, server: Server) -> anyhow::Result<()> {
        self.script("down", &[server.name()]).await
    }

    /// Ends one as a power cut would, and waits until it is gone.
    pub async fn kill(&self, server: Server) -> anyhow::Result<()> {
        let group = self.group(server)?;
        self.signal(server, Signal::KILL)?;
        // The zombie stays until its parent, the init process, takes note; what listens is gone with the process.
        within("a killed server's end", Duration::from_secs(20), async || {
            let left = live_in_session(group).await?;
            Ok((!left).then_some(()))
        })
        .await
    }

    /// Sends a signal to all processes of a server.
    pub fn signal(&self, server: Server, signal: Signal) -> anyhow::Result<()> {
        let group = Pid::from_raw(self.group(server)?).context("a process id of 0")?;
        kill_process_group(group, signal).with_context(|| format!("sending {signal:?} to {}", server.name()))
    }

    /// Deletes what a stopped server has kept.
    pub fn wipe(&self, server: Server) -> anyhow::Result<()> {
        let data = self.run.join(server.name()).join("data");
        std::fs::remove_dir_all(&data).with_context(|| format!("deleting {}", data.display()))
    }

    fn group(&self, server: Server) -> anyhow::Result<i32> {
        let path = self.run.join(server.name()).join("pid");
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let pid = text.split_whitespace().next().and_then(|pid| pid.parse().ok());
        pid.with_context(|| format!("{} holds no process id: {text:?}", path.display()))
    }

    async fn script(&self, verb: &str, names: &[&str]) -> anyhow::Result<()> {
        let done = self.command(verb, names).output().await.context("starting bash")?;
        let said = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "services.sh {verb} {}: {}", names.join(" "), said.trim());
        Ok(())
    }

    fn command(&self, verb: &str, names: &[&str]) -> Command {
        let mut command = Command::new("bash");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/services.sh");
        command.arg(script).arg(verb).args(names).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in Server::ALL {
            // One that does not run any more has no process to end.
            let _ = self.signal(server, Signal::KILL);
        }
    }
}

/// Whether any process of a session has not ended.
async fn live_in_session(session: i32) -> anyhow::Result<bool> {
    let listed =
        Command::new("ps").args(["-o", "stat=", "-s", &session.to_string()]).output().await.context("starting ps")?;
    Ok(String::from_utf8_lossy(&listed.stdout).lines().any(|state| !state.starts_with('Z')))
}
