//! A run of standalone: one process, its own index, no servers.

use std::time::Instant;

use anyhow::Context as _;
use serde_json::json;

use crate::{
    checker,
    faults::strike_process,
    fleet::{Paths, Program, Role, standalone},
    plan::Plan,
    report::Report,
    run::{Deck, unproved},
    scene::{FLUSH_MS, plugins, writing},
    watch::Peaks,
    writers::{Manner, Writers},
};

const MANNERS: &[Manner] =
    &[Manner::Rename, Manner::Rename, Manner::Rename, Manner::Rename, Manner::Link, Manner::Truncate];

/// Does what the plan says.
pub async fn run(plan: Plan) -> anyhow::Result<Report> {
    let paths = Paths { files: plan.home.join("files"), plugins: vec![plugins()] };
    let tasks = plan.home.join("tasks");
    std::fs::create_dir_all(&tasks).context("making the directory of tasks")?;
    let task = json!([{"path": paths.files.join("**/*.log*"), "topic": "torture", "flush_after_ms": FLUSH_MS}]);
    std::fs::write(tasks.join("torture.json"), task.to_string()).context("writing the tasks")?;
    let mut program = Program::new(Role::Standalone, &plan.home.join("standalone"), &standalone(&paths, &tasks))?;
    let mut writers = Writers::start(&writing(&plan, &format!("s{}", plan.seed), &paths, MANNERS))?;
    program.start(&plan.failpoints())?;
    program.ready().await?;
    let begun = Instant::now();
    let (mut deck, mut peaks) = (Deck::of(&plan), Peaks::default());
    while let Some(fault) = deck.draw().await {
        peaks.look(&program);
        let before = writers.lines();
        deck.tell(fault, before);
        let met = strike_process(fault, &mut program, &plan.failpoints(), &mut deck.random).await?;
        deck.count(fault, met.unwrap_or(false) && writers.lines() > before);
    }
    writers.stop()?;
    if !program.is_running() {
        program.start(&plan.failpoints())?;
    }
    let mut findings = checker::check_alone(&mut program, writers.written()).await?;
    findings.broken.extend(peaks.broken());
    findings.broken.extend(unproved(&plan, &deck.struck));
    let mut struck = deck.struck;
    struck.extend(writers.rotations());
    let conflicts = program.metric("collector_documents_conflicted_total").await.unwrap_or(0.0);
    Ok(Report::of(plan.seed, struck, conflicts, findings, peaks, begun.elapsed()))
}
