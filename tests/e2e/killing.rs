//! Every line is found exactly once by a search, whatever was killed meanwhile.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    time::Duration,
};

use serde_json::json;

use crate::given::{
    Elastic, Etcd, Program, Role, Servers, Writer, elastic::Found, etcd::tasks_key, kafka, settings, turn, unique,
    within,
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
    let mut fleet = Fleet::start(&servers, home.path(), &files).await;
    let mut writers: Vec<_> =
        (0..WRITERS).map(|i| Writer::new(&files.join(format!("w{i}.log")), &format!("run/w{i}"))).collect();
    let mut random = Random(0x5eed);
    while writers.iter().map(Writer::written).sum::<u64>() < LINES_MIN || fleet.kills < KILLS {
        for writer in &mut writers {
            writer.write(LINES_AT_ONCE);
            if random.one_in(25) {
                writer.rotate();
            }
        }
        // The moment of the next kill is drawn, not waited for.
        tokio::time::sleep(Duration::from_millis(random.below(400))).await;
        if random.one_in(5) {
            fleet.kill_one().await;
        }
    }
    let found = fleet.everything_found(&servers, writers.iter().map(Writer::written).sum()).await;
    compare(&writers, &found, &fleet);
}

/// An agent and a transfer, killed in turn.
struct Fleet {
    topic: String,
    agent: Program,
    transfer: Program,
    kills: u32,
    conflicts: f64,
}

impl Fleet {
    async fn start(servers: &Servers, home: &Path, files: &Path) -> Fleet {
        let topic = unique("kills");
        kafka::create_topic(&servers.kafka, &topic, 4).await;
        let host_ip = settings::host_ip();
        let mut etcd = Etcd::connect(&servers.etcd).await;
        let task = json!([{"path": files.join("*.log*"), "topic": topic}]);
        etcd.put(&tasks_key(&host_ip), &task.to_string()).await;
        let of_agent = settings::agent(servers, &host_ip, files);
        let of_transfer = settings::transfer(servers, &topic, &[&topic], &servers.elasticsearch, files);
        let mut agent = Program::start(Role::Agent, &home.join("agent"), "collector.toml", &of_agent);
        let mut transfer = Program::start(Role::Transfer, &home.join("transfer"), "collector.toml", &of_transfer);
        agent.ready().await;
        transfer.ready().await;
        Fleet { topic, agent, transfer, kills: 0, conflicts: 0.0 }
    }

    async fn kill_one(&mut self) {
        self.kills += 1;
        if self.kills.is_multiple_of(2) {
            self.agent.kill();
            self.agent.start_again();
        } else {
            self.count_conflicts().await;
            self.transfer.kill();
            self.transfer.start_again();
        }
    }

    /// Adds the conflicts that the transfer has met since its start.
    async fn count_conflicts(&mut self) {
        self.conflicts += self.transfer.metric("collector_documents_conflicted_total", &self.topic).await;
    }

    /// Waits until so many lines are found and committed, ends both programs, and reads everything back.
    async fn everything_found(&mut self, servers: &Servers, written: u64) -> Vec<Found> {
        let search = Elastic::at(&servers.elasticsearch);
        let indices = format!("{}-*", self.topic);
        within("every line to be found", Duration::from_secs(240), async || {
            (search.count(&indices).await >= written).then_some(())
        })
        .await;
        within("everything to be committed", Duration::from_secs(60), async || {
            (self.transfer.metric("collector_lag_records", &self.topic).await == 0.0).then_some(())
        })
        .await;
        self.count_conflicts().await;
        assert!(self.agent.terminate().await.success());
        assert!(self.transfer.terminate().await.success());
        search.everything_in(&indices).await
    }
}

/// What was found is what was written, as multisets; ids are those of the documents, so each is there once in its index.
fn compare(writers: &[Writer], found: &[Found], fleet: &Fleet) {
    let mut times_found: HashMap<String, u32> = HashMap::new();
    for document in found {
        let line = document.source["message"].as_str().expect("a line").to_owned();
        *times_found.entry(line).or_default() += 1;
    }
    let written: u64 = writers.iter().map(Writer::written).sum();
    let lost: Vec<_> = writers.iter().flat_map(Writer::lines).filter(|line| !times_found.contains_key(line)).collect();
    let doubled: Vec<_> = times_found.iter().filter(|(_, times)| **times > 1).collect();
    let ids: HashSet<_> = found.iter().map(|found| found.id.as_str()).collect();
    println!(
        "kills {}, lines written {written}, found {}, lost {}, doubled {}, 409s {}",
        fleet.kills,
        found.len(),
        lost.len(),
        doubled.len(),
        fleet.conflicts
    );
    assert!(lost.is_empty(), "lost, among others: {:?}", &lost[..lost.len().min(5)]);
    assert!(doubled.is_empty(), "found twice, among others: {:?}", &doubled[..doubled.len().min(5)]);
    assert_eq!(found.len() as u64, written, "something was found that nobody wrote");
    assert_eq!(ids.len(), found.len(), "one id stands in two indices");
    assert!(fleet.conflicts > 0.0, "no document was ever sent twice, so the run has proved nothing");
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
