//! The collector's own index template, so that fields get the types of ECS and no other template makes a data stream.

use std::collections::BTreeSet;

use collector_model::{BucketDay, IndexName, index_name::IndexRule};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    answer::fault_in,
    client::{Call, Nodes},
    mappings::mappings,
    outcome::{Trouble, TroubleKind, trouble_of},
};

const NAME: &str = "collector";
const PATH: &str = "_index_template/collector";
/// Above the templates that Elasticsearch brings along (100 to 500).
const PRIORITY: u32 = 501;
/// Grows with every change of the mappings below.
const VERSION: u64 = 2;
/// How often the template is looked at before others are given time to come to an end with it. One of those that change it at the
/// same moment succeeds each time.
const ATTEMPTS: u32 = 16;
/// Stands in the mappings of every index that a collector creates, with the template or without.
pub(crate) const MANAGED_BY: &str = "collector";

/// Which indices the template is for. Several collectors may share a cluster: each adds its own patterns.
#[derive(Default)]
pub(crate) struct Templates {
    rules: Mutex<Vec<IndexRule>>,
    installed: tokio::sync::Mutex<BTreeSet<String>>,
}

impl Templates {
    pub(crate) fn add(&self, rule: &IndexRule) {
        let mut rules = self.rules.lock();
        if !rules.contains(rule) {
            rules.push(rule.clone());
        }
    }

    /// Makes sure that the template is for this index, if some rule says so.
    pub(crate) async fn ensure(&self, nodes: &Nodes, index: &IndexName) -> Result<(), Trouble> {
        let pattern = self.rules.lock().iter().find_map(|rule| pattern_for(rule, index));
        let Some(pattern) = pattern else { return Ok(()) };
        let mut installed = self.installed.lock().await;
        if !installed.contains(&pattern) {
            install(nodes, &pattern).await?;
            installed.insert(pattern);
        }
        Ok(())
    }
}

/// The rule's pattern, if the index is one of the rule's.
fn pattern_for(rule: &IndexRule, index: &IndexName) -> Option<String> {
    match rule {
        IndexRule::Fixed(name) => (IndexName::fixed(name) == *index).then(|| index.to_string()),
        IndexRule::Daily(_) => {
            let stem = days_of(rule)?;
            let rest = index.as_str().strip_prefix(&stem)?;
            rest.parse::<BucketDay>().is_ok().then(|| format!("{stem}*"))
        }
    }
}

/// What the names of a rule's indices begin with, before the day; none where it has one index for all days.
pub(crate) fn days_of(rule: &IndexRule) -> Option<String> {
    let IndexRule::Daily(prefix) = rule else { return None };
    let day = BucketDay::from_unix_ms(0);
    let sample = IndexName::of_day(prefix, day).to_string();
    sample.strip_suffix(&day.to_string()).map(str::to_owned)
}

/// Adds the pattern to the template that is there until it is in it: another collector may add its own at the same moment, and
/// then only one of both stays.
async fn install(nodes: &Nodes, pattern: &str) -> Result<(), Trouble> {
    for attempt in 0..ATTEMPTS {
        let mut patterns = match installed_template(nodes).await? {
            Some(there) if there.version >= VERSION && there.patterns.contains(pattern) => {
                if attempt > 0 {
                    tracing::info!(template = NAME, pattern, "installed the index template");
                }
                return Ok(());
            }
            Some(there) => there.patterns,
            None => BTreeSet::new(),
        };
        patterns.insert(pattern.to_owned());
        put(nodes, pattern, &patterns).await?;
    }
    Err(Trouble {
        kind: TroubleKind::Overloaded,
        reason: format!("installing the index template {NAME:?}: other collectors change it all the time"),
    })
}

async fn put(nodes: &Nodes, pattern: &str, patterns: &BTreeSet<String>) -> Result<(), Trouble> {
    let answer = nodes.call(Call::put(PATH, &template(patterns))).await.map_err(|none| Trouble::from(&none))?;
    if answer.status == 200 {
        return Ok(());
    }
    let mut trouble = trouble_of(answer.status, fault_in(&answer.body).as_ref());
    if answer.status == 400 {
        trouble.kind = TroubleKind::NoTemplate;
    }
    trouble.reason = format!("installing the index template {NAME:?} for {pattern}: {}", trouble.reason);
    Err(trouble)
}

struct Installed {
    version: u64,
    patterns: BTreeSet<String>,
}

async fn installed_template(nodes: &Nodes) -> Result<Option<Installed>, Trouble> {
    let answer = nodes.call(Call::get(PATH)).await.map_err(|none| Trouble::from(&none))?;
    match answer.status {
        200 => Ok(read_installed(&answer.body)),
        404 => Ok(None),
        status => Err(trouble_of(status, fault_in(&answer.body).as_ref())),
    }
}

fn read_installed(body: &[u8]) -> Option<Installed> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let template = answer.get("index_templates")?.get(0)?.get("index_template")?;
    let patterns = template.get("index_patterns")?.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned);
    let version = template.get("version").and_then(Value::as_u64).unwrap_or(0);
    Some(Installed { version, patterns: patterns.collect() })
}

fn template(patterns: &BTreeSet<String>) -> Value {
    json!({
        "index_patterns": patterns,
        "priority": PRIORITY,
        "version": VERSION,
        "_meta": {"managed_by": MANAGED_BY, "description": "ECS types for collected log lines"},
        "template": {"mappings": mappings()},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daily_rule_covers_its_days_and_no_longer_topic() {
        let rule = IndexRule::Daily("Web".to_owned());
        let of = |name| pattern_for(&rule, &IndexName::fixed(name));
        assert_eq!(of("web-2024.02.29"), Some("web-*".to_owned()));
        assert_eq!((of("web-api-2024.02.29"), of("web"), of("web-x")), (None, None, None));
        assert_eq!(pattern_for(&IndexRule::Fixed("a".to_owned()), &IndexName::fixed("a")), Some("a".to_owned()));
    }

    #[test]
    fn the_patterns_that_are_there_are_read() {
        let body = br#"{"index_templates":[{"name":"collector","index_template":{"index_patterns":["a-*","b"],"version":3}}]}"#;
        let installed = read_installed(body).unwrap();
        assert_eq!((installed.version, installed.patterns.len()), (3, 2));
        assert!(read_installed(b"{}").is_none());
    }
}
