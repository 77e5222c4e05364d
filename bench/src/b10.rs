//! B10: what it costs to have plugins: the gap that a swap leaves between batches, a load from the cache, the memory of one that is idle.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use collector_model::{Batch, Metrics, TaskKey, Topic};
use collector_plugin_host::{ChainSlot, ChainWorker, Limits, PluginDirs, PluginHost};
use collector_tasks::{ChainSpec, PluginSpec};

use crate::{
    chain::{batches, plugins},
    clock::{machine, median},
    figure::Figure,
    lines,
};

const PLUGIN: &str = "nginx";
const LINES: usize = 8_192;
const SWAPS: usize = 200;
const LOADS: usize = 200;
const IDLE: usize = 32;
const MIB: f64 = (1 << 20) as f64;

/// Runs it.
pub(crate) fn run() -> anyhow::Result<Vec<Figure>> {
    let home = Home::new()?;
    let batches = batches(&lines::nginx(LINES))?;
    Ok(vec![gap(&home, &batches)?, cached_load(&home)?, idle(&home, &batches)?])
}

/// A folder with two versions of the plugin, that differ in one section, and the cache; removed in the end.
struct Home(PathBuf);

impl Home {
    fn new() -> anyhow::Result<Home> {
        let home = Home(std::env::temp_dir().join(format!("collector-bench-plugins-{}", std::process::id())));
        fs::create_dir_all(&home.0)?;
        let file = plugins().join(PLUGIN).with_extension("wasm");
        let mut bytes =
            fs::read(&file).with_context(|| format!("reading {}: run `cargo xtask plugins`", file.display()))?;
        fs::write(home.0.join("a.wasm"), &bytes)?;
        // A custom section of 5 bytes: a name of 3 bytes and one byte of content.
        bytes.extend_from_slice(b"\x00\x05\x03two!");
        fs::write(home.0.join("b.wasm"), &bytes)?;
        Ok(home)
    }

    fn host(&self) -> anyhow::Result<PluginHost> {
        Ok(PluginHost::new(Limits::default(), Some(self.0.join("cache")), None, Metrics::default())?)
    }

    fn dirs(&self) -> PluginDirs {
        PluginDirs::only(vec![self.0.clone()])
    }

