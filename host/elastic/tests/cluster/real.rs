//! The same sink against the real Elasticsearch and OpenSearch, where they are named in the environment.

use std::time::Duration;

use collector_elastic::{ElasticSettings, IndexState, probe};
use collector_model::{BucketDay, IndexName, index_name::IndexRule};
use elasticsearch::http::{Method, headers::HeaderMap, transport::Transport};
use serde_json::{Value, json};

use crate::support::{Bench, numbered, quick, until};

/// Runs a test on each server that is there. Says which are not; fails where they are required.
macro_rules! on_each_server {
    ($($name:ident)*) => {
        mod elasticsearch_server {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(server) = crate::real::Server::named("COLLECTOR_TEST_ES") { super::$name(server).await }
            })*
        }
        mod opensearch_server {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(server) = crate::real::Server::named("COLLECTOR_TEST_OPENSEARCH") { super::$name(server).await }
            })*
        }
    };
}

pub(crate) use on_each_server;

on_each_server! {
    the_probe_tells_who_answers
    documents_are_created_once_and_found_again
    what_does_not_fit_goes_in_its_safe_form
    aliases_and_data_streams_are_refused
    the_template_gives_fields_their_types
    a_write_block_is_waited_for
    a_closed_index_and_a_full_disk_s_block_are_waited_for
    a_request_of_rubbish_is_bisected
}

pub(crate) struct Server {
    url: String,
    transport: Transport,
}

