//! Retention against the real servers: whole days of the collector's own are deleted, and nothing else.

use collector_elastic::{ElasticSettings, Retention};
use collector_model::{BucketDay, index_name::IndexRule};
use elasticsearch::http::Method;
use serde_json::{Value, json};

use crate::{
    real::{Server, on_each_server},
    support::{Bench, numbered, quick},
};

on_each_server! {
    days_that_are_not_kept_are_deleted_and_nothing_else
    a_dry_run_deletes_nothing
}

fn today() -> BucketDay {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    BucketDay::from_unix_ms(now.as_millis() as i64)
}

/// Indices that the collector creates, one document each.
async fn written(bench: &Bench, indices: &[String]) {
    for index in indices {
        bench.sink.submit(bench.part(index, &numbered(0..1))).await;
    }
    bench.until_acknowledged(indices.len()).await;
}

async fn exists(server: &Server, index: &str) -> bool {
    server.ask(Method::Get, index, Value::Null).await.0 == 200
}

async fn until_gone(server: &Server, index: &str) {
    let start = std::time::Instant::now();
    while exists(server, index).await {
        assert!(start.elapsed().as_secs() < 60, "{index} is still there");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn days_that_are_not_kept_are_deleted_and_nothing_else(server: Server) {
    let today = today();
    let yesterday = today.first_of(2);
    let [old, old_closed, kept, new, longer, foreign, other] = [
        server.fresh("days-2000.01.01").await,
        server.fresh("days-2000.01.02").await,
        server.fresh(&format!("days-{yesterday}")).await,
        server.fresh(&format!("days-{today}")).await,
        server.fresh("days-api-2000.01.01").await,
        server.fresh("days-2000.01.03").await,
        server.fresh("days-2000.01.01-x").await,
    ];
    let bench = server.bench();
    let ours = [&old, &old_closed, &kept, &new, &longer, &other].map(String::clone);
    written(&bench, &ours).await;
    server.must(Method::Post, &format!("{old_closed}/_close"), Value::Null).await;
    // Somebody else's, by chance of that name.
    server.must(Method::Put, &foreign, json!({})).await;
    bench.sink.keep(vec![Retention { rule: IndexRule::Daily("elastic-it-days".to_owned()), days: 2 }]);
    until_gone(&server, &old).await;
    until_gone(&server, &old_closed).await;
    for index in [&kept, &new, &longer, &foreign, &other] {
        assert!(exists(&server, index).await, "{index} was deleted");
    }
    // A second transfer finds nothing to do; fewer days take effect at once.
    let second = server.bench();
    second.sink.keep(vec![Retention { rule: IndexRule::Daily("elastic-it-days".to_owned()), days: 1 }]);
    until_gone(&server, &kept).await;
    for index in [&new, &longer, &foreign, &other] {
        assert!(exists(&server, index).await, "{index} was deleted");
        server.ask(Method::Delete, index, Value::Null).await;
    }
}

async fn a_dry_run_deletes_nothing(server: Server) {
    let (old, marker) = (server.fresh("dry-2000.01.01").await, server.fresh("dry2-2000.01.01").await);
    let bench = Bench::new(ElasticSettings { retention_dry_run: true, ..quick(&[server.url()]) });
    written(&bench, &[old.clone(), marker.clone()]).await;
    let keep = |name: &str| Retention { rule: IndexRule::Daily(format!("elastic-it-{name}")), days: 1 };
    bench.sink.keep(vec![keep("dry")]);
    // One that does delete, told later, and done: the dry one has had its turn long since.
    let wet = server.bench();
    wet.sink.keep(vec![keep("dry2")]);
    until_gone(&server, &marker).await;
    assert!(exists(&server, &old).await);
    server.ask(Method::Delete, &old, Value::Null).await;
}
