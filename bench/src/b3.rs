//! B3 and B4: a file to Kafka, a record a line or many lines in a record, acknowledged by all replicas, by the CPU time of the agent.

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::ensure;

use crate::{
    clock::{machine, median},
    figure::{Figure, is_wanted, runs},
    lines,
    peers::{self, Lines},
    program::{Home, Program},
    servers,
    topic::Created,
};

/// Different lines, written again and again.
pub(crate) const LINES: usize = 65_536;
pub(crate) const MIB: f64 = (1 << 20) as f64;

/// What is collected, and how.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// `line` or `batch`.
    pub(crate) form: &'static str,
    /// How many times the different lines are written.
    pub(crate) repeats: usize,
    pub(crate) partitions: usize,
    /// Into how many topics, each from files of its own.
    pub(crate) topics: usize,
    /// How many files each topic has.
    pub(crate) files: usize,
}

/// B3's.
pub(crate) const LOAD: Load = Load { form: "line", repeats: 13, partitions: 4, topics: 1, files: 1 };

/// What one run took.
pub(crate) struct Run {
    mib_per_core_second: f64,
    mib_per_second: f64,
    rss_peak_mib: f64,
    kib_per_file: f64,
}

/// B3.
pub(crate) fn run() -> anyhow::Result<Vec<Figure>> {
    let mut figure = figure("B3", "file to Kafka, line form, acks=all", LOAD)?;
    let different = lines::nginx(LINES);
    let lines = Lines { different: &different, repeats: LOAD.repeats, bytes_per_unit: MIB };
    peers::into_kafka(lines, LOAD.partitions)?.put_into(&mut figure);
    Ok(vec![figure])
}

/// B4.
pub(crate) fn run_batch() -> anyhow::Result<Vec<Figure>> {
    let mut figure = figure("B4", "file to Kafka, batch form, acks=all", Load { form: "batch", repeats: 39, ..LOAD })?;
    figure.notes.push("no peer puts many lines into a record: not compared".to_owned());
    Ok(vec![figure])
}

/// The cost of what there is more of. Files of 18 KiB each cost their opening, too: as many of 100 KiB stand beside them.
pub(crate) fn curves() -> anyhow::Result<Vec<Figure>> {
    let mut points = vec![];
    for topics in [1, 4, 16, 64] {
        points.push((format!("{topics} topics"), Load { topics, repeats: 39, ..LOAD }));
    }
    for (files, repeats) in [(1, 13), (10, 13), (100, 13), (1_000, 13), (10_000, 13), (10_000, 71)] {
        points.push((format!("{files} files"), Load { files, repeats, ..LOAD }));
    }
    for partitions in [1, 4, 16] {
        points.push((format!("{partitions} partitions"), Load { partitions, ..LOAD }));
    }
    points.into_iter().filter(|(name, _)| is_wanted(name)).map(|(name, load)| point(&name, load)).collect()
}

/// A point of a curve: the middle of its runs.
fn point(name: &str, load: Load) -> anyhow::Result<Figure> {
    let runs = (0..runs()?).map(|_| measure("curve", load)).collect::<anyhow::Result<Vec<Run>>>()?;
    let middle = |of: fn(&Run) -> f64| median(runs.iter().map(of).collect());
    let rates: Vec<String> = runs.iter().map(|run| format!("{:.0}", run.mib_per_core_second)).collect();
    Ok(Figure {
        id: "curves",
        name: format!("{name}, files of {:.0} KiB", middle(|run| run.kib_per_file)),
        value: middle(|run| run.mib_per_core_second),
        unit: "MiB/s per core of the agent",
        twin: None,
        peers: Default::default(),
        notes: vec![format!(
            "{:.0} MiB/s by the clock, {:.0} MiB peak RSS; median of {}",
            middle(|run| run.mib_per_second),
            middle(|run| run.rss_peak_mib),
            rates.join(", ")
        )],
    })
}

