//! B5: a file through the nginx plugin to JSON: into a plain file, and as bulk requests. Reading, chain, rendering and sink as the
//! collector wires them, in this process; the server that takes the requests is another, the benchmark's own or a real Elasticsearch.

use std::{
    fs,
    io::Write as _,
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use collector_document::{DocumentSettings, Framing, Rendered, Renderer, safe_document};
use collector_elastic::{BulkItem, BulkPart, ElasticSettings, ElasticSink, SafeDocument};
use collector_model::{
    Batch, Budget, DeadLetter, DeadLetters, IndexName, Metrics, Span, Ticket, budget::BudgetLimits,
    index_name::IndexRule,
};
use collector_plugin_host::{ChainSlot, ChainWorker, Limits, PluginDirs, PluginHost};
use collector_tail::{NoCoverage, StateDir, Surroundings, Tail, TailHandle, TailSettings};
use collector_tasks::{Bounds, ChainSpec, Defaults, PluginSpec, Task, TaskSet, task::DocumentForm};
use serde_json::json;
use tokio::sync::watch;

use crate::{
    b3::write_file,
    b6::plugins,
    bulk_target::BulkTarget,
    clock::{machine, median, process_time},
    figure::{Figure, runs},
    lines,
    peers::{self, Lines},
    program::Home,
    servers,
};

const LINES: usize = 65_536;
const REPEATS: usize = 6;
/// Real Elasticsearch shares the machine: it takes a few hundred thousand documents in the time that we wait.
const REAL_REPEATS: usize = 4;
const WAIT: Duration = Duration::from_secs(120);

/// Runs it.
pub(crate) fn run() -> anyhow::Result<Vec<Figure>> {
    let different = lines::nginx(LINES);
    let lines = Lines { different: &different, repeats: REPEATS, bytes_per_unit: 1e6 };
    let mut into_file = figure("to a plain file", REPEATS, into_file)?;
    peers::into_file(lines)?.put_into(&mut into_file);
    let mut into_requests =
        figure("as bulk requests", REPEATS, || into_requests(&BulkTarget::own()?, "bench", REPEATS))?;
    peers::into_requests(lines)?.put_into(&mut into_requests);
    let mut figures = vec![into_file, into_requests];
    figures.extend(into_elasticsearch()?);
    Ok(figures)
}

/// As bulk requests to a real Elasticsearch, where one runs.
fn into_elasticsearch() -> anyhow::Result<Option<Figure>> {
    if let Err(error) = servers::elasticsearch() {
        eprintln!("B5 without Elasticsearch: {error:#}");
        return Ok(None);
    }
    let once = || {
        let index = servers::unique("b5");
        into_requests(&BulkTarget::real(&index)?, &index, REAL_REPEATS)
    };
    figure("as bulk requests to a real Elasticsearch", REAL_REPEATS, once).map(Some)
}

/// A rate, and what there is to say of it.
type Run = (f64, Option<String>);

fn figure(name: &str, repeats: usize, mut once: impl FnMut() -> anyhow::Result<Run>) -> anyhow::Result<Figure> {
    let runs = (0..runs()?).map(|_| once()).collect::<anyhow::Result<Vec<Run>>>()?;
    let mut notes = vec![
        machine(),
        format!("{} lines of 222 bytes; CPU time of all threads; median of {}", LINES * repeats, runs.len()),
    ];
    notes.extend(runs.last().and_then(|(_, note)| note.clone()));
    Ok(Figure {
        id: "B5",
        name: format!("file to the nginx plugin to JSON, {name}"),
        value: median(runs.into_iter().map(|(rate, _)| rate).collect()),
        unit: "MB/s per core",
        twin: None,
        peers: Default::default(),
        notes,
    })
}

/// Lines on their way through the chain.
struct Flow {
    tail: TailHandle,
    batches: mpsc::Receiver<Batch>,
    _tasks: watch::Sender<TaskSet>,
    chain: ChainWorker,
    renderer: Renderer,
    rendered: Rendered,
    bytes: u64,
    home: Home,
}

impl Flow {
    fn start(repeats: usize) -> anyhow::Result<Flow> {
        let home = Home::new("B5")?;
        let file = home.join("access.log");
        let different = lines::nginx(LINES);
        let bytes = write_file(&file, (0..repeats).flat_map(|_| &different))?;
        let task = task_of(&file)?;
        let host = PluginHost::new(Limits::default(), None, None, Metrics::default())?;
        let slot = ChainSlot::new(host, task.key(), task.topic.clone(), PluginDirs::only(vec![plugins()]));
        slot.apply(&chain()).context("run `cargo xtask plugins` first")?;
        let chain = ChainWorker::new(Arc::new(slot)).keeping_original(false);
        let (tasks, receiver) = watch::channel(TaskSet { tasks: [task].into(), revision: 1 });
        let (out, batches) = mpsc::sync_channel(16);
        let around = Surroundings {
            tasks: receiver,
            budget: Budget::new(BudgetLimits::of_total(64 << 20)),
            coverage: Arc::new(NoCoverage),
            metrics: Metrics::default(),
            out: vec![out],
        };
        let tail = Tail::start(TailSettings::default(), StateDir::open(&home.join("state"))?, around)?;
        let (renderer, rendered) = Default::default();
        Ok(Flow { tail, batches, _tasks: tasks, chain, renderer, rendered, bytes, home })
    }

    /// The next batch with its documents rendered.
    fn next(&mut self, framing: Framing) -> anyhow::Result<Batch> {
        let batch = self.batches.recv_timeout(WAIT).context("waiting for lines")?;
        let output = self.chain.run(&batch);
        ensure!(output.table.counts.rejected == 0, "the plugin rejects lines");
        let form = DocumentSettings::new(DocumentForm::Ecs, false);
        self.renderer.render(&batch, output.table, output.schema, &form, framing, &mut self.rendered);
        Ok(batch)
    }

    /// Ends it; the rate, from the CPU time that was used since `began`.
    fn end(self, began: Duration) -> f64 {
        let rate = self.bytes as f64 / 1e6 / (process_time() - began).as_secs_f64();
        self.tail.stop();
        rate
    }
}

fn task_of(file: &Path) -> anyhow::Result<Task> {
    let (bounds, defaults) = (Bounds::open(vec![plugins()]), Defaults::modern("/".into()));
    let task = Task::plain(&file.to_string_lossy(), "bench", &bounds, &defaults);
    task.map_err(|(problem, fix)| anyhow::anyhow!("{problem}; {fix}"))
}

fn chain() -> ChainSpec {
    let nginx = PluginSpec {
        path: "nginx".into(),
        sha256: None,
        config: json!({ "event_fields": false }),
        assets: Default::default(),
        on_error: None,
    };
    ChainSpec { plugins: vec![nginx] }
}

fn into_file() -> anyhow::Result<Run> {
    let mut flow = Flow::start(REPEATS)?;
    // What came before is not the flow's: the file, the compiled plugin.
    let ready = process_time();
    let mut out = fs::File::create(flow.home.join("out.json"))?;
    let mut done = 0;
    while done < LINES * REPEATS {
        let batch = flow.next(Framing::Lines)?;
        out.write_all(&flow.rendered.bytes)?;
        done += flow.rendered.documents.len();
        batch.ticket.complete();
    }
    Ok((flow.end(ready), None))
}

fn into_requests(target: &BulkTarget, index: &str, repeats: usize) -> anyhow::Result<Run> {
    let runtime = tokio::runtime::Runtime::new()?;
    let settings = ElasticSettings::new(vec![url::Url::parse(&format!("http://{}", target.address()))?]);
    let sink = {
        let _inside = runtime.enter();
        ElasticSink::start(settings, Metrics::default(), Arc::new(NoLetters), Arc::new(Safe))?
    };
    sink.use_template_for(&IndexRule::Fixed(index.to_owned()));
    let mut flow = Flow::start(repeats)?;
    let ready = process_time();
    let (mut done, index) = (0, IndexName::fixed(index));
    while done < LINES * repeats {
        let batch = flow.next(Framing::Bulk)?;
        done += flow.rendered.documents.len();
        sink.submit_blocking(part(batch, &mut flow.rendered, index.clone()));
    }
    runtime.block_on(sink.drain());
    let rate = flow.end(ready);
    Ok((rate, Some(target.ensure_holds((LINES * repeats) as u64)?)))
}

fn part(mut batch: Batch, rendered: &mut Rendered, index: IndexName) -> BulkPart {
    let ticket = std::mem::replace(&mut batch.ticket, Ticket::untracked());
    let span = |range: &std::ops::Range<usize>| Span::between(range.start, range.end);
    let item = |document: &collector_document::DocumentSpan| BulkItem {
        framed: span(&document.framed),
        document: span(&document.document),
        line: document.line,
    };
    let items = rendered.documents.iter().map(item).collect();
    let body = Bytes::from(std::mem::take(&mut rendered.bytes));
    BulkPart { index, body, items, batch: Arc::new(batch), ticket }
}

struct Safe;

impl SafeDocument for Safe {
    fn safe_document(&self, batch: &Batch, line: u32, error_type: &str, reason: &str) -> Vec<u8> {
        safe_document(batch, &batch.lines[line as usize], error_type, reason)
    }
}

/// There are none: the server takes every document.
struct NoLetters;

impl DeadLetters for NoLetters {
    fn bury(&self, _: Vec<DeadLetter>, ticket: Ticket) {
        ticket.complete();
    }
}
