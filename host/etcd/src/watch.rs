//! Watching keys for ever: list at a revision, watch from the one after it, and list again whenever something is odd.

use std::time::{Duration, Instant, SystemTime};

use etcd_client::{Client, EventType, GetOptions, Txn, TxnOp, TxnOpResponse, WatchOptions, WatchResponse, WatchStream};
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

use crate::{
    EtcdError, EtcdSettings, Picture,
    connect::{connect, timed},
    picture::{Change, Entry},
    quiet::Patience,
};

/// A list may hold many values of 1.5 MiB.
const MESSAGE_BYTES_MAX: usize = 256 << 20;
/// How many observations may wait for their reader.
const QUEUE_OBSERVATIONS_MAX: usize = 16;
/// A watch that lived so long was in order.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);

/// What to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchTarget {
    /// One key.
    Key(String),
    /// Every key that starts so.
    Prefix(String),
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The keys as they are now, all of them.
    State {
        /// The keys.
        picture: Picture,
        /// How that came to be known.
        cause: Cause,
    },
    /// etcd does not answer, or not as it should; what was seen before stands. Said once per outage; a [`Observation::State`] ends it.
    Unreachable {
        /// Since when.
        since: SystemTime,
        /// Why.
        reason: String,
    },
}

/// How a state came to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The keys were listed: at the start, after an outage, and every now and then. That a key is missing means that it was deleted
    /// only if the picture [continues](Picture::continues) the one before.
    Listed,
    /// Events of the watch: somebody has changed or deleted these keys.
    Watched {
        /// The keys that were written.
        changed: Vec<String>,
        /// The keys that were deleted.
        deleted: Vec<String>,
    },
}

/// Ends the watch when dropped.
#[derive(Debug)]
pub struct WatchHandle(JoinHandle<()>);

impl Drop for WatchHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Watches keys until the handle or the receiver is dropped. etcd may be away, at the start too: it is tried again without end, and
/// said once a minute.
///
/// # Panics
/// When called outside of a tokio runtime.
pub fn watch_keys(settings: EtcdSettings, watch: Vec<WatchTarget>) -> (mpsc::Receiver<Observation>, WatchHandle) {
    let (observations, receiver) = mpsc::channel(QUEUE_OBSERVATIONS_MAX);
    let watcher = Watcher { settings, watch, observations };
    (receiver, WatchHandle(tokio::spawn(watcher.run())))
}

struct Watcher {
    settings: EtcdSettings,
    watch: Vec<WatchTarget>,
    observations: mpsc::Sender<Observation>,
}

/// Why a session ended.
enum End {
    /// Time to list again.
    Relist,
    /// Nobody reads the observations any more.
    Unread,
}

impl Watcher {
    async fn run(self) {
        let mut patience = Patience::default();
        let mut away_since = None;
        let mut client = None;
        loop {
            let started = Instant::now();
            let error = match self.session(&mut client, &mut away_since).await {
                Ok(End::Relist) => continue,
                Ok(End::Unread) => return,
                Err(error) => error,
            };
            // One that failed at once is a repetition, whatever it could list before.
            if started.elapsed() > HEALTHY_AFTER {
                patience.reset();
            }
            // A new connection also notices an endpoint whose address has changed.
            client = None;
            if patience.may_speak() {
                tracing::warn!(%error, "watching etcd; going on with what is known, and trying again");
            }
            if away_since.is_none() {
                let since = *away_since.insert(SystemTime::now());
                let reason = error.to_string();
                if self.observations.send(Observation::Unreachable { since, reason }).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                () = sleep(patience.failed()) => {}
                () = self.observations.closed() => return,
            }
        }
    }

    async fn session(
        &self,
        client: &mut Option<Client>,
        away_since: &mut Option<SystemTime>,
    ) -> Result<End, EtcdError> {
        let client = match client {
            Some(client) => client,
            None => client.insert(connect(&self.settings).await?),
        };
        let mut picture = self.list(client).await?;
        let mut stream = self.open(client, picture.revision + 1).await?;
        if away_since.take().is_some() {
            tracing::info!(revision = picture.revision, "etcd answers again");
        }
        if !self.tell(&picture, Cause::Listed).await {
            return Ok(End::Unread);
        }
        let relist = sleep(jittered(self.settings.relist_after));
        tokio::pin!(relist);
        loop {
            let message = tokio::select! {
                message = stream.message() => message,
                () = &mut relist => return Ok(End::Relist),
                () = self.observations.closed() => return Ok(End::Unread),
            };
            let message = message.map_err(|error| EtcdError::of(&self.settings, "watching keys", &error))?;
            let Some(message) = message else { return Err(self.failed("the watch has ended")) };
            if is_out_of_line(&message, &picture)? {
                return Ok(End::Relist);
            }
            if message.canceled() {
                return Err(self.failed(message.cancel_reason()));
            }
            let (changed, deleted) = picture.apply(revision_of(&message), changes(&message));
            if changed.is_empty() && deleted.is_empty() {
                continue;
            }
            if !self.tell(&picture, Cause::Watched { changed, deleted }).await {
                return Ok(End::Unread);
            }
        }
    }

