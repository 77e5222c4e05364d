//! One run: lines flow, faults strike, and in the end everything is looked at.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::{
    checker,
    faults::{self, Fault},
    ground::Installed,
    plan::Plan,
    random::Random,
    report::Report,
    scene::Scene,
    watch::Peaks,
};

/// The pause between two faults, at least and at most, in milliseconds.
const PAUSE_MS: (u64, u64) = (200, 2_500);

/// Does what the plan says.
pub async fn run(plan: Plan, installed: &Installed) -> anyhow::Result<Report> {
    let mut scene = Scene::set(plan, installed).await?;
    let mut peaks = Peaks::default();
    let struck = strike_until_the_end(&mut scene, &mut peaks).await?;
    scene.writers.stop()?;
    scene.heal().await?;
    let mut findings = checker::check(&mut scene).await?;
    findings.broken.extend(peaks.broken());
    Ok(Report::of(&scene, struck, findings, peaks))
}

async fn strike_until_the_end(scene: &mut Scene, peaks: &mut Peaks) -> anyhow::Result<BTreeMap<&'static str, u64>> {
    let mut random = Random::new(scene.plan.seed, "faults");
    let mut struck: BTreeMap<&'static str, u64> = scene.plan.faults.iter().map(|fault| (fault.name(), 0)).collect();
    let begun = Instant::now();
    let mut deck: Vec<Fault> = vec![];
    while begun.elapsed() < scene.plan.duration {
        tokio::time::sleep(Duration::from_millis(random.between(PAUSE_MS.0, PAUSE_MS.1))).await;
        peaks.look(&scene.agent);
        scene.transfers.iter().for_each(|transfer| peaks.look(transfer));
        if deck.is_empty() {
            deck.clone_from(&scene.plan.faults);
            random.shuffle(&mut deck);
        }
        let Some(fault) = deck.pop() else { continue };
        eprintln!("torture: {:>4} s, {:>8} lines: {}", begun.elapsed().as_secs(), scene.writers.lines(), fault.name());
        if faults::strike(fault, scene, &mut random).await? {
            *struck.entry(fault.name()).or_default() += 1;
        }
        scene.heal().await?;
    }
    Ok(struck)
}
