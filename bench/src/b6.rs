//! B6: Kafka to the nginx plugin to bulk requests, by the CPU time of the transfer.

use anyhow::ensure;

use crate::{
    b3::{self, LOAD, Load},
    bulk_server::BulkServer,
    bulk_target::BulkTarget,
    clock::machine,
    figure::Figure,
    peers::{self, Destination, Outcome, Peer, Source, Work},
    program::{Home, Program},
    servers,
    topic::Created,
};

/// Real Elasticsearch shares the machine: it takes a few hundred thousand documents in the time that we wait.
const REAL_REPEATS: usize = 4;
/// Documents are counted per core; the bar is for two.
const CORES: f64 = 2.0;

/// Both forms, into the benchmark's own server and into a real one.
pub(crate) fn run() -> anyhow::Result<Vec<Figure>> {
    let mut figures = vec![];
    for form in ["line", "batch"] {
        let load = Load { form, ..LOAD };
        let filled = Filled::send(load)?;
        let name = format!("Kafka, {form} form, to the nginx plugin to bulk requests");
        let mut figure = figure(name.clone(), &filled, &BulkTarget::own()?)?;
        match form {
            "line" => {
                peers::compare("Kafka to bulk requests without ids", 1, |peer| filled.peer(peer)).put_into(&mut figure);
            }
            _ => figure.notes.push("no peer reads records of many lines: not compared".to_owned()),
        }
        figures.push(figure);
        match servers::elasticsearch() {
            Ok(_) => figures.push(into_elasticsearch(&name, load)?),
            Err(error) => eprintln!("B6 without Elasticsearch: {error:#}"),
        }
    }
    Ok(figures)
}

/// The same to a real Elasticsearch.
fn into_elasticsearch(name: &str, load: Load) -> anyhow::Result<Figure> {
    let filled = Filled::send(Load { repeats: REAL_REPEATS, ..load })?;
    figure(format!("{name}, to a real Elasticsearch"), &filled, &BulkTarget::real(filled.topic())?)
}

/// A topic with lines in it.
struct Filled {
    topics: Created,
    lines: u64,
    partitions: usize,
}

impl Filled {
    fn send(load: Load) -> anyhow::Result<Filled> {
        let topics = Created::unique(load.form, 1)?;
        b3::send(&Home::new("B6-send")?, &topics.names, load)?;
        // One more came before the topic was there.
        let lines = (b3::LINES * load.repeats) as u64 + 1;
        Ok(Filled { topics, lines, partitions: load.partitions })
    }

    fn topic(&self) -> &str {
        &self.topics.names[0]
    }

    /// The same work of a peer.
    fn peer(&self, peer: &Peer) -> anyhow::Result<Outcome> {
        let (home, server, broker) = (Home::new("peer")?, BulkServer::start()?, servers::kafka()?);
        let source = Source::Topic { broker: &broker, topic: self.topic() };
        let work = Work { home: &home.0, source, destination: Destination::Bulk(&server.address) };
        let mut process = peers::start(peer, &work)?;
        let documents = || Ok(server.taken()?.documents);
        let before = peers::until_least(&mut process, 1, documents)?;
        let cpu = process.cpu()?;
        peers::until(&mut process, self.lines, documents)?;
        let value = CORES * (self.lines - before) as f64 / (process.cpu()? - cpu);
        peers::ensure_parsed(&server.first()?)?;
        Ok(Outcome { value, by_clock: None, rss_peak_mib: process.rss_peak_mib()?, note: None })
    }
}

fn figure(name: String, filled: &Filled, target: &BulkTarget) -> anyhow::Result<Figure> {
    let home = Home::new("B6")?;
    let mut transfer = start(&home, filled.topic(), target)?;
    // Then its plugin is compiled, and its partitions are assigned.
    transfer.until("documents come", |transfer| Ok(answered(transfer)? > 0))?;
    let (before, cpu) = (answered(&transfer)?, transfer.cpu()?);
    transfer.until("every document is there", |transfer| {
        let answered = answered(transfer)?;
        ensure!(answered <= filled.lines, "{answered} documents were answered for {} lines", filled.lines);
        Ok(answered == filled.lines)
    })?;
    let cpu = transfer.cpu()? - cpu;
    let notes = vec![
        machine(),
        format!("{} nginx lines of 222 bytes in {} partitions", filled.lines, filled.partitions),
        target.ensure_holds(filled.lines)?,
        format!("{:.0} MiB peak RSS", transfer.rss_peak_mib()?),
        "CPU time: user and system of the transfer's whole process, from its first documents to its last".to_owned(),
    ];
    Ok(Figure {
        id: "B6",
        name,
        value: CORES * (filled.lines - before) as f64 / cpu,
        unit: "documents/s with 2 cores of the transfer",
        twin: None,
        peers: Default::default(),
        notes,
    })
}

/// How many documents the server has answered for; those that were there already, after an answer that did not come, too.
fn answered(transfer: &Program) -> anyhow::Result<u64> {
    Ok(transfer.counter("collector_documents_indexed_total")?
        + transfer.counter("collector_documents_conflicted_total")?)
}

fn start(home: &Home, topic: &str, target: &BulkTarget) -> anyhow::Result<Program> {
    let prefix = format!("/{topic}/rules/");
    let (etcd, kafka, address) = (servers::etcd()?, servers::kafka()?, target.address());
    let rule = r#"{"plugins":[{"path":"nginx","config":{"event_fields":false}}],"keep_original":false}"#;
    servers::put(&etcd, &format!("{prefix}{topic}"), rule)?;
    let plugins = plugins();
    let settings = format!(
        "plugin_dirs = [{plugins:?}]\n[etcd]\nendpoints = [{etcd:?}]\ntransfer_prefix = {prefix:?}\n\
         [kafka]\nbrokers = [{kafka:?}]\ngroup = {topic:?}\n[elasticsearch]\nnodes = [\"http://{address}\"]\n"
    );
    Program::start("transfer", &home.join("transfer"), &settings)
}

/// Where the compiled plugins are.
pub(crate) fn plugins() -> std::path::PathBuf {
    let plugins: std::path::PathBuf =
        std::env::var_os("COLLECTOR_BENCH_PLUGINS").map_or_else(|| "target/plugins".into(), Into::into);
    // A relative one would be relative to the settings that name it.
    std::path::absolute(&plugins).unwrap_or(plugins)
}
