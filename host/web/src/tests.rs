use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
    response::Response,
};
use collector_model::{
    Metrics,
    search::{Arrivals, Cursor, Hit, Search, SearchError, SearchPage, SearchRequest},
};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::{Health, WebState, router};

/// Answers every search with one hostile line, and remembers what was asked.
#[derive(Default)]
struct Fake {
    asked: Mutex<Vec<SearchRequest>>,
}

fn hit(text: &str) -> Hit {
    Hit { id: "i".into(), topic: "web".into(), timestamp_ms: 1_769_860_800_123, document: json!({ "message": text }) }
}

impl Search for Fake {
    fn search(&self, request: &SearchRequest) -> Result<SearchPage, SearchError> {
        self.asked.lock().push(request.clone());
        match request.query.as_str() {
            "bad" => Err(SearchError::BadQuery("not like that".into())),
            _ => Ok(SearchPage { total: 1, hits: vec![hit("<script>alert(1)</script>")] }),
        }
    }

    fn arrivals(&self, _: &SearchRequest, after: Option<Cursor>) -> Result<Arrivals, SearchError> {
        let hits = if after == Some(Cursor(7)) { vec![hit("new")] } else { vec![] };
        Ok(Arrivals { hits, cursor: after.map_or(Cursor(7), |_| Cursor(8)) })
    }
}

struct Site {
    router: Router,
    fake: Arc<Fake>,
    health: Arc<Health>,
    close: watch::Sender<bool>,
}

fn site() -> Site {
    let (fake, health) = (Arc::new(Fake::default()), Arc::new(Health::default()));
    let (close, closing) = watch::channel(false);
    let state = WebState {
        metrics: Metrics::default(),
        health: Arc::clone(&health),
        search: Some(Arc::clone(&fake) as Arc<dyn Search>),
        status: Arc::new(|| json!({ "role": "standalone" })),
        host_names: vec![],
    };
    Site { router: router(state, true, closing), fake, health, close }
}

impl Site {
    async fn get(&self, path: &str) -> Response {
        self.get_as("localhost:8686", path).await
    }

    async fn get_as(&self, host: &str, path: &str) -> Response {
        let request = Request::builder().uri(path).header(header::HOST, host).body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn json(&self, path: &str) -> (StatusCode, Value) {
        let response = self.get(path).await;
        let code = response.status();
        (code, serde_json::from_str(&text(response).await).unwrap())
    }
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn health_says_what_is_not_ready() {
    let site = site();
    assert_eq!(site.get("/health/live").await.status(), StatusCode::OK);
    site.health.not_ready("kafka", "no broker answers");
    let (code, body) = site.json("/health/ready").await;
    assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body, json!({ "ready": false, "not_ready": [{ "component": "kafka", "reason": "no broker answers" }] }));
    site.health.ready("kafka");
    assert_eq!(site.json("/health/ready").await, (StatusCode::OK, json!({ "ready": true, "not_ready": [] })));
}

#[tokio::test]
async fn metrics_are_open_metrics() {
    let response = site().get("/metrics").await;
    let content_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"), "{content_type}");
    assert!(text(response).await.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_search_passes_its_parameters_on_and_answers_json() {
    let site = site();
    let (code, body) = site.json("/api/search?q=a%3Ab&topic=web&since=2026-01-31&until=all&limit=5").await;
    let document = json!({ "message": "<script>alert(1)</script>" });
    let hit = json!({ "id": "i", "topic": "web", "timestamp": "2026-01-31T12:00:00.123Z", "document": document });
    assert_eq!((code, body), (StatusCode::OK, json!({ "total": 1, "hits": [hit] })));
    let asked = site.fake.asked.lock().pop().unwrap();
    assert_eq!((asked.query.as_str(), asked.hits_max, asked.until_ms), ("a:b", 5, None));
    assert_eq!((asked.topic.unwrap().as_str(), asked.since_ms), ("web", Some(1_769_817_600_000)));
}

#[tokio::test]
async fn what_is_asked_wrongly_is_answered_400_with_the_reason() {
    let site = site();
    for (path, reason) in [
        ("/api/search?q=bad", "not like that"),
        ("/api/search?since=yesterday", "since: \"yesterday\" is not a time"),
        ("/api/search?topic=a/b", "topic: "),
        ("/api/search?limit=5000", "from 0 to 1000"),
        ("/api/search?query=x", "unknown field `query`"),
        ("/api/follow?after=x", "after"),
    ] {
        let (code, body) = site.json(path).await;
        assert_eq!(code, StatusCode::BAD_REQUEST, "{path}");
        assert!(body["error"].as_str().unwrap().contains(reason), "{path}: {body}");
    }
    assert_eq!(site.json("/api/nothing").await.0, StatusCode::NOT_FOUND);
    assert_eq!(site.json("/api/fields").await.0, StatusCode::NOT_IMPLEMENTED);
}

#[tokio::test]
async fn another_name_for_this_machine_is_refused() {
    let site = site();
    for path in ["/", "/api/search", "/metrics", "/health/live"] {
        assert_eq!(site.get_as("evil.example", path).await.status(), StatusCode::FORBIDDEN, "{path}");
        assert_ne!(site.get_as("[::1]:8686", path).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn the_page_runs_only_its_own_files_and_makes_no_markup_of_data() {
    let site = site();
    let page = site.get("/").await;
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = text(page).await;
    assert!(!html.contains("style=") && !html.contains("onclick"), "the policy would refuse these");
    for script in ["/app.js", "/lines.js"] {
        assert!(html.contains(&format!("src=\"{script}\"")));
        let script = text(site.get(script).await).await;
        for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!script.contains(sink), "{sink}");
        }
    }
    let api = site.get("/api/search").await;
    assert_eq!(api.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(api.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
}

#[tokio::test]
async fn following_sends_new_lines_with_a_place_to_go_on_and_ends_at_shutdown() {
    let site = site();
    let response = site.get("/api/follow?q=x").await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut body = response.into_body();
    let event = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let event = String::from_utf8(event.to_vec()).unwrap();
    assert!(
        event.contains("event: lines") && event.contains("id: 8") && event.contains("\"message\":\"new\""),
        "{event}"
    );
    site.close.send(true).unwrap();
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_server_ends_though_somebody_follows() {
    let state = WebState {
        metrics: Metrics::default(),
        health: Arc::default(),
        search: Some(Arc::new(Fake::default())),
        status: Arc::new(|| Value::Null),
        host_names: vec![],
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(crate::serve(listener, state, async { drop(stopped.await) }));
    let request = b"GET /api/follow HTTP/1.1\r\nHost: localhost\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, request).await.unwrap();
    let mut first = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}
