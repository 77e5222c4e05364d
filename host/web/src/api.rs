//! The search API.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use collector_model::{
    Topic,
    search::{Hit, Search, SearchError, SearchRequest},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Shared, parse_time};

const LIMIT_DEFAULT: usize = 100;
/// The most hits of one answer.
const LIMIT_MAX: usize = 1_000;
const BUCKETS_DEFAULT: usize = 60;
/// The most buckets of a histogram.
const BUCKETS_MAX: usize = 500;

/// The parameters of a search, as they stand in the address. Empty is as if it were not there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Params {
    q: String,
    since: String,
    until: String,
    topic: String,
    limit: String,
    buckets: String,
    /// Only for following: where to go on.
    pub(crate) after: String,
}

/// An answer that says what went wrong.
pub(crate) struct ApiError(pub(crate) StatusCode, pub(crate) String);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> ApiError {
        let code = match &error {
            SearchError::BadQuery(_) => StatusCode::BAD_REQUEST,
            SearchError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            SearchError::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
        };
        ApiError(code, error.to_string())
    }
}

pub(crate) fn bad(problem: impl ToString) -> ApiError {
    ApiError(StatusCode::BAD_REQUEST, problem.to_string())
}

/// The parameters, or what is wrong with the address.
pub(crate) type Asked = Result<Query<Params>, QueryRejection>;

pub(crate) fn params(asked: Asked) -> Result<Params, ApiError> {
    asked.map(|Query(params)| params).map_err(|error| bad(error.body_text()))
}

impl Params {
    /// The request they make.
    pub(crate) fn request(&self) -> Result<SearchRequest, ApiError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let time = |name: &str, text: &str| match text {
            "" | "all" => Ok(None),
            text => parse_time(text, now).map(Some).map_err(|error| bad(format!("{name}: {error}"))),
        };
        let topic = (!self.topic.is_empty()).then(|| Topic::new(&self.topic)).transpose();
        Ok(SearchRequest {
            query: self.q.clone(),
            topic: topic.map_err(|error| bad(format!("topic: {error}")))?,
            since_ms: time("since", &self.since)?,
            until_ms: time("until", &self.until)?,
            hits_max: number("limit", &self.limit, LIMIT_DEFAULT, LIMIT_MAX)?,
        })
    }
}

fn number(name: &str, text: &str, default: usize, max: usize) -> Result<usize, ApiError> {
    if text.is_empty() {
        return Ok(default);
    }
    let number = text.parse().ok().filter(|number| *number <= max);
    number.ok_or_else(|| bad(format!("{name}: {text:?} is not a number from 0 to {max}")))
}

/// Asks the index on a thread that may wait, when it is this one's turn.
pub(crate) async fn ask<T: Send + 'static>(
    shared: &Shared,
    question: impl FnOnce(&dyn Search) -> Result<T, SearchError> + Send + 'static,
) -> Result<T, ApiError> {
    let none =
        || ApiError(StatusCode::NOT_FOUND, "this role keeps no index; search where the lines are sent to".into());
    let search = shared.web.search.clone().ok_or_else(none)?;
    let failed = |_| ApiError(StatusCode::INTERNAL_SERVER_ERROR, "the search broke off; the log says why".into());
    let permit = Arc::clone(&shared.searches)
        .acquire_owned()
        .await
        .map_err(|_| ApiError(StatusCode::SERVICE_UNAVAILABLE, "the collector is shutting down".into()))?;
    let answer = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        question(&*search)
    });
    Ok(answer.await.map_err(failed)??)
}

/// A hit as it is answered.
#[derive(Serialize)]
pub(crate) struct HitBody {
    id: String,
    topic: String,
    /// RFC 3339, with ms.
    timestamp: String,
    document: serde_json::Value,
}

impl From<Hit> for HitBody {
    fn from(hit: Hit) -> HitBody {
        let time = jiff::Timestamp::from_millisecond(hit.timestamp_ms).unwrap_or_default();
        HitBody { id: hit.id, topic: hit.topic, timestamp: format!("{time:.3}"), document: hit.document }
    }
}

pub(crate) async fn search(State(shared): State<Shared>, asked: Asked) -> Result<Response, ApiError> {
    let request = params(asked)?.request()?;
    let page = ask(&shared, move |search| search.search(&request)).await?;
    let hits: Vec<HitBody> = page.hits.into_iter().map(HitBody::from).collect();
    Ok(Json(json!({ "total": page.total, "hits": hits })).into_response())
}

pub(crate) async fn histogram(State(shared): State<Shared>, asked: Asked) -> Result<Response, ApiError> {
    let params = params(asked)?;
    let request = params.request()?;
    let buckets = number("buckets", &params.buckets, BUCKETS_DEFAULT, BUCKETS_MAX)?;
    let found = ask(&shared, move |search| search.histogram(&request, buckets)).await?;
    Ok(Json(json!({ "from_ms": found.from_ms, "bucket_ms": found.bucket_ms, "counts": found.counts })).into_response())
}

pub(crate) async fn fields(State(shared): State<Shared>) -> Result<Response, ApiError> {
    let fields = ask(&shared, |search| search.field_names()).await?;
    Ok(Json(json!({ "fields": fields })).into_response())
}

pub(crate) async fn topics(State(shared): State<Shared>) -> Result<Response, ApiError> {
    let topics = ask(&shared, |search| search.topics()).await?;
    Ok(Json(json!({ "topics": topics })).into_response())
}

pub(crate) async fn status(State(shared): State<Shared>) -> Response {
    let status = (shared.web.status)();
    let problems = shared.web.health.problems();
    let has_search = shared.web.search.is_some();
    Json(json!({ "status": status, "not_ready": problems, "search": has_search })).into_response()
}

pub(crate) async fn metrics(State(shared): State<Shared>) -> Response {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], shared.web.metrics.render()).into_response()
}

pub(crate) async fn not_found(uri: Uri) -> ApiError {
    ApiError(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {}; the page is at /, the search at /api/search", uri.path()),
    )
}
