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
    let mut struck = strike_until_the_end(&mut scene, &mut peaks).await?;
    scene.writers.stop()?;
    scene.heal().await?;
    let mut findings = checker::check(&mut scene).await?;
    findings.broken.extend(peaks.broken());
    struck.extend(scene.writers.rotations());
    Ok(Report::of(scene.plan.seed, struck, scene.conflicts, findings, peaks))
}

async fn strike_until_the_end(scene: &mut Scene, peaks: &mut Peaks) -> anyhow::Result<BTreeMap<&'static str, u64>> {
    let mut deck = Deck::of(&scene.plan);
    while let Some(fault) = deck.draw().await {
        peaks.look(&scene.agent);
        scene.transfers.iter().for_each(|transfer| peaks.look(transfer));
        deck.tell(fault, scene.writers.lines());
        let met = faults::strike(fault, scene, &mut deck.random).await?;
        deck.count(fault, met);
        scene.heal().await?;
    }
    Ok(deck.struck)
}

/// The faults of a run, in the order of its seed: each comes once before any comes again.
pub(crate) struct Deck {
    faults: Vec<Fault>,
    left: Vec<Fault>,
    begun: Instant,
    duration: Duration,
    /// The choices of the faults.
    pub(crate) random: Random,
    /// How often each has struck.
    pub(crate) struck: BTreeMap<&'static str, u64>,
}

impl Deck {
    /// The faults of a plan; its time begins now.
    pub(crate) fn of(plan: &Plan) -> Deck {
        Deck {
            faults: plan.faults.clone(),
            left: vec![],
            begun: Instant::now(),
            duration: plan.duration,
            random: Random::new(plan.seed, "faults"),
            struck: plan.faults.iter().map(|fault| (fault.name(), 0)).collect(),
        }
    }

    /// The next fault, after a pause; none when the time is over.
    pub(crate) async fn draw(&mut self) -> Option<Fault> {
        if self.begun.elapsed() >= self.duration {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(self.random.between(PAUSE_MS.0, PAUSE_MS.1))).await;
        if self.left.is_empty() {
            self.left.clone_from(&self.faults);
            self.random.shuffle(&mut self.left);
        }
        self.left.pop()
    }

    /// Says which fault strikes now.
    pub(crate) fn tell(&self, fault: Fault, lines: u64) {
        eprintln!("torture: {:>4} s, {lines:>8} lines: {}", self.begun.elapsed().as_secs(), fault.name());
    }

    /// Counts a fault that has met lines in flight.
    pub(crate) fn count(&mut self, fault: Fault, met: bool) {
        *self.struck.entry(fault.name()).or_default() += u64::from(met);
    }
}
