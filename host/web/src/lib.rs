//! HTTP: health, metrics, search API and the search page.
//!
//! | path | answers |
//! |---|---|
//! | `/` | the search page |
//! | `/health/live` | 200 while the process runs |
//! | `/health/ready` | 200, or 503 with what is not ready and why |
//! | `/metrics` | the counters, as OpenMetrics |
//! | `/api/status` | what the role says of itself |
//! | `/api/search?q=&since=&until=&topic=&limit=` | `{"total":…,"hits":[{"id","topic","timestamp","document"}]}`, the newest first |
//! | `/api/histogram?q=&since=&until=&topic=&buckets=` | `{"from","bucket_ms","counts"}` |
//! | `/api/fields`, `/api/topics` | names |
//! | `/api/follow?q=&topic=` | new lines, as server-sent events |
//!
//! Errors of the API are `{"error":…}` with a status that says whose they are.

mod api;
mod follow;
mod guard;
mod health;
mod page;
#[cfg(test)]
mod tests;
mod time;

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::{Router, middleware, routing::get};
use collector_model::{Metrics, search::Search};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};

pub use health::{Health, NotReady};
pub use time::{BadTime, parse_time};

/// How many searches run at a time; further ones wait.
const SEARCHES_MAX: usize = 4;
/// How long requests under way may take to end at a shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// What the pages show.
#[derive(Clone)]
pub struct WebState {
    /// The counters of the process.
    pub metrics: Metrics,
    /// What is ready.
    pub health: Arc<Health>,
    /// Where lines are searched; none in a role that keeps no index.
    pub search: Option<Arc<dyn Search>>,
    /// What the role says of itself, as a JSON object.
    pub status: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// Names beside `localhost` by which a listener on a loopback address may be asked, such as that of a proxy before it.
    pub host_names: Vec<String>,
}

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    web: WebState,
    searches: Arc<Semaphore>,
    closing: watch::Receiver<bool>,
}

/// Serves until `shutdown` completes; then requests under way get 2 s to end.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    state: WebState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let is_loopback = listener.local_addr()?.ip().is_loopback();
    let (close, closing) = watch::channel(false);
    let router = router(state, is_loopback, closing.clone());
    let stopped = async move {
        shutdown.await;
        // Nobody listens any more once the server has ended.
        let _ = close.send(true);
    };
    let mut closing = closing;
    let overdue = async move {
        // The sender lives as long as the server.
        let _ = closing.wait_for(|closing| *closing).await;
        tokio::time::sleep(SHUTDOWN_GRACE).await;
    };
    tokio::select! {
        ended = async { axum::serve(listener, router).with_graceful_shutdown(stopped).await } => ended,
        () = overdue => Ok(()),
    }
}

fn router(web: WebState, is_loopback: bool, closing: watch::Receiver<bool>) -> Router {
    let guard = guard::HostGuard::new(is_loopback, &web.host_names);
    let shared = Shared { web, searches: Arc::new(Semaphore::new(SEARCHES_MAX)), closing };
    Router::new()
        .route("/", get(page::html))
        .route("/style.css", get(page::css))
        .route("/app.js", get(page::script))
        .route("/lines.js", get(page::lines_script))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(api::metrics))
        .route("/api/status", get(api::status))
        .route("/api/search", get(api::search))
        .route("/api/histogram", get(api::histogram))
        .route("/api/fields", get(api::fields))
        .route("/api/topics", get(api::topics))
        .route("/api/follow", get(follow::follow))
        .fallback(api::not_found)
        .layer(middleware::from_fn(page::secure))
        .layer(middleware::from_fn_with_state(guard, guard::check))
        .with_state(shared)
}
