//! Whether collection is at rest: nothing is left to read, to send, to index or to commit.

use std::time::Duration;

use super::Positions;
use crate::{
    scene::{Scene, TOPICS},
    wait::within,
};

/// Gauges are set once a second: what they say is looked at twice, that far apart.
const APART: Duration = Duration::from_millis(1_500);

/// Waits until collection is at rest.
pub(super) async fn reached(scene: &mut Scene, deadline: Duration) -> anyhow::Result<()> {
    let mut last = Standing::default();
    let rested = within("collection to be at rest", deadline, async || {
        let before = std::mem::replace(&mut last, Standing::of(scene).await);
        if last.is_at_rest() && last == before {
            return Ok(Some(()));
        }
        tokio::time::sleep(APART).await;
        Ok(None)
    });
    rested.await.map_err(|error| error.context(format!("{last:?}")))
}

/// How far everything has come; `None` where nobody says.
#[derive(Clone, Debug, Default, PartialEq)]
struct Standing {
    is_ready: bool,
    files: Option<f64>,
    lag_bytes: Option<f64>,
    records: Option<i64>,
    lag_records: Option<i64>,
}

impl Standing {
    async fn of(scene: &mut Scene) -> Standing {
        let records = positions(scene).await;
        let mut is_ready = scene.agent.is_ready().await;
        for transfer in scene.transfers.iter_mut() {
            if transfer.is_running() {
                is_ready &= transfer.is_ready().await;
            }
        }
        Standing {
            is_ready,
            files: scene.agent.metric("collector_files_followed").await,
            lag_bytes: scene.agent.metric("collector_lag_bytes").await,
            records: records.map(|(records, _)| records),
            lag_records: records.map(|(_, lag)| lag),
        }
    }

    fn is_at_rest(&self) -> bool {
        self.is_ready
            && self.files.is_some_and(|files| files > 0.0)
            && self.lag_bytes == Some(0.0)
            && self.lag_records == Some(0)
    }
}

/// How many records there are, and how many of them are not committed.
async fn positions(scene: &Scene) -> Option<(i64, i64)> {
    let kafka = scene.ground.kafka();
    let asked = tokio::task::spawn_blocking(move || -> anyhow::Result<(i64, i64)> {
        let positions = Positions::of(&kafka)?;
        let mut sum = (0, 0);
        for topic in TOPICS {
            for position in positions.of_topic(topic)? {
                sum = (sum.0 + position.high - position.low, sum.1 + position.lag());
            }
        }
        Ok(sum)
    });
    asked.await.ok()?.ok()
}
