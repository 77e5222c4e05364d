//! Retention: whole days are deleted, index by index, and nothing but what the collector made.
//!
//! Several transfers may do the same: an index that another one has deleted already is gone, and that is all.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use collector_model::{BucketDay, index_name::IndexRule};
use elasticsearch::http::Method;
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    answer::fault_in,
    client::{Call, Nodes, segment},
    outcome::{Trouble, trouble_of},
    template::{MANAGED_BY, days_of},
};

/// How often it is looked for days that are over, give or take a half.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// How many days of an index a day are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The indices. A rule without days has nothing to delete.
    pub rule: IndexRule,
    /// How many days, today included.
    pub days: u32,
}

impl Retention {
    /// The first day that is kept.
    fn first_kept(&self) -> BucketDay {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        BucketDay::from_unix_ms(now.as_millis() as i64).first_of(self.days)
    }
}

/// Deletes what is not kept, as long as the sink lives.
pub(crate) async fn run(shared: std::sync::Arc<crate::lane::Shared>) {
    let mut kept = shared.kept.subscribe();
    loop {
        let retentions = kept.borrow_and_update().clone();
        for retention in &retentions {
            if let Err(trouble) = retain(&shared.nodes, retention, shared.settings.retention_dry_run).await {
                let (reason, advice) = (&trouble.reason, trouble.kind.advice());
                tracing::warn!(rule = ?retention.rule, %reason, %advice, "days that are not kept any more are not deleted yet; trying again later");
            }
        }
        let pause = LOOK_EVERY.mul_f64(0.5 + fastrand::f64());
        // The sender is in `shared`, so that waiting cannot fail.
        let _ = tokio::time::timeout(pause, kept.changed()).await;
    }
}

/// Where the retentions are told, and read.
pub(crate) fn kept() -> watch::Sender<Vec<Retention>> {
    watch::Sender::new(vec![])
}

async fn retain(nodes: &Nodes, retention: &Retention, dry_run: bool) -> Result<(), Trouble> {
    let Some(stem) = days_of(&retention.rule) else { return Ok(()) };
    let first_kept = retention.first_kept();
    let over = over(&ours(nodes, &stem).await?, &stem, first_kept);
    if dry_run && !over.is_empty() {
        tracing::info!(indices = %over.join(", "), "would delete the indices of days that are not kept any more (retention_dry_run)");
        return Ok(());
    }
    for index in over {
        delete(nodes, &index).await?;
    }
    Ok(())
}

/// The indices that begin so and that a collector has made.
async fn ours(nodes: &Nodes, stem: &str) -> Result<Vec<String>, Trouble> {
    let path = format!("{}*/_mapping", segment(stem));
    let query = [
        ("filter_path", "*.mappings._meta.managed_by,error"),
        ("expand_wildcards", "open,closed"),
        ("allow_no_indices", "true"),
        ("ignore_unavailable", "true"),
    ];
    let call = Call { method: Method::Get, path: &path, query: &query, body: None };
    let answer = nodes.call(call).await.map_err(|none| Trouble::from(&none))?;
    if answer.status != 200 {
        return Err(trouble_of(answer.status, fault_in(&answer.body).as_ref()));
    }
    let found: serde_json::Map<String, Value> = serde_json::from_slice(&answer.body).unwrap_or_default();
    let is_ours = |index: &Value| index.pointer("/mappings/_meta/managed_by").is_some_and(|by| by == MANAGED_BY);
    Ok(found.into_iter().filter(|(_, index)| is_ours(index)).map(|(name, _)| name).collect())
}

/// Those of a day before the first that is kept.
fn over(indices: &[String], stem: &str, first_kept: BucketDay) -> Vec<String> {
    let day = |name: &String| name.strip_prefix(stem)?.parse::<BucketDay>().ok();
    let mut over: Vec<String> =
        indices.iter().filter(|name| day(name).is_some_and(|day| day < first_kept)).cloned().collect();
    over.sort();
    over
}

async fn delete(nodes: &Nodes, index: &str) -> Result<(), Trouble> {
    let path = segment(index);
    let call = Call { method: Method::Delete, path: &path, query: &[], body: None };
    let answer = nodes.call(call).await.map_err(|none| Trouble::from(&none))?;
    match answer.status {
        200 => tracing::info!(%index, "deleted the index of a day that is not kept any more"),
        // Another transfer was quicker.
        404 => {}
        status => {
            let mut trouble = trouble_of(status, fault_in(&answer.body).as_ref());
            trouble.reason = format!("deleting {index}: {}", trouble.reason);
            return Err(trouble);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_before_the_first_that_is_kept_are_over() {
        let indices =
            ["web-2024.02.28", "web-2024.02.29", "web-api-2024.01.01", "web-2024.01.01x", "web-2024.13.01", "web-"];
        let indices: Vec<String> = indices.map(str::to_owned).into();
        assert_eq!(over(&indices, "web-", "2024.02.29".parse().unwrap()), ["web-2024.02.28"]);
        assert_eq!(over(&indices, "web-", "2024.01.01".parse().unwrap()), [""; 0]);
    }
}
