//! Whether collection is at rest: nothing is left to read, to send, to index or to commit.

use std::time::{Duration, Instant};

use super::{SEARCHED_WITHIN, Tally, Totals};
use crate::{scene::Scene, wait::within};

/// Gauges are set once a second: what they say is looked at twice, that far apart.
pub(super) const APART: Duration = Duration::from_millis(1_500);

/// Whether a verdict can be given on what was read back. What is missing although all is at rest may lie in a file that nobody has
/// told the program of.
pub(super) fn is_settled(rested: &anyhow::Result<()>, tally: &Tally, begun: Instant) -> bool {
    rested.is_err() || tally.missing() == 0 || begun.elapsed() > SEARCHED_WITHIN
}

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
    totals: Option<Totals>,
}

impl Standing {
    async fn of(scene: &mut Scene) -> Standing {
        let totals = Totals::of(scene.ground.kafka()).await.ok();
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
            totals,
        }
    }

    fn is_at_rest(&self) -> bool {
        self.is_ready
            && self.files.is_some_and(|files| files > 0.0)
            && self.lag_bytes == Some(0.0)
            && self.totals.is_some_and(|totals| totals.uncommitted == 0)
    }
}
