//! Making a configuration run: chains first, then who reads by them.

use std::sync::Arc;

use collector_plugin_host::ChainSlot;
use collector_web::Health;
use serde_json::json;

use crate::{
    routes::{Applied, Routes, Rule},
    status::Status,
};

/// What applies a configuration.
pub struct Applying<R> {
    /// The rules that run.
    pub routes: Arc<Routes<R>>,
    /// Where it is told.
    pub status: Status,
    /// Where it is told that there is a configuration at all.
    pub health: Arc<Health>,
}

impl<R: Rule> Applying<R> {
    /// Shows the chains in the status.
    pub fn add_to_status(&self) {
        let routes = self.routes.clone();
        self.status.add("plugins", move || json!(routes.chains().iter().map(|slot| slot.status()).collect::<Vec<_>>()));
    }

    /// Applies a set of rules. `refused` are complaints about other parts of the configuration.
    pub async fn apply(&self, wanted: Vec<R>, revision: i64, refused: &[String]) -> Vec<R> {
        self.status.applying(revision);
        let routes = self.routes.clone();
        let applied = tokio::task::spawn_blocking(move || routes.apply(&wanted)).await;
        let applied = applied.unwrap_or_else(|error| {
            tracing::error!(%error, "applying the configuration ended with a panic; the one before goes on");
            Applied { running: vec![], refusals: vec![error.to_string()] }
        });
        let mut refusals = refused.to_vec();
        for refusal in applied.refusals {
            if !refusals.contains(&refusal) {
                refusals.push(refusal);
            }
        }
        self.health.ready("configuration");
        self.status.applied(revision, refusals);
        applied.running
    }

    /// The chains that run.
    pub fn chains(&self) -> Vec<Arc<ChainSlot>> {
        self.routes.chains()
    }
}
