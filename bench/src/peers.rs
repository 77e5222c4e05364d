//! Other programs that do what the collector does, on the same lines and in the same run: by the CPU time and the memory of their whole
//! processes. One that is not installed, or has no means for a work, is left out, with a note.

mod process;
mod rsyslog;
mod syslog_ng;

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::ensure;

use crate::{
    b3::write_file,
    bulk_server::BulkServer,
    clock::median,
    figure::{Figure, runs},
    program::Home,
    topic::Topic,
};

pub(crate) use process::{descriptors_max, start, until, until_least};

/// What the collector's own producer is set to.
const PRODUCER: [(&str, &str); 8] = [
    ("compression.type", "lz4"),
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("linger.ms", "20"),
    ("batch.size", "1000000"),
    ("batch.num.messages", "100000"),
    ("queue.buffering.max.messages", "500000"),
    ("queue.buffering.max.kbytes", "16384"),
];
/// How many files a work has that is not about many of them, at most.
const FEW_FILES: usize = 100;

type Start = dyn Fn(&Work<'_>) -> anyhow::Result<Command>;

/// A program that is installed.
pub(crate) struct Peer {
    /// With its version.
    name: String,
    /// Writes its settings; how it is started with them.
    command: Box<Start>,
    /// The argument with which it only checks its settings.
    check: &'static str,
}

/// What it is to do.
pub(crate) struct Work<'a> {
    /// A folder of its own.
    pub(crate) home: &'a Path,
    pub(crate) source: Source<'a>,
    pub(crate) destination: Destination<'a>,
}

/// Where lines come from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// The `*.log` of a folder, so many at most.
    Files { folder: &'a Path, count: usize },
    /// A topic, from its first record.
    Topic { broker: &'a str, topic: &'a str },
}

