//! Whatever goes wrong on the way, each document is in the index once, or in the dead letters.

use std::collections::BTreeSet;

use collector_model::index_name::IndexRule;

use crate::{
    fake::{Fake, Fault},
    support::{Bench, numbered, quick, until},
};

fn document(id: &str, text: &str) -> (String, String) {
    (id.to_owned(), format!("{{\"text\":\"{text}\"}}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_answer_was_lost_is_sent_again_and_doubles_nothing() {
    let fake = Fake::start().await;
    fake.next([Fault::CutAfter, Fault::CutBefore, Fault::ShortAnswer]);
    let bench = Bench::new(quick(&[&fake.url]));
    bench.sink.submit(bench.part("web", &numbered(0..10))).await;
    bench.until_acknowledged(1).await;
    assert_eq!(fake.documents("web").len(), 10);
    assert_eq!(bench.count(&bench.metrics.documents_conflicted), 10, "all were there after the lost answer");
    assert_eq!(bench.count(&bench.metrics.documents_indexed), 0);
    assert_eq!(bench.count(&bench.metrics.retries), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_others_change_at_the_same_moment_is_installed_without_a_pause() {
    let fake = Fake::start().await;
    *fake.cluster.rivals.lock() = 3;
    let bench = Bench::new(quick(&[&fake.url]));
    bench.sink.use_template_for(&IndexRule::Fixed("web".to_owned()));
    bench.sink.submit(bench.part("web", &numbered(0..3))).await;
    bench.until_acknowledged(1).await;
    assert_eq!(*fake.cluster.patterns.lock(), ["rival-0-*", "web"], "and what the others have added stays");
    assert_eq!(*fake.cluster.asked.lock(), 1, "after a pause the index is looked up again");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_refused_documents_are_sent_again() {
    let fake = Fake::start().await;
    fake.next([Fault::Busy(5), Fault::Status(503), Fault::Status(429)]);
    let bench = Bench::new(quick(&[&fake.url]));
    bench.sink.submit(bench.part("web", &numbered(0..20))).await;
    bench.until_acknowledged(1).await;
    assert_eq!(*fake.cluster.requests.lock(), [20, 4, 4, 4]);
    assert_eq!(bench.count(&bench.metrics.documents_indexed), 20);
    assert_eq!(bench.count(&bench.metrics.documents_conflicted), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_large_is_halved_and_a_document_that_is_goes_to_the_dead_letters() {
    let fake = Fake::start().await;
    *fake.cluster.request_bytes_max.lock() = Some(250);
    let bench = Bench::new(quick(&[&fake.url]));
    let mut documents = numbered(0..20);
    // Its safe form holds the line and is no shorter.
    documents.push(("big".to_owned(), format!("{{\"text\":\"{}\"}}", "x".repeat(250))));
    bench.sink.submit(bench.part("web", &documents)).await;
    bench.until_acknowledged(1).await;
    assert_eq!(fake.documents("web").len(), 20);
    let letters = bench.dead.letters.lock();
    assert_eq!((letters.len(), letters[0].error_type.as_str()), (1, "request_entity_too_large"));
    assert_eq!(letters[0].value, documents[20].1.as_bytes(), "the dead letter holds the line as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_spoils_the_request_is_found_and_replaced() {
    let fake = Fake::start().await;
    let bench = Bench::new(quick(&[&fake.url]));
    let mut documents = numbered(0..16);
    documents[11] = document("d11", "spoils the request");
    bench.sink.submit(bench.part("web", &documents)).await;
    bench.until_acknowledged(1).await;
    let found = fake.documents("web");
    assert_eq!(found.len(), 16);
    assert!(found["d11"].contains("x_content_parse_exception"), "{}", found["d11"]);
    assert!(found.values().filter(|text| text.contains("\"error\"")).count() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_does_not_fit_the_mapping_goes_in_its_safe_form() {
    let fake = Fake::start().await;
    let bench = Bench::new(quick(&[&fake.url]));
    bench.sink.submit(bench.part("web", &[document("a", "fine"), document("b", "does not fit")])).await;
    bench.until_acknowledged(1).await;
    let found = fake.documents("web");
    assert!(found["b"].contains("\"message\":\"a reason for document_parsing_exception\""), "{}", found["b"]);
    assert!(!found["a"].contains("error"));
    assert!(bench.dead.letters.lock().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_waits_for_the_dead_letters() {
    let fake = Fake::start().await;
    let bench = Bench::new(quick(&[&fake.url]));
    *bench.dead.holding.lock() = true;
    bench.sink.submit(bench.part("web", &[document("a", "fine"), document("b", "hopeless")])).await;
    until("the letter is written", || bench.dead.letters.lock().len() == 1).await;
    bench.sink.drain().await;
    assert_eq!((fake.documents("web").len(), bench.acknowledged()), (1, 0));
    bench.dead.release();
    bench.until_acknowledged(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_away_is_passed_over() {
    let fake = Fake::start().await;
    let bench = Bench::new(quick(&["http://127.0.0.1:9/", &fake.url]));
    for n in 0..10 {
        bench.sink.submit(bench.part("web", &numbered(n * 5..n * 5 + 5))).await;
        bench.until_acknowledged(n + 1).await;
    }
    assert_eq!(fake.documents("web").len(), 50);
}

/// Many parts over several indices under a random script of faults: equal as sets, nothing lost, nothing doubled.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_faults_ends_in_exactly_once() {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut draw = move |n: u64| rng.u64(0..n);
    let fake = Fake::start().await;
    fake.next((0..60).map(|_| match draw(6) {
        0 => Fault::Status(503),
        1 => Fault::CutBefore,
        2 => Fault::CutAfter,
        3 => Fault::ShortAnswer,
        n => Fault::Busy(n as usize),
    }));
    *fake.cluster.request_bytes_max.lock() = Some(2_000);
    let settings = collector_elastic::ElasticSettings { bulk_bytes_max: 2_500, ..quick(&[&fake.url]) };
    let bench = Bench::new(settings);
    let mut expected = BTreeSet::new();
    for part in 0..60 {
        let index = format!("web-{}", part % 3);
        let text = |n: usize| match draw(40) {
            0 => document(&format!("p{part}-{n}"), "does not fit"),
            1 => document(&format!("p{part}-{n}"), &format!("hopeless {part} {n}")),
            2 => document(&format!("p{part}-{n}"), "spoils the request"),
            _ => document(&format!("p{part}-{n}"), "fine"),
        };
        let documents: Vec<_> = (0..20).map(text).collect();
        expected.extend(documents.iter().map(|(id, text)| (index.clone(), id.clone(), text.contains("hopeless"))));
        bench.sink.submit(bench.part(&index, &documents)).await;
    }
    bench.until_acknowledged(60).await;
    let (hopeless, fine): (Vec<_>, Vec<_>) = expected.into_iter().partition(|(_, _, hopeless)| *hopeless);
    let found = fake.cluster.documents.lock();
    let found: Vec<_> =
        found.iter().flat_map(|(index, ids)| ids.keys().map(|id| (index.clone(), id.clone(), false))).collect();
    assert_eq!(found, fine);
    let letters: BTreeSet<_> = bench.dead.letters.lock().iter().map(|letter| letter.value.clone()).collect();
    assert_eq!((letters.len(), bench.dead.letters.lock().len()), (hopeless.len(), hopeless.len()));
    assert!(bench.count(&bench.metrics.documents_conflicted) > 0, "no lost answer was met: the storm proved nothing");
    assert!(fake.cluster.faults.lock().is_empty(), "not every fault was met");
}
