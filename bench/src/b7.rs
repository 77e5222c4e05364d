//! B7 and B8: an agent at 10,000 lines a second, and one with 10,000 files in which nothing happens.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::ensure;

use crate::{
    clock::{machine, median},
    figure::Figure,
    lines,
    peers::{self, Destination, Outcome, Peer, Source, Work},
    program::{Home, Program},
    servers,
    topic::Topic,
};

const LINES_PER_SECOND: usize = 10_000;
/// Lines are written that often.
const WRITE_EVERY: Duration = Duration::from_millis(10);
const WARM_UP: Duration = Duration::from_secs(3);
const MEASURE: Duration = Duration::from_secs(20);
const PARTITIONS: usize = 4;
const FILES: usize = 10_000;
const NEW_LINES: usize = 20;
/// What a program has open besides the files that it reads.
const OTHER_DESCRIPTORS: usize = 100;
const NEW_LINE_MAX: Duration = Duration::from_secs(60);

fn agent(home: &Home, pattern: &Path) -> anyhow::Result<Program> {
    let kafka = servers::kafka()?;
    let settings = format!(
        "allowed_paths = [\"{home}/**\"]\n[tasks]\ndir = \"{{home}}/tasks\"\n[kafka]\nbrokers = [{kafka:?}]\n\
         create_topics = {{ partitions = {PARTITIONS}, replication = 1 }}\n",
        home = home.0.display(),
    );
    let agent = Program::start("agent", &home.join("agent"), &settings)?;
    agent.set_tasks(&format!("[{{\"path\":{pattern:?},\"topic\":\"{}\"}}]", servers::unique("steady")))?;
    Ok(agent)
}

fn delivered(agent: &Program) -> anyhow::Result<u64> {
    agent.counter("collector_lines_delivered_total")
}

/// B7.
pub(crate) fn steady() -> anyhow::Result<Vec<Figure>> {
    let home = Home::new("B7")?;
    let file = home.join("access.log");
    let log = fs::File::create(&file)?;
    let mut agent = agent(&home, &file)?;
    let (written, share) = write_steadily(log, || agent.cpu())?;
    agent.until("every line is delivered", |agent| Ok(delivered(agent)? == written as u64))?;
    let mut figure = Figure {
        id: "B7",
        name: format!("{LINES_PER_SECOND} lines a second, file to Kafka"),
        value: share,
        unit: "of a core",
        twin: None,
        peers: Default::default(),
        notes: vec![
            machine(),
            format!("{MEASURE:?}, written every {WRITE_EVERY:?}; {:.0} MiB peak RSS", agent.rss_peak_mib()?),
        ],
    };
    drop(agent);
    peers::compare("file to Kafka", 1, steady_peer).put_into(&mut figure);
    Ok(vec![figure])
}

/// The same of a peer.
fn steady_peer(peer: &Peer) -> anyhow::Result<Outcome> {
    let (home, topic) = (Home::new("B7")?, Topic::create("steady", PARTITIONS)?);
    let log = fs::File::create(home.join("access.log"))?;
    let destination = Destination::Kafka { broker: &topic.broker, topic: &topic.name };
    let mut process = peers::start(peer, &Work { home: &home.0, source: Source::folder(&home.0), destination })?;
    let (written, value) = write_steadily(log, || process.cpu())?;
    peers::until(&mut process, written as u64, || topic.records())?;
    Ok(Outcome { value, by_clock: None, rss_peak_mib: process.rss_peak_mib()?, note: None })
}

/// Writes lines to a log; answers how many, and the share of a core that whoever reads it has used since it was warm.
fn write_steadily(mut log: fs::File, cpu: impl Fn() -> anyhow::Result<f64>) -> anyhow::Result<(usize, f64)> {
    let different = lines::nginx(65_536);
    let mut next = different.iter().cycle();
    let (began, mut written) = (Instant::now(), 0);
    let mut measured_from = None;
    while began.elapsed() < WARM_UP + MEASURE {
        let due = (began.elapsed().as_secs_f64() * LINES_PER_SECOND as f64) as usize;
        let text: String = next.by_ref().take(due - written).flat_map(|line| [line, "\n"]).collect();
        log.write_all(text.as_bytes())?;
        written = due;
        if measured_from.is_none() && began.elapsed() >= WARM_UP {
            measured_from = Some((Instant::now(), cpu()?));
        }
        std::thread::sleep(WRITE_EVERY);
    }
    let (since, before) = measured_from.unwrap_or((began, 0.0));
    Ok((written, (cpu()? - before) / since.elapsed().as_secs_f64()))
}

