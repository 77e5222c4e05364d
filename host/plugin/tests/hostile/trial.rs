//! Runs a plugin on a batch in which one line makes it hostile, and looks at what became of that line and of its neighbours.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use collector_document::{DocumentSettings, Framing, Rendered, Renderer};
use collector_model::{
    Batch, BucketDay, EventId, FileUid, ForkPath, LineFlags, Metrics, Origin, Span, TaskKey, Ticket, Topic,
    batch::RawLine,
};
use collector_plugin_host::{ChainSlot, ChainWorker, Limits, LoadError, PluginDirs, PluginHost};
use collector_tasks::{ChainSpec, DocumentForm, OnError, PluginSpec};

use super::guest::Guest;

/// The bad line is in the middle of so many others.
pub(crate) const BAD: usize = 137;
const LINES: usize = 300;
pub(crate) const EVERY: [OnError; 3] = [OnError::Keep, OnError::Drop, OnError::DeadLetter];

/// The defaults, but that nobody waits long for `open`.
pub(crate) fn limits() -> Limits {
    Limits { open_time_max: Duration::from_millis(300), ..Limits::default() }
}

/// A slot in a directory of its own.
pub(crate) struct Place {
    pub(crate) slot: Arc<ChainSlot>,
    pub(crate) metrics: Metrics,
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new(limits: Limits) -> Place {
        let metrics = Metrics::default();
        let host = PluginHost::new(limits, None, None, metrics.clone()).expect("the engine starts");
        let dir = tempfile::tempdir().expect("a directory");
        let topic = Topic::new("t").expect("a topic");
        let dirs = PluginDirs::only(vec![dir.path().to_owned()]);
        let slot = Arc::new(ChainSlot::new(host, TaskKey::of_topic(&topic), topic, dirs));
        Place { slot, metrics, dir }
    }

    /// Writes a plugin's file.
    pub(crate) fn put(&self, name: &str, file: &[u8]) -> PathBuf {
        let path = self.dir.path().join(format!("{name}.wasm"));
        std::fs::write(&path, file).expect("writing the plugin");
        path
    }

    /// Has the slot take a chain of plugins, each a name that was put.
    pub(crate) fn apply(&self, chain: &[(&str, Option<OnError>)]) -> Result<bool, LoadError> {
        self.slot.apply(&ChainSpec { plugins: chain.iter().map(|(name, on_error)| entry(name, *on_error)).collect() })
    }

    pub(crate) fn worker(&self) -> Runner {
        Runner { worker: ChainWorker::new(Arc::clone(&self.slot)), renderer: Renderer::default() }
    }

    /// The value of a line of the metrics that begins so; 0 where there is none.
    pub(crate) fn metric(&self, line: &str) -> u64 {
        let text = self.metrics.render();
        let found = text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or(0)
    }

    /// How often the plugin `p` met a limit.
    pub(crate) fn met(&self, limit: &str) -> u64 {
        self.metric(&format!("collector_plugin_limits_met_total{{topic=\"t\",plugin=\"p\",limit=\"{limit}\"}}"))
    }
}

/// A chain's entry for a plugin that was put.
pub(crate) fn entry(name: &str, on_error: Option<OnError>) -> PluginSpec {
    let config = serde_json::Value::Null;
    PluginSpec { path: name.into(), sha256: None, config, assets: Default::default(), on_error }
}

