//! A plugin that faults again and again does not stop the collector: it is bypassed, everybody can see it, and a new version ends it.

use std::{fs, io::Write, path::Path};

use serde_json::{Value, json};

use crate::given::{
    Etcd, Program, Role, Servers, etcd::tasks_key, kafka, nginx, program::plugins, settings, trapping, turn, unique,
    until,
};

/// Adds a line, and waits until Kafka has it.
async fn add_line(agent: &Program, file: &Path, topic: &str, number: u64) {
    let line = nginx::line(number) + "\n";
    let file = fs::File::options().create(true).append(true).open(file);
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("a line");
    until("the line", async || agent.metric("collector_records_delivered_total", topic).await == (number + 1) as f64)
        .await;
}

/// Waits until the status of the instance, as etcd has it, tells that state of the topic's chain.
async fn told(etcd: &mut Etcd, topic: &str, state: &str) {
    until(&format!("the status to tell {state}"), async || {
        let statuses = etcd.values("/collector/instances/").await;
        let chains = statuses.iter().filter(|status| status.contains(topic));
        chains.into_iter().any(|status| status.contains(&format!("\"state\":\"{state}\"")))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_in_quarantine_is_seen_in_etcd_and_in_the_metrics_and_a_new_version_ends_it() {
    let Some(servers) = Servers::given("quarantine") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let plugin = home.path().join("p.wasm");
    fs::write(&plugin, trapping::plugin()).expect("writing the plugin");
    let topic = unique("quarantine");
    kafka::create_topic(&servers.kafka, &topic, 1).await;
    let (host_ip, file) = (settings::host_ip(), home.path().join("access.log"));
    let mut etcd = Etcd::connect(&servers.etcd).await;
    let task = json!([{"path": file, "topic": topic, "plugins": [{"path": plugin}]}]);
    etcd.put(&tasks_key(&host_ip), &task.to_string()).await;
    let of_agent = settings::agent(&servers, &host_ip, home.path());
    let mut agent = Program::start(Role::Agent, &home.path().join("agent"), "collector.toml", &of_agent);
    agent.ready().await;

    // Each line is a batch of its own, and each is a fault.
    for number in 0..3 {
        assert_eq!(agent.metric("collector_chain_quarantined", &topic).await, 0.0, "after {number} faults");
        add_line(&agent, &file, &topic, number).await;
    }
    assert_eq!(agent.metric("collector_chain_quarantined", &topic).await, 1.0);
    assert_eq!(agent.metric("collector_plugin_faults_total", &topic).await, 3.0);
    let faults_met = format!("topic=\"{topic}\",plugin=\"p\",limit=\"faults\"");
    assert_eq!(agent.metric("collector_plugin_limits_met_total", &faults_met).await, 1.0);
    told(&mut etcd, &topic, "quarantined").await;
    add_line(&agent, &file, &topic, 3).await;
    assert_eq!(agent.metric("collector_events_bypassed_total", &topic).await, 1.0);

    fs::copy(plugins().join("nginx.wasm"), &plugin).expect("the nginx plugin; `cargo xtask plugins` builds it");
    until("the new version", async || agent.metric("collector_chain_swaps_total", &topic).await == 2.0).await;
    assert_eq!(agent.metric("collector_chain_quarantined", &topic).await, 0.0);
    told(&mut etcd, &topic, "running").await;
    add_line(&agent, &file, &topic, 4).await;
    assert!(agent.terminate().await.success());

    let documents: Vec<Value> = kafka::values_in(&servers.kafka, &topic)
        .iter()
        .map(|value| serde_json::from_slice(value).expect("a document"))
        .collect();
    assert_eq!(documents.len(), 5, "nothing was lost or doubled");
    for (number, document) in documents.iter().enumerate() {
        let tag = match number {
            0..3 => json!(["_parse_failure"]),
            3 => json!(["_plugin_bypassed"]),
            _ => Value::Null,
        };
        assert_eq!(document["tags"], tag, "{document}");
        let line = document.pointer("/event/original").unwrap_or(&document["message"]);
        assert_eq!(*line, Value::from(nginx::line(number as u64)), "every line is there as it was, in order");
    }
    assert_eq!(documents[4]["http"]["response"]["status_code"], 500);
}