fn figure(id: &'static str, name: &str, load: Load) -> anyhow::Result<Figure> {
    // The first one warms up the disk's cache and the broker.
    measure(id, load)?;
    let runs = (0..runs()?).map(|_| measure(id, load)).collect::<anyhow::Result<Vec<Run>>>()?;
    let middle = |of: fn(&Run) -> f64| median(runs.iter().map(of).collect());
    let notes = vec![
        machine(),
        format!("{} lines in one file; topic of {} partitions, acks=all, lz4; median of {} runs", LINES * load.repeats, load.partitions, runs.len()),
        "CPU time: user and system of the agent's whole process, from the moment the file is there until the last acknowledgement".to_owned(),
        format!("{:.0} MiB/s by the clock, {:.0} MiB peak RSS", middle(|run| run.mib_per_second), middle(|run| run.rss_peak_mib)),
    ];
    Ok(Figure {
        id,
        name: name.to_owned(),
        value: middle(|run| run.mib_per_core_second),
        unit: "MiB/s per core of the agent",
        twin: None,
        peers: Default::default(),
        notes,
    })
}

/// In a folder and topics that are gone when it is over.
fn measure(id: &str, load: Load) -> anyhow::Result<Run> {
    let topics = Created::unique(load.form, load.topics)?;
    send(&Home::new(id)?, &topics.names, load)
}

/// Has an agent send files to topics that are there already.
pub(crate) fn send(home: &Home, topics: &[String], load: Load) -> anyhow::Result<Run> {
    let kafka = servers::kafka()?;
    let (files, bytes) = write_files(home, topics, load)?;
    let settings = format!(
        "allowed_paths = [\"{home}/**\"]\n[tasks]\ndir = \"{{home}}/tasks\"\n[kafka]\nbrokers = [{kafka:?}]\n\
         create_topics = {{ partitions = {}, replication = 1 }}\n",
        load.partitions,
        home = home.0.display(),
    );
    let mut agent = Program::start("agent", &home.join("agent"), &settings)?;
    let task = |topic: &String| {
        let path = home.join(topic).join("*.log");
        format!("{{\"path\":{path:?},\"topic\":\"{topic}\",\"kafka\":{{\"form\":\"{}\"}}}}", load.form)
    };
    agent.set_tasks(&format!("[{}]", topics.iter().map(task).collect::<Vec<_>>().join(",")))?;
    let first = topics.len() as u64;
    delivered(&mut agent, first)?;
    let (before, began) = (agent.cpu()?, Instant::now());
    for file in &files {
        fs::rename(file, file.with_extension("log"))?;
    }
    delivered(&mut agent, first + (LINES * load.repeats) as u64)?;
    let mib = bytes as f64 / MIB;
    Ok(Run {
        mib_per_core_second: mib / (agent.cpu()? - before),
        mib_per_second: mib / began.elapsed().as_secs_f64(),
        rss_peak_mib: agent.rss_peak_mib()?,
        kib_per_file: mib * 1024.0 / files.len() as f64,
    })
}

/// Waits until so many lines are acknowledged.
fn delivered(agent: &mut Program, lines: u64) -> anyhow::Result<()> {
    agent.until("every line is delivered", |agent| {
        let delivered = agent.counter("collector_lines_delivered_total")?;
        ensure!(delivered <= lines, "{delivered} lines were delivered of {lines}");
        Ok(delivered == lines)
    })
}

/// The lines, spread over files of the topics that the agent finds once they are renamed to `.log`; and for each topic a file of one
/// line, which it finds at once and creates the topic for. Answers those files, and how many bytes they have.
fn write_files(home: &Home, topics: &[String], load: Load) -> anyhow::Result<(Vec<PathBuf>, u64)> {
    let different = lines::nginx(LINES);
    let count = topics.len() * load.files;
    let mut all = (0..load.repeats).flat_map(|_| &different);
    let (total, mut written, mut bytes, mut files) = (LINES * load.repeats, 0, 0, vec![]);
    for topic in topics {
        fs::create_dir_all(home.join(topic))?;
        write_file(&home.join(topic).join("first.log"), different[..1].iter())?;
    }
    for number in 0..count {
        let file = home.join(&topics[number % topics.len()]).join(format!("{number}.new"));
        let until = total * (number + 1) / count;
        bytes += write_file(&file, all.by_ref().take(until - written))?;
        written = until;
        files.push(file);
    }
    Ok((files, bytes))
}

/// Writes lines to a file; answers how many bytes they have.
pub(crate) fn write_file<'a>(path: &Path, lines: impl Iterator<Item = &'a String>) -> anyhow::Result<u64> {
    let mut log = BufWriter::new(fs::File::create(path)?);
    for line in lines {
        writeln!(log, "{line}")?;
    }
    log.flush()?;
    Ok(fs::metadata(path)?.len())
}
