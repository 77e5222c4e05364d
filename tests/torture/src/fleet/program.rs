//! One process of the program under test.

use std::{
    fs::File,
    net::TcpListener,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::Watched;
use crate::wait::within;

/// How long a process may take to end after SIGTERM.
const TERMINATION_MAX: Duration = Duration::from_secs(60);
/// How much of its log is told when it has ended by itself.
const LAST_LINES: usize = 4;
const LINE_CHARS_MAX: usize = 400;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Files to Kafka.
    Agent,
    /// Kafka to Elasticsearch.
    Transfer,
    /// Files to the embedded index.
    Standalone,
}

impl Role {
    /// Its name in settings and reports.
    pub fn name(self) -> &'static str {
        match self {
            Role::Agent => "agent",
            Role::Transfer => "transfer",
            Role::Standalone => "standalone",
        }
    }
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
    /// The id of the process that runs, for others; 0 for none.
    process: Arc<AtomicI32>,
    /// Whether it was started with a place in its code armed at which it ends.
    ends_at_a_place: bool,
    /// How it has ended by itself, until somebody asks.
    ends: Vec<String>,
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
        Ok(Program {
            role,
            home: home.to_owned(),
            port,
            environment: vec![],
            child: None,
            process: Arc::default(),
            ends_at_a_place: false,
            ends: vec![],
            starts: 0,
        })
    }

    /// Sets a variable of its environment from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.environment.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Starts it, with `failpoints` armed, none of which ends it.
    pub fn start(&mut self, failpoints: &str) -> anyhow::Result<()> {
        self.spawn(failpoints)?;
        self.ends_at_a_place = false;
        Ok(())
    }

    /// Starts it, with `failpoints` armed, one of which ends it.
    pub fn start_to_be_killed(&mut self, failpoints: &str) -> anyhow::Result<()> {
        self.spawn(failpoints)?;
        self.ends_at_a_place = true;
        Ok(())
    }

    fn spawn(&mut self, failpoints: &str) -> anyhow::Result<()> {
        self.note_end();
        let log = File::options().create(true).append(true).open(self.log_path()).context("opening a log")?;
        let binary = std::env::var_os("COLLECTOR_BIN").context("COLLECTOR_BIN does not name the program under test")?;
        let mut command = Command::new(binary);
        command.args(["--role", self.role.name(), "--config"]).arg(self.home.join("collector.toml"));
        command.env("COLLECTOR_STATE_DIR", self.state_path()).env("FAILPOINTS", failpoints);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().context("starting the program under test")?;
        self.process.store(child.id() as i32, Ordering::Release);
        self.child = Some(child);
        self.starts += 1;
        Ok(())
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Whether it has ended at the place that was armed, as by `kill -9`.
    pub fn was_killed(&mut self) -> bool {
        self.ends_at_a_place && self.ended().is_some_and(|status| status.signal() == Some(9))
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }

    /// Notes that it has ended by itself: a fault that ends it takes the child, or waits at the place that it has armed.
    fn note_end(&mut self) {
        if self.was_killed() {
            return;
        }
        if let Some(status) = self.ended() {
            let log = self.log();
            let last: Vec<&str> = log.lines().rev().take(LAST_LINES).collect();
            let last: Vec<String> = last.iter().rev().map(|line| line.chars().take(LINE_CHARS_MAX).collect()).collect();
            self.ends.push(format!(
                "{} has ended by itself with {status}; the end of its log: {}",
                self.name(),
                last.join(" | ")
            ));
            self.let_go();
        }
    }

    fn let_go(&mut self) -> Option<Child> {
        self.process.store(0, Ordering::Release);
        self.child.take()
    }

    /// How it has ended by itself since this was asked last, in words.
    pub fn take_ends(&mut self) -> Vec<String> {
        self.note_end();
        std::mem::take(&mut self.ends)
    }

    /// Where a thread of it has panicked, as its log says.
    pub fn panics(&self) -> Vec<String> {
        let log = self.log();
        let panics = log.lines().filter(|line| line.contains("panicked at"));
        panics.map(|line| line.chars().take(LINE_CHARS_MAX).collect()).collect()
    }

    /// What it is called in reports.
    pub fn name(&self) -> String {
        self.home.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.note_end();
        if let Some(mut child) = self.let_go() {
            child.kill().context("kill -9")?;
            child.wait()?;
        }
        Ok(())
    }

    /// Ends it as an operator does; it must end well.
    pub async fn terminate(&mut self) -> anyhow::Result<()> {
        self.note_end();
        self.signal(Signal::TERM)?;
        let status: ExitStatus =
            within("the program's end after SIGTERM", TERMINATION_MAX, async || Ok(self.ended())).await?;
        self.let_go();
        let (name, log) = (self.name(), self.log_path());
        ensure!(status.success(), "{name} ended with {status} after SIGTERM; its log is {}", log.display());
        Ok(())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.pid().with_context(|| format!("{} does not run", self.name()))?;
        kill_process(pid, signal).with_context(|| format!("sending {signal:?}"))
    }

    /// Its process id.
    pub fn pid(&self) -> Option<Pid> {
        self.child.as_ref().and_then(|child| Pid::from_raw(child.id() as i32))
    }

    /// Waits until it says that it is ready, but for servers that may be away on purpose.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        within(&format!("{} to be ready", self.home.display()), Duration::from_secs(90), async || {
            ensure!(self.is_running(), "{} ended: see {}", self.name(), self.log_path().display());
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

    /// Itself, as another thread looks at it.
    pub fn watched(&self) -> Watched {
        Watched { role: self.role, process: Arc::clone(&self.process), state: self.state_path() }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that is a command of the shell, and has come to its end.
    fn ended(home: &Path, command: &str) -> Program {
        let mut program = Program::new(Role::Agent, &home.join("agent"), "").unwrap();
        let log = File::create(program.log_path()).unwrap();
        let mut shell = Command::new("sh");
        program.child = Some(shell.args(["-c", command]).stderr(log).spawn().unwrap());
        while program.is_running() {
            std::thread::sleep(Duration::from_millis(5));
        }
        program
    }

    #[test]
    fn an_end_that_no_fault_has_made_is_told_with_status_and_log_whatever_comes_next() {
        let home = tempfile::tempdir().unwrap();
        let next: [fn(&mut Program); 2] = [|_| (), |program| program.kill().unwrap()];
        for next in next {
            let mut program = ended(home.path(), "echo it went wrong >&2; exit 101");
            next(&mut program);
            let told = program.take_ends();
            assert_eq!(told.len(), 1);
            assert!(told[0].starts_with("agent has ended by itself with exit status: 101"), "{told:?}");
            assert!(told[0].ends_with("it went wrong"), "{told:?}");
            assert_eq!(program.take_ends(), Vec::<String>::new(), "it is told once");
        }
        assert_eq!(ended(home.path(), "exit 0").take_ends().len(), 1);
    }

    #[test]
    fn kill_9_is_told_unless_the_program_was_to_be_killed() {
        let home = tempfile::tempdir().unwrap();
        let mut program = ended(home.path(), "kill -9 $$");
        program.ends_at_a_place = true;
        assert!(program.was_killed() && program.take_ends().is_empty());
        program.ends_at_a_place = false;
        assert!(!program.was_killed());
        assert_eq!(program.take_ends().len(), 1);
    }

    #[test]
    fn a_panic_is_found_in_the_log() {
        let home = tempfile::tempdir().unwrap();
        let program = ended(home.path(), "echo \"thread 'tail' panicked at src/a.rs:1:2:\" >&2; echo well >&2");
        assert_eq!(program.panics(), ["thread 'tail' panicked at src/a.rs:1:2:"]);
    }
}
