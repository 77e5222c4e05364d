//! B1: lines through a plugin in the sandbox, checked, rendered as documents with their ids; beside the same source compiled natively.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use bytes::Bytes;
use collector_document::{DocumentSettings, Framing, Rendered, Renderer};
use collector_model::{
    Batch, BucketDay, EventId, FileUid, ForkPath, LineFlags, Metrics, Origin, Span, TaskKey, Ticket, Topic,
    batch::RawLine,
};
use collector_plugin_host::{ChainSlot, ChainWorker, Generation, Limits, NativeOpen, PluginDirs, PluginHost};
use collector_tasks::{ChainSpec, PluginSpec, task::DocumentForm};

use crate::{
    clock::{machine, median, stay_on_this_core, thread_time},
    figure::Figure,
    lines, native,
};

const LINES: usize = 8_192;
const BATCH_BYTES: usize = 128 << 10;
const ROUNDS: usize = 15;
const ROUND_TIME: Duration = Duration::from_millis(200);
const READ_TIME_MS: i64 = 1_718_150_400_000;

struct Work {
    plugin: &'static str,
    lines: Vec<String>,
    twin: NativeOpen,
    keep_original: bool,
}

/// Runs it.
pub(crate) fn run() -> anyhow::Result<Vec<Figure>> {
    stay_on_this_core();
    let host = PluginHost::new(Limits::default(), None, None, Metrics::default())?;
    let nginx = Work {
        plugin: "nginx",
        lines: lines::nginx(LINES),
        twin: native::twin::<plugin_nginx::Plugin>(),
        keep_original: true,
    };
    let json = Work {
        plugin: "json",
        lines: lines::json(LINES),
        twin: native::twin::<plugin_json::Plugin>(),
        keep_original: false,
    };
    [nginx, json].iter().map(|work| measure(&host, work)).collect()
}

fn measure(host: &PluginHost, work: &Work) -> anyhow::Result<Figure> {
    let batches = batches(&work.lines)?;
    let input: usize = batches.iter().map(|batch| batch.text.len()).sum();
    let spec = PluginSpec {
        path: work.plugin.into(),
        sha256: None,
        config: serde_json::Value::Null,
        assets: Default::default(),
        on_error: None,
    };
    let chain = ChainSpec { plugins: vec![spec] };
    let sandboxed = host.prepare(&chain, &plugin_dirs()).context("run `cargo xtask plugins` first")?;
    let twin =
        Generation::native(&[(work.plugin, "", Arc::clone(&work.twin))], host.limits()).map_err(anyhow::Error::msg)?;
    let settings = DocumentSettings::new(DocumentForm::Ecs, work.keep_original);
    let mut sandboxed = Lane::new(host, sandboxed, settings)?;
    let mut twin = Lane::new(host, twin, settings)?;
    let output = compare(&mut sandboxed, &mut twin, &batches)?;
    for _ in 0..ROUNDS {
        sandboxed.round(&batches);
        twin.round(&batches);
    }
    let rate = |lane: &Lane| median(lane.rounds.iter().map(|round| round.total()).collect());
    let note = |word: &str, lane: &Lane| {
        let part = |f: fn(&Round) -> f64| median(lane.rounds.iter().map(f).collect());
        format!("{word}: chain {:.0} MB/s, rendering {:.0} MB/s", part(Round::chain), part(Round::render))
    };
    Ok(Figure {
        id: "B1",
        name: format!("{} line, sandboxed plugin, checked, rendered as ECS with _id, one core", work.plugin),
        value: rate(&sandboxed),
        unit: "MB/s",
        twin: Some(rate(&twin)),
        peers: Default::default(),
        notes: vec![
            format!(
                "{LINES} distinct lines of {} bytes; {:.1} fields and output {:.2} x the input; the twin's output is the same byte for byte",
                input / LINES,
                output.fields,
                output.bytes as f64 / input as f64
            ),
            note("sandboxed", &sandboxed),
            note("native", &twin),
            format!(
                "medians of {ROUNDS} rounds in turn; CPU time of the one thread (CLOCK_THREAD_CPUTIME_ID); {}",
                machine()
            ),
        ],
    })
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
}

struct Seen {
    bytes: usize,
    fields: f64,
}

/// Both make the same of everything, apart from the chain's name.
fn compare(a: &mut Lane, b: &mut Lane, batches: &[Batch]) -> anyhow::Result<Seen> {
    let mut seen = Seen { bytes: 0, fields: 0.0 };
    let mut documents = 0;
    for batch in batches {
        a.treat(batch);
        b.treat(batch);
        let [a_chain, b_chain] = [&a.worker, &b.worker].map(|worker| worker.slot().generation().hash().to_string());
        let renamed = String::from_utf8(b.rendered.bytes.clone())?.replace(&b_chain, &a_chain);
        ensure!(a.rendered.bytes == renamed.as_bytes(), "the native twin makes something else of the lines");
        seen.bytes += a.rendered.bytes.len();
        for span in &a.rendered.documents {
            let document: serde_json::Value = serde_json::from_slice(a.rendered.document(span))?;
            ensure!(document.get("tags").is_none(), "a line was not parsed: {document}");
            seen.fields += leaves(&document) as f64;
            documents += 1;
        }
    }
    ensure!(documents == LINES, "{documents} documents of {LINES} lines");
    seen.fields /= documents as f64;
    Ok(seen)
}

fn leaves(value: &serde_json::Value) -> usize {
    value.as_object().map_or(1, |object| object.values().map(leaves).sum())
}

fn batches(lines: &[String]) -> anyhow::Result<Vec<Batch>> {
    let topic = Topic::new("web")?;
    let origin = Arc::new(Origin {
        host_name: "web-1".into(),
        host_ip: "10.0.0.1".into(),
        path: "/var/log/nginx/access.log".into(),
        read_time_ms: READ_TIME_MS,
        ..Origin::default()
    });
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
        if text.len() + 512 > BATCH_BYTES || i + 1 == lines.len() {
            let (key, raw) = (TaskKey::of_topic(&topic), Bytes::from(std::mem::take(&mut text)));
            let (raw_lines, origins) = (std::mem::take(&mut raw_lines), vec![Arc::clone(&origin)]);
            batches.push(Batch::new(key, topic.clone(), raw, raw_lines, origins, Ticket::untracked()));
        }
    }
    Ok(batches)
}

fn plugin_dirs() -> PluginDirs {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/plugins");
    let dir = std::env::var_os("COLLECTOR_BENCH_PLUGINS").map_or_else(|| PathBuf::from(built), PathBuf::from);
    PluginDirs::only(vec![dir])
}
