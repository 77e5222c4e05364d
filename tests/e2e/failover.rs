//! A node of the search cluster goes: the others take over, and every line is found once.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use crate::given::{
    Cluster, Elastic, Installed, Program, Role, Servers, StopWhenDropped, kafka, settings, turn, unique, until, within,
};

/// Lines that are indexed before the node goes, and as many after it.
const LINES: u64 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_nodes_is_killed_while_documents_flow_and_every_line_is_found_once() {
    let (Some(servers), Some(installed)) = (Servers::given("failover"), Installed::given("failover")) else { return };
    let _turn = turn::alone().await;
    let cluster = Cluster::start(&installed).await;
    let [first, second] = cluster.addresses();
    let search = Elastic::at(&first);
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("failover");
    kafka::create_topic(&servers.kafka, &topic, 4).await;
    let of_transfer = settings::transfer(&servers, &topic, &[&topic], &format!("{first}\", \"{second}"), home.path());
    let mut transfer = Program::start(Role::Transfer, home.path(), "collector.toml", &of_transfer);
    let indexed = async || {
        let count = async |metric: &str| transfer.metric(metric, &topic).await;
        count("collector_documents_indexed_total").await + count("collector_documents_conflicted_total").await
    };
    let (written, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let killing = async {
        let _stop = StopWhenDropped(&stop);
        until("lines before", async || indexed().await >= LINES as f64).await;
        let health = async || search.get("/_cluster/health").await["status"] == "green";
        until("both nodes have every document", health).await;
        cluster.kill_second();
        let before = indexed().await;
        until("the other node's lines", async || indexed().await >= before + LINES as f64).await;
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let from = written.load(Ordering::Relaxed);
                kafka::produce(&servers.kafka, &topic, (from..from + 1_000).map(|i| format!("line {i} of many")));
                written.store(from + 1_000, Ordering::Relaxed);
            }
        });
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(killing));
    });
    let written = written.into_inner();
    let indices = format!("{topic}-*");
    let all = async || (search.count(&indices).await >= written).then_some(());
    within("every line", Duration::from_secs(120), all).await;
    until("everything committed", async || transfer.metric("collector_lag_records", "").await == 0.0).await;
    let found = search.everything_in(&indices).await;
    let lines: HashSet<String> = found.iter().map(|found| found.source["message"].to_string()).collect();
    assert_eq!((found.len() as u64, lines.len() as u64), (written, written));
    assert!(transfer.metric("collector_retries_total", &topic).await > 0.0, "nothing was under way to the killed node");
    let said = transfer.log();
    assert!(said.contains("a node does not serve") && said.contains(&second), "the log names the node: {said}");
    println!("{written} lines, {} sent again", transfer.metric("collector_retries_total", &topic).await);
    assert!(transfer.terminate().await.success());
}
