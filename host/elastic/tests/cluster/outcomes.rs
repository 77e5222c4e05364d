//! Every outcome that is not the document's fault: the index waits, the others go on, and nothing is doubled or lost when it is over.

use collector_elastic::IndexState;

use crate::{
    fake::{Fake, Fault},
    support::{Bench, numbered, quick, until},
};

const TOO_MANY_SHARDS: &str =
    "this action would add [2] total shards, but this cluster currently has [1000]/[1000] maximum shards open";
const SHARD_FULL: &str = "Number of documents in the index can't exceed [2147483519]";

/// Status, type and reason of the items; whether somebody has to do something about it.
const OUTCOMES: [(u16, &str, &str, bool); 10] = [
    (400, "illegal_argument_exception", TOO_MANY_SHARDS, true),
    (400, "validation_exception", TOO_MANY_SHARDS, true),
    (400, "illegal_argument_exception", SHARD_FULL, true),
    (400, "invalid_index_name_exception", "must be lowercase", true),
    (400, "index_closed_exception", "closed", true),
    (403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8/index write (api)];", true),
    (403, "security_exception", "action [indices:data/write/bulk[s]] is unauthorized", true),
    (401, "security_exception", "unable to authenticate user", true),
    (429, "cluster_block_exception", "disk usage exceeded flood-stage watermark", false),
    (503, "unavailable_shards_exception", "primary shard is not active", false),
];

fn state_of(bench: &Bench, index: &str) -> Option<IndexState> {
    bench.sink.status().into_iter().find(|status| status.index.as_str() == index).map(|status| status.state)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_documents_fault_is_waited_for_and_holds_up_no_other_index() {
    for (status, kind, reason, urgent) in OUTCOMES {
        let fake = Fake::start().await;
        fake.cluster.item_errors.lock().insert("sick".to_owned(), (status, kind, reason));
        let bench = Bench::new(quick(&[&fake.url]));
        bench.sink.submit(bench.part("sick", &numbered(0..20))).await;
        let shown = || match state_of(&bench, "sick") {
            Some(IndexState::Blocked { .. }) => Some(true),
            Some(IndexState::Retrying { .. }) => Some(false),
            _ => None,
        };
        until("the trouble is shown", || shown().is_some()).await;
        assert_eq!(shown(), Some(urgent), "{status} {kind}");
        bench.sink.submit(bench.part("well", &numbered(0..20))).await;
        until("the other index has its documents", || fake.documents("well").len() == 20).await;
        until("it was tried several times", || bench.count(&bench.metrics.retries) >= 60).await;
        assert!(fake.documents("sick").is_empty() && bench.dead.letters.lock().is_empty(), "{status} {kind}");
        assert_eq!(bench.acknowledged(), 1);
        fake.cluster.item_errors.lock().clear();
        bench.until_acknowledged(2).await;
        assert_eq!(fake.documents("sick").len(), 20, "{status} {kind}");
        assert_eq!(bench.count(&bench.metrics.documents_indexed), 40);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_refused_as_a_whole_is_sent_again_until_it_is_taken() {
    for status in [400, 401, 403, 405, 429, 500, 502, 504] {
        let fake = Fake::start().await;
        fake.next([Fault::Status(status); 3]);
        let bench = Bench::new(quick(&[&fake.url]));
        bench.sink.submit(bench.part("web", &numbered(0..5))).await;
        bench.until_acknowledged(1).await;
        assert_eq!((fake.documents("web").len(), bench.count(&bench.metrics.retries)), (5, 15), "{status}");
        assert!(bench.dead.letters.lock().is_empty(), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_deleted_under_way_is_created_again() {
    let fake = Fake::start().await;
    let bench = Bench::new(quick(&[&fake.url]));
    bench.sink.submit(bench.part("web", &numbered(0..5))).await;
    bench.until_acknowledged(1).await;
    fake.cluster.documents.lock().remove("web");
    fake.cluster.item_errors.lock().insert("web".to_owned(), (404, "index_not_found_exception", "no such index [web]"));
    fake.cluster.mended_by_creation.lock().insert("web".to_owned());
    bench.sink.submit(bench.part("web", &numbered(5..10))).await;
    bench.until_acknowledged(2).await;
    assert_eq!(fake.documents("web").len(), 5);
}
