//! B9: how long a line takes from its file to Kafka, and to a search.

use std::{
    fs,
    io::Write as _,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, ensure};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
};

use crate::{
    clock::machine,
    figure::Figure,
    program::{Home, Program, get},
    servers,
};

const LINES: usize = 5_000;
const EVERY: Duration = Duration::from_millis(2);
const SEARCHES: usize = 40;
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

fn figure(name: &str, mut waits_ms: Vec<f64>) -> Figure {
    waits_ms.sort_by(f64::total_cmp);
    let at = |share: f64| waits_ms[((waits_ms.len() - 1) as f64 * share) as usize];
    Figure {
        id: "B9",
        name: name.to_owned(),
        value: at(0.99),
        unit: "ms (99th percentile)",
        twin: None,
        peers: Default::default(),
        notes: vec![
            machine(),
            format!("{} lines; median {:.0} ms, longest {:.0} ms", waits_ms.len(), at(0.5), at(1.0)),
        ],
    }
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
    let (kafka, home, topic) = (servers::kafka()?, Home::new("B9")?, servers::unique("latency"));
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &kafka).set("group.id", "bench");
    let admin: AdminClient<DefaultClientContext> = config.create()?;
    let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(1)).set("message.timestamp.type", "LogAppendTime");
    tokio::runtime::Runtime::new()?.block_on(admin.create_topics([&new], &AdminOptions::new()))?;
    let (mut agent, mut file) = agent(&home, &topic, &kafka)?;
    for _ in 0..LINES {
        file.write_all(format!("{} a line\n", now_ms()).as_bytes())?;
        std::thread::sleep(EVERY);
    }
    agent.until("every line is delivered", |agent| {
        Ok(agent.counter("collector_lines_delivered_total")? > LINES as u64)
    })?;
    let consumer: BaseConsumer = config.create()?;
    let mut all = TopicPartitionList::new();
    all.add_partition_offset(&topic, 0, Offset::Offset(1))?;
    consumer.assign(&all)?;
    let mut waits = vec![];
    while waits.len() < LINES {
        let message = consumer.poll(WAIT_MAX).context("waiting for records")??;
        let text = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
        let written: f64 = text.split(' ').next().context("a line without its time")?.parse()?;
        // The broker's clock has milliseconds: what was rounded down is not less than nothing.
        let appended = message.timestamp().to_millis().context("a record without its time")? as f64;
        waits.push((appended - written).max(0.0));
    }
    Ok(figure("from the write into a file to Kafka, one line every 2 ms", waits))
}

/// Writes lines one by one; how long each took until a search has found it.
fn searched(mut file: fs::File, mut is_found: impl FnMut(&str) -> anyhow::Result<bool>) -> anyhow::Result<Vec<f64>> {
    let mut waits = vec![];
    for number in 0..SEARCHES {
        let word = format!("needle{number}x{:x}", (now_ms() * 1e3) as u64);
        file.write_all(format!("{word} in the haystack\n").as_bytes())?;
        let written = Instant::now();
        while !is_found(&word)? {
            ensure!(written.elapsed() < WAIT_MAX, "{word} is not found");
            std::thread::sleep(Duration::from_millis(10));
        }
        waits.push(written.elapsed().as_secs_f64() * 1e3);
        // Another moment between two refreshes each time.
        std::thread::sleep(Duration::from_millis(37 * (number as u64 % 17)));
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
    let waits = searched(file, |word| {
        Ok(!own.get(&format!("/api/search?q={word}&since=2020-01-01"))?.contains("\"total\":0"))
    })?;
    Ok(figure("from the write into a file to a search of standalone", waits))
}

fn to_elasticsearch(elasticsearch: &str) -> anyhow::Result<Figure> {
    let (kafka, home, topic) = (servers::kafka()?, Home::new("B9-elastic")?, servers::unique("latency"));
    let (_agent, file) = agent(&home, &topic, &kafka)?;
    let settings = format!(
        "[kafka]\nbrokers = [{kafka:?}]\ngroup = {topic:?}\ntopics = [{topic:?}]\n[elasticsearch]\nnodes = [\"http://{elasticsearch}\"]\n"
    );
    let mut transfer = Program::start("transfer", &home.join("transfer"), &settings)?;
    transfer.until("the first line is indexed", |transfer| {
        Ok(transfer.counter("collector_documents_indexed_total")? > 0)
    })?;
    let path = |word: &str| format!("/{topic}-*/_count?ignore_unavailable=true&q=message:{word}");
    let waits = searched(file, |word| Ok(!get(elasticsearch, &path(word))?.contains("\"count\":0,")))?;
    Ok(figure("from the write into a file, over Kafka, to a search of Elasticsearch", waits))
}
