//! A transfer's rules: from etcd to the chains, and the topics that follow from them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use collector_elastic::{ElasticSink, Retention};
use collector_etcd::{WatchTarget, watch_keys};
use collector_kafka::ConsumerHandle;
use collector_model::{BucketDay, Metrics, Topic};
use collector_tasks::{Bounds, Defaults, DocumentForm, TransferRule, parse_rule, reconcile::Parse};
use collector_web::Health;
use tokio::sync::{oneshot, watch};

use super::{
    Following,
    apply::Applying,
    chains::Watching,
    etcd::{Kept, keep_status},
};
use crate::{
    clients,
    routes::{Routes, Rule as _},
    settings::{Common, EtcdSettings},
    status::Status,
};

/// How often rules that do not run yet (a plugin that is missing) are tried again.
const RETRY_EVERY: Duration = Duration::from_secs(5);

/// What following rules needs.
pub struct FollowRules {
    /// Where rules are; without it the named topics go by their default.
    pub etcd: Option<EtcdSettings>,
    /// Topics that the settings name.
    pub named: Vec<Topic>,
    /// The process's settings.
    pub common: Common,
    /// Where the last good rules are kept.
    pub last_good: PathBuf,
    /// What runs.
    pub routes: Arc<Routes<TransferRule>>,
    /// Who must know the indices.
    pub sink: ElasticSink,
    /// Where it is told.
    pub status: Status,
    /// Likewise.
    pub health: Arc<Health>,
    /// Counters.
    pub metrics: Metrics,
}

/// Following rules under way, and the topics that are to be consumed.
pub struct FollowingRules {
    following: Following,
    topics: watch::Receiver<Vec<Topic>>,
}

/// Starts following.
pub fn rules(follow: FollowRules) -> anyhow::Result<FollowingRules> {
    follow.health.not_ready("configuration", "the rules are not known yet");
    let (topics_in, topics) = watch::channel(vec![]);
    let following = Following::spawn(move |stopped| run(follow, topics_in, stopped));
    Ok(FollowingRules { following, topics })
}

impl FollowingRules {
    /// The topics, once there are some.
    pub async fn first_topics(&mut self) -> Vec<Topic> {
        match self.topics.wait_for(|topics| !topics.is_empty()).await {
            Ok(topics) => topics.clone(),
            // Following has ended, so nothing will come.
            Err(_) => std::future::pending().await,
        }
    }

    /// Tells the consumer of every change. Completes when the consumer has failed.
    pub async fn keep_topics(&mut self, consumer: &ConsumerHandle) -> anyhow::Error {
        self.topics.mark_unchanged();
        let mut look = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                changed = self.topics.changed() => {
                    if changed.is_err() {
                        std::future::pending::<()>().await;
                    }
                    consumer.set_topics(self.topics.borrow_and_update().clone());
                }
                _ = look.tick() => {
                    if let Some(failure) = consumer.failure() {
                        return anyhow::anyhow!(failure);
                    }
                }
            }
        }
    }

    /// Ends it.
    pub async fn stop(self) {
        self.following.stop().await;
    }
}

async fn run(follow: FollowRules, topics: watch::Sender<Vec<Topic>>, stopped: oneshot::Receiver<()>) {
    let prefix = follow.etcd.as_ref().map_or_else(String::new, |etcd| etcd.transfer_prefix.clone());
    let parse = parser(prefix, follow.common.bounds.clone(), follow.common.defaults.clone());
    let mut rules = Rules {
        applying: Applying {
            routes: follow.routes.clone(),
            status: follow.status.clone(),
            health: follow.health.clone(),
        },
        kept: Kept::new(parse, follow.last_good.clone(), follow.metrics.clone(), follow.status.clone()),
        follow,
        topics,
    };
    rules.applying.add_to_status();
    tokio::select! {
        () = rules.keep() => {}
        _ = stopped => {}
    }
}

/// Reads the value of a key as the rule of the topic that the key ends in.
fn parser(prefix: String, bounds: Bounds, defaults: Defaults) -> Parse<TransferRule> {
    Box::new(move |key, json| {
        let name = key.strip_prefix(&prefix).unwrap_or(key);
        let topic = Topic::new(name).map_err(|error| format!("reading the rule in {key}: {error}"))?;
        parse_rule(&topic, json, key, &bounds, &defaults).map_err(|error| error.to_string())
    })
}

