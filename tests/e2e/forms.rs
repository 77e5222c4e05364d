//! How lines go to Kafka: many in a record, with a field as the key, or larger than the topic takes.

use std::{
    collections::{HashMap, HashSet},
    io::Write as _,
    path::Path,
    time::Duration,
};

use collector_model::{Envelope, envelope::many::Many};
use rdkafka::Message;
use serde_json::{Value, json};

use crate::given::{
    Etcd, Program, Role, Servers, bulk_server::BulkServer, etcd::rule_key, etcd::tasks_key, kafka, nginx, settings,
    turn, unique, until, within,
};

const LINES: u64 = 60_000;

fn append(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("the log file");
    file.write_all(text.as_bytes()).expect("writing lines");
}

/// An agent whose tasks are those.
async fn agent(servers: &Servers, home: &Path, tasks: &Value) -> Program {
    let host_ip = settings::host_ip();
    Etcd::connect(&servers.etcd).await.put(&tasks_key(&host_ip), &tasks.to_string()).await;
    let of_agent = settings::agent(servers, &host_ip, home);
    let mut agent = Program::start(Role::Agent, &home.join("agent"), "collector.toml", &of_agent);
    agent.ready().await;
    agent
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_mix_in_a_topic_and_kills_lose_and_double_nothing() {
    let Some(servers) = Servers::given("records of many lines") else { return };
    let _turn = turn::alone().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("forms");
    kafka::create_topic(&servers.kafka, &topic, 3).await;
    let bulk = BulkServer::start().await;
    let rule = json!({"plugins": [{"path": "nginx", "on_error": "dead_letter"}]});
    Etcd::connect(&servers.etcd).await.put(&rule_key(&topic, &topic), &rule.to_string()).await;
    let (many, single) = (home.path().join("many.log"), home.path().join("single.log"));
    let tasks = json!([
        {"path": many, "topic": topic, "kafka": {"form": "batch"}},
        {"path": single, "topic": topic},
    ]);
    let mut agent = agent(&servers, home.path(), &tasks).await;
    let of_transfer =
        settings::transfer(&servers, &topic, &[&topic], bulk.address(), home.path()) + "install_template = false\n";
    let of_transfer = of_transfer.replace("[kafka]\n", "[kafka]\ngroup_instance_id = \"one\"\n");
    let mut transfer = Program::start(Role::Transfer, &home.path().join("transfer"), "collector.toml", &of_transfer);
    transfer.ready().await;

    let poison = "no line of nginx, \u{e9}";
    for round in 0..6 {
        let numbers = round * LINES / 6..(round + 1) * LINES / 6;
        let text: String = numbers.map(|number| nginx::line(number) + "\n").collect();
        if round == 3 {
            append(&many, &format!("{poison}\r\n"));
        }
        append(&many, &text);
        append(&single, &text.replace("/item/", "/single/"));
        let before = bulk.count();
        within("documents of this round", Duration::from_secs(60), async || (bulk.count() > before).then_some(()))
            .await;
        let process = if round % 2 == 0 { &mut agent } else { &mut transfer };
        process.kill();
        process.start_again();
    }
    within("every line", Duration::from_secs(180), async || (bulk.count() == 2 * LINES).then_some(())).await;
    let urls: HashSet<String> = bulk.documents().into_iter().map(|(_, url)| url).collect();
    assert_eq!(urls.len() as u64, 2 * LINES, "each line once");
    println!("{} documents, {} sent again", bulk.count(), bulk.conflicts());

    // The one line that did not parse lies in the dead letters with its bytes and its own id.
    let dead = kafka::everything_in(&servers.kafka, &format!("{topic}.dead"));
    let values: HashSet<&[u8]> = dead.iter().filter_map(|letter| letter.payload()).collect();
    assert_eq!(values, HashSet::from([format!("{poison}\r").as_bytes()]));
    let key = Envelope::decode(dead[0].key().expect("a key")).expect("an envelope");
    let before: usize = (0..LINES / 2).map(|number| nginx::line(number).len() + 1).sum();
    assert_eq!((key.id.offset(), key.path), (before as u64, many.to_str().expect("text")));

    let records = kafka::everything_in(&servers.kafka, &topic);
    let packed: Vec<_> = records.iter().filter(|record| record.key().is_some_and(Many::is_many)).collect();
    let largest = packed.iter().filter_map(|record| record.payload()).map(<[u8]>::len).max().unwrap_or(0);
    println!("{} records of many lines, {} bytes the largest", packed.len(), largest);
    assert!(!packed.is_empty() && packed.len() < records.len() && largest > 100 << 10 && largest <= 512 << 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_with_the_same_field_go_to_the_same_partition() {
    let Some(servers) = Servers::given("fields as keys") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let (parsed, plain) = (unique("keyed"), unique("keyed-plain"));
    for topic in [&parsed, &plain] {
        kafka::create_topic(&servers.kafka, topic, 4).await;
    }
    let file = home.path().join("access.log");
    let text: String = (0..2_000).map(|number| nginx::line(number * 7 % 500) + "\n").collect();
    append(&file, &text);
    let tasks = json!([
        {"path": file, "topic": parsed, "plugins": [{"path": "nginx"}], "kafka": {"partition": {"key": "source.ip"}}},
        {"path": file, "topic": plain, "kafka": {"partition": {"key": "message"}, "acks": 1}},
    ]);
    let mut agent = agent(&servers, home.path(), &tasks).await;
    for topic in [&parsed, &plain] {
        until("every record", async || agent.metric("collector_records_delivered_total", topic).await == 2_000.0).await;
    }
    assert!(agent.terminate().await.success());
    for topic in [&parsed, &plain] {
        let mut places: HashMap<Vec<u8>, HashSet<i32>> = HashMap::new();
        for record in kafka::everything_in(&servers.kafka, topic) {
            let key = record.key().expect("a key").to_vec();
            let value = String::from_utf8_lossy(record.payload().expect("a value")).into_owned();
            if topic == &parsed {
                let document: Value = serde_json::from_str(&value).expect("a document");
                assert_eq!(document["source"]["ip"].as_str().map(str::as_bytes), Some(key.as_slice()));
            } else {
                assert_eq!(value.as_bytes(), key);
            }
            places.entry(key).or_default().insert(record.partition());
        }
        assert_eq!(places.len(), 500, "{topic}");
        assert!(places.values().all(|partitions| partitions.len() == 1), "{topic}");
        assert_eq!(places.values().flatten().collect::<HashSet<_>>().len(), 4, "{topic}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_its_topic_does_not_take_is_a_dead_letter_and_the_others_go_on() {
    let Some(servers) = Servers::given("a topic that takes little") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("narrow");
    kafka::create_topic_with(&servers.kafka, &topic, 1, &[("max.message.bytes", "20000")]).await;
    // Incompressible, so that it is the size that counts.
    let large: String =
        (0..60_000_u64).map(|at| char::from(33 + (at.wrapping_mul(at ^ 0x9e37) >> 5) as u8 % 90)).collect();
    let files = ["line", "batch"].map(|form| (form, home.path().join(format!("{form}.log"))));
    let mut tasks = vec![];
    for (form, file) in &files {
        let lines: String = (0..3_000).map(|number| format!("{form} {}\n", nginx::line(number))).collect();
        append(file, &format!("{form} {large}\n{lines}"));
        tasks.push(json!({"path": file, "topic": topic, "kafka": {"form": form}}));
    }
    let mut agent = agent(&servers, home.path(), &json!(tasks)).await;
    until("every other line", async || {
        agent.metric("collector_lines_delivered_total", &format!("{topic}\"")).await >= 6_000.0
    })
    .await;
    until("two dead letters", async || agent.metric("collector_dead_letters_total", &topic).await >= 2.0).await;
    assert!(agent.terminate().await.success());
    let records = kafka::everything_in(&servers.kafka, &topic);
    let text: Vec<u8> =
        records.iter().flat_map(|record| [record.payload().unwrap_or_default(), b"\n"].concat()).collect();
    let lines: HashSet<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 6_000);
    let dead = kafka::everything_in(&servers.kafka, &format!("{topic}.dead"));
    let values: HashSet<Vec<u8>> = dead.iter().filter_map(|letter| letter.payload()).map(<[u8]>::to_vec).collect();
    assert_eq!(values, files.iter().map(|(form, _)| format!("{form} {large}").into_bytes()).collect());
    assert_eq!(kafka::header(&dead[0], "error.type").as_deref(), Some("record_too_large"));
}
