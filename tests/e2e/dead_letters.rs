//! Dead letters: looked at and sent once more, from Kafka and from the files of standalone.

use std::{collections::BTreeSet, fs, path::Path, process::Output, time::Duration};

use serde_json::{Value, json};

use crate::given::{
    Elastic, Etcd, Program, Role, Servers, etcd::rule_key, kafka, program, settings, turn, unique, until, within,
};

/// `collector dead-letters …` with the settings in `home`.
fn dead_letters(home: &Path, args: &[&str]) -> Output {
    let config = home.join("collector.toml");
    let state = home.join("state");
    let places = ["--config", config.to_str().expect("text"), "--state-dir", state.to_str().expect("text")];
    let all: Vec<&str> = ["dead-letters"].into_iter().chain(args.iter().copied()).chain(places).collect();
    program::run(&all)
}

/// What the command printed; it must have gone well.
fn said(output: &Output) -> String {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{error}");
    out.into_owned()
}

fn listed(home: &Path, args: &[&str]) -> Vec<Value> {
    let args: Vec<&str> = ["list", "--json"].into_iter().chain(args.iter().copied()).collect();
    said(&dead_letters(home, &args)).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_mapping_refused_is_found_once_after_it_was_mended_and_replayed_twice() {
    let Some(servers) = Servers::given("replaying dead letters") else { return };
    let _turn = turn::together().await;
    for node in [&servers.elasticsearch, &servers.opensearch] {
        refused_mended_and_replayed(&servers, node).await;
    }
}

async fn refused_mended_and_replayed(servers: &Servers, node: &str) {
    let home = tempfile::tempdir().expect("a directory");
    let home = home.path();
    let topic = unique("buried");
    kafka::create_topic(&servers.kafka, &topic, 2).await;
    let search = Elastic::at(node);
    search.put(&format!("/{topic}"), json!({"mappings": {"dynamic": "strict", "properties": {}}})).await;
    let mut etcd = Etcd::connect(&servers.etcd).await;
    etcd.put(&rule_key(&topic, &topic), &json!({"index": topic}).to_string()).await;
    let of_transfer = settings::transfer(servers, &topic, &[&topic], node, home);
    let mut transfer = Program::start(Role::Transfer, home, "collector.toml", &of_transfer);
    let mut lines: Vec<Vec<u8>> = (0..200).map(|i| format!("line {i}").into_bytes()).collect();
    lines[7] = b"not \xff text".to_vec();
    kafka::produce(&servers.kafka, &topic, &lines);
    until("every line in the dead letters", async || {
        transfer.metric("collector_dead_letters_total", &topic).await == 200.0
    })
    .await;

    let list = listed(home, &["--topic", &topic]);
    assert_eq!(list.len(), 200, "a letter is counted when Kafka has acknowledged it");
    assert!(list.iter().all(|letter| letter["error"]["type"] == "strict_dynamic_mapping_exception"), "{}", list[0]);
    assert_eq!(listed(home, &["--topic", &topic, "--error", "no_such_error"]).len(), 0);
    assert_eq!(listed(home, &["--topic", &topic, "--since", "1h"]).len(), 200);
    let odd = list.iter().find(|letter| letter["line"] == "not \u{fffd} text").expect("the line that is no text");
    let odd_id = odd["id"].as_str().expect("an id");
    let shown = dead_letters(home, &["show", odd_id, "--topic", &topic, "--raw"]);
    assert_eq!(shown.stdout, lines[7]);
    let text = said(&dead_letters(home, &["show", odd_id, "--topic", &topic]));
    assert!(text.contains("strict_dynamic_mapping_exception") && text.contains("given up"), "{text}");

    search.put(&format!("/{topic}/_mapping"), json!({"dynamic": true})).await;
    let dry = said(&dead_letters(home, &["replay", "--all", "--topic", &topic, "--dry-run"]));
    assert!(dry.contains("200 dead letters would be sent again"), "{dry}");
    assert_eq!(kafka::everything_in(&servers.kafka, &topic).len(), 200, "a dry run sends nothing");
    let one = said(&dead_letters(home, &["replay", odd_id, "--topic", &topic]));
    assert!(one.contains("1 dead letters were sent again"), "{one}");
    until("the one line", async || search.count(&topic).await == 1).await;
    for again in 0..2 {
        let all = said(&dead_letters(home, &["replay", "--all", "--topic", &topic]));
        assert!(all.contains("200 dead letters were sent again"), "{all}");
        let met = [201.0, 401.0][again];
        until("all of them settled", async || {
            let created = transfer.metric("collector_documents_indexed_total", &topic).await;
            created + transfer.metric("collector_documents_conflicted_total", &topic).await == met
        })
        .await;
        assert_eq!(search.count(&topic).await, 200);
    }
    let ids: BTreeSet<String> = search.everything_in(&topic).await.into_iter().map(|found| found.id).collect();
    let of_letters: BTreeSet<String> =
        list.iter().map(|letter| letter["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(ids, of_letters);
    let unknown = dead_letters(home, &["replay", "nobody", "--topic", &topic]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is none with the id nobody"));
    assert!(transfer.terminate().await.success());
}

/// What the dead letters of a topic may take in the test, in bytes.
const LETTERS_BYTES_MAX: u64 = 64 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_whose_dead_letters_have_all_their_room_waits_alone_and_loses_nothing() {
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let home = home.path();
    fs::create_dir(home.join("tasks")).expect("a directory");
    let (odd, well) = (home.join("odd.log"), home.join("well.log"));
    let task = |file: &Path, topic: &str| json!({"path": file, "topic": topic, "plugins": [{"path": "json", "on_error": "dead_letter"}]});
    fs::write(home.join("tasks/all.json"), json!([task(&odd, "odd"), task(&well, "well")]).to_string()).expect("tasks");
    let lines = (0..1_500).map(|i| if i % 2 == 0 { format!("word{i}\n") } else { format!("{{\"n\":{i}}}\n") });
    fs::write(&odd, lines.collect::<String>()).expect("the log file");
    let settings = settings::standalone(home)
        + &format!("[limits]\nbatch_lines_max = 100\ndead_letters_bytes_max = {LETTERS_BYTES_MAX}\n");
    let mut alone = Program::start(Role::Standalone, home, "collector.toml", &settings);
    let waits = async |alone: &Program| alone.metric("collector_dead_letters_blocked", "odd").await == 1.0;
    until("the topic waits", async || waits(&alone).await).await;
    fs::write(&well, (0..100).map(|i| format!("{{\"well\":{i}}}\n")).collect::<String>()).expect("the log file");
    until("the other topic goes on", async || total(&alone, "well:*").await == 100).await;
    assert!(total(&alone, "n:*").await < 750, "lines behind one that waits are not read on");
    let status: Value = serde_json::from_str(&alone.get("/api/status").await.expect("the status")).expect("JSON");
    let of_odd = &status["status"]["dead_letters"][0];
    assert_eq!((&of_odd["topic"], &of_odd["state"]), (&json!("odd"), &json!("full")), "{of_odd}");
    assert!(alone.log().contains("limits.dead_letters_bytes_max"), "the log says what to do: {}", alone.log());
    alone.kill();
    alone.start_again();
    until("the topic waits again", async || waits(&alone).await).await;

    // An operator puts the file away each time.
    let (file, mut files) = (home.join("state/dead/odd.dead"), 0);
    let kept = async |alone: &Program| alone.metric("collector_dead_letters_total", "odd").await;
    within("every line", Duration::from_secs(120), async || {
        if waits(&alone).await {
            assert!(fs::metadata(&file).is_ok_and(|found| found.len() <= LETTERS_BYTES_MAX));
            let before = kept(&alone).await;
            files += 1;
            fs::rename(&file, home.join(format!("state/dead/odd-{files}.dead"))).expect("putting it away");
            until("the topic goes on", async || kept(&alone).await > before).await;
        }
        (total(&alone, "n:*").await == 750).then_some(())
    })
    .await;
    let letters: BTreeSet<String> = listed(home, &[]).iter().map(|letter| letter["line"].to_string()).collect();
    assert!(files > 1, "the limit was met {files} times");
    assert_eq!(letters.len(), 750);
    assert_eq!(total(&alone, "").await, 850);
    assert!(alone.terminate().await.success());
}

async fn total(program: &Program, query: &str) -> u64 {
    let answer = program.get(&format!("/api/search?q={query}")).await.unwrap_or_default();
    serde_json::from_str::<Value>(&answer).ok().and_then(|answer| answer["total"].as_u64()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_kafka_letters_come_from_files_and_go_into_the_index_once() {
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let home = home.path();
    fs::create_dir(home.join("tasks")).expect("a directory");
    let file = home.join("app.log");
    let lines: String =
        (0..90).map(|i| if i % 3 == 0 { format!("word{i}\n") } else { format!("{{\"n\":{i}}}\n") }).collect();
    fs::write(&file, lines).expect("the log file");
    let task = |on_error: &str| {
        json!([{"path": file, "topic": "app", "plugins": [{"path": "json", "on_error": on_error}]}]).to_string()
    };
    fs::write(home.join("tasks/app.json"), task("dead_letter")).expect("the task");
    let mut alone = Program::start(Role::Standalone, home, "collector.toml", &settings::standalone(home));
    until("what is JSON", async || total(&alone, "").await == 60).await;
    until("the rest", async || alone.metric("collector_dead_letters_total", "app").await == 30.0).await;
    let list = listed(home, &[]);
    assert_eq!(list.len(), 30);
    assert_eq!((&list[0]["line"], &list[0]["stage"]), (&json!("word0"), &json!("standalone")));
    assert_eq!(list[0]["origin"]["file"], file.to_str().expect("text"));

    fs::write(home.join("tasks/app.json"), task("keep")).expect("the task");
    until("the new version", async || alone.metric("collector_chain_generation", "app").await >= 2.0).await;
    let all = said(&dead_letters(home, &["replay", "--all"]));
    assert!(all.contains("30 dead letters were taken in by the running collector"), "{all}");
    until("every line", async || total(&alone, "").await == 90).await;
    // Handed over while nobody runs: taken in at the next start, and nothing is doubled.
    assert!(alone.terminate().await.success());
    let waiting = said(&dead_letters(home, &["replay", "--all"]));
    assert!(waiting.contains("30 dead letters wait in"), "{waiting}");
    alone.start_again();
    until("the second replay", async || alone.metric("collector_documents_conflicted_total", "app").await == 30.0)
        .await;
    assert_eq!(total(&alone, "").await, 90);
    assert_eq!(total(&alone, "word33").await, 1);
    until("nothing waiting", async || {
        fs::read_dir(home.join("state/dead/replay")).expect("the directory").count() == 0
    })
    .await;
    assert!(alone.terminate().await.success());
}