/// How long which indices are kept. Where several topics share them, the longest counts.
fn retentions(rules: &[TransferRule]) -> Vec<Retention> {
    let same = |a: &TransferRule, b: &TransferRule| a.index.index(BucketDay::EPOCH) == b.index.index(BucketDay::EPOCH);
    let kept = |rule: &TransferRule| {
        let days = rules.iter().filter(|other| same(rule, other)).map(|other| other.retention_days);
        let days = days.reduce(|a, b| Some(a?.max(b?))).flatten()?;
        Some(Retention { rule: rule.index.clone(), days })
    };
    rules.iter().filter_map(kept).collect()
}

struct Rules {
    follow: FollowRules,
    applying: Applying<TransferRule>,
    kept: Kept<TransferRule>,
    topics: watch::Sender<Vec<Topic>>,
}

impl Rules {
    async fn keep(&mut self) {
        let mut watching = Watching::start(&self.applying);
        let Some(etcd) = self.follow.etcd.clone() else {
            self.apply(&mut watching).await;
            return std::future::pending().await;
        };
        let _status = keep_status(&etcd, &self.follow.status);
        // Until etcd has answered once, or told what it said last time, no topic is treated by a default that may be wrong.
        let mut known = self.kept.restore();
        if known {
            self.apply(&mut watching).await;
        }
        let prefix = WatchTarget::Prefix(etcd.transfer_prefix.clone());
        let (mut observations, _watch) = watch_keys(clients::etcd(&etcd), vec![prefix]);
        let mut retry = tokio::time::interval(RETRY_EVERY);
        let mut first = true;
        loop {
            let apply = tokio::select! {
                observation = observations.recv() => match observation.map(|seen| self.kept.observe(&seen)) {
                    Some(Some(changed)) => {
                        known = true;
                        changed || std::mem::take(&mut first)
                    }
                    Some(None) => false,
                    None => return,
                },
                _ = retry.tick() => known && self.is_incomplete(),
            };
            if apply {
                self.apply(&mut watching).await;
            }
        }
    }

    /// The rules that are to run: those that are written, and the default for topics that the settings name.
    fn wanted(&self) -> Vec<TransferRule> {
        let mut wanted: Vec<_> = self.kept.reconciler.running().map(|(_, rule)| rule.clone()).collect();
        for topic in &self.follow.named {
            if !wanted.iter().any(|rule| rule.topic == *topic) {
                let defaults = &self.follow.common.defaults;
                wanted.push(TransferRule::plain(topic, defaults.document).keeping(defaults.retention_days));
            }
        }
        wanted
    }

    fn is_incomplete(&self) -> bool {
        let runs = |rule: &TransferRule| self.follow.routes.get(&rule.key()).is_some();
        !self.wanted().iter().all(runs)
    }

    async fn apply(&mut self, watching: &mut Watching) {
        let revision = self.kept.reconciler.revision();
        let running = self.applying.apply(self.wanted(), revision, &self.kept.refusals()).await;
        self.follow.metrics.config_revision.set(revision);
        running
            .iter()
            .filter(|rule| rule.document == DocumentForm::Ecs)
            .for_each(|rule| self.follow.sink.use_template_for(&rule.index));
        self.follow.sink.keep(retentions(&running));
        watching.follow(&self.applying);
        let topics: Vec<_> = running.into_iter().map(|rule| rule.topic).collect();
        if topics.is_empty() {
            tracing::info!("there are no topics yet; this names one: etcdctl put /logtransfer/web_log '{{}}'");
        }
        self.topics.send_if_modified(|known| {
            let changed = *known != topics;
            *known = topics;
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use collector_model::index_name::IndexRule;

    use super::*;

    #[test]
    fn of_topics_that_share_their_indices_the_longest_retention_counts() {
        let rule = |topic: &str, index: &str, days| TransferRule {
            index: IndexRule::Daily(index.to_owned()),
            retention_days: days,
            ..TransferRule::plain(&Topic::new(topic).unwrap(), DocumentForm::Ecs)
        };
        let rules = [
            rule("a", "own", Some(3)),
            rule("b", "shared", Some(3)),
            rule("c", "Shared", Some(9)),
            rule("d", "all", Some(3)),
            rule("e", "all", None),
        ];
        let days: Vec<u32> = retentions(&rules).iter().map(|retention| retention.days).collect();
        assert_eq!(days, [3, 9, 9]);
    }
}
