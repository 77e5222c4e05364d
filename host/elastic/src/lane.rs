//! The way of one index: its queue, its requests under way, its troubles. One that is blocked holds up no other.

use std::{sync::Arc, time::Duration};

use collector_model::{DeadLetters, IndexName, Metrics};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc, watch},
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    BulkPart, ElasticSettings, Retention, SafeDocument,
    answer::Fault,
    backoff,
    client::Nodes,
    outcome::Trouble,
    part::{Document, PartUnderWay, into_requests},
    resolve::{self, Standing},
    sending,
    status::{Condition, OnceAMinute},
    template::Templates,
};

/// After this long without a document an index is forgotten, and resolved anew when one comes.
const IDLE_MAX: Duration = Duration::from_secs(300);

/// What all indices share.
pub(crate) struct Shared {
    pub(crate) nodes: Nodes,
    pub(crate) settings: ElasticSettings,
    pub(crate) metrics: Metrics,
    pub(crate) dead: Arc<dyn DeadLetters>,
    pub(crate) safe: Arc<dyn SafeDocument>,
    pub(crate) templates: Templates,
    /// How many days of which indices are kept.
    pub(crate) kept: watch::Sender<Vec<Retention>>,
    /// Turns for first attempts, and for repeated ones: an index that makes every request wait holds up no healthy one.
    pub(crate) first_turns: Semaphore,
    pub(crate) retry_turns: Semaphore,
}

/// The part of an index that everybody sees.
pub(crate) struct Lane {
    pub(crate) index: IndexName,
    pub(crate) shared: Arc<Shared>,
    pub(crate) condition: Condition,
    /// Room in KiB for documents that wait or are under way.
    pub(crate) room: Arc<Semaphore>,
    /// Places for them.
    places: Arc<Semaphore>,
    queue: mpsc::UnboundedSender<Arc<PartUnderWay>>,
    /// How many requests are in trouble.
    tense: watch::Sender<usize>,
    /// While an index is in trouble, one request at a time finds out whether it is over.
    scout: Semaphore,
    faulty_said: OnceAMinute,
}

/// A request's turn, given back when dropped.
pub(crate) struct Turn<'a> {
    _scout: Option<SemaphorePermit<'a>>,
    _shared: Option<SemaphorePermit<'a>>,
}

impl Lane {
    /// A lane, and the queue for [`run`].
    pub(crate) fn new(
        index: IndexName,
        shared: Arc<Shared>,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Arc<PartUnderWay>>) {
        let (queue, parts) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(room_kib(&shared.settings)));
        let places = Arc::new(Semaphore::new(places(&shared.settings)));
        let condition = Condition::shown_in(shared.metrics.index_blocked.clone());
        let lane = Lane {
            index,
            shared,
            condition,
            room,
            places,
            queue,
            tense: watch::Sender::new(0),
            scout: Semaphore::new(1),
            faulty_said: OnceAMinute::default(),
        };
        (Arc::new(lane), parts)
    }

    /// Room for a part, as soon as there is some.
    pub(crate) async fn hold(&self, part: &BulkPart) -> Option<Held> {
        let (kib, documents) = self.measures(part);
        // The semaphores are never closed.
        let room = Arc::clone(&self.room).acquire_many_owned(kib).await.ok()?;
        let places = Arc::clone(&self.places).acquire_many_owned(documents).await.ok()?;
        Some(Held { _room: room, _places: places })
    }

    /// Room for a part, where there is some now.
    pub(crate) fn try_hold(&self, part: &BulkPart) -> Option<Held> {
        let (kib, documents) = self.measures(part);
        let room = Arc::clone(&self.room).try_acquire_many_owned(kib).ok()?;
        let places = Arc::clone(&self.places).try_acquire_many_owned(documents).ok()?;
        Some(Held { _room: room, _places: places })
    }

    /// What a part takes, in KiB and documents; one that is larger than all of it passes alone.
    fn measures(&self, part: &BulkPart) -> (u32, u32) {
        let settings = &self.shared.settings;
        let kib = ((part.body.len() >> 10) + 1).min(room_kib(settings));
        (kib as u32, part.items.len().min(places(settings)) as u32)
    }

    /// Queues a part. The queue lives as long as the lane is known to the sink.
    pub(crate) fn push(&self, part: Arc<PartUnderWay>) {
        // A closed queue drops the part, whose ticket then counts as lost: it is read again.
        let _ = self.queue.send(part);
    }

    /// Waits for the turn to send.
    pub(crate) async fn turn(&self, again: bool) -> Turn<'_> {
        // The semaphores are never closed, so that a turn always comes.
        if again {
            let scout = self.scout.acquire().await.ok();
            Turn { _scout: scout, _shared: self.shared.retry_turns.acquire().await.ok() }
        } else {
            Turn { _scout: None, _shared: self.shared.first_turns.acquire().await.ok() }
        }
    }

    /// Tries until documents may go to the index: the name is resolved, the template is there, the index exists.
    pub(crate) async fn make_ready(&self) {
        let mut attempts = 0;
        while let Err(trouble) = self.try_ready().await {
            sending::note(self, &trouble);
            attempts += 1;
            tokio::time::sleep(backoff::delay(attempts, self.shared.settings.retry_wait_max)).await;
        }
        if attempts > 0 {
            self.condition.clear(&self.index);
        }
    }

    async fn try_ready(&self) -> Result<(), Trouble> {
        let nodes = &self.shared.nodes;
        loop {
            match resolve::resolve(nodes, &self.index).await {
                Standing::Index => return Ok(()),
                Standing::Trouble(trouble) => return Err(trouble),
                Standing::Missing => {}
            }
            if self.shared.settings.install_template {
                self.shared.templates.ensure(nodes, &self.index).await?;
            }
            match resolve::create(nodes, &self.index).await {
                Standing::Index => return Ok(()),
                Standing::Trouble(trouble) => return Err(trouble),
                Standing::Missing => {}
            }
        }
    }

    /// A request's state of mind: at ease until it meets trouble.
    pub(crate) fn at_ease(self: &Arc<Self>) -> Tension {
        Tension { lane: Arc::clone(self), tense: false }
    }

    async fn wait_until_calm(&self) {
        // The sender is in `self`, so that waiting cannot fail.
        let _ = self.tense.subscribe().wait_for(|tense| *tense == 0).await;
    }

    /// Says once a minute that documents had to be made safe.
    pub(crate) fn say_faulty(&self, faulty: &[(Document, Fault)]) {
        if let Some((_, fault)) = faulty.first().filter(|_| self.faulty_said.is_due()) {
            tracing::warn!(
                index = %self.index, documents = faulty.len(), error = %fault.kind, reason = %fault.reason,
                "the index refuses documents; they are sent as plain lines with the reason in error.message"
            );
        }
    }
}

