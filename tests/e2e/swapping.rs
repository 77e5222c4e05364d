//! Plugins are replaced while lines flow, and not one line is lost or doubled.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::Message;
use serde_json::{Value, json};

use crate::given::{
    Etcd, Program, Role, Servers,
    bulk_server::BulkServer,
    etcd::{rule_key, tasks_key},
    kafka, nginx,
    program::plugins,
    settings, turn, unique, until, within,
};

const SWAPS: f64 = 50.0;
const BYTES_PER_SECOND_MIN: f64 = 20e6;
/// How far the writer may be ahead of what was read.
const LINES_AHEAD_MAX: u64 = 200_000;

/// The nginx plugin in two builds that differ in one custom section, and so in their hash.
struct Builds {
    first: Vec<u8>,
    second: Vec<u8>,
    directory: PathBuf,
}

impl Builds {
    fn in_directory(directory: &Path) -> Builds {
        let first = fs::read(plugins().join("nginx.wasm")).expect("the nginx plugin; `cargo xtask plugins` builds it");
        let mut second = first.clone();
        // Section 0 (custom), 5 bytes: a name of 3 bytes and one byte of content.
        second.extend_from_slice(b"\x00\x05\x03two!");
        let builds = Builds { first, second, directory: directory.to_owned() };
        fs::write(builds.path("a"), &builds.first).expect("writing the plugin");
        fs::write(builds.path("b"), &builds.second).expect("writing the plugin");
        builds
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.wasm"))
    }
}

/// Swaps again and again: by naming the other file in the configuration, by overwriting the file in place, and by renaming a new one over it.
async fn swap_often(
    builds: &Builds,
    etcd: &mut Etcd,
    key: &str,
    value: impl Fn(&Path) -> String,
    swaps: impl AsyncFn() -> f64,
) {
    let mut named = "a";
    let mut round = 0;
    // What each file holds: false is the first build.
    let mut holds = HashMap::from([("a", false), ("b", true)]);
    while swaps().await < SWAPS {
        let before = swaps().await;
        if round % 3 == 0 {
            named = if named == "a" { "b" } else { "a" };
            let other = if named == "a" { "b" } else { "a" };
            // Naming the other file changes the build only where the two differ.
            if holds[named] == holds[other] {
                let now = !holds[named];
                fs::write(builds.path(named), if now { &builds.second } else { &builds.first })
                    .expect("writing the plugin");
                holds.insert(named, now);
            }
            etcd.put(key, &value(&builds.path(named))).await;
        } else {
            let now = !holds[named];
            let bytes = if now { &builds.second } else { &builds.first };
            if round % 3 == 1 {
                fs::write(builds.path(named), bytes).expect("overwriting the plugin");
            } else {
                let beside = builds.directory.join("beside");
                fs::write(&beside, bytes).expect("writing the plugin");
                fs::rename(&beside, builds.path(named)).expect("renaming the plugin");
            }
            holds.insert(named, now);
        }
        round += 1;
        until("the swap", async || swaps().await > before).await;
    }
}

