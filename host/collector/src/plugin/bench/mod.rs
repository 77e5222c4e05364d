//! `collector plugin bench`: how fast a plugin is on somebody's lines, and what the sandbox costs.

mod clock;
mod lines;
mod table;
mod twin;

use std::{hint::black_box, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use collector_document::{DocumentSettings, Framing, Rendered, Renderer};
use collector_model::{Batch, TaskKey, Topic};
use collector_plugin_host::{ChainSlot, ChainWorker, Generation, PluginDirs, PluginHost, Solo};
use collector_tasks::DocumentForm;

use self::{
    clock::{median, thread_time},
    table::Table,
};
use super::{
    BenchArgs, check,
    crate_folder::CrateFolder,
    opening::{self, Opened},
};

/// How long a round of one part is, at least.
const ROUND: Duration = Duration::from_millis(50);

/// Measures, and prints a table.
pub fn bench(args: &BenchArgs) -> anyhow::Result<()> {
    let dirs = opening::plugin_dirs()?;
    let host = opening::trial_host(Default::default(), None)?;
    let opened = opening::open(&host, &args.opening, &args.plugin, &dirs)?;
    let topic = Topic::new("bench")?;
    let lines = lines::read(&args.lines, &topic)?;
    let twin = match crate_of(args, &opened)? {
        Some(folder) => Some(twin::measure(&folder, &opened.spec, &lines.path, args.rounds)?),
        None => None,
    };
    let table = Table {
        plugin: opening::shown(&opened.spec.path),
        note: opened.note.clone(),
        rounds: args.rounds,
        figures: measure(&host, &opened, &topic, &lines.batches, args.rounds)?,
        twin,
        lines: lines.count,
        bytes: lines.bytes,
    };
    check::print(&table.to_string())
}

/// The crate whose source is to be compiled natively: the named one, or the one in whose folder the file lies.
fn crate_of(args: &BenchArgs, opened: &Opened) -> anyhow::Result<Option<CrateFolder>> {
    if let Some(dir) = &args.native {
        return CrateFolder::read(dir).map(Some);
    }
    let path = opened.spec.path.canonicalize().unwrap_or_else(|_| opened.spec.path.clone());
    let dir = path.parent().unwrap_or(Path::new("."));
    // Another crate's folder, or none: there is no twin, and that is said.
    let folder = if dir.join("Cargo.toml").is_file() { CrateFolder::read(dir).ok() } else { None };
    Ok(folder.filter(|folder| folder.wasm() == path))
}

/// Nanoseconds that a line takes, by part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Figures {
    /// In the plugin, in the sandbox.
    parse: f64,
    /// Handing the lines over, verifying the answer, and applying it to the events.
    apply: f64,
    /// Writing documents.
    render: f64,
}

impl Figures {
    fn all(&self) -> f64 {
        self.parse + self.apply + self.render
    }
}

fn measure(
    host: &PluginHost,
    opened: &Opened,
    topic: &Topic,
    batches: &[Batch],
    rounds: u32,
) -> anyhow::Result<Figures> {
    let anywhere = || PluginDirs::or_anywhere(vec![]);
    let load = || host.prepare(&opening::chain(&opened.spec), &anywhere());
    let mut solo = Solo::open(&load()?)?.ok_or_else(|| anyhow!("the chain is empty"))?;
    let mut chain = Chain::new(host, topic, load()?, anywhere());
    let (mut parse, mut chained, mut render) = (vec![], vec![], vec![]);
    for _ in 0..rounds {
        let [parsing, _] = round(batches, |batch| {
            let took = solo.call(batch, thread_time).map_err(|fault| anyhow!("the plugin faulted: {fault}"))?;
            Ok([took, Duration::ZERO])
        })?;
        parse.push(parsing);
        let [chain, rendering] = round(batches, |batch| chain.treat(batch))?;
        chained.push(chain);
        render.push(rendering);
    }
    let parse = median(parse);
    Ok(Figures { parse, apply: (median(chained) - parse).max(0.0), render: median(render) })
}

/// Nanoseconds of a line, by part, over as many runs through all batches as a round needs.
fn round(batches: &[Batch], mut run: impl FnMut(&Batch) -> anyhow::Result<[Duration; 2]>) -> anyhow::Result<[f64; 2]> {
    let mut took = [Duration::ZERO; 2];
    let mut lines = 0;
    while took[0] + took[1] < ROUND {
        for batch in batches {
            let parts = run(batch)?;
            took = [took[0] + parts[0], took[1] + parts[1]];
            lines += batch.lines.len();
        }
    }
    Ok(took.map(|took| took.as_nanos() as f64 / lines as f64))
}

/// The plugin as a chain in a collector, with what makes documents of its events.
struct Chain {
    worker: ChainWorker,
    renderer: Renderer,
    rendered: Rendered,
    settings: DocumentSettings,
}

impl Chain {
    fn new(host: &PluginHost, topic: &Topic, generation: Generation, dirs: PluginDirs) -> Chain {
        let slot = ChainSlot::new(host.clone(), TaskKey::of_topic(topic), topic.clone(), dirs);
        slot.install(generation);
        Chain {
            worker: ChainWorker::new(Arc::new(slot)),
            renderer: Renderer::default(),
            rendered: Rendered::default(),
            settings: DocumentSettings::new(DocumentForm::Ecs, true),
        }
    }

    fn treat(&mut self, batch: &Batch) -> anyhow::Result<[Duration; 2]> {
        let began = thread_time();
        let output = self.worker.run(batch);
        let between = thread_time();
        if output.table.counts.faulted > 0 {
            bail!("the plugin faults on these lines: `collector plugin run` shows on which");
        }
        self.renderer.render(batch, output.table, output.schema, &self.settings, Framing::Bulk, &mut self.rendered);
        black_box(self.rendered.bytes.len());
        Ok([between - began, thread_time() - between])
    }
}

/// Reads a number that a program printed.
fn number(printed: &[u8]) -> anyhow::Result<f64> {
    String::from_utf8_lossy(printed).trim().parse().context("reading what the native program measured")
}