/// The room of an index, in KiB.
pub(crate) fn room_kib(settings: &ElasticSettings) -> usize {
    (settings.index_bytes_max >> 10).clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize))
}

/// How many documents an index may hold.
fn places(settings: &ElasticSettings) -> usize {
    settings.index_documents_max.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize))
}

/// Room that a part holds until its last document is settled.
pub(crate) struct Held {
    _room: OwnedSemaphorePermit,
    _places: OwnedSemaphorePermit,
}

/// Whether a request is in trouble; new requests of its index wait meanwhile.
pub(crate) struct Tension {
    lane: Arc<Lane>,
    tense: bool,
}

impl Tension {
    pub(crate) fn rise(&mut self) {
        if !std::mem::replace(&mut self.tense, true) {
            self.lane.tense.send_modify(|tense| *tense += 1);
        }
    }

    pub(crate) fn ease(&mut self) {
        if std::mem::replace(&mut self.tense, false) {
            self.lane.tense.send_modify(|tense| *tense -= 1);
            self.lane.condition.clear(&self.lane.index);
        }
    }
}

impl Drop for Tension {
    fn drop(&mut self) {
        self.ease();
    }
}

/// The work of an index, until it was idle for long and `retire` agrees.
pub(crate) async fn run(
    lane: Arc<Lane>,
    mut parts: mpsc::UnboundedReceiver<Arc<PartUnderWay>>,
    retire: impl Fn(&Arc<Lane>, &mpsc::UnboundedReceiver<Arc<PartUnderWay>>) -> bool,
) {
    let mut requests = JoinSet::new();
    let mut ahead = None;
    lane.make_ready().await;
    loop {
        let first = match ahead.take() {
            Some(part) => part,
            None => match timeout(IDLE_MAX, parts.recv()).await {
                Ok(Some(part)) => part,
                Ok(None) => return,
                Err(_) if requests.is_empty() && retire(&lane, &parts) => return,
                Err(_) => {
                    while requests.try_join_next().is_some() {}
                    continue;
                }
            },
        };
        while requests.try_join_next().is_some() {}
        let documents = gather(&lane.shared.settings, first, &mut parts, &mut ahead, requests.is_empty()).await;
        let settings = &lane.shared.settings;
        for request in into_requests(documents, settings.bulk_bytes_max, settings.bulk_documents_max) {
            while requests.len() >= settings.in_flight_max.max(1) {
                requests.join_next().await;
            }
            lane.wait_until_calm().await;
            requests.spawn(sending::deliver(Arc::clone(&lane), request));
        }
    }
}

/// Merges parts up to the limits of a request, for as long as the linger time allows.
async fn gather(
    settings: &ElasticSettings,
    first: Arc<PartUnderWay>,
    parts: &mut mpsc::UnboundedReceiver<Arc<PartUnderWay>>,
    ahead: &mut Option<Arc<PartUnderWay>>,
    idle: bool,
) -> Vec<Document> {
    let linger = if idle { settings.bulk_linger / 10 } else { settings.bulk_linger };
    let deadline = Instant::now() + linger;
    let mut bytes = first.part_body.len();
    let mut documents: Vec<Document> = Document::all_of(&first).collect();
    while bytes < settings.bulk_bytes_max && documents.len() < settings.bulk_documents_max {
        let Ok(Some(part)) = timeout_at(deadline, parts.recv()).await else { break };
        if bytes + part.part_body.len() > settings.bulk_bytes_max
            || documents.len() + part.items.len() > settings.bulk_documents_max
        {
            *ahead = Some(part);
            break;
        }
        bytes += part.part_body.len();
        documents.extend(Document::all_of(&part));
    }
    documents
}
