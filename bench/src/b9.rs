//! B9: how long a line takes from its file to Kafka, and to a search.

use std::{
    fs,
    io::Write as _,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, ensure};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
};

use crate::{
    bulk_target::Indices,
    clock::machine,
    figure::Figure,
    peers::{self, Destination, Outcome, Peer, Source, Work},
    program::{Home, Program, get},
    servers,
    topic::{Created, Topic},
};

const LINES: usize = 5_000;
const EVERY: Duration = Duration::from_millis(2);
/// Lines that are searched for, by so many at once.
const SEARCHES: usize = 240;
const SEARCHERS: usize = 4;
const LOOK_EVERY: Duration = Duration::from_millis(20);
const SEARCHED: &str = "lines, each searched for every 20 ms until it was found";
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Runs it.
pub(crate) fn run() -> anyhow::Result<Vec<Figure>> {
    let mut figures = vec![to_kafka()?, to_own_search()?];
    match servers::elasticsearch() {
        Ok(elasticsearch) => figures.push(to_elasticsearch(&elasticsearch)?),
        Err(error) => eprintln!("without Elasticsearch: {error:#}"),
    }
    Ok(figures)
}

/// The value below which such a share of sorted ones is.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted.get((sorted.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or_default()
}

/// Of what the waits are, in words.
fn figure(name: &str, mut waits_ms: Vec<f64>, what: &str) -> Figure {
    waits_ms.sort_by(f64::total_cmp);
    Figure {
        id: "B9",
        name: name.to_owned(),
        value: percentile(&waits_ms, 0.99),
        unit: "ms (99th percentile)",
        twin: None,
        peers: Default::default(),
        notes: vec![machine(), format!("of {} {what}; {}", waits_ms.len(), median_and_longest(&waits_ms))],
    }
}

fn median_and_longest(sorted: &[f64]) -> String {
    format!("median {:.0} ms, longest {:.0} ms", percentile(sorted, 0.5), percentile(sorted, 1.0))
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1e3
}

fn agent(home: &Home, topic: &str, kafka: &str) -> anyhow::Result<(Program, fs::File)> {
    let path = home.join("a.log");
    let file = fs::File::create(&path)?;
    let settings = format!(
        "allowed_paths = [{path:?}]\n[tasks]\ndir = \"{{home}}/tasks\"\n[kafka]\nbrokers = [{kafka:?}]\n\
         create_topics = {{ partitions = 4, replication = 1 }}\n"
    );
    let mut agent = Program::start("agent", &home.join("agent"), &settings)?;
    agent.set_tasks(&format!("[{{\"path\":{path:?},\"topic\":\"{topic}\"}}]"))?;
    (&file).write_all(b"the first line\n")?;
    agent.until("the first line is delivered", |agent| Ok(agent.counter("collector_lines_delivered_total")? == 1))?;
    Ok((agent, file))
}

/// From the write into the file to the broker's own timestamp.
fn to_kafka() -> anyhow::Result<Figure> {
    let (home, topic) = (Home::new("B9")?, stamped_topic()?);
    let (mut agent, file) = agent(&home, &topic.name, &topic.broker)?;
    write_lines(file)?;
    agent.until("every line is delivered", |agent| {
        Ok(agent.counter("collector_lines_delivered_total")? > LINES as u64)
    })?;
    let name = "from the write into a file to Kafka, one line every 2 ms";
    let mut figure = figure(name, waits_of(&topic)?, "lines");
    drop(agent);
    peers::compare("file to Kafka", 1, peer_to_kafka).put_into(&mut figure);
    Ok(figure)
}

/// The same of a peer.
fn peer_to_kafka(peer: &Peer) -> anyhow::Result<Outcome> {
    let (home, topic) = (Home::new("B9")?, stamped_topic()?);
    let input = home.join("in");
    fs::create_dir_all(&input)?;
    let mut file = fs::File::create(input.join("a.log"))?;
    file.write_all(b"the first line\n")?;
    let destination = Destination::Kafka { broker: &topic.broker, topic: &topic.name };
    let mut process = peers::start(peer, &Work { home: &home.0, source: Source::folder(&input), destination })?;
    peers::until(&mut process, 1, || topic.records())?;
    write_lines(file)?;
    peers::until(&mut process, 1 + LINES as u64, || topic.records())?;
    let mut waits = waits_of(&topic)?;
    waits.sort_by(f64::total_cmp);
    let (value, note) = (percentile(&waits, 0.99), Some(median_and_longest(&waits)));
    Ok(Outcome { value, by_clock: None, rss_peak_mib: process.rss_peak_mib()?, note })
}

/// A topic whose records have the time at which the broker got them.
fn stamped_topic() -> anyhow::Result<Topic> {
    Topic::create_with("latency", 1, &[("message.timestamp.type", "LogAppendTime")])
}

