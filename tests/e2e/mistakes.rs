//! What an operator is told when a server is not as the settings say.

use crate::given::{Servers, kafka, program, servers::unique, turn};

/// Runs `collector check` on settings and gives its exit code and what it said.
fn check(role: &str, settings: &str) -> (Option<i32>, String) {
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("collector.toml");
    std::fs::write(&path, settings).expect("the settings");
    let state = home.path().join("state");
    let path = path.to_str().expect("text");
    let output =
        program::run(&["check", "--role", role, "--config", path, "--state-dir", state.to_str().expect("text")]);
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code(), said)
}

fn settings(etcd: &str, kafka: &str, search: &str, topic: &str) -> String {
    format!(
        "[etcd]\nendpoints = [\"{etcd}\"]\n[kafka]\nbrokers = [\"{kafka}\"]\ntopics = [\"{topic}\"]\n\
         [elasticsearch]\nnodes = [\"{search}\"]\n"
    )
}

fn assert_says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_named_with_what_to_do() {
    let Some(servers) = Servers::given("unreachable servers") else { return };
    let _turn = turn::together().await;
    let topic = unique("check");
    kafka::create_topic(&servers.kafka, &topic, 1).await;
    let nowhere = format!("127.0.0.1:{}", program::free_port());
    let good = settings(&servers.etcd, &servers.kafka, &servers.elasticsearch, &topic);
    let (code, said) = check("transfer", &good);
    assert_eq!(code, Some(0), "{said}");

    for (settings, server) in [
        (settings(&nowhere, &servers.kafka, &servers.elasticsearch, &topic), "etcd"),
        (settings(&servers.etcd, &nowhere, &servers.elasticsearch, &topic), "Kafka"),
        (settings(&servers.etcd, &servers.kafka, &format!("http://{nowhere}"), &topic), "Elasticsearch"),
    ] {
        let (code, said) = check("transfer", &settings);
        assert_eq!(code, Some(1), "{said}");
        assert_says(&said, &[server, &nowhere]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_named_with_the_command_that_makes_it() {
    let Some(servers) = Servers::given("a missing topic") else { return };
    let _turn = turn::together().await;
    let topic = unique("missing");
    let (code, said) = check("transfer", &settings(&servers.etcd, &servers.kafka, &servers.elasticsearch, &topic));
    assert_eq!(code, Some(1), "{said}");
    assert_says(&said, &[&topic, "create_topics", "kafka-topics"]);
}
