//! A faked cluster: it keeps documents by id as the real one does, and misbehaves as it is told.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    io,
    sync::Arc,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// What happens to one bulk request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// This status for the whole request; nothing is applied.
    Status(u16),
    /// The connection is cut and nothing was applied.
    CutBefore,
    /// Everything is applied, and then the connection is cut in the middle of the answer.
    CutAfter,
    /// Everything is applied; the answer tells of one document less.
    ShortAnswer,
    /// Every n-th document gets a 429.
    Busy(usize),
}

#[derive(Default)]
pub(crate) struct Cluster {
    /// index → id → document
    pub(crate) documents: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
    /// Faults for the next bulk requests.
    pub(crate) faults: Mutex<VecDeque<Fault>>,
    /// Index → status, type and reason that every item gets.
    pub(crate) item_errors: Mutex<BTreeMap<String, (u16, &'static str, &'static str)>>,
    /// Indices whose item errors end when they are created.
    pub(crate) mended_by_creation: Mutex<HashSet<String>>,
    /// Indices that refuse writes.
    pub(crate) write_blocked: Mutex<HashSet<String>>,
    /// Names that are aliases.
    pub(crate) aliases: Mutex<HashSet<String>>,
    /// A request with more bytes gets a 413.
    pub(crate) request_bytes_max: Mutex<Option<usize>>,
    /// Sizes, in documents, of the bulk requests that came.
    pub(crate) requests: Mutex<Vec<usize>>,
    /// How often it was asked what a name stands for.
    pub(crate) asked: Mutex<usize>,
    /// The patterns of the collector's index template.
    pub(crate) patterns: Mutex<Vec<String>>,
    /// So many of the next changes of the template are undone by another collector that knew nothing of them.
    pub(crate) rivals: Mutex<usize>,
}

pub(crate) struct Fake {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) url: String,
    server: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let cluster = Arc::new(Cluster::default());
        let router = Router::new()
            .route("/_resolve/index/{name}", get(resolve))
            .route("/_index_template/collector", get(template).put(put_template))
            .route("/{index}", put(create))
            .route("/{index}/_bulk", post(bulk))
            .with_state(Arc::clone(&cluster));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Fake { cluster, url, server }
    }

    pub(crate) fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.cluster.faults.lock().extend(faults);
    }

    pub(crate) fn documents(&self, index: &str) -> BTreeMap<String, String> {
        self.cluster.documents.lock().get(index).cloned().unwrap_or_default()
    }
}

fn error(status: u16, kind: &str) -> Value {
    json!({"status": status, "error": {"type": kind, "reason": format!("a reason for {kind}")}})
}

fn answer(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

async fn template(State(cluster): State<Arc<Cluster>>) -> Response {
    let patterns = cluster.patterns.lock().clone();
    if patterns.is_empty() {
        return answer(404, error(404, "resource_not_found_exception"));
    }
    let template = json!({"index_patterns": patterns, "version": 1_000});
    answer(200, json!({"index_templates": [{"name": "collector", "index_template": template}]}))
}

async fn put_template(State(cluster): State<Arc<Cluster>>, Json(template): Json<Value>) -> Response {
    let mut rivals = cluster.rivals.lock();
    *cluster.patterns.lock() = match rivals.checked_sub(1) {
        Some(left) => {
            *rivals = left;
            vec![format!("rival-{left}-*")]
        }
        None => serde_json::from_value(template["index_patterns"].clone()).unwrap(),
    };
    answer(200, json!({"acknowledged": true}))
}

async fn resolve(State(cluster): State<Arc<Cluster>>, Path(name): Path<String>) -> Response {
    *cluster.asked.lock() += 1;
    if cluster.aliases.lock().contains(&name) {
        return answer(200, json!({"indices": [], "aliases": [{"name": name, "indices": ["x"]}], "data_streams": []}));
    }
    if cluster.documents.lock().contains_key(&name) {
        return answer(200, json!({"indices": [{"name": name}], "aliases": [], "data_streams": []}));
    }
    answer(404, error(404, "index_not_found_exception"))
}

async fn create(State(cluster): State<Arc<Cluster>>, Path(name): Path<String>) -> Response {
    if cluster.mended_by_creation.lock().contains(&name) {
        cluster.item_errors.lock().remove(&name);
    }
    cluster.documents.lock().entry(name).or_default();
    answer(200, json!({"acknowledged": true}))
}

async fn bulk(State(cluster): State<Arc<Cluster>>, Path(index): Path<String>, body: Bytes) -> Response {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len() % 2, 0, "actions and documents come in pairs");
    cluster.requests.lock().push(lines.len() / 2);
    if cluster.request_bytes_max.lock().is_some_and(|max| body.len() > max) {
        return answer(413, Value::Null);
    }
    if lines.iter().any(|line| line.contains("spoils the request") && !line.contains("\"error\"")) {
        return answer(400, error(400, "x_content_parse_exception"));
    }
    let fault = cluster.faults.lock().pop_front();
    match fault {
        Some(Fault::Status(status)) => return answer(status, Value::Null),
        Some(Fault::CutBefore) => return cut(),
        _ => {}
    }
    let pairs = lines.chunks_exact(2).enumerate();
    let mut items: Vec<Value> = pairs
        .map(|(at, pair)| match fault {
            Some(Fault::Busy(every)) if at % every == 0 => error(429, "es_rejected_execution_exception"),
            _ => cluster.apply(&index, pair[0], pair[1]),
        })
        .map(|outcome| json!({"create": outcome}))
        .collect();
    match fault {
        Some(Fault::CutAfter) => return cut(),
        Some(Fault::ShortAnswer) => drop(items.pop()),
        _ => {}
    }
    answer(200, json!({"took": 1, "errors": true, "items": items}))
}

/// An answer that breaks off.
fn cut() -> Response {
    let pieces = [Ok("{\"took\":1,\"items\":["), Err(io::Error::other("cut"))];
    Body::from_stream(futures::stream::iter(pieces)).into_response()
}

impl Cluster {
    fn apply(&self, index: &str, action: &str, document: &str) -> Value {
        if self.write_blocked.lock().contains(index) {
            return error(403, "cluster_block_exception");
        }
        if let Some((status, kind, reason)) = self.item_errors.lock().get(index) {
            return json!({"status": status, "error": {"type": kind, "reason": reason}});
        }
        let action: Value = serde_json::from_str(action).unwrap();
        let id = action["create"]["_id"].as_str().unwrap();
        let is_safe = document.contains("\"error\"");
        if document.contains("hopeless") || document.contains("does not fit") && !is_safe {
            return error(400, "document_parsing_exception");
        }
        let mut documents = self.documents.lock();
        let documents = documents.entry(index.to_owned()).or_default();
        if documents.contains_key(id) {
            return error(409, "version_conflict_engine_exception");
        }
        documents.insert(id.to_owned(), document.to_owned());
        json!({"status": 201})
    }
}
