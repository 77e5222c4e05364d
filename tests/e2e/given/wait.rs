//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// How long the condition is left alone between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until the condition gives a value; fails the test, saying what was waited for, at the deadline.
pub(crate) async fn within<T>(what: &str, deadline: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = look().await {
            return value;
        }
        assert!(start.elapsed() < deadline, "waited {deadline:?} for: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Looks until the condition holds, for at most a minute.
pub(crate) async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    within(what, Duration::from_secs(60), async || look().await.then_some(())).await;
}
