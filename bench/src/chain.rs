//! Lines through a chain of plugins in the sandbox, checked, rendered as documents with their ids; beside the same sources compiled natively.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use bytes::Bytes;
use collector_document::{DocumentSettings, Framing, Rendered, Renderer};
use collector_model::{
    Batch, BucketDay, EventId, FileUid, ForkPath, LineFlags, Origin, Span, TaskKey, Ticket, Topic, batch::RawLine,
};
use collector_plugin_host::{ChainSlot, ChainWorker, Generation, NativeOpen, PluginDirs, PluginHost};
use collector_tasks::{ChainSpec, PluginSpec, task::DocumentForm};

use crate::{
    clock::{machine, median, thread_time},
    figure::Figure,
};

/// Unless `COLLECTOR_BENCH_BATCH_BYTES` says otherwise.
const BATCH_BYTES: usize = 128 << 10;
const ROUNDS: usize = 15;
const ROUND_TIME: Duration = Duration::from_millis(200);
const READ_TIME_MS: i64 = 1_718_150_400_000;

/// A plugin of a chain.
pub(crate) struct Link {
    /// Its name below the folder of plugins.
    pub(crate) name: &'static str,
    /// Its configuration; null means its defaults.
    pub(crate) config: serde_json::Value,
    /// Its data files.
    pub(crate) assets: BTreeMap<String, PathBuf>,
    /// The same source, compiled into this process.
    pub(crate) twin: Option<NativeOpen>,
}

impl Link {
    /// Without data files.
    pub(crate) fn new(name: &'static str, config: serde_json::Value, twin: NativeOpen) -> Self {
        Link { name, config, assets: BTreeMap::new(), twin: Some(twin) }
    }
}

/// What is measured.
pub(crate) struct Work {
    /// As performance targets name it.
    pub(crate) id: &'static str,
    /// What it is, in words.
    pub(crate) name: &'static str,
    /// What the lines go through.
    pub(crate) chain: Vec<Link>,
    /// Different lines.
    pub(crate) lines: Vec<String>,
    /// Whether documents keep a line whose `message` is something else.
    pub(crate) keep_original: bool,
}

/// Runs both ways in turn and compares what they make.
pub(crate) fn measure(host: &PluginHost, work: &Work) -> anyhow::Result<Figure> {
    let batches = batches(&work.lines)?;
    let input: usize = batches.iter().map(|batch| batch.text.len()).sum();
    let settings = DocumentSettings::new(DocumentForm::Ecs, work.keep_original);
    let sandboxed = host.prepare(&spec(work), &plugin_dirs()).context("run `cargo xtask plugins` first")?;
    let mut sandboxed = Lane::new(host, sandboxed, settings)?;
    let mut twin = twin(host, work)?.map(|generation| Lane::new(host, generation, settings)).transpose()?;
    let output = compare(&mut sandboxed, twin.as_mut(), &batches, work.lines.len())?;
    for _ in 0..ROUNDS {
        sandboxed.round(&batches);
        if let Some(twin) = &mut twin {
            twin.round(&batches);
        }
    }
    let mut notes = vec![format!(
        "{} different lines of {} bytes; {:.1} fields and output {:.2} x the input{}",
        work.lines.len(),
        input / work.lines.len(),
        output.fields,
        output.bytes as f64 / input as f64,
        if twin.is_some() { "; the twin's output is the same byte for byte" } else { "" },
    )];
    notes.push(sandboxed.parts("sandboxed"));
    notes.extend(twin.as_ref().map(|twin| twin.parts("native")));
    notes.push(format!("medians of {ROUNDS} rounds in turn; CPU time of the one thread; {}", machine()));
    let rate = |lane: &Lane| median(lane.rounds.iter().map(|round| round.total()).collect());
    Ok(Figure {
        id: work.id,
        name: format!("{}, rendered as ECS with _id, one core", work.name),
        value: rate(&sandboxed),
        unit: "MB/s",
        twin: twin.as_ref().map(rate),
        peers: Default::default(),
        notes,
    })
}

fn spec(work: &Work) -> ChainSpec {
    let plugin = |link: &Link| PluginSpec {
        path: link.name.into(),
        sha256: None,
        config: link.config.clone(),
        assets: link.assets.clone(),
        on_error: None,
    };
    ChainSpec { plugins: work.chain.iter().map(plugin).collect() }
}

/// The chain natively, where all of its plugins have a twin.
fn twin(host: &PluginHost, work: &Work) -> anyhow::Result<Option<Generation>> {
    let mut plugins: Vec<(&str, String, NativeOpen)> = vec![];
    for link in &work.chain {
        let Some(twin) = &link.twin else { return Ok(None) };
        let config = if link.config.is_null() { String::new() } else { link.config.to_string() };
        plugins.push((link.name, config, Arc::clone(twin)));
    }
    let plugins: Vec<_> = plugins.iter().map(|(name, config, twin)| (*name, &**config, Arc::clone(twin))).collect();
    Generation::native(&plugins, host.limits()).map(Some).map_err(anyhow::Error::msg)
}

/// One way to run the chain, and what was measured of it.
struct Lane {
    worker: ChainWorker,
    renderer: Renderer,
    rendered: Rendered,
    settings: DocumentSettings,
    rounds: Vec<Round>,
}

#[derive(Clone, Copy, Default)]
struct Round {
    bytes: f64,
    chain: Duration,
    render: Duration,
}

impl Round {
    fn total(&self) -> f64 {
        self.bytes / 1e6 / (self.chain + self.render).as_secs_f64()
    }

    fn chain(&self) -> f64 {
        self.bytes / 1e6 / self.chain.as_secs_f64()
    }

    fn render(&self) -> f64 {
        self.bytes / 1e6 / self.render.as_secs_f64()
    }
}

