//! A chain that makes several events of a line is replaced under load, while its process is killed again and again.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use crate::given::{
    Etcd, Program, Role, Servers, bulk_server::BulkServer, etcd::rule_key, kafka, settings, turn, unique, until, within,
};

const KILLS: u64 = 12;
/// Characters of a line's id; what follows tells which fork it is.
const ID_CHARS: usize = 48;

/// Two parts by `|`, three by `,`.
fn line(number: u64) -> String {
    format!("{number}|one,two,three")
}

fn rule(swaps: u64) -> String {
    let separator = if swaps.is_multiple_of(2) { "|" } else { "," };
    json!({"plugins": [{"path": "split", "config": {"separator": separator}}]}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_forks_is_swapped_and_killed_and_every_line_has_the_events_of_one_version() {
    let Some(servers) = Servers::given("swaps of a chain that forks") else { return };
    let _turn = turn::alone().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("forks");
    kafka::create_topic(&servers.kafka, &topic, 4).await;
    let bulk = BulkServer::start().await;
    let mut etcd = Etcd::connect(&servers.etcd).await;
    let key = rule_key(&topic, &topic);
    etcd.put(&key, &rule(0)).await;
    let of_transfer =
        settings::transfer(&servers, &topic, &[&topic], bulk.address(), home.path()) + "install_template = false\n";
    // What is started again has its partitions at once.
    let of_transfer = of_transfer.replace("[kafka]\n", "[kafka]\ngroup_instance_id = \"one\"\n");
    let mut transfer = Program::start(Role::Transfer, &home.path().join("transfer"), "collector.toml", &of_transfer);
    transfer.ready().await;
    let stop = Arc::new(AtomicBool::new(false));
    let producing = produce_until(&servers.kafka, &topic, Arc::clone(&stop));

    until("events of the first version", async || bulk.count() > 0).await;
    let first = bulk.newest_chain();
    let of_version = |swaps: u64| (bulk.newest_chain() == first) == swaps.is_multiple_of(2);
    let mut swaps = 0;
    for kill in 0..KILLS {
        documents_of_a_round(&bulk).await;
        if kill % 2 == 1 {
            // It has taken another version, and dies on the way to the next one. What was begun before the last
            // kill comes from the version before; only what comes after it shows that the newest one works.
            until("events of the version that was set last", async || of_version(swaps)).await;
            swaps += 1;
            etcd.put(&key, &rule(swaps)).await;
            until("events of the other version", async || of_version(swaps)).await;
        }
        swaps += 1;
        etcd.put(&key, &rule(swaps)).await;
        // Another moment between two versions each time.
        tokio::time::sleep(Duration::from_millis(37 * (kill % 5))).await;
        transfer.kill();
        transfer.start_again();
    }
    stop.store(true, Ordering::Relaxed);
    let written = producing.join().expect("the producer");
    within("every event of every line", Duration::from_secs(180), async || {
        let lines = by_line(&bulk);
        (lines.len() as u64 == written && events_by_chain(&lines).values().all(|counts| counts.len() == 1))
            .then_some(())
    })
    .await;

    let lines = by_line(&bulk);
    let events = events_by_chain(&lines);
    println!(
        "{KILLS} kills, {swaps} swaps, {written} lines, events by chain {events:?}, {} documents sent again",
        bulk.conflicts()
    );
    let counts: HashSet<usize> = events.values().flatten().copied().collect();
    assert_eq!(counts, HashSet::from([2, 3]), "no line has events of both versions, and both versions made some");
    assert_eq!(events.len(), 2);
    assert_eq!(bulk.differing(), 0, "documents that were sent again by another version");
}

async fn documents_of_a_round(bulk: &BulkServer) {
    let before = bulk.count();
    within("documents of this round", Duration::from_secs(120), async || {
        (bulk.count() > before + 20_000).then_some(())
    })
    .await;
}

/// What became of one line.
#[derive(Default)]
struct Line {
    chains: HashSet<String>,
    forks: HashSet<String>,
}

/// How many events lines have, by the chains that made them.
fn events_by_chain(lines: &HashMap<String, Line>) -> HashMap<Vec<&str>, HashSet<usize>> {
    let mut events: HashMap<Vec<&str>, HashSet<usize>> = HashMap::new();
    for line in lines.values() {
        let chains = line.chains.iter().map(String::as_str).collect();
        events.entry(chains).or_default().insert(line.forks.len());
    }
    events
}

fn by_line(bulk: &BulkServer) -> HashMap<String, Line> {
    let mut lines: HashMap<String, Line> = HashMap::new();
    for (id, chain) in bulk.ids() {
        let id = id.rsplit('/').next().unwrap_or_default();
        let (line, fork) = id.split_at(ID_CHARS);
        let line = lines.entry(line.to_owned()).or_default();
        line.chains.insert(chain);
        line.forks.insert(fork.to_owned());
    }
    lines
}

fn produce_until(kafka: &str, topic: &str, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    let (kafka, topic) = (kafka.to_owned(), topic.to_owned());
    std::thread::spawn(move || {
        let mut number = 0;
        while !stop.load(Ordering::Relaxed) {
            kafka::produce(&kafka, &topic, (number..number + 10_000).map(line));
            number += 10_000;
        }
        number
    })
}
