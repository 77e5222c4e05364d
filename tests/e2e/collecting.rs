//! The agent: tasks from etcd, files to Kafka.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use collector_model::Envelope;
use rdkafka::Message;
use serde_json::json;

use crate::given::{Etcd, Program, Role, Servers, etcd::tasks_key, kafka, settings, turn, unique, until};

fn append(path: &std::path::Path, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("the log file");
    file.write_all(bytes).expect("writing a line");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_added_changed_or_removed_takes_effect_in_under_a_second() {
    let Some(servers) = Servers::given("tasks take effect") else { return };
    let _turn = turn::alone().await;
    let home = tempfile::tempdir().expect("a directory");
    let (first, second) = (unique("first"), unique("second"));
    for topic in [&first, &second] {
        kafka::create_topic(&servers.kafka, topic, 2).await;
    }
    let host_ip = settings::host_ip();
    let mut etcd = Etcd::connect(&servers.etcd).await;
    let file = home.path().join("app.log");
    append(&file, b"one\nt\xffwo\n");
    let mut agent =
        Program::start(Role::Agent, home.path(), "collector.toml", &settings::agent(&servers, &host_ip, home.path()));
    agent.ready().await;

    let task = |topic: &str| json!([{"path": file, "topic": topic}]).to_string();
    let delivered = async |topic: &str, agent: &Program| agent.metric("collector_records_delivered_total", topic).await;
    let in_time = |since: Instant, what: &str| {
        let took = since.elapsed();
        println!("{what}: {} ms", took.as_millis());
        assert!(took < Duration::from_secs(1), "{what} took {took:?}");
    };

    let put = Instant::now();
    etcd.put(&tasks_key(&host_ip), &task(&first)).await;
    until("the first lines", async || delivered(&first, &agent).await == 2.0).await;
    in_time(put, "a task that was added");

    let put = Instant::now();
    etcd.put(&tasks_key(&host_ip), &task(&second)).await;
    until("the lines in the other topic", async || delivered(&second, &agent).await == 2.0).await;
    in_time(put, "a task that was changed");

    let deleted = Instant::now();
    etcd.delete(&tasks_key(&host_ip)).await;
    until("no file", async || agent.files().await == 0).await;
    in_time(deleted, "a task that was removed");
    append(&file, b"three\n");

    etcd.put(&tasks_key(&host_ip), &task(&second)).await;
    until("the line written meanwhile", async || delivered(&second, &agent).await == 3.0).await;
    assert!(agent.terminate().await.success());

    // In Kafka the bytes are as they were, and the key tells where they come from.
    let records = kafka::everything_in(&servers.kafka, &second);
    let mut values: Vec<_> = records.iter().filter_map(|record| record.payload()).collect();
    values.sort_unstable();
    assert_eq!(values, [b"one".as_slice(), b"three", b"t\xffwo"]);
    for record in &records {
        let envelope = Envelope::decode(record.key().expect("a key")).expect("an envelope");
        assert_eq!((envelope.host_name, envelope.host_ip), ("test-host", host_ip.as_str()));
        assert_eq!(envelope.path, file.to_str().expect("a path that is text"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_s_settings_and_tasks_run_as_they_are() {
    let Some(servers) = Servers::given("the seed's settings") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("seed");
    kafka::create_topic(&servers.kafka, &topic, 1).await;
    let key = format!("/{}/collect_config", unique("seed"));
    let ini = format!(
        "[kafka]\naddress={}\nchan_max_zise=100000\n\n[etcd]\naddress={}\ntimeout=5\ncollect_log_key={key}\n",
        servers.kafka, servers.etcd
    );
    let file = home.path().join("web.log");
    append(&file, b"written before the agent came\n");
    let mut etcd = Etcd::connect(&servers.etcd).await;
    etcd.put(&key, &json!([{"path": file, "topic": topic}]).to_string()).await;
    let mut agent = Program::start(Role::Agent, home.path(), "config.ini", &ini);
    agent.ready().await;
    until("the file to be followed", async || agent.files().await == 1).await;
    append(&file, b"first\nsecond\n");
    until("the lines", async || agent.metric("collector_records_delivered_total", &topic).await == 2.0).await;
    assert!(agent.terminate().await.success());
    assert_eq!(kafka::values_in(&servers.kafka, &topic), [b"first".to_vec(), b"second".to_vec()]);
    assert!(agent.log().contains("chan_max_size"), "the misspelt key is accepted with a hint");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_s_first_form_collects_one_file_without_etcd() {
    let Some(servers) = Servers::given("the seed's first form") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("seed-file");
    kafka::create_topic(&servers.kafka, &topic, 1).await;
    let file = home.path().join("my.log");
    append(&file, b"old\n");
    let ini = format!("[kafka]\naddress={}\ntopic={topic}\n[taillog]\nfilename={}\n", servers.kafka, file.display());
    let mut agent = Program::start(Role::Agent, home.path(), "config.ini", &ini);
    agent.ready().await;
    until("the file to be followed", async || agent.files().await == 1).await;
    append(&file, b"new\n");
    until("the line", async || agent.metric("collector_records_delivered_total", &topic).await == 1.0).await;
    assert!(agent.terminate().await.success());
    assert_eq!(kafka::values_in(&servers.kafka, &topic), [b"new".to_vec()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_etcd_the_last_good_tasks_run() {
    let Some(servers) = Servers::given("etcd down at the start") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("last-good");
    kafka::create_topic(&servers.kafka, &topic, 1).await;
    let host_ip = settings::host_ip();
    let proxy = crate::given::proxy::Proxy::to(&servers.etcd).await;
    let through = Servers { etcd: proxy.address(), ..servers.clone() };
    let file = home.path().join("app.log");
    append(&file, b"one\n");
    let mut etcd = Etcd::connect(&servers.etcd).await;
    etcd.put(&tasks_key(&host_ip), &json!([{"path": file, "topic": topic}]).to_string()).await;
    let mut agent =
        Program::start(Role::Agent, home.path(), "collector.toml", &settings::agent(&through, &host_ip, home.path()));
    until("the first line", async || agent.metric("collector_records_delivered_total", &topic).await == 1.0).await;
    agent.kill();
    proxy.cut();
    append(&file, b"two\n");
    agent.start_again();
    until("the second line, without etcd", async || {
        agent.metric("collector_records_delivered_total", &topic).await >= 1.0
    })
    .await;
    // And when etcd is back, a change takes effect again.
    proxy.mend();
    let other = unique("last-good");
    kafka::create_topic(&servers.kafka, &other, 1).await;
    etcd.put(&tasks_key(&host_ip), &json!([{"path": file, "topic": other}]).to_string()).await;
    until("the lines in the other topic", async || {
        agent.metric("collector_records_delivered_total", &other).await == 2.0
    })
    .await;
    assert!(agent.terminate().await.success());
    let values = kafka::values_in(&servers.kafka, &topic);
    assert!(values.contains(&b"one".to_vec()) && values.contains(&b"two".to_vec()), "{values:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_value_changes_nothing_and_the_status_says_why() {
    let Some(servers) = Servers::given("a bad task value") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("bad-value");
    kafka::create_topic(&servers.kafka, &topic, 1).await;
    let host_ip = settings::host_ip();
    let file = home.path().join("app.log");
    append(&file, b"one\n");
    let mut etcd = Etcd::connect(&servers.etcd).await;
    etcd.put(&tasks_key(&host_ip), &json!([{"path": file, "topic": topic}]).to_string()).await;
    let mut agent =
        Program::start(Role::Agent, home.path(), "collector.toml", &settings::agent(&servers, &host_ip, home.path()));
    until("the first line", async || agent.metric("collector_records_delivered_total", &topic).await == 1.0).await;
    for bad in
        ["[{\"path\":", "{}", "[{\"path\":\"/etc/shadow\",\"topic\":\"t\"}]", "[{\"pth\":\"/x\",\"topic\":\"t\"}]"]
    {
        let before = agent.metric("collector_config_refusals_total", "").await;
        etcd.put(&tasks_key(&host_ip), bad).await;
        until("the refusal", async || agent.metric("collector_config_refusals_total", "").await > before).await;
    }
    append(&file, b"two\n");
    until("the old task's next line", async || agent.metric("collector_records_delivered_total", &topic).await == 2.0)
        .await;
    until("the status to tell", async || {
        let statuses = etcd.values("/collector/instances/").await;
        statuses.iter().any(|status| status.contains(&host_ip) && status.contains("FAILED") && status.contains("pth"))
    })
    .await;
    assert!(agent.terminate().await.success());
}
