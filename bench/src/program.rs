//! The collector's own program, as a child whose CPU time and memory are measured.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use crate::measured::Measured;

const RUN_TIME_MAX: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running collector; killed when dropped.
pub(crate) struct Program {
    process: Measured,
    /// Where its pages are.
    pub(crate) port: u16,
    home: PathBuf,
}

impl Program {
    /// Starts a role; `{port}` and `{home}` in the settings stand for a free port and its own folder. Waits until it is ready.
    pub(crate) fn start(role: &str, home: &Path, settings: &str) -> anyhow::Result<Program> {
        let port = free_port()?;
        fs::create_dir_all(home.join("tasks"))?;
        let text = format!("[http]\nlisten = \"127.0.0.1:{port}\"\n[state]\ndir = {:?}\n", home.join("state"));
        let settings = settings.replace("{home}", &home.display().to_string());
        let file = home.join("collector.toml");
        fs::write(&file, settings + &text)?;
        let mut command = Command::new(binary()?);
        command.args(["--role", role, "--config"]).arg(&file);
        let process = Measured::start(&mut command, home.join("log")).with_context(|| format!("starting {role}"))?;
        let mut program = Program { process, port, home: home.to_owned() };
        program.until("it is ready", |program| program.get("/health/ready").map(|_| true).or(Ok(false)))?;
        Ok(program)
    }

    /// Gives it its tasks, as JSON.
    pub(crate) fn set_tasks(&self, tasks: &str) -> anyhow::Result<()> {
        // In one piece, so that no half of a file is read.
        let (new, file) = (self.home.join("tasks.new"), self.home.join("tasks/bench.json"));
        fs::write(&new, tasks)?;
        Ok(fs::rename(new, file)?)
    }

    /// Waits until something holds.
    pub(crate) fn until(
        &mut self,
        what: &str,
        mut holds: impl FnMut(&Program) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        while !holds(self)? {
            self.process.ensure_runs().context("the collector")?;
            let words = || self.process.last_words();
            ensure!(began.elapsed() < RUN_TIME_MAX, "after {RUN_TIME_MAX:?} not yet: {what}; {}", words());
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// A counter, summed over all of its labels.
    pub(crate) fn counter(&self, name: &str) -> anyhow::Result<u64> {
        let metrics = self.get("/metrics")?;
        let of_name = metrics.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
        Ok(of_name.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }

    /// The body of a page, where the answer is 200.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<String> {
        get(&format!("127.0.0.1:{}", self.port), path)
    }

    /// CPU time that it has used, in seconds.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        self.process.cpu()
    }

    /// The most memory it ever had, in MiB.
    pub(crate) fn rss_peak_mib(&self) -> anyhow::Result<f64> {
        self.process.rss_peak_mib()
    }
}

fn binary() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("collector");
    ensure!(program.exists(), "{} is missing: `cargo xtask bench` builds it", program.display());
    Ok(program)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The body of a page, where the answer is 200.
pub(crate) fn get(address: &str, path: &str) -> anyhow::Result<String> {
    request(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n"))
}

/// Sends JSON; the body of the answer, where it is 200.
pub(crate) fn post(address: &str, path: &str, body: &str) -> anyhow::Result<String> {
    let length = body.len();
    request(
        address,
        &format!(
            "POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
}

/// Has something deleted.
pub(crate) fn delete(address: &str, path: &str) -> anyhow::Result<()> {
    request(address, &format!("DELETE {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")).map(drop)
}

fn request(address: &str, request: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer without a body")?;
    ensure!(
        head.split(' ').nth(1) == Some("200"),
        "{} answers {head}: {body}",
        request.lines().next().unwrap_or_default()
    );
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return joined(body).context("reading an answer in chunks");
    }
    Ok(body.to_owned())
}

/// A body that came in chunks, each behind its length. Elasticsearch sends some so whatever was asked for.
fn joined(mut chunks: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (length, rest) = chunks.split_once("\r\n")?;
        let length = usize::from_str_radix(length.trim(), 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body += rest.get(..length)?;
        chunks = rest[length..].strip_prefix("\r\n")?;
    }
}

/// A folder that goes with what was measured in it.
pub(crate) struct Home(pub(crate) PathBuf);

impl Home {
    /// A new one.
    pub(crate) fn new(name: &str) -> anyhow::Result<Home> {
        let home = std::env::temp_dir().join(format!("collector-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&home)?;
        Ok(Home(home))
    }

    /// A place in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