    fn slot(&self, host: &PluginHost) -> anyhow::Result<ChainSlot> {
        let topic = Topic::new("web")?;
        Ok(ChainSlot::new(host.clone(), TaskKey::of_topic(&topic), topic, self.dirs()))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What is left in the folder for temporary files does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn chain(name: &str) -> ChainSpec {
    let config = serde_json::Value::Null;
    let path = Path::new(name).to_owned();
    ChainSpec { plugins: vec![PluginSpec { path, sha256: None, config, assets: Default::default(), on_error: None }] }
}

/// What a worker saw while its chain was swapped.
#[derive(Default)]
struct Seen {
    /// Milliseconds of each batch that was the first of its chain, and of each other one.
    first: Vec<f64>,
    others: Vec<f64>,
    lines_in: usize,
    lines_out: usize,
}

/// Lines flow on one thread while another one swaps the chain.
fn gap(home: &Home, batches: &[Batch]) -> anyhow::Result<Figure> {
    let slot = Arc::new(home.slot(&home.host()?)?);
    slot.apply(&chain("a"))?;
    let (done, generation) = (AtomicBool::new(false), AtomicU64::new(0));
    let (seen, swapped) = std::thread::scope(|scope| {
        let worker = scope.spawn(|| flow(&slot, batches, &done, &generation));
        let swapped = (1..=SWAPS).try_for_each(|number| {
            slot.apply(&chain(if number % 2 == 0 { "a" } else { "b" }))?;
            // The next one comes once the worker has noticed this one and gone on for a while.
            let wanted = slot.generation().number();
            while generation.load(Ordering::Acquire) < wanted {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(5));
            anyhow::Ok(())
        });
        done.store(true, Ordering::Release);
        (worker.join(), swapped)
    });
    swapped?;
    let seen = seen.map_err(|_| anyhow::anyhow!("the worker panicked"))?;
    ensure!(seen.lines_in == seen.lines_out, "{} lines went in and {} came out", seen.lines_in, seen.lines_out);
    ensure!(seen.first.len() >= SWAPS, "{} swaps were noticed of {SWAPS}", seen.first.len());
    let usual = median(seen.others.clone());
    let gaps: Vec<f64> = seen.first.iter().map(|first| (first - usual).max(0.0)).collect();
    let most = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    Ok(figure(
        "gap that a swap of the chain leaves between two batches",
        median(gaps.clone()),
        "ms",
        vec![
            format!(
                "{SWAPS} swaps while {} lines flowed, of which none was lost; the longest gap was {:.2} ms",
                seen.lines_in,
                most(&gaps)
            ),
            format!(
                "a batch of 128 KiB usually took {usual:.3} ms, the slowest without a swap {:.2} ms; by the clock",
                most(&seen.others)
            ),
        ],
    ))
}

fn flow(slot: &Arc<ChainSlot>, batches: &[Batch], done: &AtomicBool, generation: &AtomicU64) -> Seen {
    let (mut worker, mut seen) = (ChainWorker::new(Arc::clone(slot)), Seen::default());
    let mut current = Arc::clone(slot.generation().hash());
    worker.run(&batches[0]);
    let mut last = Instant::now();
    for batch in batches.iter().cycle() {
        let before = slot.generation().number();
        let output = worker.run(batch);
        let now = Instant::now();
        let took = (now - last).as_secs_f64() * 1e3;
        last = now;
        seen.lines_in += batch.lines.len();
        seen.lines_out += output.table.events().iter().map(|event| event.line).collect::<HashSet<_>>().len();
        if output.table.chain == current {
            seen.others.push(took);
        } else {
            current = Arc::clone(&output.table.chain);
            seen.first.push(took);
        }
        // A swap that came while the batch was under way is seen with the next one.
        generation.store(before, Ordering::Release);
        if done.load(Ordering::Acquire) {
            break;
        }
        last += last.elapsed();
    }
    seen
}

/// From the file to a chain that can run, where the compiled code is in the cache.
fn cached_load(home: &Home) -> anyhow::Result<Figure> {
    fs::remove_dir_all(home.0.join("cache"))?;
    let host = home.host()?;
    let load = || {
        let began = Instant::now();
        host.prepare(&chain("a"), &home.dirs())?;
        anyhow::Ok(began.elapsed().as_secs_f64() * 1e3)
    };
    let compiled = load()?;
    let loads = (0..LOADS).map(|_| load()).collect::<anyhow::Result<Vec<f64>>>()?;
    let bytes = fs::metadata(home.0.join("a.wasm"))?.len();
    Ok(figure(
        "load of a plugin whose compiled code is in the cache",
        median(loads),
        "ms",
        vec![format!(
            "the plugin {PLUGIN}, {:.0} KiB: read, hashed, opened; median of {LOADS}; the first time, compiled and its own samples run, {compiled:.0} ms",
            bytes as f64 / 1024.0
        )],
    ))
}

/// Many at once, so that what one costs is more than the noise.
fn idle(home: &Home, batches: &[Batch]) -> anyhow::Result<Figure> {
    let host = home.host()?;
    let start = || {
        let slot = home.slot(&host)?;
        slot.apply(&chain("a"))?;
        anyhow::Ok(ChainWorker::new(Arc::new(slot)))
    };
    let line = batches.last().context("there are lines")?;
    // The first one brings what all share.
    let mut first = start()?;
    first.run(line);
    let before = resident_mib()?;
    let mut all = vec![];
    for _ in 0..IDLE {
        let mut worker = start()?;
        worker.run(line);
        all.push(worker);
    }
    let each = (resident_mib()? - before) / IDLE as f64;
    for worker in &mut all {
        worker.run(&batches[0]);
    }
    let after_work = (resident_mib()? - before) / IDLE as f64;
    Ok(figure(
        "memory of a plugin that is idle",
        each,
        "MiB",
        vec![format!(
            "the plugin {PLUGIN}, each of {IDLE} loaded for a task of its own and run on {} lines; after a batch of 128 KiB, its worker's tables included, {after_work:.2} MiB; growth of RSS",
            line.lines.len()
        )],
    ))
}

fn resident_mib() -> anyhow::Result<f64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok());
    Ok(pages.context("reading /proc/self/statm")? * rustix::param::page_size() as f64 / MIB)
}

fn figure(name: &str, value: f64, unit: &'static str, mut notes: Vec<String>) -> Figure {
    notes.push(machine());
    Figure { id: "B10", name: name.to_owned(), value, unit, twin: None, peers: Default::default(), notes }
}
