//! Whether the process does its work.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use parking_lot::RwLock;
use serde::Serialize;

use crate::Shared;

/// The parts of a process, each ready or not and why. The process is ready when there is one at least and all are.
#[derive(Debug, Default)]
pub struct Health(RwLock<BTreeMap<Arc<str>, Option<Arc<str>>>>);

/// A part that is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotReady {
    /// Its name, such as `kafka`.
    pub component: Arc<str>,
    /// Why, and what to do about it.
    pub reason: Arc<str>,
}

impl Health {
    /// The part does its work.
    pub fn ready(&self, component: &str) {
        self.0.write().insert(component.into(), None);
    }

    /// The part cannot do its work, for that reason. Say so at the start too (`starting`), before it is up.
    pub fn not_ready(&self, component: &str, reason: &str) {
        self.0.write().insert(component.into(), Some(reason.into()));
    }

    /// What is not ready; empty when everything is.
    pub fn problems(&self) -> Vec<NotReady> {
        let components = self.0.read();
        if components.is_empty() {
            return vec![NotReady { component: "process".into(), reason: "starting".into() }];
        }
        let problem = |(component, reason): (&Arc<str>, &Option<Arc<str>>)| {
            Some(NotReady { component: Arc::clone(component), reason: reason.clone()? })
        };
        components.iter().filter_map(problem).collect()
    }
}

pub(crate) async fn live() -> &'static str {
    "live\n"
}

pub(crate) async fn ready(State(shared): State<Shared>) -> (StatusCode, Json<serde_json::Value>) {
    let problems = shared.web.health.problems();
    let code = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(serde_json::json!({ "ready": problems.is_empty(), "not_ready": problems })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_all_its_parts_are() {
        let health = Health::default();
        assert_eq!(&*health.problems()[0].reason, "starting");
        health.ready("tail");
        assert_eq!(health.problems(), []);
        health.not_ready("kafka", "no broker answers");
        assert_eq!(health.problems(), [NotReady { component: "kafka".into(), reason: "no broker answers".into() }]);
        health.ready("kafka");
        assert_eq!(health.problems(), []);
    }
}
