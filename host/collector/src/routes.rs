//! Which rule and which chain the lines of a task, or of a topic, go by.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use collector_model::{TaskKey, Topic};
use collector_plugin_host::{ChainSlot, PluginDirs, PluginHost};
use collector_tasks::{ChainSpec, Task, TransferRule};
use parking_lot::Mutex;

/// What has a chain: a task of an agent, or a transfer's rule of a topic.
pub trait Rule: Clone + PartialEq + Send + Sync + 'static {
    /// Its identity.
    fn key(&self) -> TaskKey;
    /// Its topic.
    fn topic(&self) -> &Topic;
    /// Its plugins.
    fn chain(&self) -> &ChainSpec;
}

impl Rule for Task {
    fn key(&self) -> TaskKey {
        Task::key(self)
    }
    fn topic(&self) -> &Topic {
        &self.topic
    }
    fn chain(&self) -> &ChainSpec {
        &self.chain
    }
}

impl Rule for TransferRule {
    fn key(&self) -> TaskKey {
        TaskKey::of_topic(&self.topic)
    }
    fn topic(&self) -> &Topic {
        &self.topic
    }
    fn chain(&self) -> &ChainSpec {
        &self.chain
    }
}

/// A rule and its chain, which is empty where it names no plugins.
pub struct Way<R> {
    /// The rule. The same allocation as long as it stays the same.
    pub rule: Arc<R>,
    /// The chain.
    pub chain: Arc<ChainSlot>,
}

impl<R> Clone for Way<R> {
    fn clone(&self) -> Self {
        Way { rule: Arc::clone(&self.rule), chain: Arc::clone(&self.chain) }
    }
}

/// All rules that run, with their chains.
pub struct Routes<R> {
    ways: ArcSwap<HashMap<TaskKey, Way<R>>>,
    host: PluginHost,
    plugin_dirs: PluginDirs,
    /// Held while rules are applied: the chains of rules that do not run yet, so that one that is tried again is known.
    waiting: Mutex<HashMap<TaskKey, Arc<ChainSlot>>>,
}

/// What became of a set of rules.
pub struct Applied<R> {
    /// The rules that run now.
    pub running: Vec<R>,
    /// Why some do not, or not as they are written.
    pub refusals: Vec<String>,
}

impl<R: Rule> Routes<R> {
    /// No rules yet.
    pub fn new(host: PluginHost, plugin_dirs: PluginDirs) -> Self {
        Routes { ways: ArcSwap::default(), host, plugin_dirs, waiting: Mutex::default() }
    }

    /// The way of a batch.
    pub fn get(&self, key: &TaskKey) -> Option<Way<R>> {
        self.ways.load().get(key).cloned()
    }

    /// The rules that run of which it holds, in a fixed order.
    #[cfg(feature = "standalone")]
    pub fn rules(&self, holds: impl Fn(&R) -> bool) -> Vec<Arc<R>> {
        let ways = self.ways.load();
        let mut found: Vec<_> = ways.iter().filter(|(_, way)| holds(&way.rule)).collect();
        found.sort_by(|a, b| a.0.cmp(b.0));
        found.into_iter().map(|(_, way)| Arc::clone(&way.rule)).collect()
    }

    /// How many rules run.
    #[cfg(feature = "fleet")]
    pub fn len(&self) -> usize {
        self.ways.load().len()
    }

    /// Makes these the rules that run. Compiles, so it takes its time: do not call it from a tokio worker.
    ///
    /// A rule whose plugins are refused keeps the chain that it had; a new one does not run until they load.
    pub fn apply(&self, wanted: &[R]) -> Applied<R> {
        let mut waiting = self.waiting.lock();
        let before = self.ways.load_full();
        let mut ways = HashMap::with_capacity(wanted.len());
        let mut applied = Applied { running: vec![], refusals: vec![] };
        for rule in wanted {
            let key = rule.key();
            match self.way(rule, before.get(&key), &mut waiting) {
                Ok(way) => {
                    applied.running.push(rule.clone());
                    ways.insert(key, way);
                }
                Err(refusal) => {
                    applied.refusals.push(refusal);
                    if let Some(old) = before.get(&key) {
                        applied.running.push((*old.rule).clone());
                        ways.insert(key, old.clone());
                    }
                }
            }
        }
        waiting.retain(|key, _| !ways.contains_key(key) && wanted.iter().any(|rule| rule.key() == *key));
        self.ways.store(Arc::new(ways));
        applied
    }

    fn way(
        &self,
        rule: &R,
        before: Option<&Way<R>>,
        waiting: &mut HashMap<TaskKey, Arc<ChainSlot>>,
    ) -> Result<Way<R>, String> {
        if let Some(way) = before.filter(|way| *way.rule == *rule) {
            return Ok(way.clone());
        }
        let rule = Arc::new(rule.clone());
        let slot = match before {
            Some(way) => Arc::clone(&way.chain),
            None => Arc::clone(waiting.entry(rule.key()).or_insert_with(|| self.slot(rule.key(), rule.topic()))),
        };
        slot.apply(rule.chain()).map_err(|error| error.to_string())?;
        Ok(Way { rule, chain: slot })
    }

    fn slot(&self, key: TaskKey, topic: &Topic) -> Arc<ChainSlot> {
        Arc::new(ChainSlot::new(self.host.clone(), key, topic.clone(), self.plugin_dirs.clone()))
    }

    /// The chains that run, apart from those without plugins.
    pub fn chains(&self) -> Vec<Arc<ChainSlot>> {
        let ways = self.ways.load();
        let chains = ways.values().map(|way| &way.chain).filter(|chain| !chain.generation().is_plain());
        chains.cloned().collect()
    }
}