/// B8.
pub(crate) fn idle() -> anyhow::Result<Vec<Figure>> {
    let home = Home::new("B8")?;
    let folder = write_idle_files(&home, FILES)?;
    let mut agent = agent(&home, &folder.join("*.log"))?;
    agent.until("every file is read", |agent| Ok(delivered(agent)? == FILES as u64))?;
    let share = idle_share(|| agent.cpu())?;
    let note = append_lines(&folder, FILES, || delivered(&agent))?;
    let mut figure = Figure {
        id: "B8",
        name: format!("{FILES} files in which nothing happens"),
        value: share * 100.0,
        unit: "% of a core",
        twin: None,
        peers: Default::default(),
        notes: vec![machine(), note, format!("{:.0} MiB peak RSS", agent.rss_peak_mib()?)],
    };
    drop(agent);
    peers::compare("file to Kafka", 1, idle_peer).put_into(&mut figure);
    Ok(vec![figure])
}

/// The same of a peer, with a few files less where it needs more descriptors than a program may have.
fn idle_peer(peer: &Peer) -> anyhow::Result<Outcome> {
    let files = FILES.min(peers::descriptors_max().saturating_sub(OTHER_DESCRIPTORS) / 2);
    let (home, topic) = (Home::new("B8")?, Topic::create("idle", PARTITIONS)?);
    let folder = write_idle_files(&home, files)?;
    let destination = Destination::Kafka { broker: &topic.broker, topic: &topic.name };
    let source = Source::Files { folder: &folder, count: files };
    let mut process = peers::start(peer, &Work { home: &home.0, source, destination })?;
    peers::until_least(&mut process, files as u64, || topic.records())?;
    let share = idle_share(|| process.cpu())?;
    // One that found a file twice while it started has sent its line twice.
    let twice = topic.records()? - files as u64;
    let note =
        format!("{files} files, {twice} of them read twice; {}", append_lines(&folder, files, || topic.records())?);
    Ok(Outcome { value: share * 100.0, by_clock: None, rss_peak_mib: process.rss_peak_mib()?, note: Some(note) })
}

/// Answers their folder.
fn write_idle_files(home: &Home, files: usize) -> anyhow::Result<PathBuf> {
    let folder = home.join("logs");
    fs::create_dir_all(&folder)?;
    for number in 0..files {
        fs::write(folder.join(format!("{number}.log")), format!("the first line of {number}\n"))?;
    }
    Ok(folder)
}

/// The share of a core that is used while nothing happens.
fn idle_share(cpu: impl Fn() -> anyhow::Result<f64>) -> anyhow::Result<f64> {
    // What it does after the last lines: a checkpoint.
    std::thread::sleep(WARM_UP);
    let (since, before) = (Instant::now(), cpu()?);
    std::thread::sleep(MEASURE);
    Ok((cpu()? - before) / since.elapsed().as_secs_f64())
}

/// Appends a line to one file after the other; says how long each took until Kafka had it.
fn append_lines(folder: &Path, files: usize, arrived: impl Fn() -> anyhow::Result<u64>) -> anyhow::Result<String> {
    let (before, mut waits): (u64, Vec<f64>) = (arrived()?, vec![]);
    for number in 0..NEW_LINES {
        let written = Instant::now();
        let file = folder.join(format!("{}.log", number * (files / NEW_LINES)));
        fs::OpenOptions::new().append(true).open(file)?.write_all(b"a new line\n")?;
        while arrived()? <= before + number as u64 {
            ensure!(written.elapsed() < NEW_LINE_MAX, "a new line did not arrive within {NEW_LINE_MAX:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        waits.push(written.elapsed().as_secs_f64() * 1e3);
    }
    let longest = waits.iter().copied().fold(0.0, f64::max);
    Ok(format!(
        "a new line was in Kafka after {:.0} ms (median of {}; at most {longest:.0} ms)",
        median(waits.clone()),
        waits.len()
    ))
}