/// A worker, and what renders its documents.
pub(crate) struct Runner {
    worker: ChainWorker,
    renderer: Renderer,
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Index of the line and document, in order.
    pub(crate) documents: Vec<(u32, String)>,
    /// Index of the line, its bytes, kind of failure and reason.
    pub(crate) dead: Vec<(u32, String, &'static str, String)>,
    pub(crate) dropped: u64,
    pub(crate) faulted: u64,
    pub(crate) bypassed: u64,
}

impl Runner {
    pub(crate) fn run(&mut self, lines: &[String]) -> Outcome {
        let batch = batch(lines);
        let output = self.worker.run(&batch);
        let mut rendered = Rendered::default();
        let settings = DocumentSettings::new(DocumentForm::Ecs, true);
        self.renderer.render(&batch, output.table, output.schema, &settings, Framing::Bulk, &mut rendered);
        let documents = rendered.documents.iter().map(|span| {
            let framed = &rendered.bytes[span.framed.clone()];
            assert_eq!(framed.iter().filter(|byte| **byte == b'\n').count(), 2, "a bulk item has two lines");
            let parsed = serde_json::from_slice::<serde_json::Value>(rendered.document(span));
            assert!(parsed.is_ok_and(|document| document.is_object()), "every document is one");
            (span.line, String::from_utf8(framed.to_vec()).expect("documents are UTF-8"))
        });
        let text = |line: u32| String::from_utf8_lossy(batch.raw_of(&batch.lines[line as usize])).into_owned();
        let dead = output.table.dead().iter();
        Outcome {
            documents: documents.collect(),
            dead: dead.map(|dead| (dead.line, text(dead.line), dead.error_type, dead.reason.clone())).collect(),
            dropped: output.table.counts.dropped,
            faulted: output.table.counts.faulted,
            bypassed: output.table.counts.bypassed,
        }
    }
}

/// Lines of several lengths, with characters of several bytes, one of which makes the plugin hostile if it is `bad`.
pub(crate) fn lines(bad: bool) -> Vec<String> {
    let mark = if bad { '!' } else { '?' };
    let line = |index| match index {
        BAD => format!("{mark}\u{e9} line that nobody can treat"),
        index => format!("line {index} \u{2192} {}", "\u{fc}ber ".repeat(index % 7)),
    };
    (0..LINES).map(line).collect()
}

fn batch(lines: &[String]) -> Batch {
    let (topic, mut text) = (Topic::new("t").expect("a topic"), String::new());
    let raw_lines = lines.iter().map(|line| {
        let raw = Span::between(text.len(), text.len() + line.len());
        let day = BucketDay::from_unix_ms(1_700_000_000_000);
        // Not of the line's bytes: the same place has the same id, whatever stands there.
        let id = EventId::ours(day, FileUid(1), text.len() as u64, b"");
        text += line;
        text += "\n";
        RawLine { raw, id, fork: ForkPath::NONE, flags: LineFlags::default(), origin: 0 }
    });
    let raw_lines = raw_lines.collect();
    let origins = vec![Arc::new(Origin { host_name: "h".into(), ..Origin::default() })];
    Batch::new(TaskKey::of_topic(&topic), topic, Bytes::from(text), raw_lines, origins, Ticket::untracked())
}

/// The plugin faults on the bad line, for that reason, and on no other, whatever `on_error` says; its neighbours' documents are to the byte
/// what they are without it, in order.
pub(crate) fn assert_one_bad_line(guest: &Guest, reason: &str) {
    assert_one_bad_line_within(guest, limits(), reason);
}

pub(crate) fn assert_one_bad_line_within(guest: &Guest, limits: Limits, reason: &str) {
    let file = guest.build();
    for on_error in EVERY {
        let place = Place::new(limits.clone());
        place.put("p", &file);
        place.apply(&[("p", Some(on_error))]).expect("the plugin loads");
        let mut runner = place.worker();
        let without = runner.run(&lines(false));
        assert_eq!((without.documents.len(), without.faulted), (LINES, 0), "{without:?}");
        assert!(without.documents.iter().all(|(_, document)| document.contains("\"treated\":")));
        let outcome = runner.run(&lines(true));
        assert_neighbours(&outcome, &without, on_error);
        assert_bad(&outcome, on_error, reason);
        assert_eq!(place.metric("collector_plugin_faults_total{topic=\"t\",plugin=\"p\"}"), 1);
        assert_eq!(runner.run(&lines(false)).documents, without.documents, "a fresh instance goes on");
        assert_eq!(place.slot.status().state, "running");
    }
}

fn assert_neighbours(outcome: &Outcome, without: &Outcome, on_error: OnError) {
    let others = |outcome: &Outcome| {
        outcome.documents.iter().filter(|(line, _)| *line as usize != BAD).cloned().collect::<Vec<_>>()
    };
    assert_eq!(others(outcome), others(without), "{on_error:?}");
    let order: Vec<u32> = outcome.documents.iter().map(|(line, _)| *line).collect();
    assert!(order.is_sorted(), "{order:?}");
}

fn assert_bad(outcome: &Outcome, on_error: OnError, reason: &str) {
    assert_eq!(outcome.faulted, 1, "{on_error:?}");
    let bad: Vec<&str> =
        outcome.documents.iter().filter(|(line, _)| *line as usize == BAD).map(|(_, text)| text.as_str()).collect();
    let line = &lines(true)[BAD];
    match on_error {
        OnError::Keep => {
            let [document] = bad.as_slice() else { panic!("{bad:?}") };
            assert!(document.contains(&format!("\"message\":\"{line}\"")), "the line is kept as it was: {document}");
            assert!(
                document.contains("\"tags\":\"_parse_failure\"") || document.contains("\"tags\":[\"_parse_failure\"]")
            );
            assert!(document.contains(reason), "{document} does not say {reason:?}");
            assert!(!document.contains("\"treated\""), "nothing of it was used: {document}");
            assert_eq!((outcome.dead.len(), outcome.dropped), (0, 0));
        }
        OnError::Drop => {
            assert_eq!((bad.len(), outcome.dead.len(), outcome.dropped), (0, 0, 1));
        }
        OnError::DeadLetter => {
            let [(at, text, kind, said)] = outcome.dead.as_slice() else { panic!("{:?}", outcome.dead) };
            assert_eq!((*at as usize, text, *kind, bad.len()), (BAD, line, "plugin_fault", 0));
            assert!(said.contains(reason), "{said} does not say {reason:?}");
        }
    }
}