    /// All keys at one revision.
    async fn list(&self, client: &Client) -> Result<Picture, EtcdError> {
        let get = |target: &WatchTarget| match target {
            WatchTarget::Key(key) => TxnOp::get(key.as_str(), None),
            WatchTarget::Prefix(prefix) => TxnOp::get(prefix.as_str(), Some(GetOptions::new().with_prefix())),
        };
        let gets: Vec<TxnOp> = self.watch.iter().map(get).collect();
        let mut kv = client.kv_client().max_decoding_message_size(MESSAGE_BYTES_MAX);
        let answer = timed(&self.settings, "listing keys", kv.txn(Txn::new().and_then(gets))).await?;
        let header = answer.header().ok_or_else(|| self.failed("the answer names no revision"))?;
        let mut picture =
            Picture { cluster_id: header.cluster_id(), revision: header.revision(), entries: Default::default() };
        for answer in answer.op_responses() {
            let TxnOpResponse::Get(mut found) = answer else { continue };
            for kv in found.take_kvs() {
                let mod_revision = kv.mod_revision();
                let (key, value) = kv.into_key_value();
                if let Ok(key) = String::from_utf8(key) {
                    picture.entries.insert(key, Entry { value, mod_revision });
                }
            }
        }
        Ok(picture)
    }

    async fn open(&self, client: &Client, from: i64) -> Result<WatchStream, EtcdError> {
        let mut client = client.watch_client().max_decoding_message_size(MESSAGE_BYTES_MAX);
        let options = |target: &WatchTarget| {
            let options = WatchOptions::new().with_start_revision(from);
            match target {
                WatchTarget::Key(key) => (key.clone(), options),
                WatchTarget::Prefix(prefix) => (prefix.clone(), options.with_prefix()),
            }
        };
        let mut targets = self.watch.iter().map(options);
        let Some((key, first)) = targets.next() else { return Err(self.failed("there is nothing to watch")) };
        timed(&self.settings, "watching keys", async move {
            let mut stream = client.watch(key, Some(first)).await?;
            for (key, options) in targets {
                stream.watch(key, Some(options)).await?;
            }
            Ok(stream)
        })
        .await
    }

    async fn tell(&self, picture: &Picture, cause: Cause) -> bool {
        self.observations.send(Observation::State { picture: picture.clone(), cause }).await.is_ok()
    }

    fn failed(&self, reason: &str) -> EtcdError {
        let doing = format!("watching {}", self.names());
        EtcdError::Failed { doing, place: self.settings.place(), reason: reason.to_owned() }
    }

    fn names(&self) -> String {
        let name = |target: &WatchTarget| match target {
            WatchTarget::Key(key) => key.clone(),
            WatchTarget::Prefix(prefix) => format!("{prefix}*"),
        };
        self.watch.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}

/// Whether the watch cannot go on from where the picture is: what it needs was compacted away, the revision went back, or another
/// cluster answers.
fn is_out_of_line(message: &WatchResponse, picture: &Picture) -> Result<bool, EtcdError> {
    let compacted = message.canceled() && message.compact_revision() > 0;
    let elsewhere = message
        .header()
        .is_some_and(|header| header.cluster_id() != picture.cluster_id || header.revision() < picture.revision);
    Ok(compacted || elsewhere)
}

fn revision_of(message: &WatchResponse) -> i64 {
    message.header().map_or(0, |header| header.revision())
}

fn changes(message: &WatchResponse) -> Vec<Change> {
    let change = |event: &etcd_client::Event| {
        let kv = event.kv()?;
        let key = kv.key_str().ok()?.to_owned();
        let mod_revision = kv.mod_revision();
        Some(match event.event_type() {
            EventType::Put => Change::Put(key, Entry { value: kv.value().to_vec(), mod_revision }),
            EventType::Delete => Change::Delete { key, mod_revision },
        })
    };
    message.events().iter().filter_map(change).collect()
}

fn jittered(after: Duration) -> Duration {
    after.mul_f64(0.5 + fastrand::f64() / 2.0)
}
