//! Lines through a chain to documents, as the collector itself does it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use bytes::Bytes;
use collector_document::{DocumentSettings, Framing, Rendered, Renderer};
use collector_model::{
    Batch, BucketDay, EventId, FileUid, ForkPath, LineFlags, Metrics, Origin, Span, TaskKey, Ticket, Topic,
    batch::RawLine, table::EventStatus,
};
use collector_plugin_host::{ChainSlot, ChainWorker, Limits, PluginDirs, PluginHost};
use collector_tasks::{ChainSpec, DocumentForm, PluginSpec};
use serde_json::Value;

use crate::{
    flat::{Flat, flatten},
    spec::{ChainEntry, Common},
};

/// Lines that go through the chain at once.
const LINES_AT_ONCE: usize = 500;

/// Loads chains.
pub struct Chains {
    host: PluginHost,
    topic: Topic,
    dir: PathBuf,
}

/// What became of a line.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The events that were kept and treated.
    pub events: Vec<Flat>,
    /// Why the line was not treated.
    pub problem: Option<Problem>,
}

/// Why a line was not treated.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Whether the plugin said so; otherwise it broke the rules.
    pub rejected: bool,
    /// In words.
    pub reason: String,
}

impl Outcome {
    /// The plugin did not open with the line's own configuration.
    pub fn refused(error: &anyhow::Error) -> Self {
        Outcome { events: vec![], problem: Some(Problem { rejected: false, reason: format!("{error:#}") }) }
    }
}

impl Chains {
    /// Of the modules in a folder; what was compiled is kept in another.
    pub fn new(dir: PathBuf, compiled: PathBuf) -> anyhow::Result<Self> {
        // A fault must stay a matter of one line: no plugin gets as far as quarantine.
        let limits = Limits { faults_max: usize::MAX, ..Limits::default() };
        let host =
            PluginHost::new(limits, Some(compiled), None, Metrics::default()).context("starting the plugin engine")?;
        Ok(Chains { host, topic: Topic::new("conformance")?, dir })
    }

    /// A chain; `config` instead of the first plugin's own.
    pub fn load(&self, entries: &[ChainEntry], folder: &Path, config: Option<&Value>) -> anyhow::Result<Chain> {
        let plugin = |(number, entry): (usize, &ChainEntry)| PluginSpec {
            path: PathBuf::from(&entry.name),
            sha256: None,
            config: config.filter(|_| number == 0).unwrap_or(&entry.config).clone(),
            assets: entry.assets.iter().map(|(name, path)| (name.clone(), folder.join(path))).collect(),
            on_error: None,
        };
        let spec = ChainSpec { plugins: entries.iter().enumerate().map(plugin).collect() };
        let dirs = PluginDirs::or_anywhere(vec![self.dir.clone()]);
        let slot = ChainSlot::new(self.host.clone(), TaskKey::of_topic(&self.topic), self.topic.clone(), dirs);
        slot.apply(&spec)?;
        Ok(Chain {
            worker: ChainWorker::new(Arc::new(slot)),
            renderer: Renderer::default(),
            rendered: Rendered::default(),
            topic: self.topic.clone(),
        })
    }
}

/// A chain that is ready.
pub struct Chain {
    worker: ChainWorker,
    renderer: Renderer,
    rendered: Rendered,
    topic: Topic,
}

impl Chain {
    /// Runs lines of one file through it: an outcome for each.
    pub fn run(&mut self, lines: &[&[u8]], origin: &Arc<Origin>) -> anyhow::Result<Vec<Outcome>> {
        let mut outcomes = vec![];
        for lines in lines.chunks(LINES_AT_ONCE) {
            self.run_batch(&batch(&self.topic, lines, origin), &mut outcomes)?;
        }
        Ok(outcomes)
    }

    fn run_batch(&mut self, batch: &Batch, outcomes: &mut Vec<Outcome>) -> anyhow::Result<()> {
        let first = outcomes.len();
        outcomes.resize(first + batch.lines.len(), Outcome::default());
        let output = self.worker.run(batch);
        let form = DocumentSettings::new(DocumentForm::Ecs, true);
        self.renderer.render(batch, output.table, output.schema, &form, Framing::Lines, &mut self.rendered);
        for dead in output.table.dead() {
            let problem = Problem { rejected: dead.error_type == "plugin_rejected", reason: dead.reason.clone() };
            outcomes[first + dead.line as usize].problem = Some(problem);
        }
        for span in &self.rendered.documents {
            let document = serde_json::from_slice(self.rendered.document(span)).context("reading a document")?;
            let (document, outcome) = (flatten(document), &mut outcomes[first + span.line as usize]);
            if span.status == EventStatus::Treated {
                outcome.events.push(document);
            } else {
                let reason = document.get("error.message").map(Value::to_string).unwrap_or_default();
                outcome.problem = Some(Problem { rejected: span.status == EventStatus::Rejected, reason });
            }
        }
        Ok(())
    }
}

/// The origin of the lines of a file.
pub fn origin(common: &Common, shown: &Path) -> anyhow::Result<Arc<Origin>> {
    let day: jiff::civil::Date =
        common.day.parse().with_context(|| format!("reading the day {:?} of a source", common.day))?;
    let midnight = day.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp();
    Ok(Arc::new(Origin {
        host_name: "conformance".into(),
        path: common.path.clone().unwrap_or_else(|| shown.to_string_lossy().into_owned()).into(),
        read_time_ms: midnight.as_millisecond(),
        timezone_minutes: common.timezone_min,
        ..Origin::default()
    }))
}

fn batch(topic: &Topic, texts: &[&[u8]], origin: &Arc<Origin>) -> Batch {
    let (mut raw, mut lines) = (vec![], vec![]);
    for text in texts {
        let start = raw.len();
        raw.extend_from_slice(text);
        let day = BucketDay::from_unix_ms(origin.read_time_ms);
        lines.push(RawLine {
            id: EventId::ours(day, FileUid(0), start as u64, text),
            raw: Span::between(start, raw.len()),
            fork: ForkPath::NONE,
            flags: LineFlags::default(),
            origin: 0,
        });
        raw.push(b'\n');
    }
    let origins = vec![Arc::clone(origin)];
    Batch::new(TaskKey::of_topic(topic), topic.clone(), Bytes::from(raw), lines, origins, Ticket::untracked())
}
