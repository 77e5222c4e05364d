//! Elasticsearch and OpenSearch, as a search sees them.

use serde_json::{Value, json};

/// One document found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) index: String,
    pub(crate) id: String,
    pub(crate) source: Value,
}

/// A server.
#[derive(Clone)]
pub(crate) struct Elastic {
    address: String,
    client: reqwest::Client,
}

impl Elastic {
    pub(crate) fn at(address: &str) -> Elastic {
        Elastic { address: address.to_owned(), client: reqwest::Client::new() }
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.address));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("an answer of the search server");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    pub(crate) async fn put(&self, path: &str, body: Value) {
        let (status, answer) = self.call(reqwest::Method::PUT, path, Some(body)).await;
        assert!(status < 300, "PUT {path}: {status} {answer}");
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.call(reqwest::Method::GET, path, None).await.1
    }

    /// How many documents a search finds in the indices of that pattern.
    pub(crate) async fn count(&self, indices: &str) -> u64 {
        self.call(reqwest::Method::POST, &format!("/{indices}/_refresh?ignore_unavailable=true"), None).await;
        let (_, answer) =
            self.call(reqwest::Method::GET, &format!("/{indices}/_count?ignore_unavailable=true"), None).await;
        answer["count"].as_u64().unwrap_or(0)
    }

    /// Every document in the indices of that pattern.
    pub(crate) async fn everything_in(&self, indices: &str) -> Vec<Found> {
        self.call(reqwest::Method::POST, &format!("/{indices}/_refresh?ignore_unavailable=true"), None).await;
        let first = format!("/{indices}/_search?scroll=2m&ignore_unavailable=true");
        let (status, mut page) =
            self.call(reqwest::Method::POST, &first, Some(json!({"size": 10_000, "sort": ["_doc"]}))).await;
        assert_eq!(status, 200, "{page}");
        let mut found = vec![];
        loop {
            let hits = page["hits"]["hits"].as_array().cloned().unwrap_or_default();
            if hits.is_empty() {
                return found;
            }
            found.extend(hits.into_iter().map(|mut hit| Found {
                index: hit["_index"].as_str().unwrap_or_default().to_owned(),
                id: hit["_id"].as_str().unwrap_or_default().to_owned(),
                source: hit["_source"].take(),
            }));
            let next = json!({"scroll": "2m", "scroll_id": page["_scroll_id"]});
            page = self.call(reqwest::Method::POST, "/_search/scroll", Some(next)).await.1;
        }
    }
}
