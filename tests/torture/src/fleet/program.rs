//! One process of the program under test.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait::within;

/// How long a process may take to end after SIGTERM.
const TERMINATION_MAX: Duration = Duration::from_secs(60);

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Files to Kafka.
    Agent,
    /// Kafka to Elasticsearch.
    Transfer,
    /// Files to the embedded index.
    Standalone,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::Agent => "agent",
            Role::Transfer => "transfer",
            Role::Standalone => "standalone",
        }
    }
}

/// What a process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// What its state directory takes, in bytes.
    pub state_bytes: u64,
}

/// A process, with its settings, its state and its log. It is killed when dropped.
pub struct Program {
    /// What it does.
    pub role: Role,
    home: PathBuf,
    port: u16,
    /// Set at every start.
    environment: Vec<(String, String)>,
    child: Option<Child>,
    /// How often it was started.
    pub starts: u32,
}

impl Program {
    /// Writes the settings of a process, in which `{port}` stands for a port of its own; nothing runs yet.
    pub fn new(role: Role, home: &Path, settings: &str) -> anyhow::Result<Program> {
        std::fs::create_dir_all(home).with_context(|| format!("making {}", home.display()))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = settings.replace("{port}", &port.to_string());
        std::fs::write(home.join("collector.toml"), settings).context("writing settings")?;
        Ok(Program { role, home: home.to_owned(), port, environment: vec![], child: None, starts: 0 })
    }

    /// Sets a variable of its environment from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.environment.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Starts it, with `failpoints` armed.
    pub fn start(&mut self, failpoints: &str) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log_path()).context("opening a log")?;
        let binary = std::env::var_os("COLLECTOR_BIN").context("COLLECTOR_BIN does not name the program under test")?;
        let mut command = Command::new(binary);
        command.args(["--role", self.role.name(), "--config"]).arg(self.home.join("collector.toml"));
        command.env("COLLECTOR_STATE_DIR", self.state_path()).env("FAILPOINTS", failpoints);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().context("starting the program under test")?);
        self.starts += 1;
        Ok(())
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Whether it has ended by a signal, as a failpoint ends it.
    pub fn was_killed(&mut self) -> bool {
        use std::os::unix::process::ExitStatusExt as _;
        let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        ended.is_some_and(|status| status.signal() == Some(9))
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().context("kill -9")?;
            child.wait()?;
        }
        Ok(())
    }

    /// Ends it as an operator does; it must end well.
    pub async fn terminate(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        let name = self.role.name();
        let status: ExitStatus = within("the program's end after SIGTERM", TERMINATION_MAX, async || {
            Ok(self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()))
        })
        .await?;
        ensure!(status.success(), "{name} ended with {status} after SIGTERM; its log is {}", self.log_path().display());
        self.child = None;
        Ok(())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.pid().with_context(|| format!("{} does not run", self.role.name()))?;
        kill_process(pid, signal).with_context(|| format!("sending {signal:?}"))
    }

    /// Its process id.
    pub fn pid(&self) -> Option<Pid> {
        self.child.as_ref().and_then(|child| Pid::from_raw(child.id() as i32))
    }

    /// Waits until it says that it is ready, but for servers that may be away on purpose.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        within(&format!("{} to be ready", self.home.display()), Duration::from_secs(90), async || {
            ensure!(self.is_running(), "{} ended: see {}", self.role.name(), self.log_path().display());
            let missing = self.not_ready().await;
            Ok(missing.filter(|parts| parts.iter().all(|part| part == "kafka" || part == "elasticsearch")).map(drop))
        })
        .await
    }

    /// Whether it says that it is ready, its servers included.
    pub async fn is_ready(&self) -> bool {
        self.not_ready().await.is_some_and(|parts| parts.is_empty())
    }

    /// What it says of itself.
    pub async fn status(&self) -> Option<serde_json::Value> {
        let answer: serde_json::Value = serde_json::from_str(&self.get("/api/status").await?).ok()?;
        Some(answer["status"].clone())
    }

    /// The names of the parts that are not ready; `None` where it does not answer.
    async fn not_ready(&self) -> Option<Vec<String>> {
        let answer = self.ask("/health/ready").await?.json::<serde_json::Value>().await.ok()?;
        let parts = answer["not_ready"].as_array()?;
        Some(parts.iter().filter_map(|part| part["component"].as_str().map(str::to_owned)).collect())
    }

    async fn ask(&self, path: &str) -> Option<reqwest::Response> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().ok()?;
        client.get(format!("http://127.0.0.1:{}{path}", self.port)).send().await.ok()
    }

    /// The body of a page, when it answers with success.
    pub async fn get(&self, path: &str) -> Option<String> {
        let answer = self.ask(path).await?;
        if answer.status().is_success() { answer.text().await.ok() } else { None }
    }

    /// The sum of a metric over its labels; `None` where the process does not answer.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").await?;
        let of_name =
            text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        Some(of_name.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    /// What it uses now.
    pub fn usage(&self) -> Usage {
        let Some(pid) = self.pid() else { return Usage::default() };
        let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
        let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
        let resident =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        let descriptors = std::fs::read_dir(process.join("fd")).map_or(0, |entries| entries.count() as u64);
        let kib: u64 = resident.unwrap_or(0);
        Usage { memory_bytes: kib << 10, descriptors, state_bytes: bytes_below(&self.state_path()) }
    }

    /// Where it keeps its state.
    pub fn state_path(&self) -> PathBuf {
        self.home.join("state")
    }

    /// Its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.home.join("log")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.kill();
    }
}

/// Compiled plugins are derived data of a size of their own, and are left out.
fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let of_entry = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() && entry.file_name() == "cache" => 0,
        Ok(about) if about.is_dir() => bytes_below(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of_entry).sum()
}
