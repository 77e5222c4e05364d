//! The transfer: Kafka to Elasticsearch and OpenSearch.

use serde_json::json;

use crate::given::{
    Elastic, Etcd, Program, Role, Servers,
    etcd::{rule_key, tasks_key},
    kafka, nginx,
    proxy::Proxy,
    settings, turn, unique, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn nginx_lines_of_a_file_are_found_by_their_fields() {
    let Some(servers) = Servers::given("the whole way") else { return };
    let _turn = turn::together().await;
    for node in [&servers.elasticsearch, &servers.opensearch] {
        the_whole_way(&servers, node).await;
    }
}

async fn the_whole_way(servers: &Servers, node: &str) {
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("Web_Log");
    kafka::create_topic(&servers.kafka, &topic, 2).await;
    let host_ip = settings::host_ip();
    let mut etcd = Etcd::connect(&servers.etcd).await;
    let rule = json!({"plugins": [{"path": "nginx"}, {"path": "drop", "config":
        {"field": "http.response.status_code", "op": "eq", "value": 304}}]});
    etcd.put(&rule_key(&topic, &topic), &rule.to_string()).await;
    let lines: Vec<_> = (0..100).map(nginx::line).chain(["not an access log line".to_owned()]).collect();
    std::fs::write(home.path().join("access.log"), lines.join("\n") + "\n").expect("the log file");
    let path = home.path().join("access.log");
    etcd.put(&tasks_key(&host_ip), &json!([{"path": path, "topic": topic}]).to_string()).await;

    let of_agent = settings::agent(servers, &host_ip, home.path());
    let of_transfer = settings::transfer(servers, &topic, &[&topic], node, home.path());
    let mut agent = Program::start(Role::Agent, &home.path().join("agent"), "collector.toml", &of_agent);
    let mut transfer = Program::start(Role::Transfer, &home.path().join("transfer"), "collector.toml", &of_transfer);
    let search = Elastic::at(node);
    let indices = format!("{}-*", topic.to_lowercase());
    until("all but the dropped ones", async || search.count(&indices).await == 81).await;
    let found = search.everything_in(&indices).await;
    let of_line_8 = found.iter().find(|found| found.source["url"]["original"] == "/item/8?page=2").expect("line 8");
    let source = &of_line_8.source;
    assert_eq!(source["@timestamp"], "2026-11-22T10:00:08.000Z");
    assert_eq!(source["source"]["ip"], "10.1.0.8");
    assert_eq!(source["log"]["file"]["path"], path.to_str().expect("text"));
    assert_eq!(source["host"]["name"], "test-host");
    assert_eq!(source["collector"]["chain"].as_str().map(str::len), Some(8));
    assert_eq!(of_line_8.id.len(), 48);
    let failed = found.iter().find(|found| found.source["message"] == "not an access log line").expect("the bad line");
    assert_eq!(failed.source["tags"], json!(["_parse_failure"]));
    assert!(failed.source["error"]["message"].is_string());
    // The template makes numbers and addresses searchable as such.
    let errors = search.get(&format!("/{indices}/_search?q=http.response.status_code:%3E=500")).await;
    assert_eq!(errors["hits"]["total"]["value"], 20, "{errors}");
    let network = search.get(&format!("/{indices}/_search?q=source.ip:%2210.1.0.0/29%22")).await;
    assert_eq!(network["hits"]["total"]["value"], 6, "{network}");
    assert!(agent.terminate().await.success());
    assert!(transfer.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_in_other_encodings_keep_their_bytes_in_kafka_and_are_found_by_their_text() {
    let Some(servers) = Servers::given("encodings") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("encodings");
    kafka::create_topic(&servers.kafka, &topic, 1).await;
    let host_ip = settings::host_ip();
    let (gbk, utf16) = (home.path().join("gbk.log"), home.path().join("utf16.log"));
    std::fs::write(&gbk, b"\xd6\xd0\xce\xc4 one\n").expect("the log file");
    let units = "\u{feff}\u{6587}\u{a00} two\n".encode_utf16();
    std::fs::write(&utf16, units.flat_map(u16::to_le_bytes).collect::<Vec<_>>()).expect("the log file");
    let tasks = json!([{"path": gbk, "topic": topic, "encoding": "gbk"}, {"path": utf16, "topic": topic, "encoding": "utf-16"}]);
    Etcd::connect(&servers.etcd).await.put(&tasks_key(&host_ip), &tasks.to_string()).await;

    let of_agent = settings::agent(&servers, &host_ip, home.path());
    let of_transfer = settings::transfer(&servers, &topic, &[&topic], &servers.elasticsearch, home.path());
    let mut agent = Program::start(Role::Agent, &home.path().join("agent"), "collector.toml", &of_agent);
    let mut transfer = Program::start(Role::Transfer, &home.path().join("transfer"), "collector.toml", &of_transfer);
    let search = Elastic::at(&servers.elasticsearch);
    let indices = format!("{topic}-*");
    until("both lines", async || search.count(&indices).await == 2).await;
    let found = search.everything_in(&indices).await;
    let has = |text: &str| found.iter().any(|found| found.source["message"] == text);
    assert!(has("\u{4e2d}\u{6587} one") && has("\u{6587}\u{a00} two"), "{:?}", found[0].source);
    let mut values = kafka::values_in(&servers.kafka, &topic);
    values.sort();
    assert_eq!(values[0], b"\xd6\xd0\xce\xc4 one");
    assert!(values[1].starts_with(b"\xff\xfe\x87\x65\x00\x0a"), "{:?}", values[1]);
    assert!(agent.terminate().await.success());
    assert!(transfer.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_s_settings_index_the_seed_s_documents() {
    let Some(servers) = Servers::given("the seed's transfer") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("seed");
    kafka::create_topic(&servers.kafka, &topic, 3).await;
    kafka::produce(&servers.kafka, &topic, (0..1000).map(|i| format!("line {i}")));
    let node = servers.elasticsearch.strip_prefix("http://").expect("an address with its scheme");
    let ini = format!(
        "[kafka]\naddress={}\ntopic={topic}\n[es]\naddress={node}\nchan_max_size=100000\nworkers=16\n",
        servers.kafka
    );
    let mut transfer = Program::start(Role::Transfer, home.path(), "config.ini", &ini);
    let search = Elastic::at(&servers.elasticsearch);
    until("every line", async || search.count(&topic).await == 1000).await;
    let found = search.everything_in(&topic).await;
    assert!(found.iter().all(|found| found.index == topic && found.source["topic"] == topic.as_str()));
    let mut lines: Vec<_> = found.iter().map(|found| found.source["data"].to_string()).collect();
    let mut expected: Vec<_> = (0..1000).map(|i| format!("\"line {i}\"")).collect();
    lines.sort();
    expected.sort();
    assert_eq!(lines, expected);
    assert!(found[0].source.as_object().is_some_and(|source| source.len() == 2));
    assert!(transfer.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_elasticsearch_missed_while_it_was_away_comes_when_it_is_back() {
    let Some(servers) = Servers::given("Elasticsearch away") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("away");
    kafka::create_topic(&servers.kafka, &topic, 2).await;
    let proxy = Proxy::to(servers.elasticsearch.strip_prefix("http://").expect("a scheme")).await;
    let node = format!("http://{}", proxy.address());
    let of_transfer = settings::transfer(&servers, &topic, &[&topic], &node, home.path());
    let mut transfer = Program::start(Role::Transfer, home.path(), "collector.toml", &of_transfer);
    let search = Elastic::at(&servers.elasticsearch);
    let indices = format!("{topic}-*");
    kafka::produce(&servers.kafka, &topic, (0..500).map(|i| format!("before {i}")));
    until("the lines before", async || search.count(&indices).await == 500).await;
    transfer.ready().await;
    proxy.cut();
    kafka::produce(&servers.kafka, &topic, (0..500).map(|i| format!("during {i}")));
    until("several tries", async || transfer.metric("collector_retries_total", &topic).await >= 3.0).await;
    assert_eq!(search.count(&indices).await, 500);
    until("the health to tell", async || transfer.not_ready().await == ["elasticsearch"]).await;
    until("the lag to tell", async || transfer.metric("collector_lag_records", &topic).await > 0.0).await;
    proxy.mend();
    transfer.ready().await;
    until("all lines", async || search.count(&indices).await == 1000).await;
    let mut lines: Vec<_> =
        search.everything_in(&indices).await.iter().map(|found| found.source["message"].to_string()).collect();
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), 1000);
    assert!(transfer.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_elasticsearch_refuses_becomes_a_safe_document_and_else_a_dead_letter() {
    let Some(servers) = Servers::given("refused documents") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let (safe, dead) = (unique("safe"), unique("dead"));
    for topic in [&safe, &dead] {
        kafka::create_topic(&servers.kafka, topic, 1).await;
    }
    let search = Elastic::at(&servers.elasticsearch);
    let mut etcd = Etcd::connect(&servers.etcd).await;
    let rule = |index: &str| json!({"plugins": [{"path": "json"}], "index": index}).to_string();
    // A field that is a number there, and an index in which no document of ours fits, not even the safe one.
    let number = json!({"mappings": {"properties": {"n": {"type": "long"}}}});
    search.put(&format!("/{safe}"), number).await;
    search.put(&format!("/{dead}"), json!({"mappings": {"dynamic": "strict", "properties": {}}})).await;
    etcd.put(&rule_key(&safe, &safe), &rule(&safe)).await;
    etcd.put(&rule_key(&safe, &dead), &rule(&dead)).await;
    let of_transfer = settings::transfer(&servers, &safe, &[&safe, &dead], &servers.elasticsearch, home.path());
    let mut transfer = Program::start(Role::Transfer, home.path(), "collector.toml", &of_transfer);
    let lines = [r#"{"n":1}"#, r#"{"n":"not a number"}"#, r#"{"n":3}"#];
    for topic in [&safe, &dead] {
        kafka::produce(&servers.kafka, topic, lines);
    }
    until("three documents", async || search.count(&safe).await == 3).await;
    let found = search.everything_in(&safe).await;
    let of_bad_line = found.iter().find(|found| found.source["message"] == lines[1]).expect("the safe document");
    assert_eq!(of_bad_line.source["error"]["type"], "document_parsing_exception");

    let letters = format!("{dead}.dead");
    until("three dead letters", async || transfer.metric("collector_dead_letters_total", &dead).await == 3.0).await;
    let records = kafka::everything_in(&servers.kafka, &letters);
    let mut values = kafka::values_in(&servers.kafka, &letters);
    values.sort();
    assert_eq!(values, {
        let mut lines = lines.map(|line| line.as_bytes().to_vec());
        lines.sort();
        lines
    });
    let kind = kafka::header(&records[0], "error.type").expect("the error's type");
    assert_eq!(kind, "strict_dynamic_mapping_exception");
    assert_eq!(kafka::header(&records[0], "stage").as_deref(), Some("transfer"));
    until("everything committed", async || transfer.metric("collector_lag_records", "").await == 0.0).await;
    assert!(transfer.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_refused_and_stops_its_topic_alone() {
    let Some(servers) = Servers::given("an alias") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let (aliased, plain, index) = (unique("aliased"), unique("plain"), unique("index"));
    for topic in [&aliased, &plain] {
        kafka::create_topic(&servers.kafka, topic, 1).await;
    }
    let search = Elastic::at(&servers.elasticsearch);
    search.put(&format!("/{index}"), json!({"aliases": {&aliased: {}}})).await;
    let mut etcd = Etcd::connect(&servers.etcd).await;
    etcd.put(&rule_key(&plain, &aliased), &json!({"index": aliased}).to_string()).await;
    let of_transfer = settings::transfer(&servers, &plain, &[&aliased, &plain], &servers.elasticsearch, home.path());
    let mut transfer = Program::start(Role::Transfer, home.path(), "collector.toml", &of_transfer);
    kafka::produce(&servers.kafka, &aliased, ["never indexed"]);
    until("the refusal in the log", async || transfer.log().contains("alias")).await;
    kafka::produce(&servers.kafka, &plain, ["indexed"]);
    until("the other topic's line", async || search.count(&format!("{plain}-*")).await == 1).await;
    assert_eq!(search.count(&index).await, 0);
    transfer.kill();
}
