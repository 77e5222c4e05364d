//! Retention: whole days are deleted, and late lines of such a day do not bring its index back.

use serde_json::json;

use crate::given::{Elastic, Etcd, Program, Role, Servers, etcd::rule_key, kafka, settings, turn, unique, until};

/// 2020-01-01.
const LONG_AGO_MS: i64 = 1_577_836_800_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_is_over_is_deleted_and_its_late_lines_are_left_out_and_counted() {
    let Some(servers) = Servers::given("retention") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("retained");
    kafka::create_topic(&servers.kafka, &topic, 1).await;
    let old_lines = |name: &str| {
        let lines: Vec<String> = (0..20).map(|i| format!("{name} {i}")).collect();
        kafka::produce_where(&servers.kafka, &topic, lines, |_, record| record.timestamp(LONG_AGO_MS));
    };
    let of_transfer = settings::transfer(&servers, &topic, &[&topic], &servers.elasticsearch, home.path());
    let mut transfer = Program::start(Role::Transfer, home.path(), "collector.toml", &of_transfer);
    let search = Elastic::at(&servers.elasticsearch);
    let (old, all) = (format!("{topic}-2020.01.01"), format!("{topic}-*"));
    old_lines("old");
    kafka::produce(&servers.kafka, &topic, ["new"]);
    until("everything while all days are kept", async || search.count(&all).await == 21).await;

    let mut etcd = Etcd::connect(&servers.etcd).await;
    etcd.put(&rule_key(&topic, &topic), &json!({"retention_days": 2}).to_string()).await;
    until("the old day's end", async || {
        search.get(&format!("/{old}")).await["error"]["type"] == "index_not_found_exception"
    })
    .await;
    old_lines("late");
    kafka::produce(&servers.kafka, &topic, ["newer"]);
    until("the newer line", async || search.count(&all).await == 2).await;
    let late = transfer.metric("collector_documents_past_retention_total", &topic).await;
    assert_eq!(late, 20.0);
    until("everything committed", async || transfer.metric("collector_lag_records", "").await == 0.0).await;
    assert_eq!(search.get(&format!("/{old}")).await["error"]["type"], "index_not_found_exception");
    assert!(transfer.terminate().await.success());
}
