//! The way into the cluster: one lane per index.

use std::{collections::HashMap, sync::Arc};

use collector_model::{DeadLetters, IndexName, Metrics, index_name::IndexRule};
use parking_lot::Mutex;
use tokio::{runtime::Handle, sync::Semaphore, task::JoinSet};

use crate::{
    BulkPart, ElasticError, ElasticSettings, IndexStatus, Retention, SafeDocument,
    client::Nodes,
    lane::{self, Held, Lane, Shared, room_kib},
    part::PartUnderWay,
    retention,
    template::Templates,
};

/// Takes documents and brings them into Elasticsearch or OpenSearch, each exactly once. Cheap to clone.
///
/// When the last clone is dropped, what is under way is given up: its tickets count as lost. [`Self::drain`] first.
#[derive(Clone)]
pub struct ElasticSink(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    lanes: Arc<Mutex<HashMap<IndexName, Arc<Lane>>>>,
    tasks: Mutex<JoinSet<()>>,
    runtime: Handle,
}

impl ElasticSink {
    /// Starts a sink on the current tokio runtime. Reads the CA file; asks the cluster nothing, so that it may be away at the start.
    ///
    /// # Panics
    /// When called outside of a tokio runtime.
    pub fn start(
        settings: ElasticSettings,
        metrics: Metrics,
        dead: Arc<dyn DeadLetters>,
        safe: Arc<dyn SafeDocument>,
    ) -> Result<Self, ElasticError> {
        let nodes = Nodes::new(&settings)?;
        let turns = settings.in_flight_max.clamp(1, 1024);
        let shared = Shared {
            nodes,
            metrics,
            dead,
            safe,
            templates: Templates::default(),
            kept: retention::kept(),
            first_turns: Semaphore::new(turns),
            retry_turns: Semaphore::new(turns),
            settings,
        };
        let shared = Arc::new(shared);
        let mut tasks = JoinSet::new();
        tasks.spawn(retention::run(Arc::clone(&shared)));
        Ok(ElasticSink(Arc::new(Inner {
            shared,
            lanes: Arc::default(),
            tasks: Mutex::new(tasks),
            runtime: Handle::current(),
        })))
    }

    /// Names a rule whose indices get the collector's template when they are created (unless the settings forbid it). Indices of
    /// other rules are created without.
    pub fn use_template_for(&self, rule: &IndexRule) {
        self.0.shared.templates.add(rule);
    }

    /// Says how many days of which indices are kept from now on; of the others, everything is. What is over is deleted soon, and then
    /// several times an hour: only whole indices of a day that a collector has created.
    pub fn keep(&self, retentions: Vec<Retention>) {
        self.0.shared.kept.send_if_modified(|kept| {
            let changed = *kept != retentions;
            *kept = retentions;
            changed
        });
    }

    /// Hands over documents. Waits while their index has no room; other indices are not concerned.
    pub async fn submit(&self, part: BulkPart) {
        loop {
            let lane = self.lane(&part.index);
            let Some(held) = lane.hold(&part).await else { return };
            if self.is_current(&lane) {
                return self.enqueue(part, held);
            }
        }
    }

    /// The same from a plain thread. Must not be called from a tokio worker.
    pub fn submit_blocking(&self, part: BulkPart) {
        match self.try_submit(part) {
            Ok(()) => {}
            Err(part) => self.0.runtime.block_on(self.submit(part)),
        }
    }

    /// The same without waiting: the part comes back when its index has no room.
    pub fn try_submit(&self, part: BulkPart) -> Result<(), BulkPart> {
        let lane = self.lane(&part.index);
        match lane.try_hold(&part) {
            Some(held) => {
                self.enqueue(part, held);
                Ok(())
            }
            None => Err(part),
        }
    }

    /// Waits until everything that was handed over is settled. Give it a time limit: an outage has none.
    pub async fn drain(&self) {
        let lanes: Vec<_> = self.0.lanes.lock().values().cloned().collect();
        for lane in lanes {
            // All of the room is free when nothing is held.
            drop(lane.room.acquire_many(room_kib(&self.0.shared.settings) as u32).await);
        }
    }

    /// How each index fares that was written to in the last minutes.
    pub fn status(&self) -> Vec<IndexStatus> {
        let room = room_kib(&self.0.shared.settings);
        let lanes = self.0.lanes.lock();
        let status = |lane: &Arc<Lane>| {
            let held = room.saturating_sub(lane.room.available_permits());
            lane.condition.status(&lane.index, held << 10)
        };
        let mut all: Vec<_> = lanes.values().map(status).collect();
        all.sort_by(|a, b| a.index.cmp(&b.index));
        all
    }

    fn enqueue(&self, part: BulkPart, held: Held) {
        if part.items.is_empty() {
            return part.ticket.complete();
        }
        let index = part.index.clone();
        let part = PartUnderWay::new(part, held);
        // Under the lock, so that the lane cannot retire in between.
        let mut lanes = self.0.lanes.lock();
        self.lane_in(&mut lanes, &index).push(part);
    }

    fn is_current(&self, lane: &Arc<Lane>) -> bool {
        self.0.lanes.lock().get(&lane.index).is_some_and(|current| Arc::ptr_eq(current, lane))
    }

    fn lane(&self, index: &IndexName) -> Arc<Lane> {
        self.lane_in(&mut self.0.lanes.lock(), index)
    }

    fn lane_in(&self, lanes: &mut HashMap<IndexName, Arc<Lane>>, index: &IndexName) -> Arc<Lane> {
        if let Some(lane) = lanes.get(index) {
            return Arc::clone(lane);
        }
        let (lane, parts) = Lane::new(index.clone(), Arc::clone(&self.0.shared));
        lanes.insert(index.clone(), Arc::clone(&lane));
        let all = Arc::clone(&self.0.lanes);
        let retire = move |lane: &Arc<Lane>, parts: &tokio::sync::mpsc::UnboundedReceiver<_>| {
            let mut all = all.lock();
            let idle = parts.is_empty();
            if idle {
                all.remove(&lane.index);
            }
            idle
        };
        let mut tasks = self.0.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(lane::run(Arc::clone(&lane), parts, retire), &self.0.runtime);
        lane
    }
}
