//! Measures reading alone: `measure throughput [MIB]` reads one file of nginx-like lines, `measure idle [FILES]` follows files in
//! which nothing happens, then writes to one of them.

use std::{
    io::{BufWriter, Write},
    path::Path,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use collector_model::{Batch, Budget, Metrics, Topic, budget::BudgetLimits};
use collector_tail::{NoCoverage, StateDir, Surroundings, Tail, TailHandle, TailSettings};
use collector_tasks::{ChainSpec, Encoding, KafkaOptions, StartAt, Task, TaskSet, task};
use tokio::sync::watch;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let number = arguments.next().map(|text| text.parse()).transpose()?;
    let dir = tempfile::tempdir()?;
    match what.as_str() {
        "throughput" => throughput(dir.path(), number.unwrap_or(512)),
        "idle" => idle(dir.path(), number.unwrap_or(10_000)),
        _ => Err("say `throughput [MIB]` or `idle [FILES]`".into()),
    }
}

fn task(path: &Path) -> Result<Task, Failure> {
    Ok(Task {
        path: path.display().to_string(),
        topic: Topic::new("measured")?,
        exclude: vec![],
        start_at: StartAt::Beginning,
        encoding: Encoding::UTF_8,
        line_bytes_max: 512 << 10,
        flush_after: Duration::from_secs(5),
        multiline: None,
        rate_limit: None,
        ignore_older: None,
        poll: false,
        kafka: KafkaOptions::default(),
        chain: ChainSpec::default(),
        document: task::DocumentForm::Ecs,
        keep_original: true,
    })
}

fn start(dir: &Path, pattern: &str) -> Result<(TailHandle, mpsc::Receiver<Batch>, watch::Sender<TaskSet>), Failure> {
    let set = TaskSet { tasks: [task(&dir.join(pattern))?].into(), revision: 1 };
    let (to_tail, tasks) = watch::channel(set);
    let (out, batches) = mpsc::sync_channel(64);
    let around = Surroundings {
        tasks,
        budget: Budget::new(BudgetLimits::of_total(32 << 20)),
        coverage: Arc::new(NoCoverage),
        metrics: Metrics::default(),
        out: vec![out],
    };
    let state = StateDir::open(&dir.join("state"))?;
    Ok((Tail::start(TailSettings::default(), state, around)?, batches, to_tail))
}

/// CPU time of the whole process so far, in seconds.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn throughput(dir: &Path, mib: u64) -> Result<(), Failure> {
    let mut file = BufWriter::new(std::fs::File::create(dir.join("a.log"))?);
    let (mut bytes, mut lines) = (0, 0);
    while bytes < mib << 20 {
        let line = format!(
            "10.0.{}.{} - - [10/Oct/2025:13:55:{:02} +0000] \"GET /api/v1/items/{lines} HTTP/1.1\" 200 {} \"-\" \"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101\"\n",
            lines % 200,
            lines % 250,
            lines % 60,
            lines % 9000
        );
        bytes += line.len() as u64;
        lines += 1;
        file.write_all(line.as_bytes())?;
    }
    file.flush()?;
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let (handle, batches, _tasks) = start(dir, "a.log")?;
    let mut read = 0;
    while read < lines {
        let batch = batches.recv()?;
        read += batch.lines.len() as u64;
        batch.ticket.complete();
    }
    let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    handle.stop();
    println!(
        "{lines} lines, {:.0} MB/s, {:.0} MB/s per core of CPU time",
        bytes as f64 / wall / 1e6,
        bytes as f64 / cpu / 1e6
    );
    Ok(())
}

fn idle(dir: &Path, files: u64) -> Result<(), Failure> {
    for n in 0..files {
        std::fs::write(dir.join(format!("{n}.log")), format!("first line of {n}\n"))?;
    }
    let (handle, batches, _tasks) = start(dir, "*.log")?;
    for _ in 0..files {
        batches.recv()?.ticket.complete();
    }
    // Let the first checkpoint pass.
    std::thread::sleep(Duration::from_secs(3));
    let (began, cpu) = (Instant::now(), cpu_seconds());
    std::thread::sleep(Duration::from_secs(30));
    let share = (cpu_seconds() - cpu) / began.elapsed().as_secs_f64();
    let written = Instant::now();
    std::fs::OpenOptions::new().append(true).open(dir.join("7.log"))?.write_all(b"a new line\n")?;
    batches.recv()?.ticket.complete();
    println!(
        "{files} idle files: {:.2} % of a core; a new line was there after {:?}",
        share * 100.0,
        written.elapsed()
    );
    handle.stop();
    Ok(())
}
