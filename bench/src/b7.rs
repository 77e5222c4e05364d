//! B7 and B8: an agent at 10,000 lines a second, and one with 10,000 files in which nothing happens.

use std::{
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    clock::machine,
    figure::Figure,
    lines,
    peers::{self, Destination, Outcome, Peer, Work},
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
    let mut process = peers::start(peer, &Work { home: &home.0, input: &home.0, destination })?;
    let (written, value) = write_steadily(log, || process.cpu())?;
    peers::until(&mut process, written as u64, || topic.records())?;
    Ok(Outcome { value, by_clock: None, rss_peak_mib: process.rss_peak_mib()? })
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
    let folder = home.join("logs");
    fs::create_dir_all(&folder)?;
    for number in 0..FILES {
        fs::write(folder.join(format!("{number}.log")), format!("the first line of {number}\n"))?;
    }
    let mut agent = agent(&home, &folder.join("*.log"))?;
    agent.until("every file is read", |agent| Ok(delivered(agent)? == FILES as u64))?;
    // The checkpoint of the last lines.
    std::thread::sleep(WARM_UP);
    let (since, cpu) = (Instant::now(), agent.cpu()?);
    std::thread::sleep(MEASURE);
    let share = (agent.cpu()? - cpu) / since.elapsed().as_secs_f64();
    let mut waits: Vec<f64> = vec![];
    for number in 0..20 {
        let written = Instant::now();
        fs::OpenOptions::new()
            .append(true)
            .open(folder.join(format!("{}.log", number * 487)))?
            .write_all(b"a new line\n")?;
        let expected = (FILES + number + 1) as u64;
        while delivered(&agent)? < expected {
            std::thread::sleep(Duration::from_millis(1));
        }
        waits.push(written.elapsed().as_secs_f64() * 1e3);
    }
    let longest = waits.iter().copied().fold(0.0, f64::max);
    Ok(vec![Figure {
        id: "B8",
        name: format!("{FILES} files in which nothing happens"),
        value: share * 100.0,
        unit: "% of a core",
        twin: None,
        peers: Default::default(),
        notes: vec![
            machine(),
            format!(
                "a new line was acknowledged by Kafka after {:.0} ms (median of 20; at most {longest:.0} ms)",
                crate::clock::median(waits)
            ),
            format!("{:.0} MiB peak RSS", agent.rss_peak_mib()?),
        ],
    }])
}
