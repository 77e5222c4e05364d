//! An index that takes nothing for long, a Kafka that is away for long: what is held stays bounded, other topics go on, and all of it
//! comes in the end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::given::{
    Elastic, Etcd, Installed, OwnKafka, Program, Role, Servers, Writer,
    etcd::{rule_key, tasks_key},
    kafka, settings, turn, unique, until,
    wait::within,
};

/// Lines of half a KiB: some three times what the transfer may hold.
const LINES: usize = 80_000;
const MEMORY_MIB: u64 = 16;
/// Files of 1.3 MiB that are rotated while nothing of them can be sent: three times what the agent may hold.
const ROTATIONS: usize = 40;
const LINES_OF_A_FILE: u64 = 12_000;
const OPEN_FILES: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_index_costs_no_memory_stops_its_topic_alone_and_gets_everything_in_the_end() {
    let Some(servers) = Servers::given("an outage") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let (blocked, well) = (unique("blocked"), unique("well"));
    for topic in [&blocked, &well] {
        kafka::create_topic(&servers.kafka, topic, 2).await;
    }
    let search = Elastic::at(&servers.elasticsearch);
    let mut etcd = Etcd::connect(&servers.etcd).await;
    search.put(&format!("/{blocked}"), json!({"settings": {"index.blocks.write": true}})).await;
    etcd.put(&rule_key(&blocked, &blocked), &json!({"index": blocked}).to_string()).await;
    let of_transfer = settings::transfer(&servers, &blocked, &[&blocked, &well], &servers.elasticsearch, home.path())
        + &format!("[limits]\nmemory_bytes_max = {}\n", MEMORY_MIB << 20);
    let mut transfer = Program::start(Role::Transfer, home.path(), "collector.toml", &of_transfer);
    kafka::produce(&servers.kafka, &well, (0..1_000).map(|i| format!("before {i}")));
    until("lines before", async || search.count(&format!("{well}-*")).await == 1_000).await;
    let (memory, descriptors, disk) = (transfer.resident_mib(), transfer.descriptors(), transfer.state_bytes());

    let padding = "x".repeat(500);
    kafka::produce(&servers.kafka, &blocked, (0..LINES).map(|i| format!("line {i} {padding}")));
    let (read, retried) = ("collector_lines_read_total", "collector_retries_total");
    let of_blocked = async |metric: &str| transfer.metric(metric, &blocked).await;
    until("the block was met", async || of_blocked(retried).await > 0.0).await;
    kafka::produce(&servers.kafka, &well, (0..20_000).map(|i| format!("during {i} {padding}")));
    until("the other topic goes on", async || search.count(&format!("{well}-*")).await == 21_000).await;
    let (held, tried) = (of_blocked(read).await, of_blocked(retried).await);
    let again = async || (of_blocked(retried).await > tried).then_some(());
    within("the block was met again", Duration::from_secs(120), again).await;
    assert_eq!(of_blocked(read).await, held, "the blocked topic is read no further");
    assert!(held < LINES as f64 / 2.0, "{held} lines of {LINES} are held");
    let (grown, opened) = (transfer.resident_mib().saturating_sub(memory), transfer.descriptors());
    let stored = transfer.state_bytes();
    println!(
        "held {held} lines, {grown} MiB more than {memory}, {opened} descriptors after {descriptors}, {stored} bytes after {disk}"
    );
    // The lines, their documents, and what Kafka's client has fetched ahead for each partition.
    assert!(grown < 10 * MEMORY_MIB, "{grown} MiB more than before");
    assert!(opened <= descriptors + 16, "{opened} descriptors, {descriptors} before");
    // Kafka is the buffer: nothing of what waits is written here.
    assert!(stored <= disk + (64 << 10), "{stored} bytes in the state directory, {disk} before");
    let ready: Value = serde_json::from_str(&transfer.get("/api/status").await.expect("the status")).expect("JSON");
    let state =
        ready["status"]["indices"].as_array().expect("indices").iter().find(|index| index["index"] == blocked.as_str());
    assert_eq!(state.expect("the blocked index")["state"], "blocked");

    search.put(&format!("/{blocked}/_settings"), json!({"index.blocks.write": false})).await;
    let all = async || (search.count(&blocked).await == LINES as u64).then_some(());
    within("every line", Duration::from_secs(300), all).await;
    until("everything committed", async || transfer.metric("collector_lag_records", "").await == 0.0).await;
    assert!(transfer.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_kafka_is_away_the_agent_holds_what_it_may_and_every_rotated_file_comes_in_the_end() {
    let (Some(mut servers), Some(installed)) = (Servers::given("an outage of Kafka"), Installed::given("an outage"))
    else {
        return;
    };
    let _turn = turn::together().await;
    let kafka = OwnKafka::start(installed).await;
    servers.kafka = kafka.address();
    let (home, topic) = (tempfile::tempdir().expect("a directory"), unique("outage"));
    kafka::create_topic(&servers.kafka, &topic, 2).await;
    let files = home.path().join("files");
    std::fs::create_dir(&files).expect("a directory for the logs");
    let mut log = Writer::new(&files.join("a.log"), &topic);
    let host_ip = settings::host_ip();
    let tasks = json!([{"path": files.join("a.log"), "topic": topic}]);
    Etcd::connect(&servers.etcd).await.put(&tasks_key(&host_ip), &tasks.to_string()).await;
    let of_agent = settings::agent(&servers, &host_ip, home.path())
        + &format!("[limits]\nmemory_bytes_max = {}\nopen_files_max = {OPEN_FILES}\n", MEMORY_MIB << 20);
    let mut agent = Program::start(Role::Agent, &home.path().join("agent"), "collector.toml", &of_agent);
    agent.ready().await;
    log.write(1_000);
    let delivered = async || agent.metric("collector_lines_delivered_total", &topic).await as u64;
    until("the first lines", async || delivered().await == 1_000).await;
    let (memory, descriptors, disk) = (agent.resident_mib(), agent.descriptors(), agent.state_bytes());

    kafka.kill();
    for rotation in 1..=ROTATIONS {
        log.write(LINES_OF_A_FILE);
        log.rotate();
        until("the rotated file is known", async || agent.files().await == rotation as u64 + 1).await;
    }
    let of_topic = async |metric: &str| agent.metric(metric, &topic).await;
    until("it is told how far behind it is", async || of_topic("collector_lag_bytes").await > 0.0).await;
    let held = of_topic("collector_lines_read_total").await - 1_000.0;
    let (grown, opened) = (agent.resident_mib().saturating_sub(memory), agent.descriptors());
    let stored = agent.state_bytes();
    println!(
        "held {held} lines of {}, {grown} MiB more than {memory}, {opened} descriptors after {descriptors}, {stored} bytes of state \
         after {disk}",
        log.written()
    );
    assert!(held > 0.0 && held < log.written() as f64 / 2.0, "{held} lines of {} are held", log.written());
    // The lines, and what the client of Kafka keeps beside each of them.
    assert!(grown <= 3 * MEMORY_MIB, "{grown} MiB more than before");
    assert!(opened <= descriptors + OPEN_FILES, "{opened} descriptors, {descriptors} before");
    // What is known of each file.
    assert!(stored <= disk + (256 << 10), "{stored} bytes in the state directory, {disk} before");

    kafka.up().await;
    let all = async || (delivered().await >= log.written()).then_some(());
    within("every line", Duration::from_secs(120), all).await;
    let mut found = kafka::values_in(&servers.kafka, &topic);
    found.sort_unstable();
    assert_eq!(found.len() as u64, log.written(), "records in the topic");
    assert!(found.into_iter().eq(log.lines().map(String::into_bytes)), "each line once, with its own bytes");
    until("everything acknowledged", async || agent.metric("collector_lag_bytes", "").await == 0.0).await;
    assert!(agent.terminate().await.success());
}
