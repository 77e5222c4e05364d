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
    /// A Kafka broker, counted from 0.
    Kafka(usize),
    /// Elasticsearch.
    Elasticsearch,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Server::Etcd => "etcd",
            Server::Kafka(_) => "kafka",
            Server::Elasticsearch => "elasticsearch",
        }
    }
}

/// The servers of a run. They end when dropped.
pub struct Servers {
    run: PathBuf,
    environment: Vec<(&'static str, String)>,
    brokers: Vec<(u16, String)>,
}

impl Servers {
    /// What it takes to start them below `run`; nothing runs yet. Kafka has as many brokers as there are settings for.
    pub fn new(installed: &Installed, run: &Path, ports: &Ports, kafka: Vec<String>) -> anyhow::Result<Servers> {
        let environment = vec![
            ("SERVICES_DIR", installed.services.display().to_string()),
            ("SERVICES_JAVA", installed.java.display().to_string()),
            ("SERVICES_ETCD_PORT", ports.etcd.to_string()),
            ("SERVICES_ELASTICSEARCH_PORT", ports.elasticsearch.to_string()),
        ];
        let brokers = ports.brokers.iter().map(|broker| broker.direct).zip(kafka).collect();
        let servers = Servers { run: run.to_owned(), environment, brokers };
        for server in servers.all() {
            let run = servers.run_of(server);
            std::fs::create_dir_all(&run).with_context(|| format!("making {}", run.display()))?;
        }
        Ok(servers)
    }

    /// All of them.
    fn all(&self) -> impl Iterator<Item = Server> {
        self.kafka().chain([Server::Etcd, Server::Elasticsearch])
    }

    /// All brokers.
    pub fn kafka(&self) -> impl Iterator<Item = Server> + use<> {
        (0..self.brokers.len()).map(Server::Kafka)
    }

    /// Starts all of them, and waits until they serve.
    pub async fn up_all(&self) -> anyhow::Result<()> {
        self.up_together(self.all()).await
    }

    /// Starts several that were killed or stopped, of which none may serve without the others.
    pub async fn up_together(&self, servers: impl Iterator<Item = Server>) -> anyhow::Result<()> {
        let started: Vec<_> = servers.map(|server| tokio::spawn(script(self.command("up", server), server))).collect();
        for done in started {
            done.await??;
        }
        Ok(())
    }

    /// Starts one that was killed or stopped, and waits until it serves.
    pub async fn up(&self, server: Server) -> anyhow::Result<()> {
        script(self.command("up", server), server).await
    }

    /// Stops one as an operator does.
    pub async fn down(&self, server: Server) -> anyhow::Result<()> {
        script(self.command("down", server), server).await
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
        let data = self.run_of(server).join(server.name()).join("data");
        std::fs::remove_dir_all(&data).with_context(|| format!("deleting {}", data.display()))
    }

    /// Each broker is a set of servers of its own to the script.
    fn run_of(&self, server: Server) -> PathBuf {
        match server {
            Server::Kafka(number) => self.run.join(format!("broker-{number}")),
            _ => self.run.clone(),
        }
    }

    fn group(&self, server: Server) -> anyhow::Result<i32> {
        let path = self.run_of(server).join(server.name()).join("pid");
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let pid = text.split_whitespace().next().and_then(|pid| pid.parse().ok());
        pid.with_context(|| format!("{} holds no process id: {text:?}", path.display()))
    }

    fn command(&self, verb: &str, server: Server) -> Command {
        let mut command = Command::new("bash");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/services.sh")).arg(verb).arg(server.name());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("SERVICES_RUN", self.run_of(server)).stdin(Stdio::null());
        if let Server::Kafka(number) = server {
            let (port, settings) = &self.brokers[number];
            command.env("SERVICES_KAFKA_PORT", port.to_string()).env("SERVICES_KAFKA_SETTINGS", settings);
        }
        command
    }
}

async fn script(mut command: Command, server: Server) -> anyhow::Result<()> {
    let done = command.output().await.context("starting bash")?;
    ensure!(done.status.success(), "services.sh for {server:?}: {}", String::from_utf8_lossy(&done.stderr).trim());
    Ok(())
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in self.all() {
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
