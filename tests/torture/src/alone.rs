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
    watch::Watch,
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
    let watch = Watch::start(vec![program.watched()])?;
    let (mut deck, mut broken) = (Deck::of(&plan), vec![]);
    while let Some(fault) = deck.draw().await {
        let before = writers.lines();
        deck.tell(fault, before);
        match strike_process(fault, &mut program, &writers, &plan.failpoints(), &mut deck.random).await {
            Ok(met) => deck.count(fault, met.unwrap_or(false) && writers.lines() > before),
            Err(error) => broken.push(format!("I7: {}: {error:#}", fault.name())),
        }
        broken.extend(program.take_ends().into_iter().map(|end| format!("I7: {}: {end}", fault.name())));
        if !program.is_running() {
            program.start(&plan.failpoints())?;
        }
    }
    writers.stop()?;
    let mut findings = checker::check_alone(&mut program, writers.written()).await?;
    findings.broken.append(&mut broken);
    findings.broken.extend(program.take_ends().into_iter().map(|end| format!("I7: reading back: {end}")));
    findings.broken.extend(checker::panicked(&program));
    let peaks = watch.stop()?;
    findings.broken.extend(peaks.broken());
    let mut struck = deck.struck;
    struck.extend(writers.rotations());
    findings.broken.extend(unproved(&plan, &struck));
    let conflicts = program.metric("collector_documents_conflicted_total").await.unwrap_or(0.0);
    Ok(Report::of(struck, conflicts, findings, peaks, begun.elapsed()))
}
