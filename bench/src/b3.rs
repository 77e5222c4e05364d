//! B3: a file to Kafka, line by line, acknowledged by all replicas: the collector's own program as an agent, by the CPU time it spends.

use std::{
    fs,
    io::{BufWriter, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

use crate::{
    clock::{cpu_of, machine, median},
    figure::Figure,
    lines,
};

/// Different lines, written again and again.
const LINES: usize = 65_536;
const REPEATS: usize = 13;
const RUNS: usize = 3;
const RUN_TIME_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const PARTITIONS: u32 = 4;
const MIB: f64 = (1 << 20) as f64;

/// What one run took.
struct Run {
    mib_per_core_second: f64,
    mib_per_second: f64,
    rss_peak_mib: f64,
}

/// Runs it.
pub(crate) fn run() -> anyhow::Result<Vec<Figure>> {
    let kafka = std::env::var("COLLECTOR_BENCH_KAFKA").unwrap_or_else(|_| "127.0.0.1:19092".to_owned());
    TcpStream::connect(&kafka)
        .with_context(|| format!("reaching Kafka at {kafka}: start it with `cargo xtask services up kafka`"))?;
    let program = program()?;
    let home = std::env::temp_dir().join(format!("collector-bench-{}", std::process::id()));
    fs::create_dir_all(&home)?;
    let result = runs(&program, &kafka, &home);
    fs::remove_dir_all(&home)?;
    result
}

fn program() -> anyhow::Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("collector");
    let program = std::env::var_os("COLLECTOR_BENCH_BIN").map_or(beside, PathBuf::from);
    ensure!(program.exists(), "{} is missing: `cargo xtask bench B3` builds it", program.display());
    Ok(program)
}

fn runs(program: &Path, kafka: &str, home: &Path) -> anyhow::Result<Vec<Figure>> {
    let file = home.join("access.log");
    let mut log = BufWriter::new(fs::File::create(&file)?);
    let different = lines::nginx(LINES);
    for line in (0..REPEATS).flat_map(|_| &different) {
        writeln!(log, "{line}")?;
    }
    log.flush()?;
    let bytes = fs::metadata(&file)?.len();
    let lines = (LINES * REPEATS) as u64;
    let mut runs = vec![];
    for number in 0..=RUNS {
        let run = one(program, kafka, &home.join(number.to_string()), &file, lines, bytes)?;
        // The first one warms up the disk's cache and the broker.
        if number > 0 {
            runs.push(run);
        }
    }
    let middle = |of: fn(&Run) -> f64| median(runs.iter().map(of).collect());
    let notes = vec![
        machine(),
        format!("{lines} lines, {:.0} MiB in one file; topic of {PARTITIONS} partitions, acks=all, lz4; median of {RUNS} runs", bytes as f64 / MIB),
        "CPU time: user and system of the agent's whole process, from the moment it gets the task until the last acknowledgement".to_owned(),
        format!("{:.0} MiB/s by the clock, {:.0} MiB peak RSS", middle(|run| run.mib_per_second), middle(|run| run.rss_peak_mib)),
    ];
    Ok(vec![Figure {
        id: "B3",
        name: "file to Kafka, line form, acks=all".to_owned(),
        value: middle(|run| run.mib_per_core_second),
        unit: "MiB/s per core of the agent",
        twin: None,
        peers: Default::default(),
        notes,
    }])
}

fn one(program: &Path, kafka: &str, home: &Path, file: &Path, lines: u64, bytes: u64) -> anyhow::Result<Run> {
    let tasks = home.join("tasks");
    fs::create_dir_all(&tasks)?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let settings = home.join("collector.toml");
    let text = format!(
        "allowed_paths = [{file:?}]\n[state]\ndir = {:?}\n[http]\nlisten = \"127.0.0.1:{port}\"\n[tasks]\ndir = {tasks:?}\n\
         [kafka]\nbrokers = [{kafka:?}]\ncreate_topics = {{ partitions = {PARTITIONS}, replication = 1 }}\n",
        home.join("state"),
    );
    fs::write(&settings, text)?;
    let log = fs::File::create(home.join("log"))?;
    let mut command = Command::new(program);
    command.args(["--role", "agent", "--config"]).arg(&settings).stdin(Stdio::null()).stderr(log);
    let mut agent = Agent(command.spawn().context("starting the agent")?);
    let begin = Instant::now();
    agent.until(&begin, || get(port, "/health/ready").map(|_| true))?;

    let topic = format!("bench-{}-{}", std::process::id(), port);
    let before = agent.cpu()?;
    let began = Instant::now();
    fs::write(tasks.join("task.json"), format!("[{{\"path\":{file:?},\"topic\":\"{topic}\"}}]"))?;
    agent.until(&began, || {
        let metrics = get(port, "/metrics")?;
        let line = metrics.lines().find(|line| line.starts_with("collector_records_delivered_total{"));
        let delivered = line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or(0);
        ensure!(delivered <= lines, "{delivered} records were delivered for {lines} lines");
        Ok(delivered == lines)
    })?;
    let mib = bytes as f64 / MIB;
    Ok(Run {
        mib_per_core_second: mib / (agent.cpu()? - before),
        mib_per_second: mib / began.elapsed().as_secs_f64(),
        rss_peak_mib: agent.rss_peak_mib()?,
    })
}

/// The agent's process; killed when dropped.
struct Agent(Child);

impl Agent {
    fn until(&mut self, since: &Instant, mut done: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
        loop {
            let looked = done();
            if matches!(looked, Ok(true)) {
                return Ok(());
            }
            if let Some(status) = self.0.try_wait()? {
                bail!("the agent ended with {status}");
            }
            if since.elapsed() > RUN_TIME_MAX {
                looked.context("waiting for the agent")?;
                bail!("the agent was not done within {RUN_TIME_MAX:?}");
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn cpu(&self) -> anyhow::Result<f64> {
        cpu_of(self.0.id())
    }

    fn rss_peak_mib(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("reading /proc/PID/status")?;
        let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok());
        Ok(kib.context("reading VmHWM")? / 1024.0)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The body of a page, where the answer is 200.
fn get(port: u16, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer without a body")?;
    ensure!(head.split(' ').nth(1) == Some("200"), "{path} answers {head}");
    Ok(body.to_owned())
}
