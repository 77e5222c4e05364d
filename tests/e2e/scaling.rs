//! Transfers come and go: the partitions are shared, nothing is lost and nothing doubled.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::Duration,
};

use crate::given::{Elastic, Program, Role, Servers, StopWhenDropped, kafka, settings, turn, unique, until, within};

const PARTITIONS: i64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn one_transfer_then_two_then_one_lose_and_double_nothing_and_share_the_partitions() {
    let Some(servers) = Servers::given("scaling") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("scaled");
    kafka::create_topic(&servers.kafka, &topic, PARTITIONS as i32).await;
    let of_transfer = settings::transfer(&servers, &topic, &[&topic], &servers.elasticsearch, home.path());
    let start = |name: &str| Program::start(Role::Transfer, &home.path().join(name), "collector.toml", &of_transfer);
    let search = Elastic::at(&servers.elasticsearch);
    let indices = format!("{topic}-*");
    let (written, stop) = (AtomicI64::new(0), AtomicBool::new(false));
    let read = async |program: &Program| program.metric("collector_lines_read_total", &topic).await;
    std::thread::scope(|scope| {
        // A thousand lines at a time, over all partitions, as long as transfers come and go.
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let from = written.load(Ordering::Relaxed);
                let lines: Vec<String> = (from..from + 1000).map(|i| format!("line {i} of many")).collect();
                kafka::produce_where(&servers.kafka, &topic, lines, |n, record| {
                    record.partition((n % PARTITIONS) as i32)
                });
                written.store(from + 1000, Ordering::Relaxed);
            }
        });
        let coming_and_going = async {
            let _stop = StopWhenDropped(&stop);
            let mut first = start("first");
            until("the first one's lines", async || read(&first).await >= 2_000.0).await;
            let second = start("second");
            until("the second one's lines", async || read(&second).await >= 4_000.0).await;
            let before = read(&first).await;
            until("both at work", async || read(&first).await >= before + 2_000.0).await;
            assert!(first.terminate().await.success());
            let before = read(&second).await;
            until("the second one alone", async || read(&second).await >= before + 4_000.0).await;
            stop.store(true, Ordering::Relaxed);
            second
        };
        let mut second = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(coming_and_going));
        let check = async {
            until("every line", async || search.count(&indices).await >= written.load(Ordering::Relaxed) as u64).await;
            until("everything committed", async || second.metric("collector_lag_records", "").await == 0.0).await;
            assert!(second.terminate().await.success());
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(check));
    });
    let mut lines: Vec<String> =
        search.everything_in(&indices).await.iter().map(|found| found.source["message"].to_string()).collect();
    let found = lines.len() as i64;
    lines.sort();
    lines.dedup();
    assert_eq!((found, lines.len() as i64), (written.load(Ordering::Relaxed), written.load(Ordering::Relaxed)));
}

/// The least that brokers admit where nobody has set anything else.
const SESSION_MS: u64 = 6_000;
/// Less than the session that holds where nothing is set (45 s).
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(38);

#[tokio::test(flavor = "multi_thread")]
async fn the_partitions_of_a_killed_transfer_go_to_another_after_the_session_that_is_set() {
    let Some(servers) = Servers::given("taking over") else { return };
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let topic = unique("taken-over");
    kafka::create_topic(&servers.kafka, &topic, PARTITIONS as i32).await;
    let of_transfer = settings::transfer(&servers, &topic, &[&topic], &servers.elasticsearch, home.path())
        .replace("[kafka]\n", &format!("[kafka]\nsession_timeout_ms = {SESSION_MS}\n"));
    let start = |name: &str| Program::start(Role::Transfer, &home.path().join(name), "collector.toml", &of_transfer);
    let search = Elastic::at(&servers.elasticsearch);
    let indices = format!("{topic}-*");
    let produce = |lines: std::ops::Range<i64>| {
        let lines: Vec<String> = lines.map(|i| format!("line {i} of many")).collect();
        kafka::produce_where(&servers.kafka, &topic, lines, |n, record| record.partition((n % PARTITIONS) as i32));
    };
    let mut first = start("first");
    produce(0..1_000);
    until("the first one's lines", async || search.count(&indices).await == 1_000).await;
    let mut second = start("second");
    let mut written = 1_000;
    until("the second one has partitions", async || {
        produce(written..written + 100);
        written += 100;
        second.metric("collector_lines_read_total", &topic).await > 0.0
    })
    .await;
    first.kill();
    produce(written..written + 1_000);
    written += 1_000;
    let all = async || (search.count(&indices).await == written as u64).then_some(());
    within("every line", TAKEN_OVER_WITHIN, all).await;
    assert!(second.terminate().await.success());
}
