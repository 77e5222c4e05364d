//! A server that takes bulk requests as Elasticsearch does, as fast as it can, and remembers what it was given.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// What was created.
#[derive(Default)]
struct Created {
    /// `collector.chain` and `url.original` by index and `_id`.
    documents: HashMap<String, (String, String)>,
    bytes: u64,
    conflicts: u64,
    /// Conflicts with a document of another chain.
    differing: u64,
    /// The chain of the document that was created last.
    newest_chain: String,
}

/// The running server.
pub(crate) struct BulkServer {
    address: String,
    created: Arc<Mutex<Created>>,
}

impl BulkServer {
    pub(crate) async fn start() -> BulkServer {
        let created = Arc::new(Mutex::new(Created::default()));
        let router = Router::new()
            .route("/{index}/_bulk", post(bulk))
            .fallback(any(other))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&created));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("its number"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        BulkServer { address, created }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// How many documents were created.
    pub(crate) fn count(&self) -> u64 {
        self.created.lock().expect("the lock").documents.len() as u64
    }

    /// How many bytes the requests had.
    pub(crate) fn bytes(&self) -> u64 {
        self.created.lock().expect("the lock").bytes
    }

    /// How many documents were there already when they were to be created.
    pub(crate) fn conflicts(&self) -> u64 {
        self.created.lock().expect("the lock").conflicts
    }

    /// How many documents were there already, made by another chain.
    pub(crate) fn differing(&self) -> u64 {
        self.created.lock().expect("the lock").differing
    }

    /// The chain that made the document that was created last.
    pub(crate) fn newest_chain(&self) -> String {
        self.created.lock().expect("the lock").newest_chain.clone()
    }

    /// Index and id of each document, and the chain that made it.
    pub(crate) fn ids(&self) -> Vec<(String, String)> {
        let created = self.created.lock().expect("the lock");
        created.documents.iter().map(|(id, (chain, _))| (id.clone(), chain.clone())).collect()
    }

    /// The chain and the `url.original` of each document.
    pub(crate) fn documents(&self) -> Vec<(String, String)> {
        self.created.lock().expect("the lock").documents.values().cloned().collect()
    }
}

/// What is kept of an action line.
#[derive(Deserialize)]
struct Action<'a> {
    #[serde(borrow)]
    create: Target<'a>,
}

#[derive(Deserialize)]
struct Target<'a> {
    _id: &'a str,
}

/// What is kept of a document. The rest of it is read as well, so that it has to be JSON.
#[derive(Deserialize)]
struct Document {
    collector: Chain,
    #[serde(default)]
    url: Address,
}

#[derive(Deserialize)]
struct Chain {
    chain: String,
}

#[derive(Deserialize, Default)]
struct Address {
    original: String,
}

async fn bulk(State(created): State<Arc<Mutex<Created>>>, Path(index): Path<String>, body: Bytes) -> Json<Value> {
    let mut lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut documents = vec![];
    while let Some(action) = lines.next() {
        let action: Action<'_> = serde_json::from_slice(action).expect("an action line that is JSON");
        let document = lines.next().expect("a document");
        let document: Document = serde_json::from_slice(document).expect("a document that is JSON");
        documents.push((format!("{index}/{}", action.create._id), (document.collector.chain, document.url.original)));
    }
    let mut created = created.lock().expect("the lock");
    created.bytes += body.len() as u64;
    let mut items = Vec::with_capacity(documents.len());
    for (id, document) in documents {
        let chain = document.0.clone();
        items.push(if let Some(before) = created.documents.insert(id, document) {
            created.conflicts += 1;
            created.differing += u64::from(before.0 != chain);
            json!({"create": {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "exists"}}})
        } else {
            created.newest_chain = chain;
            json!({"create": {"status": 201}})
        });
    }
    let errors = items.iter().any(|item| item["create"]["status"] == 409);
    Json(json!({"took": 1, "errors": errors, "items": items}))
}

/// Names resolve to nothing, and whatever else is asked for is granted.
async fn other(method: axum::http::Method, uri: axum::http::Uri) -> Response {
    let product = [("x-elastic-product", "Elasticsearch")];
    if uri.path().starts_with("/_resolve") {
        return (product, Json(json!({"indices": [], "aliases": [], "data_streams": []}))).into_response();
    }
    if method == axum::http::Method::GET && uri.path() != "/" {
        return (
            StatusCode::NOT_FOUND,
            product,
            Json(json!({"error": {"type": "index_not_found_exception"}, "status": 404})),
        )
            .into_response();
    }
    (
        [(header::CONTENT_TYPE, "application/json")],
        product,
        r#"{"acknowledged":true,"cluster_name":"tests","version":{"number":"8.19.0"}}"#,
    )
        .into_response()
}