impl<'a> Source<'a> {
    /// The few `*.log` of a folder.
    pub(crate) fn folder(folder: &'a Path) -> Source<'a> {
        Source::Files { folder, count: FEW_FILES }
    }
}

/// Where lines go.
#[derive(Clone, Copy)]
pub(crate) enum Destination<'a> {
    /// Parsed, as JSON, into a file.
    File(&'a Path),
    /// Parsed, as bulk requests, to `host:port`.
    Bulk(&'a str),
    /// As they are.
    Kafka { broker: &'a str, topic: &'a str },
}

/// How it did in one run.
pub(crate) struct Outcome {
    /// In the unit of the figure that it stands beside.
    pub(crate) value: f64,
    /// The rate by the clock, where there is one.
    pub(crate) by_clock: Option<f64>,
    pub(crate) rss_peak_mib: f64,
    /// What else there is to say.
    pub(crate) note: Option<String>,
}

/// How all of them did.
#[derive(Default)]
pub(crate) struct Compared {
    work: &'static str,
    rates: Vec<(String, f64)>,
    notes: Vec<String>,
}

impl Compared {
    /// Puts it beside a figure of ours.
    pub(crate) fn put_into(&self, figure: &mut Figure) {
        figure.peers.extend(self.rates.iter().cloned());
        figure.notes.extend(self.notes.iter().cloned());
    }

    fn add(&mut self, peer: &Peer, outcomes: &[Outcome]) {
        let middle = |of: fn(&Outcome) -> f64| median(outcomes.iter().map(of).collect());
        self.rates.push((format!("{}, {}", peer.name, self.work), middle(|outcome| outcome.value)));
        let by_clock = outcomes.iter().filter_map(|outcome| outcome.by_clock).collect::<Vec<_>>();
        let clock = if by_clock.is_empty() { String::new() } else { format!("{:.0} by the clock, ", median(by_clock)) };
        let note = outcomes.last().and_then(|outcome| outcome.note.as_ref()).map(|note| format!("; {note}"));
        self.notes.push(format!(
            "{}: {clock}{:.0} MiB peak RSS; runs: {}{}",
            peer.name,
            middle(|outcome| outcome.rss_peak_mib),
            outcomes.len(),
            note.unwrap_or_default()
        ));
    }
}

/// Runs each of them so many times.
pub(crate) fn compare(
    work: &'static str,
    runs: usize,
    mut run: impl FnMut(&Peer) -> anyhow::Result<Outcome>,
) -> Compared {
    let mut compared = Compared { work, ..Compared::default() };
    for (name, peer) in [("rsyslog", rsyslog::find()), ("syslog-ng", syslog_ng::find())] {
        let Some(peer) = peer else {
            compared.notes.push(format!("{name} is not installed: not compared"));
            continue;
        };
        match (0..runs).map(|_| run(&peer)).collect::<anyhow::Result<Vec<_>>>() {
            Ok(outcomes) => compared.add(&peer, &outcomes),
            Err(error) => compared.notes.push(format!("{}: not compared: {error:#}", peer.name)),
        }
    }
    compared
}

/// Lines to read: different ones, again and again; and the unit of the figures.
#[derive(Clone, Copy)]
pub(crate) struct Lines<'a> {
    pub(crate) different: &'a [String],
    pub(crate) repeats: usize,
    pub(crate) bytes_per_unit: f64,
}

/// Parsed, as JSON, into a file.
pub(crate) fn into_file(lines: Lines<'_>) -> anyhow::Result<Compared> {
    Ok(compare("file to JSON file", runs()?, |peer| {
        let home = Home::new("peer")?;
        let path = home.join("out.json");
        let mut written = Written { path: path.clone(), file: None, lines: 0, first: vec![] };
        let outcome = run(peer, &home, Destination::File(&path), lines, || written.count())?;
        ensure_parsed(&serde_json::from_slice(&written.first)?)?;
        Ok(outcome)
    }))
}

/// Insists on the fields of a line.
pub(crate) fn ensure_parsed(document: &serde_json::Value) -> anyhow::Result<()> {
    ensure!(document["agent"].is_string(), "it did not parse the lines: {document}");
    Ok(())
}

/// Parsed, as bulk requests. Its documents have no ids.
pub(crate) fn into_requests(lines: Lines<'_>) -> anyhow::Result<Compared> {
    Ok(compare("file to bulk requests without ids", runs()?, |peer| {
        let (home, server) = (Home::new("peer")?, BulkServer::start()?);
        let outcome = run(peer, &home, Destination::Bulk(&server.address), lines, || Ok(server.taken()?.documents))?;
        ensure_parsed(&server.first()?)?;
        Ok(outcome)
    }))
}

/// As they are, into a topic of so many partitions.
pub(crate) fn into_kafka(lines: Lines<'_>, partitions: usize) -> anyhow::Result<Compared> {
    Ok(compare("file to Kafka", runs()?, |peer| {
        let (home, topic) = (Home::new("peer")?, Topic::create("peer", partitions)?);
        let destination = Destination::Kafka { broker: &topic.broker, topic: &topic.name };
        run(peer, &home, destination, lines, || topic.records())
    }))
}

/// One run. A file of one line comes first, as for the collector: what a program does when it starts does not count.
fn run(
    peer: &Peer,
    home: &Home,
    destination: Destination<'_>,
    lines: Lines<'_>,
    mut arrived: impl FnMut() -> anyhow::Result<u64>,
) -> anyhow::Result<Outcome> {
    let input = home.join("in");
    fs::create_dir_all(&input)?;
    write_file(&input.join("first.log"), lines.different[..1].iter())?;
    let all = input.join("all.new");
    let bytes = write_file(&all, (0..lines.repeats).flat_map(|_| lines.different))?;
    let mut process = start(peer, &Work { home: &home.0, source: Source::folder(&input), destination })?;
    until(&mut process, 1, &mut arrived)?;
    let (before, began) = (process.cpu()?, Instant::now());
    fs::rename(&all, all.with_extension("log"))?;
    until(&mut process, (1 + lines.different.len() * lines.repeats) as u64, &mut arrived)?;
    let units = bytes as f64 / lines.bytes_per_unit;
    Ok(Outcome {
        value: units / (process.cpu()? - before),
        by_clock: Some(units / began.elapsed().as_secs_f64()),
        rss_peak_mib: process.rss_peak_mib()?,
        note: None,
    })
}

/// A file that a peer writes.
struct Written {
    path: PathBuf,
    file: Option<File>,
    lines: u64,
    /// Its first line.
    first: Vec<u8>,
}

impl Written {
    /// How many lines it has by now.
    fn count(&mut self) -> anyhow::Result<u64> {
        self.file = self.file.take().or_else(|| File::open(&self.path).ok());
        if let Some(file) = &mut self.file {
            let mut content = vec![];
            file.read_to_end(&mut content)?;
            if self.lines == 0 {
                self.first.extend(content.iter().copied().take_while(|byte| *byte != b'\n'));
            }
            self.lines += content.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        Ok(self.lines)
    }
}

/// A program on `PATH`, or where servers are in Debian.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    places.map(|folder| folder.join(program)).find(|program| program.is_file())
}

/// What a program prints about itself, in words.
fn words_of(command: &mut Command) -> Vec<String> {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).split_whitespace().map(str::to_owned).collect()
}
