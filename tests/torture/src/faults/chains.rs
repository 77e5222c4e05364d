//! Faults of plugins: those of the topic's rule, by which the transfers treat its lines. What becomes of a line does not
//! matter here, only that it is found, and found once.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Fault, hostile::Misdeed};
use crate::{random::Random, scene::Scene, wait::within};

/// Swaps of one fault.
const SWAPS: u64 = 5;
/// How long a rule may take until it shows.
const SHOWN_WITHIN: Duration = Duration::from_secs(90);

/// What holds in a calm: no plugins.
pub(crate) fn no_plugins() -> String {
    json!({"plugins": []}).to_string()
}

pub(super) async fn strike(fault: Fault, scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    let met = match fault {
        Fault::ChainsSwapped => swapped(scene, random).await?,
        Fault::MappingConflict => conflicting(scene).await?,
        Fault::PluginTraps => hostile(Misdeed::Traps, scene).await?,
        Fault::PluginLoops => hostile(Misdeed::Loops, scene).await?,
        Fault::PluginEatsMemory => hostile(Misdeed::EatsMemory, scene).await?,
        _ => hostile(Misdeed::Lies, scene).await?,
    };
    scene.put_rule(&no_plugins()).await?;
    Ok(met)
}

/// A rule with one plugin, the standard library's regular expressions.
fn by_expression(expression: &str) -> String {
    json!({"plugins": [{"path": "regex", "config": {"expressions": [expression]}}]}).to_string()
}

/// One chain after another, while lines flow.
async fn swapped(scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    let before = scene.transfers_sum("collector_chain_swaps_total").await;
    for number in 0..SWAPS {
        scene.put_rule(&by_expression(&format!("^~?(?<labels.swap_{number}>[^/]+)/"))).await?;
        tokio::time::sleep(Duration::from_millis(random.between(200, 1_500))).await;
    }
    rises(scene, "collector_chain_swaps_total", before).await
}

/// A field that is a number to the index becomes a text in one of sixteen lines: their documents are refused.
async fn conflicting(scene: &mut Scene) -> anyhow::Result<bool> {
    let before = safe_documents(scene).await?;
    scene.put_rule(&by_expression("^~?[^/]+/\\d+/\\d+/(?<http.response.status_code>f[0-9a-f]+) ")).await?;
    let shown = within("a document in its safe form", SHOWN_WITHIN, async || {
        // It may be slow while it changes a mapping.
        Ok(safe_documents(scene).await.is_ok_and(|documents| documents > before).then_some(()))
    });
    Ok(shown.await.is_ok())
}

/// How many documents were refused in their own form.
async fn safe_documents(scene: &Scene) -> anyhow::Result<u64> {
    let (client, address) = (reqwest::Client::new(), scene.ground.elasticsearch());
    let search = format!("{address}/torture-*/_count?q=tags:_safe_document");
    client.post(format!("{address}/torture-*/_refresh")).send().await.context("refreshing")?;
    let answer: Value = client.get(search).send().await.context("counting")?.json().await.context("counting")?;
    Ok(answer["count"].as_u64().unwrap_or(0))
}

async fn hostile(misdeed: Misdeed, scene: &mut Scene) -> anyhow::Result<bool> {
    let path = scene.plan.home.join("plugins").join(format!("{}.wasm", misdeed.name()));
    if !path.exists() {
        std::fs::write(&path, misdeed.file()?).with_context(|| format!("writing {}", path.display()))?;
    }
    let before = scene.transfers_sum("collector_plugin_faults_total").await;
    // Each time another configuration: a plugin in quarantine stays there until it gets one.
    let config = json!({"time": scene.writers.lines()});
    scene.put_rule(&json!({"plugins": [{"path": path, "config": config}]}).to_string()).await?;
    rises(scene, "collector_plugin_faults_total", before).await
}

async fn rises(scene: &mut Scene, metric: &str, before: f64) -> anyhow::Result<bool> {
    let shown = within(metric, SHOWN_WITHIN, async || Ok((scene.transfers_sum(metric).await > before).then_some(())));
    Ok(shown.await.is_ok())
}
