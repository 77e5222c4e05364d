//! One run: lines flow, faults strike, and in the end everything is looked at.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::{
    checker,
    faults::{self, Fault},
    ground::Installed,
    observer::Observer,
    plan::Plan,
    random::Random,
    report::Report,
    scene::Scene,
    watch::Watch,
};

/// The pause between two faults, at least and at most, in milliseconds.
const PAUSE_MS: (u64, u64) = (200, 2_500);

/// How long lines are written at the end while nothing strikes.
const CALM: Duration = Duration::from_secs(5);

/// Does what the plan says.
pub async fn run(plan: Plan, installed: &Installed) -> anyhow::Result<Report> {
    let mut scene = Scene::set(plan, installed).await?;
    let begun = Instant::now();
    let observer = Observer::start(scene.sights())?;
    let watch = Watch::start(scene.watched())?;
    let mut struck = strike_until_the_end(&mut scene).await?;
    let calm = match scene.plan.planted {
        Some(_) => None,
        None => Some(scene.calm_down().await?),
    };
    if calm.is_some() {
        tokio::time::sleep(CALM).await;
    }
    scene.writers.stop()?;
    scene.heal("calm").await?;
    let observed = tokio::task::spawn_blocking(|| observer.stop()).await??;
    let commits = observed.commits;
    let mut findings = checker::check(&mut scene, observed, calm).await?;
    let peaks = watch.stop()?;
    findings.broken.extend(peaks.broken());
    struck.extend(scene.writers.rotations());
    findings.broken.extend(unproved(&scene.plan, &struck));
    let unmet = unmet(&scene, commits, findings.lines_below_checkpoints);
    findings.broken.extend(unmet);
    let took = begun.elapsed();
    Ok(Report::of(struck, scene.conflicts, findings, peaks, took))
}

/// What was to be shown, and was not: a fault that struck nothing, or a way to rotate that did not come, proves nothing.
pub(crate) fn unproved(plan: &Plan, struck: &BTreeMap<&'static str, u64>) -> Option<String> {
    let missed: Vec<&str> = struck.iter().filter(|(_, times)| **times == 0).map(|(name, _)| *name).collect();
    let is_unproved = plan.planted.is_none() && !missed.is_empty();
    is_unproved.then(|| format!("not shown: these never struck lines in flight: {}", missed.join(", ")))
}

/// The same of what the faults are to lead to, and of what was looked at meanwhile.
fn unmet(scene: &Scene, commits: u64, lines_below_checkpoints: u64) -> Vec<String> {
    let has_repeats = scene.plan.faults.iter().any(|fault| fault.repeats());
    let unmet = [
        (has_repeats && scene.conflicts <= 0.0, "not shown: no document was sent twice"),
        (commits == 0, "not shown: commits were never compared with the index"),
        (lines_below_checkpoints == 0, "not shown: no line below a checkpoint was ever looked for in Kafka"),
    ];
    let unmet = unmet.into_iter().filter(|(is_unmet, _)| *is_unmet && scene.plan.planted.is_none());
    unmet.map(|(_, what)| what.to_owned()).collect()
}

async fn strike_until_the_end(scene: &mut Scene) -> anyhow::Result<BTreeMap<&'static str, u64>> {
    let mut deck = Deck::of(&scene.plan);
    while let Some(fault) = deck.draw().await {
        deck.tell(fault, scene.writers.lines());
        match faults::strike(fault, scene, &mut deck.random).await {
            Ok(met) => deck.count(fault, met),
            // The fault could not be brought to its end: that does not recover by itself, and the others may still tell more.
            Err(error) => scene.broken.push(format!("I7: {}: {error:#}", fault.name())),
        }
        scene.heal(fault.name()).await?;
    }
    Ok(deck.struck)
}

/// The faults of a run, in the order of its seed: each comes once before any comes again.
pub(crate) struct Deck {
    faults: Vec<Fault>,
    left: Vec<Fault>,
    rounds: u32,
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
            rounds: 0,
            begun: Instant::now(),
            duration: plan.duration,
            random: Random::new(plan.seed, "faults"),
            struck: plan.faults.iter().map(|fault| (fault.name(), 0)).collect(),
        }
    }

    /// The next fault, after a pause; none when the time is over and each has had its turn.
    pub(crate) async fn draw(&mut self) -> Option<Fault> {
        let is_first_round = self.rounds == 0 || (self.rounds == 1 && !self.left.is_empty());
        if self.begun.elapsed() >= self.duration && !is_first_round {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(self.random.between(PAUSE_MS.0, PAUSE_MS.1))).await;
        if self.left.is_empty() {
            // What has not struck yet comes before what strikes again.
            self.left = self.faults.iter().copied().filter(|fault| self.struck.get(fault.name()) == Some(&0)).collect();
            if self.left.is_empty() {
                self.left.clone_from(&self.faults);
            }
            self.random.shuffle(&mut self.left);
            self.rounds += 1;
        }
        self.left.pop()
    }

    /// Says which fault strikes now.
    pub(crate) fn tell(&self, fault: Fault, lines: u64) {
        eprintln!("torture: {:>4} s, {lines:>8} lines: {}", self.begun.elapsed().as_secs(), fault.name());
    }

    /// Counts a fault that has met lines in flight.
    pub(crate) fn count(&mut self, fault: Fault, met: bool) {
        if !met {
            eprintln!("torture: {:>4} s: {} met nothing", self.begun.elapsed().as_secs(), fault.name());
        }
        *self.struck.entry(fault.name()).or_default() += u64::from(met);
    }
}
