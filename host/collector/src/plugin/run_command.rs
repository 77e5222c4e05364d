//! `collector plugin …`: what was typed becomes what is run.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use collector_model::Topic;
use collector_tasks::{ChainSpec, Defaults, DocumentForm, PluginSpec, parse_tasks};
use jiff::{Timestamp, tz::TimeZone};

use super::run::PluginRun;
use crate::{
    cli::{ChainArg, PluginRunArgs},
    settings::{Common, Machine, Request, Written},
};

/// The topic of lines that belong to no task.
const NO_TOPIC: &str = "plugin-run";

/// Runs `collector plugin run`.
pub fn run(args: &PluginRunArgs) -> anyhow::Result<()> {
    let written = Written::read(&Request::default(), Machine::here());
    let common = written.common().map_err(|problems| anyhow!("{problems}"))?;
    let (topic, chain, document, keep_original) = match &args.chain {
        Some(chain) => of_task(chain, &common)?,
        None => (Topic::new(NO_TOPIC)?, of_names(args)?, DocumentForm::Ecs, true),
    };
    let run = PluginRun {
        chain,
        topic,
        document,
        keep_original,
        ids: args.ids,
        plugin_dirs: common.bounds.plugin_dirs.clone(),
        files: args.files(),
        host: (common.host.name.clone(), common.host.ip.to_string()),
        read_time: read_time(args)?,
        timezone_minutes: args.timezone,
    };
    run.run()
}

/// When the lines are taken to be read: now, or at noon of the day that was named.
fn read_time(args: &PluginRunArgs) -> anyhow::Result<Timestamp> {
    let Some(day) = args.day else { return Ok(Timestamp::now()) };
    let noon = day.at(12, 0, 0, 0).to_zoned(TimeZone::UTC);
    Ok(noon.with_context(|| format!("taking the day {day}"))?.timestamp())
}

fn of_names(args: &PluginRunArgs) -> anyhow::Result<ChainSpec> {
    let plugin = |(number, name): (usize, &str)| {
        let config = args.config.get(number).map(|config| {
            serde_json::from_str(config)
                .with_context(|| format!("reading --config {config:?} of the plugin {name}: it is to be JSON"))
        });
        Ok(PluginSpec {
            path: PathBuf::from(name),
            sha256: None,
            config: config.transpose()?.unwrap_or_default(),
            assets: Default::default(),
            on_error: None,
        })
    };
    let plugins = args.plugins().into_iter().enumerate().map(plugin);
    Ok(ChainSpec { plugins: plugins.collect::<anyhow::Result<_>>()? })
}

fn of_task(chain: &ChainArg, common: &Common) -> anyhow::Result<(Topic, ChainSpec, DocumentForm, bool)> {
    let path = &chain.tasks;
    let json = std::fs::read_to_string(path).with_context(|| format!("reading the tasks in {}", path.display()))?;
    let defaults = Defaults::modern(std::env::current_dir().context("asking for the working directory")?);
    let mut bounds = common.bounds.clone();
    bounds.allowed_paths = None;
    let tasks = parse_tasks(&json, &path.display().to_string(), &bounds, &defaults)?;
    let task = tasks.into_iter().find(|task| task.topic.as_str() == chain.topic).ok_or_else(|| {
        anyhow!(
            "looking for the topic {} in {}: no task there has it; name one of its topics behind the #",
            chain.topic,
            path.display()
        )
    })?;
    Ok((task.topic, task.chain, task.document, task.keep_original))
}
