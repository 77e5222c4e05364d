//! New lines as they come, as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use collector_model::search::{Arrivals, Cursor, SearchRequest};
use futures::{Stream, stream};

use crate::{
    Shared,
    api::{ApiError, Asked, HitBody, ask, bad, params},
};

/// How often is looked for new lines.
const INTERVAL: Duration = Duration::from_millis(400);
/// How many lines are sent at a time; where more came, the rest is left out, so that a follower stays with the present.
const LINES_MAX: usize = 100;

struct Follower {
    shared: Shared,
    request: SearchRequest,
    cursor: Cursor,
    skipped: bool,
}

/// `event: lines` with an array of hits in the order of arrival, `event: skipped` where too many came to send them all,
/// `event: failed` with `{"error"}`. The ids let a browser go on where it was.
pub(crate) async fn follow(
    State(shared): State<Shared>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let params = params(asked)?;
    let request = SearchRequest { hits_max: LINES_MAX, ..params.request()? };
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).unwrap_or(&params.after);
    let after = if last.is_empty() {
        None
    } else {
        Some(Cursor(last.parse().map_err(|_| bad("after: not a place to go on from"))?))
    };
    let first = request.clone();
    let start = ask(&shared, move |search| search.arrivals(&SearchRequest { hits_max: 1, ..first }, None)).await?;
    let follower = Follower { shared, request, cursor: after.unwrap_or(start.cursor), skipped: false };
    let events = stream::unfold(follower, |follower| async { follower.next().await });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

impl Follower {
    /// Waits for the next event; none when the server closes.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Follower)> {
        loop {
            if std::mem::take(&mut self.skipped) {
                return Some((Ok(Event::default().event("skipped").data("{}")), self));
            }
            let mut closing = self.shared.closing.clone();
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => return None,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            match self.arrivals(Some(self.cursor)).await {
                Ok(found) if found.hits.is_empty() => self.cursor = found.cursor,
                Ok(found) => return Some((Ok(self.lines(found).await), self)),
                Err(ApiError(_, error)) => {
                    let event =
                        Event::default().event("failed").data(serde_json::json!({ "error": error }).to_string());
                    return Some((Ok(event), self));
                }
            }
        }
    }

    async fn arrivals(&self, after: Option<Cursor>) -> Result<Arrivals, ApiError> {
        let request = self.request.clone();
        ask(&self.shared, move |search| search.arrivals(&request, after)).await
    }

    async fn lines(&mut self, found: Arrivals) -> Event {
        self.cursor = found.cursor;
        if found.hits.len() >= LINES_MAX
            && let Ok(end) = self.arrivals(None).await
        {
            self.skipped = end.cursor > self.cursor;
            self.cursor = end.cursor;
        }
        let hits: Vec<HitBody> = found.hits.into_iter().map(HitBody::from).collect();
        // Hits are plain data, which is always JSON.
        let data = serde_json::to_string(&hits).unwrap_or_default();
        Event::default().event("lines").id(self.cursor.0.to_string()).data(data)
    }
}
