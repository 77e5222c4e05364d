//! The collector's own program, run as an operator runs it.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::wait::{until, within};

/// The roles that run for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Agent,
    Transfer,
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

/// The path of the program that is tested.
pub(crate) fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("COLLECTOR_BIN") {
        return path.into();
    }
    // The test lies in target/PROFILE/deps, the program in target/PROFILE.
    let test = std::env::current_exe().expect("the test's own path");
    test.ancestors().nth(2).expect("target/PROFILE").join("collector")
}

/// The directory with the compiled plugins.
pub(crate) fn plugins() -> PathBuf {
    if let Some(path) = std::env::var_os("COLLECTOR_TEST_PLUGINS") {
        return path.into();
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugins")
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    Command::new(binary()).args(args).stdin(Stdio::null()).output().expect("the collector's program runs")
}

/// A running collector. It is killed when dropped.
pub(crate) struct Program {
    role: Role,
    settings: PathBuf,
    log: PathBuf,
    port: u16,
    child: Child,
}

impl Program {
    /// Starts a role with a settings file; `settings` is its text, in which `{port}` stands for a free port of its own.
    pub(crate) fn start(role: Role, home: &Path, file_name: &str, settings: &str) -> Program {
        let port = free_port();
        std::fs::create_dir_all(home).expect("a home for the program");
        let path = home.join(file_name);
        std::fs::write(&path, settings.replace("{port}", &port.to_string())).expect("writing the settings");
        let log = home.join(format!("{}.log", role.name()));
        let child = spawn(role, &path, &log, port);
        Program { role, settings: path, log, port, child }
    }

    /// Starts it again after its end, with the same settings and state.
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(self.role, &self.settings, &self.log, self.port);
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kill -9");
        self.child.wait().expect("the end of the killed program");
    }

    /// Ends it as an operator does, and waits for its end.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        within("the program's end after SIGTERM", Duration::from_secs(30), async || {
            self.child.try_wait().ok().flatten()
        })
        .await
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id() as i32).expect("a process id");
        kill_process(pid, signal).expect("sending a signal");
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn ready(&mut self) {
        until(&format!("{} to be ready; its log is {}", self.role.name(), self.log.display()), async || {
            if let Some(status) = self.child.try_wait().ok().flatten() {
                panic!("{} ended with {status}:\n{}", self.role.name(), self.log());
            }
            self.get("/health/ready").await.is_some()
        })
        .await;
    }

    /// The names of the parts that are not ready.
    pub(crate) async fn not_ready(&self) -> Vec<String> {
        let Ok(answer) = reqwest::get(format!("{}/health/ready", self.address())).await else { return vec![] };
        let answer: serde_json::Value = answer.json().await.unwrap_or_default();
        let parts = answer["not_ready"].as_array().cloned().unwrap_or_default();
        parts.iter().filter_map(|part| part["component"].as_str().map(str::to_owned)).collect()
    }

    /// The body of a page, when it answers with success.
    pub(crate) async fn get(&self, path: &str) -> Option<String> {
        let answer = reqwest::get(format!("http://127.0.0.1:{}{path}", self.port)).await.ok()?;
        if answer.status().is_success() { answer.text().await.ok() } else { None }
    }

    /// The address of its pages.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The sum of a metric over its labels that contain `label`, 0 where there is none.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let text = self.get("/metrics").await.unwrap_or_default();
        let of_name =
            text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        of_name
            .filter(|line| line.contains(label))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// How many files it follows.
    pub(crate) async fn files(&self) -> u64 {
        let answer = self.get("/api/status").await.unwrap_or_default();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
        answer["status"]["files"]["count"].as_u64().unwrap_or(0)
    }

    /// Its resident memory, in MiB.
    pub(crate) fn resident_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its resident memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") >> 10
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its descriptors").count()
    }

    /// What its state directory takes, in bytes.
    pub(crate) fn state_bytes(&self) -> u64 {
        bytes_below(&self.settings.parent().expect("the home").join("state"))
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// What the files below a directory have together. A file that goes meanwhile has nothing.
fn bytes_below(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_below(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already; nothing else can be done about it here.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(40).collect();
            eprintln!("--- the last lines of {}", self.log.display());
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

fn spawn(role: Role, settings: &Path, log: &Path, port: u16) -> Child {
    let log = File::options().create(true).append(true).open(log).expect("the program's log");
    let again = log.try_clone().expect("the program's log, twice");
    let mut command = Command::new(binary());
    command.args(["--role", role.name(), "--config"]).arg(settings);
    // The seed's settings have no place for them.
    command.env("COLLECTOR_HTTP_LISTEN", format!("127.0.0.1:{port}"));
    if let Some(home) = settings.parent() {
        command.env("COLLECTOR_STATE_DIR", home.join("state"));
    }
    command.stdin(Stdio::null()).stdout(log).stderr(again).spawn().expect("starting the collector")
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its number").port()
}