/// Appends lines as fast as they are read, until told to stop; gives their number.
fn write_lines(path: &Path, read: Arc<AtomicU64>, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    let file = fs::File::options().create(true).append(true).open(path).expect("the log file");
    std::thread::spawn(move || {
        let mut file = BufWriter::with_capacity(1 << 20, file);
        let mut number = 0;
        while !stop.load(Ordering::Relaxed) {
            if number > read.load(Ordering::Relaxed) + LINES_AHEAD_MAX {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            }
            for _ in 0..1000 {
                writeln!(file, "{}", nginx::line(number)).expect("writing a line");
                number += 1;
            }
        }
        file.flush().expect("writing the last lines");
        number
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_swaps_in_the_agent_lose_and_double_nothing() {
    let Some(servers) = Servers::given("swaps in the agent") else { return };
    let _turn = turn::alone().await;
    let home = tempfile::tempdir().expect("a directory");
    let builds = Builds::in_directory(home.path());
    let topic = unique("swap-agent");
    kafka::create_topic(&servers.kafka, &topic, 2).await;
    let host_ip = settings::host_ip();
    let file = home.path().join("access.log");
    let key = tasks_key(&host_ip);
    let value = |plugin: &Path| json!([{"path": file, "topic": topic, "plugins": [{"path": plugin}]}]).to_string();
    let mut etcd = Etcd::connect(&servers.etcd).await;
    etcd.put(&key, &value(&builds.path("a"))).await;
    let of_agent = settings::agent(&servers, &host_ip, home.path());
    let mut agent = Program::start(Role::Agent, &home.path().join("agent"), "collector.toml", &of_agent);
    agent.ready().await;
    let agent = Arc::new(agent);

    let (read, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let writer = write_lines(&file, Arc::clone(&read), Arc::clone(&stop));
    let watching = follow_count(Arc::clone(&agent), "collector_lines_read_total", topic.clone(), Arc::clone(&read));
    let began = Instant::now();
    swap_often(&builds, &mut etcd, &key, value, async || agent.metric("collector_chain_swaps_total", &topic).await)
        .await;
    let bytes = agent.metric("collector_bytes_read_total", &topic).await;
    let rate = bytes / began.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    let written = writer.join().expect("the writer");
    within("every line delivered", Duration::from_secs(120), async || {
        (agent.metric("collector_records_delivered_total", &topic).await >= written as f64).then_some(())
    })
    .await;
    watching.abort();

    let mut times = vec![0u8; written as usize];
    let mut chains = HashSet::new();
    for record in kafka::everything_in(&servers.kafka, &topic) {
        let document: Value = serde_json::from_slice(record.payload().expect("a value")).expect("a document");
        let number = document["url"]["original"].as_str().and_then(nginx::number).expect("the line's number");
        times[number as usize] += 1;
        chains.insert(document["collector"]["chain"].as_str().expect("the chain that made it").to_owned());
    }
    println!("agent: {SWAPS} swaps, {written} lines, {:.1} MB/s, chains {chains:?}", rate / 1e6);
    assert_eq!(times.iter().filter(|times| **times == 0).count(), 0, "lines lost");
    assert_eq!(times.iter().filter(|times| **times > 1).count(), 0, "lines doubled");
    assert_eq!(chains.len(), 2, "each document names the chain that made it");
    assert!(rate >= BYTES_PER_SECOND_MIN, "lines flowed at {rate} bytes a second only");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_swaps_in_the_transfer_lose_and_double_nothing() {
    let Some(servers) = Servers::given("swaps in the transfer") else { return };
    let _turn = turn::alone().await;
    let home = tempfile::tempdir().expect("a directory");
    let builds = Builds::in_directory(home.path());
    let topic = unique("swap-transfer");
    kafka::create_topic(&servers.kafka, &topic, 2).await;
    let bulk = BulkServer::start().await;
    let key = rule_key(&topic, &topic);
    let value = |plugin: &Path| json!({"plugins": [{"path": plugin}]}).to_string();
    let mut etcd = Etcd::connect(&servers.etcd).await;
    etcd.put(&key, &value(&builds.path("a"))).await;
    // The bulk server keeps no templates.
    let of_transfer =
        settings::transfer(&servers, &topic, &[&topic], bulk.address(), home.path()) + "install_template = false\n";
    let mut transfer = Program::start(Role::Transfer, &home.path().join("transfer"), "collector.toml", &of_transfer);
    transfer.ready().await;
    let transfer = Arc::new(transfer);

    let (read, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let producing = produce_lines(&servers.kafka, &topic, Arc::clone(&read), Arc::clone(&stop));
    let watching = follow_count(Arc::clone(&transfer), "collector_lines_read_total", topic.clone(), Arc::clone(&read));
    let began = Instant::now();
    swap_often(&builds, &mut etcd, &key, value, async || transfer.metric("collector_chain_swaps_total", &topic).await)
        .await;
    let bytes = transfer.metric("collector_bytes_read_total", &topic).await;
    let rate = bytes / began.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    let written = producing.join().expect("the producer");
    within("every line created", Duration::from_secs(120), async || (bulk.count() >= written).then_some(())).await;
    watching.abort();

    let mut times = vec![0u8; written as usize];
    let mut chains = HashSet::new();
    for (chain, url) in bulk.documents() {
        times[nginx::number(&url).expect("the line's number") as usize] += 1;
        chains.insert(chain);
    }
    println!(
        "transfer: {SWAPS} swaps, {written} lines, {:.1} MB/s, {} MB in bulks, chains {chains:?}",
        rate / 1e6,
        bulk.bytes() / 1_000_000
    );
    assert_eq!(times.iter().filter(|times| **times == 0).count(), 0, "lines lost");
    assert_eq!(times.iter().filter(|times| **times > 1).count(), 0, "lines doubled");
    assert_eq!(bulk.conflicts(), 0, "nothing was killed, so nothing was sent twice");
    assert_eq!(chains.len(), 2, "each document names the chain that made it");
    assert!(rate >= BYTES_PER_SECOND_MIN, "lines flowed at {rate} bytes a second only");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_does_not_load_never_replaces_the_one_that_runs() {
    let Some(servers) = Servers::given("a bad plugin") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let builds = Builds::in_directory(home.path());
    let topic = unique("swap-bad");
    kafka::create_topic(&servers.kafka, &topic, 1).await;
    let host_ip = settings::host_ip();
    let file = home.path().join("access.log");
    fs::write(&file, nginx::line(0) + "\n").expect("the log file");
    let mut etcd = Etcd::connect(&servers.etcd).await;
    let task = json!([{"path": file, "topic": topic, "plugins": [{"path": builds.path("a")}]}]);
    etcd.put(&tasks_key(&host_ip), &task.to_string()).await;
    let of_agent = settings::agent(&servers, &host_ip, home.path());
    let mut agent = Program::start(Role::Agent, &home.path().join("agent"), "collector.toml", &of_agent);
    let delivered = async |agent: &Program| agent.metric("collector_records_delivered_total", &topic).await;
    until("the first line", async || delivered(&agent).await == 1.0).await;

    fs::write(builds.path("a"), b"\x7fELF not a plugin").expect("overwriting the plugin");
    until("the refusal", async || agent.metric("collector_chain_refusals_total", &topic).await >= 1.0).await;
    let bad_config =
        json!([{"path": file, "topic": topic, "plugins": [{"path": builds.path("b"), "config": {"no_such_key": 1}}]}]);
    etcd.put(&tasks_key(&host_ip), &bad_config.to_string()).await;
    until("the second refusal", async || agent.metric("collector_chain_refusals_total", &topic).await >= 2.0).await;
    until("the status to tell", async || {
        let statuses = etcd.values("/collector/instances/").await;
        statuses.iter().any(|status| status.contains(&host_ip) && status.contains("no_such_key"))
    })
    .await;

    fs::File::options()
        .append(true)
        .open(&file)
        .and_then(|mut file| writeln!(file, "{}", nginx::line(1)))
        .expect("a line");
    until("the second line", async || delivered(&agent).await == 2.0).await;
    assert!(agent.terminate().await.success());
    let chains: HashSet<_> = kafka::values_in(&servers.kafka, &topic)
        .iter()
        .map(|value| serde_json::from_slice::<Value>(value).expect("a document")["collector"]["chain"].to_string())
        .collect();
    assert_eq!(chains.len(), 1, "the chain that ran goes on");
}

/// Keeps a number up to date with a metric.
fn follow_count(
    program: Arc<Program>,
    metric: &'static str,
    label: String,
    count: Arc<AtomicU64>,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            count.store(program.metric(metric, &label).await as u64, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

fn produce_lines(
    kafka: &str,
    topic: &str,
    read: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) -> std::thread::JoinHandle<u64> {
    let (kafka, topic) = (kafka.to_owned(), topic.to_owned());
    std::thread::spawn(move || {
        let mut number = 0;
        while !stop.load(Ordering::Relaxed) {
            if number > read.load(Ordering::Relaxed) + LINES_AHEAD_MAX {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            }
            kafka::produce(&kafka, &topic, (number..number + 50_000).map(nginx::line));
            number += 50_000;
        }
        number
    })
}
