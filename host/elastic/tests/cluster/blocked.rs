//! An index that takes no documents holds up its own and no others.

use std::time::Duration;

use collector_elastic::{ElasticSettings, IndexState};

use crate::{
    fake::Fake,
    support::{Bench, numbered, quick, until},
};

fn state_of(bench: &Bench, index: &str) -> Option<IndexState> {
    bench.sink.status().into_iter().find(|status| status.index.as_str() == index).map(|status| status.state)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_index_stops_itself_alone_until_the_block_is_lifted() {
    let fake = Fake::start().await;
    fake.cluster.write_blocked.lock().insert("full".to_owned());
    let settings = ElasticSettings { in_flight_max: 1, index_bytes_max: 4 << 10, ..quick(&[&fake.url]) };
    let bench = Bench::new(settings);
    // Fill the blocked index's room.
    let mut parts = 0;
    let refused = loop {
        match bench.sink.try_submit(bench.part("full", &numbered(parts * 10..parts * 10 + 10))) {
            Ok(()) => parts += 1,
            Err(part) => break part,
        }
    };
    assert_eq!(parts, 4, "a part of less than a KiB takes one KiB of the four");
    for n in 0..20 {
        bench.sink.submit(bench.part("fine", &numbered(n..n + 1))).await;
    }
    until("the other index has all of its documents", || fake.documents("fine").len() == 20).await;
    until("the block is shown", || matches!(state_of(&bench, "full"), Some(IndexState::Blocked { .. }))).await;
    assert!(fake.documents("full").is_empty());
    let metrics = bench.metrics.render();
    assert!(metrics.contains("collector_index_blocked{index=\"full\"} 1"), "{metrics}");
    assert!(!metrics.contains("collector_index_blocked{index=\"fine\"}"), "{metrics}");
    fake.cluster.write_blocked.lock().clear();
    bench.sink.submit(refused).await;
    bench.sink.drain().await;
    assert!(!bench.metrics.render().contains("collector_index_blocked{"));
    assert_eq!(fake.documents("full").len(), 50);
    assert_eq!(state_of(&bench, "full"), Some(IndexState::Running));
    // The part that was only tried and the ones that were kept.
    bench.until_acknowledged(20 + 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_holds_no_more_documents_than_it_may() {
    let fake = Fake::start().await;
    fake.cluster.write_blocked.lock().insert("full".to_owned());
    let settings = ElasticSettings { index_documents_max: 25, ..quick(&[&fake.url]) };
    let bench = Bench::new(settings);
    let offer = |n: usize| bench.sink.try_submit(bench.part("full", &numbered(n * 10..n * 10 + 10)));
    assert!(offer(0).is_ok() && offer(1).is_ok());
    let waiting = offer(2).expect_err("25 places hold two parts of ten documents");
    bench.sink.submit(bench.part("fine", &numbered(0..40))).await;
    until("more than fit at once pass alone", || fake.documents("fine").len() == 40).await;
    fake.cluster.write_blocked.lock().clear();
    bench.sink.submit(waiting).await;
    bench.until_acknowledged(4).await;
    assert_eq!(fake.documents("full").len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_refused_with_the_reason_and_taken_once_it_is_gone() {
    let fake = Fake::start().await;
    fake.cluster.aliases.lock().insert("web".to_owned());
    let bench = Bench::new(quick(&[&fake.url]));
    bench.sink.submit(bench.part("web", &numbered(0..3))).await;
    let shown = || match state_of(&bench, "web") {
        Some(IndexState::Blocked { reason }) => Some(reason),
        _ => None,
    };
    until("the refusal is shown", || shown().is_some()).await;
    insist(&shown().unwrap(), "web is an alias (of x), through which a replay could show twice; remove the alias");
    assert!(fake.cluster.requests.lock().is_empty(), "nothing was written to it");
    fake.cluster.aliases.lock().clear();
    bench.until_acknowledged(1).await;
    assert_eq!(fake.documents("web").len(), 3);
}

fn insist(text: &str, part: &str) {
    assert!(text.contains(part), "{text:?} does not contain {part:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_blocked_index_of_a_past_day_gives_its_lines_to_the_dead_letters() {
    let fake = Fake::start().await;
    // The day of the tests' lines.
    let (past, other) = ("web-2000.01.01", "archive");
    fake.cluster.write_blocked.lock().extend([past.to_owned(), other.to_owned()]);
    let settings = ElasticSettings { past_day_blocked_max: Duration::ZERO, ..quick(&[&fake.url]) };
    let bench = Bench::new(settings);
    bench.sink.submit(bench.part(past, &numbered(0..3))).await;
    bench.sink.submit(bench.part(other, &numbered(3..6))).await;
    bench.until_acknowledged(1).await;
    let kinds: Vec<String> = bench.dead.letters.lock().iter().map(|letter| letter.error_type.clone()).collect();
    assert_eq!(kinds, ["index_write_blocked"; 3]);
    assert!(matches!(state_of(&bench, other), Some(IndexState::Blocked { .. })), "an index without a day waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_when_the_sink_is_dropped_counts_as_lost() {
    let fake = Fake::start().await;
    fake.cluster.write_blocked.lock().insert("web".to_owned());
    let bench = Bench::new(quick(&[&fake.url]));
    bench.sink.submit(bench.part("web", &numbered(0..3))).await;
    until("it was tried", || !fake.cluster.requests.lock().is_empty()).await;
    let (fate, sink) = (bench.fate.clone(), bench.sink.clone());
    drop(bench);
    drop(sink);
    until("its ticket is lost", || fate.lost.lock().len() == 1).await;
    assert!(fate.acknowledged.lock().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_thread_can_hand_over_documents() {
    let fake = Fake::start().await;
    let bench = std::sync::Arc::new(Bench::new(quick(&[&fake.url])));
    let thread = std::thread::spawn({
        let bench = std::sync::Arc::clone(&bench);
        move || (0..100).for_each(|n| bench.sink.submit_blocking(bench.part("web", &numbered(n..n + 1))))
    });
    bench.until_acknowledged(100).await;
    thread.join().unwrap();
    let requests = fake.cluster.requests.lock().len();
    assert!(requests < 100, "{requests} requests: nothing was merged");
}
