//! Every line is found exactly once by a search, whatever was killed meanwhile.

use std::{collections::HashMap, time::Duration};

use serde_json::json;

use crate::given::{
    Elastic, Etcd, Program, Role, Servers, Writer, etcd::tasks_key, kafka, settings, turn, unique, within,
};

const LINES_MIN: u64 = 500_000;
const KILLS: u32 = 24;
const WRITERS: usize = 3;
/// Lines that each writer appends between two looks at the clock.
const LINES_AT_ONCE: u64 = 1_200;

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_found_once_after_many_kills_of_agent_and_transfer() {
    let Some(servers) = Servers::given("kills") else { return };
    let _turn = turn::alone().await;
    let home = tempfile::tempdir().expect("a directory");
    let files = home.path().join("files");
    std::fs::create_dir(&files).expect("a directory");
    let topic = unique("kills");
    kafka::create_topic(&servers.kafka, &topic, 4).await;
    let host_ip = settings::host_ip();
    let mut etcd = Etcd::connect(&servers.etcd).await;
    let task = json!([{"path": files.join("*.log*"), "topic": topic}]);
    etcd.put(&tasks_key(&host_ip), &task.to_string()).await;

    let of_agent = settings::agent(&servers, &host_ip, &files);
    let of_transfer = settings::transfer(&servers, &topic, &[&topic], &servers.elasticsearch, &files);
    let mut agent = Program::start(Role::Agent, &home.path().join("agent"), "collector.toml", &of_agent);
    let mut transfer = Program::start(Role::Transfer, &home.path().join("transfer"), "collector.toml", &of_transfer);
    agent.ready().await;
    transfer.ready().await;

    let mut writers: Vec<_> =
        (0..WRITERS).map(|i| Writer::new(&files.join(format!("w{i}.log")), &format!("run/w{i}"))).collect();
    let mut random = Random(0x5eed);
    let mut conflicts = 0.0;
    let mut kills = 0;
    while writers.iter().map(Writer::written).sum::<u64>() < LINES_MIN || kills < KILLS {
        for writer in &mut writers {
            writer.write(LINES_AT_ONCE);
            if random.one_in(25) {
                writer.rotate();
            }
        }
        tokio::time::sleep(Duration::from_millis(random.below(400))).await;
        if random.one_in(5) {
            kills += 1;
            if kills % 2 == 0 {
                agent.kill();
                agent.start_again();
            } else {
                conflicts += transfer.metric("collector_documents_conflicted_total", &topic).await;
                transfer.kill();
                transfer.start_again();
            }
        }
    }

    let written: u64 = writers.iter().map(Writer::written).sum();
    let search = Elastic::at(&servers.elasticsearch);
    let indices = format!("{topic}-*");
    within("every line to be found", Duration::from_secs(240), async || {
        (search.count(&indices).await >= written).then_some(())
    })
    .await;
    within("everything to be committed", Duration::from_secs(60), async || {
        (transfer.metric("collector_lag_records", &topic).await == 0.0).then_some(())
    })
    .await;
    conflicts += transfer.metric("collector_documents_conflicted_total", &topic).await;
    assert!(agent.terminate().await.success());
    assert!(transfer.terminate().await.success());

    let found = search.everything_in(&indices).await;
    let mut times_found: HashMap<String, u32> = HashMap::new();
    for document in &found {
        let line = document.source["message"].as_str().expect("a line").to_owned();
        *times_found.entry(line).or_default() += 1;
    }
    let lost: Vec<_> = writers.iter().flat_map(Writer::lines).filter(|line| !times_found.contains_key(line)).collect();
    let doubled: Vec<_> = times_found.iter().filter(|(_, times)| **times > 1).collect();
    println!(
        "kills {kills}, lines written {written}, found {}, lost {}, doubled {}, 409s {conflicts}",
        found.len(),
        lost.len(),
        doubled.len()
    );
    assert!(lost.is_empty(), "lost, among others: {:?}", &lost[..lost.len().min(5)]);
    assert!(doubled.is_empty(), "found twice, among others: {:?}", &doubled[..doubled.len().min(5)]);
    assert_eq!(found.len() as u64, written, "something was found that nobody wrote");
    assert!(conflicts > 0.0, "no document was ever sent twice, so the run has proved nothing");
}

/// A repeatable choice (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}