impl Lane {
    fn new(host: &PluginHost, generation: Generation, settings: DocumentSettings) -> anyhow::Result<Self> {
        let topic = Topic::new("web")?;
        let slot = ChainSlot::new(host.clone(), TaskKey::of_topic(&topic), topic, plugin_dirs());
        slot.install(generation);
        let worker = ChainWorker::new(Arc::new(slot));
        Ok(Lane { worker, renderer: Renderer::default(), rendered: Rendered::default(), settings, rounds: vec![] })
    }

    /// One batch: the time after the chain.
    fn treat(&mut self, batch: &Batch) -> Duration {
        let output = self.worker.run(batch);
        let between = thread_time();
        self.renderer.render(batch, output.table, output.schema, &self.settings, Framing::Bulk, &mut self.rendered);
        between
    }

    fn round(&mut self, batches: &[Batch]) {
        let mut round = Round::default();
        let began = thread_time();
        let mut last = began;
        while last - began < ROUND_TIME {
            for batch in batches {
                let between = self.treat(batch);
                let now = thread_time();
                round.chain += between - last;
                round.render += now - between;
                round.bytes += batch.text.len() as f64;
                last = now;
            }
        }
        self.rounds.push(round);
    }

    fn parts(&self, word: &str) -> String {
        let part = |f: fn(&Round) -> f64| median(self.rounds.iter().map(f).collect());
        let mut text =
            format!("{word}: chain {:.0} MB/s, rendering {:.0} MB/s", part(Round::chain), part(Round::render));
        let rates: Vec<f64> = self.rounds.iter().map(Round::total).collect();
        let (least, most) = rates.iter().fold((f64::MAX, 0f64), |(l, m), rate| (l.min(*rate), m.max(*rate)));
        // Writing into a String cannot fail.
        let _ = write!(text, "; rounds from {least:.0} to {most:.0} MB/s");
        text
    }
}

struct Seen {
    bytes: usize,
    fields: f64,
}

/// Every line is parsed, and both make the same of everything, apart from the chain's name.
fn compare(lane: &mut Lane, mut twin: Option<&mut Lane>, batches: &[Batch], lines: usize) -> anyhow::Result<Seen> {
    let mut seen = Seen { bytes: 0, fields: 0.0 };
    let mut documents = 0;
    for batch in batches {
        lane.treat(batch);
        if let Some(twin) = &mut twin {
            twin.treat(batch);
            let [ours, theirs] =
                [&lane.worker, &twin.worker].map(|worker| worker.slot().generation().hash().to_string());
            let renamed = String::from_utf8(twin.rendered.bytes.clone())?.replace(&theirs, &ours);
            ensure!(lane.rendered.bytes == renamed.as_bytes(), "the native twin makes something else of the lines");
        }
        seen.bytes += lane.rendered.bytes.len();
        for span in &lane.rendered.documents {
            let document: serde_json::Value = serde_json::from_slice(lane.rendered.document(span))?;
            ensure!(document.get("tags").is_none(), "a line was not parsed: {document}");
            seen.fields += leaves(&document) as f64;
            documents += 1;
        }
    }
    ensure!(documents == lines, "{documents} documents of {lines} lines");
    seen.fields /= documents as f64;
    Ok(seen)
}

fn leaves(value: &serde_json::Value) -> usize {
    value.as_object().map_or(1, |object| object.values().map(leaves).sum())
}

/// Lines as a tail hands them over.
pub(crate) fn batches(lines: &[String]) -> anyhow::Result<Vec<Batch>> {
    let topic = Topic::new("web")?;
    let origin = Arc::new(Origin {
        host_name: "web-1".into(),
        host_ip: "10.0.0.1".into(),
        path: "/var/log/nginx/access.log".into(),
        read_time_ms: READ_TIME_MS,
        ..Origin::default()
    });
    let batch_bytes = batch_bytes()?;
    let mut batches = vec![];
    let (mut text, mut raw_lines, mut offset) = (String::new(), vec![], 0);
    for (i, line) in lines.iter().enumerate() {
        let start = text.len();
        text.push_str(line);
        let id = EventId::ours(BucketDay::from_unix_ms(READ_TIME_MS), FileUid(7), offset, line.as_bytes());
        let raw = Span::between(start, text.len());
        raw_lines.push(RawLine { raw, id, fork: ForkPath::NONE, flags: LineFlags::default(), origin: 0 });
        text.push('\n');
        offset += line.len() as u64 + 1;
        if text.len() + 512 > batch_bytes || i + 1 == lines.len() {
            let (key, raw) = (TaskKey::of_topic(&topic), Bytes::from(std::mem::take(&mut text)));
            let (raw_lines, origins) = (std::mem::take(&mut raw_lines), vec![Arc::clone(&origin)]);
            batches.push(Batch::new(key, topic.clone(), raw, raw_lines, origins, Ticket::untracked()));
        }
    }
    Ok(batches)
}

/// How many bytes of lines go into a batch.
fn batch_bytes() -> anyhow::Result<usize> {
    let Some(asked) = std::env::var_os("COLLECTOR_BENCH_BATCH_BYTES") else { return Ok(BATCH_BYTES) };
    let asked = asked.to_string_lossy();
    asked.parse().with_context(|| format!("COLLECTOR_BENCH_BATCH_BYTES is {asked:?}; write a number of bytes"))
}

fn plugin_dirs() -> PluginDirs {
    PluginDirs::only(vec![plugins()])
}

/// Where the modules are.
pub(crate) fn plugins() -> PathBuf {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/plugins");
    std::env::var_os("COLLECTOR_BENCH_PLUGINS").map_or_else(|| PathBuf::from(built), PathBuf::from)
}