/// Writes lines that say when they were written.
fn write_lines(mut file: fs::File) -> anyhow::Result<()> {
    for _ in 0..LINES {
        file.write_all(format!("{} a line\n", now_ms()).as_bytes())?;
        std::thread::sleep(EVERY);
    }
    Ok(())
}

/// How long each line took to the broker, apart from the first.
fn waits_of(topic: &Topic) -> anyhow::Result<Vec<f64>> {
    let mut config = ClientConfig::new();
    let consumer: BaseConsumer = config.set("bootstrap.servers", &topic.broker).set("group.id", "bench").create()?;
    let mut all = TopicPartitionList::new();
    all.add_partition_offset(&topic.name, 0, Offset::Offset(1))?;
    consumer.assign(&all)?;
    let mut waits = vec![];
    while waits.len() < LINES {
        let message = consumer.poll(WAIT_MAX).context("waiting for records")??;
        let text = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
        let written: f64 = text.split_whitespace().next().context("a line without its time")?.parse()?;
        // The broker's clock has milliseconds: what was rounded down is not less than nothing.
        let appended = message.timestamp().to_millis().context("a record without its time")? as f64;
        waits.push((appended - written).max(0.0));
    }
    Ok(waits)
}

type Find<'a> = dyn Fn(&str) -> anyhow::Result<bool> + Sync + 'a;

/// Writes lines one by one, from several threads; how long each took until a search has found it.
fn searched(file: &fs::File, is_found: &Find<'_>) -> anyhow::Result<Vec<f64>> {
    std::thread::scope(|scope| {
        let search = |searcher| move || search(file, searcher, is_found);
        let searchers: Vec<_> = (0..SEARCHERS).map(|searcher| scope.spawn(search(searcher))).collect();
        let mut waits = vec![];
        for searcher in searchers {
            waits.extend(searcher.join().map_err(|_| anyhow::anyhow!("a searcher panicked"))??);
        }
        Ok(waits)
    })
}

fn search(mut file: &fs::File, searcher: usize, is_found: &Find<'_>) -> anyhow::Result<Vec<f64>> {
    let mut waits = vec![];
    for number in 0..SEARCHES / SEARCHERS {
        let word = format!("needle{searcher}x{number}x{:x}", (now_ms() * 1e3) as u64);
        // In one call: the searchers share the file and its position.
        file.write_all(format!("{word} in the haystack\n").as_bytes())?;
        let written = Instant::now();
        while !is_found(&word)? {
            ensure!(written.elapsed() < WAIT_MAX, "{word} is not found");
            std::thread::sleep(LOOK_EVERY);
        }
        waits.push(written.elapsed().as_secs_f64() * 1e3);
        // Another moment between two refreshes each time.
        std::thread::sleep(Duration::from_millis(37 * ((number + searcher * 5) as u64 % 17)));
    }
    Ok(waits)
}

fn to_own_search() -> anyhow::Result<Figure> {
    let home = Home::new("B9-own")?;
    let path = home.join("a.log");
    let file = fs::File::create(&path)?;
    let settings = format!("allowed_paths = [{path:?}]\n[tasks]\ndir = \"{{home}}/tasks\"\n");
    let own = Program::start("standalone", &home.join("standalone"), &settings)?;
    own.set_tasks(&format!("[{{\"path\":{path:?},\"topic\":\"latency\"}}]"))?;
    let waits = searched(&file, &|word| {
        Ok(!own.get(&format!("/api/search?q={word}&since=2020-01-01"))?.contains("\"total\":0"))
    })?;
    Ok(figure("from the write into a file to a search of standalone", waits, SEARCHED))
}

fn to_elasticsearch(elasticsearch: &str) -> anyhow::Result<Figure> {
    let (kafka, home, topics) = (servers::kafka()?, Home::new("B9-elastic")?, Created::unique("latency", 1)?);
    let topic = &topics.names[0];
    let _indices = Indices::new(topic)?;
    let (_agent, file) = agent(&home, topic, &kafka)?;
    let settings = format!(
        "[kafka]\nbrokers = [{kafka:?}]\ngroup = {topic:?}\ntopics = [{topic:?}]\n[elasticsearch]\nnodes = [\"http://{elasticsearch}\"]\n"
    );
    let mut transfer = Program::start("transfer", &home.join("transfer"), &settings)?;
    transfer.until("the first line is indexed", |transfer| {
        Ok(transfer.counter("collector_documents_indexed_total")? > 0)
    })?;
    let path = |word: &str| format!("/{topic}-*/_count?ignore_unavailable=true&q=message:{word}");
    let waits = searched(&file, &|word| Ok(!get(elasticsearch, &path(word))?.contains("\"count\":0,")))?;
    Ok(figure("from the write into a file, over Kafka, to a search of Elasticsearch", waits, SEARCHED))
}
