//! The key under which this process tells how it is; it vanishes soon after the process does.

use std::time::Duration;

use etcd_client::{Client, LeaseKeepAliveStream, LeaseKeeper, PutOptions};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{interval, sleep},
};

use crate::{
    EtcdError, EtcdSettings,
    connect::{connect, timed},
    quiet::Patience,
};

/// A leased key. Losing the lease or etcd itself stops nothing: the key is written again when etcd is back. Dropping it without
/// [`StatusKey::stop`] leaves the key to its lease.
#[derive(Debug)]
pub struct StatusKey {
    value: watch::Sender<Option<String>>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

struct Keeper {
    settings: EtcdSettings,
    key: String,
    lease: Duration,
    value: watch::Receiver<Option<String>>,
}

struct Lease {
    client: Client,
    id: i64,
    keeper: LeaseKeeper,
    answers: LeaseKeepAliveStream,
}

impl StatusKey {
    /// Keeps `key` with a lease of that length (15 to 30 s are usual). Nothing is written before the first [`Self::publish`].
    ///
    /// # Panics
    /// When called outside of a tokio runtime.
    pub fn start(settings: EtcdSettings, key: String, lease: Duration) -> Self {
        let (value, receiver) = watch::channel(None);
        let (stop, stopped) = oneshot::channel();
        let keeper = Keeper { settings, key, lease, value: receiver };
        StatusKey { value, stop: Some(stop), task: Some(tokio::spawn(keeper.run(stopped))) }
    }

    /// Writes the value soon. Of several in quick succession only the last may be written.
    pub fn publish(&self, json: String) {
        self.value.send_if_modified(|value| {
            let changed = value.as_deref() != Some(json.as_str());
            *value = Some(json);
            changed
        });
    }

    /// Removes the key, if etcd answers, and ends.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        if let Some(task) = self.task.take() {
            // It can fail only by a panic, which the runtime has reported.
            let _ = task.await;
        }
    }
}

impl Drop for StatusKey {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Keeper {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut patience = Patience::default();
        loop {
            let error = tokio::select! {
                lease = self.take_lease() => match lease {
                    Ok(mut lease) => tokio::select! {
                        error = self.hold(&mut lease, &mut patience) => error,
                        _ = &mut stopped => return self.give_back(lease).await,
                    },
                    Err(error) => error,
                },
                _ = &mut stopped => return,
            };
            if patience.may_speak() {
                tracing::warn!(key = %self.key, %error, "keeping this instance's status in etcd; collecting goes on");
            }
            tokio::select! {
                () = sleep(patience.failed()) => {}
                _ = &mut stopped => return,
            }
        }
    }

    async fn take_lease(&self) -> Result<Lease, EtcdError> {
        let mut client = connect(&self.settings).await?;
        let seconds = self.lease.as_secs().max(1) as i64;
        let granted = timed(&self.settings, "taking a lease", client.lease_grant(seconds, None)).await?;
        let id = granted.id();
        let (keeper, answers) = timed(&self.settings, "keeping a lease", client.lease_keep_alive(id)).await?;
        Ok(Lease { client, id, keeper, answers })
    }

    /// Writes what is published and keeps the lease, until that fails.
    async fn hold(&mut self, lease: &mut Lease, patience: &mut Patience) -> EtcdError {
        let mut beat = interval(self.lease / 3);
        self.value.mark_changed();
        loop {
            let done = tokio::select! {
                changed = self.value.changed() => match changed {
                    Ok(()) => self.write(lease).await,
                    // Nobody can publish any more: whoever could is about to end this task.
                    Err(_) => std::future::pending().await,
                },
                _ = beat.tick() => self.renew(lease).await,
            };
            match done {
                Ok(()) => patience.reset(),
                Err(error) => return error,
            }
        }
    }

    async fn write(&mut self, lease: &mut Lease) -> Result<(), EtcdError> {
        let Some(value) = self.value.borrow_and_update().clone() else { return Ok(()) };
        let options = PutOptions::new().with_lease(lease.id);
        let put = lease.client.put(self.key.as_str(), value, Some(options));
        timed(&self.settings, &format!("writing {:?}", self.key), put).await.map(drop)
    }

    async fn renew(&self, lease: &mut Lease) -> Result<(), EtcdError> {
        let Lease { keeper, answers, .. } = lease;
        let answer = timed(&self.settings, "keeping a lease", async {
            keeper.keep_alive().await?;
            answers.message().await
        })
        .await?;
        match answer {
            Some(answer) if answer.ttl() > 0 => Ok(()),
            _ => Err(EtcdError::Failed {
                doing: format!("keeping the lease of {:?}", self.key),
                place: self.settings.place(),
                reason: "the lease has run out".to_owned(),
            }),
        }
    }

    async fn give_back(&self, mut lease: Lease) {
        if let Err(error) = timed(&self.settings, "giving back a lease", lease.client.lease_revoke(lease.id)).await {
            tracing::info!(key = %self.key, %error, "the status key is left to its lease");
        }
    }
}