impl Server {
    pub(crate) fn named(variable: &str) -> Option<Self> {
        match std::env::var(variable) {
            Ok(url) => Some(Server { transport: Transport::single_node(&url).unwrap(), url }),
            Err(_) => {
                let required = std::env::var("COLLECTOR_TEST_SERVERS").is_ok_and(|value| value == "required");
                assert!(!required, "{variable} is not set, and COLLECTOR_TEST_SERVERS=required");
                println!("skipped: {variable} is not set (cargo xtask services up starts the servers)");
                None
            }
        }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let body = (!body.is_null()).then(|| body.to_string());
        let answer = self.transport.send(method, path, HeaderMap::new(), None::<&()>, body, None).await.unwrap();
        let status = answer.status_code().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    pub(crate) async fn must(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// An index name for this test that nothing is left of.
    pub(crate) async fn fresh(&self, name: &str) -> String {
        let name = format!("elastic-it-{name}");
        self.ask(Method::Delete, &name, Value::Null).await;
        name
    }

    pub(crate) async fn documents(&self, index: &str) -> Vec<Value> {
        self.must(Method::Post, &format!("{index}/_refresh"), Value::Null).await;
        let found = self.must(Method::Get, &format!("{index}/_search?size=1000"), Value::Null).await;
        found["hits"]["hits"].as_array().unwrap().clone()
    }

    pub(crate) fn bench(&self) -> Bench {
        Bench::new(quick(&[&self.url]))
    }
}

async fn the_probe_tells_who_answers(server: Server) {
    let info = probe(&quick(&[&server.url]), Duration::from_secs(10)).await.unwrap();
    assert!(["elasticsearch", "opensearch"].contains(&info.distribution.as_str()), "{info:?}");
    assert!(info.version.contains('.') && !info.cluster_name.is_empty(), "{info:?}");
}

async fn documents_are_created_once_and_found_again(server: Server) {
    let index = server.fresh("once").await;
    let bench = server.bench();
    for from in [0, 50] {
        bench.sink.submit(bench.part(&index, &numbered(from..from + 50))).await;
    }
    bench.until_acknowledged(2).await;
    assert_eq!(bench.count(&bench.metrics.documents_indexed), 100);
    let again = server.bench();
    again.sink.submit(again.part(&index, &numbered(0..100))).await;
    again.until_acknowledged(1).await;
    assert_eq!(again.count(&again.metrics.documents_conflicted), 100);
    assert_eq!(again.count(&again.metrics.documents_indexed), 0);
    assert_eq!(server.documents(&index).await.len(), 100);
    server.fresh("once").await;
}

async fn what_does_not_fit_goes_in_its_safe_form(server: Server) {
    let index = server.fresh("mapping").await;
    let properties = json!({
        "n": {"type": "long"}, "k": {"type": "keyword"}, "message": {"type": "text"}, "@timestamp": {"type": "date"},
        "error": {"properties": {"type": {"type": "keyword"}, "message": {"type": "text"}}},
    });
    let limits = json!({"index.mapping.total_fields.limit": 12});
    server.must(Method::Put, &index, json!({"settings": limits, "mappings": {"properties": properties}})).await;
    let many: serde_json::Map<String, Value> = (0..30).map(|n| (format!("f{n}"), json!("x"))).collect();
    let bench = server.bench();
    let documents = [
        ("good".to_owned(), json!({"n": 1}).to_string()),
        ("conflict".to_owned(), json!({"n": "not a number"}).to_string()),
        ("object".to_owned(), json!({"n": {"is": "an object"}}).to_string()),
        ("immense".to_owned(), json!({"k": "x".repeat(40_000)}).to_string()),
        ("many".to_owned(), Value::Object(many).to_string()),
    ];
    bench.sink.submit(bench.part(&index, &documents)).await;
    bench.until_acknowledged(1).await;
    let found = server.documents(&index).await;
    assert_eq!(found.len(), 5, "{found:?}");
    for hit in &found {
        let is_safe = hit["_source"]["error"]["type"].is_string() && hit["_source"]["message"].is_string();
        assert_eq!(is_safe, hit["_id"] != "good", "{hit}");
    }
    assert!(bench.dead.letters.lock().is_empty());
    assert_eq!(bench.count(&bench.metrics.documents_indexed), 5);
    server.fresh("mapping").await;
}

async fn refusal(bench: &Bench, index: &str) -> String {
    bench.sink.submit(bench.part(index, &numbered(0..1))).await;
    let shown = || match bench.sink.status().into_iter().find(|status| status.index.as_str() == index)?.state {
        IndexState::Blocked { reason } => Some(reason),
        _ => None,
    };
    until("the refusal is shown", || shown().is_some()).await;
    shown().unwrap()
}

async fn aliases_and_data_streams_are_refused(server: Server) {
    let index = server.fresh("aliased").await;
    server.fresh("alias").await;
    server.must(Method::Put, &index, json!({"aliases": {"elastic-it-alias": {}}})).await;
    let template = "_index_template/elastic-it-stream";
    server.ask(Method::Delete, template, Value::Null).await;
    let stream = json!({"index_patterns": ["elastic-it-stream-*"], "data_stream": {}, "priority": 700});
    server.must(Method::Put, template, stream).await;
    let bench = server.bench();
    let alias = refusal(&bench, "elastic-it-alias").await;
    assert!(alias.contains("elastic-it-alias is an alias (of elastic-it-aliased)"), "{alias}");
    let stream = refusal(&bench, "elastic-it-stream-x").await;
    assert!(stream.contains("a template of the cluster makes elastic-it-stream-x a data stream"), "{stream}");
    assert_eq!(bench.acknowledged(), 0);
    server.must(Method::Delete, template, Value::Null).await;
    bench.sink.submit(bench.part("elastic-it-stream-x", &numbered(1..2))).await;
    until("the stream's name became an index", || bench.acknowledged() == 2).await;
    drop(bench);
    server.fresh("aliased").await;
    server.fresh("stream-x").await;
}

async fn the_template_gives_fields_their_types(server: Server) {
    let rule = IndexRule::Daily("elastic-it-typed".to_owned());
    let index = rule.index(BucketDay::from_days(10_957).unwrap());
    assert_eq!(index, IndexName::fixed("elastic-it-typed-2000.01.01"));
    server.fresh("typed-2000.01.01").await;
    let bench = server.bench();
    bench.sink.use_template_for(&rule);
    let document = json!({
        "@timestamp": "2024-01-01T00:00:00.000000001Z", "message": "m", "source": {"ip": "192.0.2.1"},
        "http": {"response": {"status_code": 200, "body": {"bytes": 7}}}, "made_up": "2024-01-01", "nested": {"ip": "::1"},
    });
    bench.sink.submit(bench.part(index.as_str(), &[("a".to_owned(), document.to_string())])).await;
    bench.until_acknowledged(1).await;
    let mapping = server.must(Method::Get, &format!("{index}/_mapping"), Value::Null).await;
    let properties = &mapping[index.as_str()]["mappings"]["properties"];
    for (pointer, expected) in [
        ("/@timestamp", "date"),
        ("/message", "text"),
        ("/source/properties/ip", "ip"),
        ("/http/properties/response/properties/status_code", "long"),
        ("/made_up", "keyword"),
        ("/nested/properties/ip", "ip"),
    ] {
        assert_eq!(properties.pointer(pointer).unwrap()["type"], expected, "{pointer} in {properties}");
    }
    let template = server.must(Method::Get, "_index_template/collector", Value::Null).await;
    let template = &template["index_templates"][0]["index_template"];
    assert_eq!(template["priority"], 501);
    assert!(template["index_patterns"].as_array().unwrap().contains(&json!("elastic-it-typed-*")), "{template}");
    server.fresh("typed-2000.01.01").await;
}

async fn a_write_block_is_waited_for(server: Server) {
    let index = server.fresh("blocked").await;
    server.must(Method::Put, &index, json!({"settings": {"index.blocks.write": true}})).await;
    let bench = server.bench();
    let reason = refusal(&bench, &index).await;
    assert!(reason.contains("cluster_block_exception") && reason.contains("remove the index's"), "{reason}");
    let lift = json!({"index.blocks.write": false});
    server.must(Method::Put, &format!("{index}/_settings"), lift).await;
    bench.until_acknowledged(1).await;
    assert_eq!(server.documents(&index).await.len(), 1);
    server.fresh("blocked").await;
}

async fn a_closed_index_and_a_full_disk_s_block_are_waited_for(server: Server) {
    let (closed, full) = (server.fresh("closed").await, server.fresh("full").await);
    server.must(Method::Put, &closed, json!({})).await;
    server.must(Method::Post, &format!("{closed}/_close"), Value::Null).await;
    server.must(Method::Put, &full, json!({"settings": {"index.blocks.read_only_allow_delete": true}})).await;
    let bench = server.bench();
    let of_closed = refusal(&bench, &closed).await;
    assert!(of_closed.contains("index_closed_exception") && of_closed.contains("open the index"), "{of_closed}");
    bench.sink.submit(bench.part(&full, &numbered(0..1))).await;
    let retries = |index: &str| {
        bench.sink.status().iter().find(|status| status.index.as_str() == index).map_or(0, |status| status.retries)
    };
    until("the block was met", || retries(&full) > 0).await;
    assert_eq!(bench.acknowledged(), 0);
    server.must(Method::Post, &format!("{closed}/_open"), Value::Null).await;
    let lift = json!({"index.blocks.read_only_allow_delete": null});
    server.must(Method::Put, &format!("{full}/_settings"), lift).await;
    bench.until_acknowledged(2).await;
    assert_eq!((server.documents(&closed).await.len(), server.documents(&full).await.len()), (1, 1));
    server.fresh("closed").await;
    server.fresh("full").await;
}

async fn a_request_of_rubbish_is_bisected(server: Server) {
    let index = server.fresh("rubbish").await;
    let settings = ElasticSettings { gzip: true, ..quick(&[&server.url]) };
    let bench = Bench::new(settings);
    let mut documents = numbered(0..9);
    // An id that is not text makes the action line unreadable, and the cluster refuses the whole request.
    documents[4].0 = "\",\"_id\":[1],\"x\":\"".to_owned();
    bench.sink.submit(bench.part(&index, &documents)).await;
    bench.until_acknowledged(1).await;
    assert_eq!(server.documents(&index).await.len(), 8);
    let letters = std::mem::take(&mut *bench.dead.letters.lock());
    assert_eq!((letters.len(), letters[0].value.as_ref()), (1, b"{\"n\":4}".as_slice()));
    server.fresh("rubbish").await;
}
