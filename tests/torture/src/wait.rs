//! Waiting for a condition, with a deadline.

use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

/// How long the condition is left alone between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks until the condition gives a value, or the deadline is over.
pub async fn within<T>(
    what: &str,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(value) = look().await? {
            return Ok(value);
        }
        if begun.elapsed() > deadline {
            bail!("waited {} s for {what}", deadline.as_secs());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
